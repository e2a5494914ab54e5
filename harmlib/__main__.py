"""The shell command: ``python -m harmlib COMMAND``; ``--help`` lists the commands and their arguments.

Bad input ends with one sentence on the error stream and exit code 2.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from harmlib.errors import HarmlibError

PROFILES = "smoke, small, paper, or the path of a .yaml file"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code (0, or 2 for bad input)."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    # Read when torch loads. By default a waiting thread keeps its core busy: beside another job, training took up to ten times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except HarmlibError as error:
        print(f"harmlib: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("harmlib: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    """Return the parser with one subcommand per task."""
    parser = argparse.ArgumentParser(prog="harmlib", description="Image harmonization, reproduced.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_harmonize(commands)
    _add_detect(commands)
    _add_reproduce(commands)
    _add_models(commands)
    _add_score(commands)
    _add_prepare(commands)
    _add_train(commands)
    _add_notebook(commands)
    _add_study(commands)
    return parser


def _add_harmonize(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``harmonize``."""
    parser = commands.add_parser("harmonize", help="harmonize a picture, a folder of pictures or a video")
    parser.add_argument("composite", help="picture (.png, .jpg), folder of pictures, or video (.mp4, .mov, .mkv, .avi, .webm)")
    parser.add_argument("--mask", help="its mask, white = foreground; for a folder the masks' folder: same stems, or iHarmony4's names")
    parser.add_argument("-o", "--out", required=True, help="the result; for a folder a folder, whose results are kept; for a video an .mp4")
    parser.add_argument("--model", help="method, of which the newest finished run is used (default: harmonizer)")
    parser.add_argument("--checkpoint", help="run folder or checkpoint.pt to use instead; with --model also its authors' published weights")
    parser.add_argument(
        "--arguments", action="store_true", help="write the predicted filter arguments beside the result, as JSON (of a video as CSV)"
    )
    parser.add_argument("--upsampling", default="own", help="the way to full size: own, bilinear or pcm (default: own)")
    parser.set_defaults(run=_harmonize)


def _harmonize(options: argparse.Namespace) -> None:
    """Run ``harmonize``."""
    from harmlib.harmonize_files import harmonize_files, load_model

    model = load_model(options.model, options.checkpoint)
    harmonize_files(model, options.composite, options.mask, options.out, upsampling=options.upsampling, arguments=options.arguments)


def _add_detect(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``detect``."""
    parser = commands.add_parser("detect", help="show where a picture, or those of a folder, was visibly darkened or brightened")
    parser.add_argument("image", help="picture (.png, .jpg), or folder of pictures")
    parser.add_argument(
        "-o",
        "--out",
        required=True,
        help="the result: a .png (red = darker, green = brighter) and a .npy of probabilities; for a folder a folder",
    )
    parser.add_argument("--model", help="detector, of which the newest finished run is used (default: ptc)")
    parser.add_argument("--checkpoint", help="run folder or checkpoint.pt to use instead")
    parser.set_defaults(run=_detect)


def _detect(options: argparse.Namespace) -> None:
    """Run ``detect``."""
    from harmlib.detect_files import detect_files, load_detector

    detect_files(load_detector(options.model, options.checkpoint), options.image, options.out)


def _add_reproduce(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``reproduce``."""
    parser = commands.add_parser("reproduce", help="build, train, score and draw everything a profile asks for")
    parser.add_argument("--profile", default="smoke", help=PROFILES)
    parser.add_argument("--paper", action="append", default=[], help="only this paper (may be given several times)")
    parser.add_argument("--data", help="root of the photographs, one folder per source")
    parser.add_argument("--results", default="results", help="where the results go (default: results)")
    parser.add_argument("--cores", type=int, help="default: all")
    parser.add_argument("--dry-run", action="store_true", help="only list what would run")
    parser.set_defaults(run=_reproduce)


def _reproduce(options: argparse.Namespace) -> int:
    """Run ``reproduce``."""
    from harmlib.workflow import reproduce

    return reproduce(
        options.profile, papers=options.paper, data=options.data, results=options.results, cores=options.cores, dry_run=options.dry_run
    )


def _add_models(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``models``."""
    parser = commands.add_parser("models", help="list the methods: paper, mask, parameters, size, published weights")
    parser.add_argument("pattern", nargs="?", default="*", help="only those whose names match, such as 'sgmmh_*'")
    parser.set_defaults(run=_models)


def _models(options: argparse.Namespace) -> None:
    """Run ``models``: print the table."""
    from harmlib.model_table import print_models

    print_models(options.pattern)


def _add_score(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``score``."""
    parser = commands.add_parser("score", help="score a folder of harmonized pictures against the real ones")
    parser.add_argument("predictions", help="folder of harmonized pictures")
    parser.add_argument("reals", help="folder of real photographs: same stems, or iHarmony4's names")
    parser.add_argument("masks", help="folder of masks: same stems, or iHarmony4's names")
    parser.add_argument("--protocol", default="harmlib", help="size, rounding and PSNR rule to score under (default: harmlib)")
    parser.add_argument("--out", help="write one row per picture to this CSV file, and take up what it already has")
    parser.set_defaults(run=_score)


def _score(options: argparse.Namespace) -> None:
    """Run ``score`` and print the means with their intervals."""
    from harmlib.evaluation import score_folder, summarize
    from harmlib.metrics.lpips import why_unavailable

    scores = score_folder(options.predictions, options.reals, options.masks, options.protocol, out=options.out)
    means = summarize(scores, by=("protocol",))
    print(means[means["n"] > 0].to_string(index=False))
    if scores["lpips"].isna().all():
        print(why_unavailable())


def _add_prepare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``prepare``."""
    parser = commands.add_parser("prepare", help="bring the public release of a small data set into the folder layout")
    parser.add_argument("name", help="ccp, camvid or bsds500")
    parser.add_argument("--from", dest="source", required=True, help="folder of the public release")
    parser.add_argument("--to", dest="target", required=True, help="folder to make")
    parser.set_defaults(run=_prepare)


def _prepare(options: argparse.Namespace) -> None:
    """Run ``prepare``."""
    from harmlib.data.prepare import prepare

    prepare(options.name, options.source, options.target)


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``train``."""
    parser = commands.add_parser("train", help="train the runs of a paper outside a notebook, on several devices if asked")
    parser.add_argument("paper", help="sgmmh, ...")
    parser.add_argument("--profile", default="smoke", help=PROFILES)
    parser.add_argument("--data", help="root of the photographs, one folder per source")
    parser.add_argument("--results", default="results", help="where the results go (default: results)")
    parser.add_argument("--devices", type=int, default=1, help="GPUs to train on together (default: 1)")
    parser.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> None:
    """Run ``train`` after the benchmarks it needs."""
    from harmlib.config import load_profile
    from harmlib.stages import Results, build_paper, train_paper

    profile = load_profile(options.profile)
    results = Results(options.results, profile.name)
    build_paper(profile, options.paper, data=options.data, results=results)
    train_paper(profile, options.paper, data=options.data, results=results, devices=options.devices)


def _add_notebook(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``notebook``."""
    parser = commands.add_parser("notebook", help="run one notebook with checked parameters")
    parser.add_argument("notebook", help="path of the .ipynb file")
    parser.add_argument("--out", required=True, help="path of the executed copy; its manifest appears beside it")
    parser.add_argument(
        "-p", dest="parameters", action="append", default=[], metavar="NAME=VALUE", help="a parameter (may be given several times)"
    )
    parser.set_defaults(run=_notebook)


def _notebook(options: argparse.Namespace) -> None:
    """Run ``notebook``."""
    from harmlib.workflow import parse_parameters, run_notebook

    run_notebook(options.notebook, options.out, parse_parameters(options.parameters))


def _add_study(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``study make`` and ``study merge``."""
    parser = commands.add_parser("study", help="ask people: make the pages of a user study, merge the answers that come back")
    steps = parser.add_subparsers(required=True, metavar="STEP")
    make = steps.add_parser("make", help="harmonize a folder's composites and write one offline page per rater")
    make.add_argument("folder", help="folder with the folders composites and masks")
    make.add_argument("--methods", nargs="+", default=[], help="what is compared, such as composite reinhard_lab harmonizer")
    make.add_argument("--kind", default="rankings", help="rankings, pairs, choices or filters (default: rankings)")
    make.add_argument("--raters", type=int, default=12, help="number of pages (default: 12)")
    make.add_argument("--trials", type=int, help="per rater (default: every composite once; of pairs all, up to 60)")
    make.add_argument("--catch-trials", type=int, help="per rater (default: 2, in a filter study 1)")
    make.add_argument("--seed", type=int, default=2021, help="of orders, places and names (default: 2021)")
    make.add_argument("--results", help="where the newest finished runs are looked for (default: the checkout's results)")
    make.add_argument("--out", default="study", help="folder to make (default: study)")
    make.set_defaults(run=_make_study)
    merge = steps.add_parser("merge", help="check the files that raters sent and write the tables of the study")
    merge.add_argument("study", help='folder that "study make" wrote')
    merge.add_argument("answers", nargs="+", help="JSON files, or folders of them")
    merge.add_argument("--out", required=True, help="folder of the tables")
    merge.add_argument("--incomplete", action="store_true", help="accept files with missing answers; participants.csv says how many")
    merge.set_defaults(run=_merge_study)


def _make_study(options: argparse.Namespace) -> None:
    """Run ``study make``."""
    from harmlib.studies.pages import make_study

    make_study(
        options.folder,
        options.out,
        kind=options.kind,
        methods=[name for names in options.methods for name in names.replace(",", " ").split()],
        raters=options.raters,
        seed=options.seed,
        trials=options.trials,
        catch_trials=options.catch_trials,
        results=options.results,
    )


def _merge_study(options: argparse.Namespace) -> None:
    """Run ``study merge`` and print who took part."""
    from harmlib.studies.pages import merge_answers

    print(merge_answers(options.study, options.answers, options.out, incomplete=options.incomplete).to_string(index=False))


if __name__ == "__main__":
    sys.exit(main())
