"""The reproduction's shell command: ``python -m reproduction COMMAND``; ``--help`` lists the commands and their arguments.

Bad input ends with one sentence on the error stream and exit code 2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harmlib.commands import add_version, run_command

PROFILES = "smoke, small, night, paper, or the path of a .yaml file (default: %(default)s)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code (0, or 2 for bad input)."""
    return run_command(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    """Return the parser with one subcommand per task."""
    parser = argparse.ArgumentParser(prog="reproduction", description="Rebuild four papers on image harmonization.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_reproduce(commands)
    _add_train(commands)
    _add_notebook(commands)
    _add_study(commands)
    _add_site(commands)
    _add_prepare(commands)
    _add_release(commands)
    _add_queue(commands)
    add_version(parser)
    return parser


def _add_reproduce(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``reproduce``."""
    parser = commands.add_parser("reproduce", help="build, train, score and draw everything a profile asks for")
    parser.add_argument("--profile", default="smoke", help=PROFILES)
    parser.add_argument(
        "--paper", action="append", default=[], help="only sgmmh, harmonizer, frih, perceptual or baselines (may be given several times)"
    )
    parser.add_argument("--data", help="root of the photographs, one folder per source")
    parser.add_argument("--results", default="results", help="where the results go (default: results)")
    parser.add_argument("--cores", type=int, help="processor cores to use (default: all)")
    parser.add_argument("--executor", default="local", help="local, or slurm on a cluster (docs/cluster.md); --cores are then a job's")
    parser.add_argument("--only", action="append", default=[], metavar="RUN", help="only train this run (may be given several times)")
    parser.add_argument("--status", action="store_true", help="only tell what is done, what is left, and how long it takes")
    parser.add_argument("--dry-run", action="store_true", help="only list what would run")
    parser.add_argument(
        "--without-pretrained", action="store_true", help="train from random weights where ImageNet's are not there (data/README.md)"
    )
    parser.set_defaults(run=_reproduce)


def _reproduce(options: argparse.Namespace) -> None:
    """Run ``reproduce``."""
    from reproduction.status import status_text
    from reproduction.workflow import reproduce, train_only

    if options.status:
        print(status_text(options.profile, results=options.results, papers=options.paper))
    elif options.only:
        train_only(options.profile, options.only, data=options.data, results=options.results, without_pretrained=options.without_pretrained)
    else:
        reproduce(
            options.profile,
            papers=options.paper,
            data=options.data,
            results=options.results,
            cores=options.cores,
            dry_run=options.dry_run,
            without_pretrained=options.without_pretrained,
            executor=options.executor,
        )


def _add_prepare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``prepare``."""
    parser = commands.add_parser("prepare", help="bring the public release of a small data set into the folder layout")
    parser.add_argument("name", help="ccp, camvid or bsds500")
    parser.add_argument("--from", dest="source", required=True, help="folder of the public release")
    parser.add_argument("--to", dest="target", required=True, help="folder to make")
    parser.set_defaults(run=_prepare)


def _prepare(options: argparse.Namespace) -> None:
    """Run ``prepare``."""
    from reproduction.prepare.prepare import prepare

    prepare(options.name, options.source, options.target)


def _add_release(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``release``."""
    parser = commands.add_parser("release", help="write a finished run's weights and their card into the package, in half precision")
    parser.add_argument("folder", metavar="RUN", help="folder of the run")
    parser.add_argument("--name", required=True, help="what harmlib.models.load_released calls it; a method's name makes it the default")
    parser.add_argument("--scores", nargs="+", default=[], help="score tables for the card (default: those of the run's profile)")
    parser.add_argument("--notes", default="", help="a sentence for the card, such as what fails")
    parser.add_argument("--out", help="folder of the weights (default: the package's own)")
    parser.set_defaults(run=_release)


def _release(options: argparse.Namespace) -> None:
    """Run ``release`` and print where the weights are."""
    from harmlib.models.released import RELEASED
    from reproduction.release import release

    path = release(options.folder, options.name, scores=options.scores, notes=options.notes, released=options.out or RELEASED)
    print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")


def _add_queue(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``queue``."""
    parser = commands.add_parser("queue", help="train on a GPU that is lent for minutes: pack here, run there, unpack here (docs/queue.md)")
    step = parser.add_mutually_exclusive_group(required=True)
    step.add_argument("--carry", metavar="FOLDER", help="pack the profile's queue into this folder, or make it ready for the next call")
    step.add_argument("--run", dest="packed", metavar="FOLDER", help="on the lent machine: work on a packed folder")
    parser.add_argument("--resume", metavar="BACK", help="with --carry: unpack what came back, in place of packing anew")
    parser.add_argument("--out", help="with --run: empty folder for what goes back, at most 8 files of 16 MiB")
    parser.add_argument("--profile", default="gpu", help=PROFILES)
    parser.add_argument("--data", help="root of the photographs, one folder per source")
    parser.add_argument("--minutes", type=float, default=9, help="how long a call on the lent machine may take (default: 9)")
    parser.add_argument("--limit", type=float, default=64, help="MiB that may travel, each way (default: 64)")
    parser.add_argument("--installed", metavar="FILE", help="packages that the lent machine has (pip freeze), not to be listed as missing")
    parser.add_argument("--results", default="results", help="where the results go (default: results)")
    parser.set_defaults(run=_queue)


def _queue(options: argparse.Namespace) -> None:
    """Run one step of ``queue`` and print what it left."""
    from harmlib.errors import ParameterError
    from reproduction.queue.packing import carry, note_text, take_back
    from reproduction.queue.wheels import read_installed
    from reproduction.queue.working import report_text, work

    if options.packed:
        if not options.out:
            raise ParameterError("--run needs --out, an empty folder for what goes back")
        print(report_text(work(options.packed, options.out, results=options.results)))
        return
    if options.resume:
        note = take_back(options.carry, options.resume, results=options.results)
    else:
        installed = read_installed(options.installed) if options.installed else ()
        note = carry(options.profile, options.carry, data=options.data, minutes=options.minutes, limit=options.limit, installed=installed)
    print(note_text(note, options.carry))


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``train``."""
    parser = commands.add_parser("train", help="train the runs of papers outside a notebook, on several devices if asked")
    parser.add_argument("papers", nargs="+", metavar="paper", help="sgmmh, harmonizer, frih, perceptual or baselines")
    parser.add_argument("--profile", default="smoke", help=PROFILES)
    parser.add_argument("--data", help="root of the photographs, one folder per source")
    parser.add_argument("--results", default="results", help="where the results go (default: results)")
    parser.add_argument("--devices", type=int, default=1, help="GPUs to train on together (default: 1)")
    parser.add_argument(
        "--without-pretrained", action="store_true", help="train from random weights where ImageNet's are not there (data/README.md)"
    )
    parser.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> None:
    """Run ``train`` after the benchmarks it needs."""
    from reproduction.pretrained import check_pretrained
    from reproduction.profiles import load_profile, unique_runs
    from reproduction.stages import Results, build_benchmarks, train_runs, trained_plans
    from reproduction.supervision import alone_in

    profile = load_profile(options.profile)
    results = Results(options.results, profile.name)
    if not options.without_pretrained:
        check_pretrained(unique_runs(trained_plans(profile, options.papers, results)).values(), results)
    with alone_in(results.root):
        build_benchmarks(profile, options.papers, data=options.data, results=results)
        train_runs(profile, options.papers, data=options.data, results=results, devices=options.devices)


def _add_notebook(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``notebook``."""
    parser = commands.add_parser("notebook", help="run one notebook with checked parameters, and keep an executed copy")
    parser.add_argument("notebook", help="path of the .ipynb file")
    parser.add_argument("--out", required=True, help="path of the executed copy; its manifest appears beside it")
    parser.add_argument(
        "-p", dest="parameters", action="append", default=[], metavar="NAME=VALUE", help="a parameter (may be given several times)"
    )
    parser.add_argument("--results", help="folder of all results: short for -p results=RESULTS")
    parser.set_defaults(run=_notebook)


def _notebook(options: argparse.Namespace) -> None:
    """Run ``notebook``."""
    from reproduction.workflow import parse_parameters, run_notebook

    results = {} if options.results is None else {"results": str(Path(options.results).absolute())}
    run_notebook(options.notebook, options.out, results | parse_parameters(options.parameters))


def _add_site(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``site``."""
    parser = commands.add_parser("site", help="notebooks, documents and API pages as static HTML")
    parser.add_argument("--out", default="site", help="folder to make; an earlier site in it is replaced (default: site)")
    parser.add_argument("--profile", default="smoke", help="whose executed notebooks are shown, where it has them (default: smoke)")
    parser.add_argument("--results", default="results", help="folder of all results (default: results)")
    parser.add_argument("--notebook", action="append", default=[], metavar="NAME", help="only this notebook (may be given several times)")
    parser.add_argument("--repository", default="", metavar="OWNER/NAME", help="on GitHub: adds links to Colab and Binder")
    parser.set_defaults(run=_site, interrupted="nothing was written, and the same command starts again")


def _site(options: argparse.Namespace) -> None:
    """Run ``site``."""
    from reproduction.site import build_site

    build_site(
        Path(options.out),
        profile=options.profile,
        results=Path(options.results),
        notebooks=options.notebook,
        repository=options.repository,
    )


def _add_study(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``study make`` and ``study merge``."""
    parser = commands.add_parser("study", help="ask people: make the pages of a user study, merge the answers that come back")
    steps = parser.add_subparsers(required=True, metavar="STEP")
    make = steps.add_parser("make", help="harmonize a folder's composites and write one offline page per rater")
    make.add_argument("folder", help="folder with the folders composites and masks")
    make.add_argument(
        "--methods",
        nargs="+",
        default=[],
        help="what is compared, such as composite reinhard_lab harmonizer; python -m harmlib models lists them",
    )
    make.add_argument("--kind", default="rankings", help="rankings, pairs, choices or filters (default: rankings)")
    make.add_argument("--raters", type=int, default=12, help="number of pages (default: 12)")
    make.add_argument("--trials", type=int, help="per rater (default: every composite once; of pairs all, up to 60)")
    make.add_argument("--catch-trials", type=int, help="per rater (default: 2, in a filter study 1)")
    make.add_argument("--seed", type=int, default=2021, help="of orders, positions and names (default: 2021)")
    make.add_argument(
        "--weights", action="append", default=[], metavar="NAME=RUN", help="a method's run or weights file (default: the released weights)"
    )
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
    from reproduction.userstudy.pages import make_study

    make_study(
        options.folder,
        options.out,
        kind=options.kind,
        methods=[name for names in options.methods for name in names.replace(",", " ").split()],
        raters=options.raters,
        seed=options.seed,
        trials=options.trials,
        catch_trials=options.catch_trials,
        weights=_named(options.weights),
    )


def _named(arguments: Sequence[str]) -> dict[str, str]:
    """Return NAME=VALUE arguments as a dictionary."""
    from harmlib.errors import ParameterError

    for argument in arguments:
        if not all(argument.partition("=")[::2]):
            raise ParameterError(f'"{argument}" is not NAME=RUN: write a method, "=" and its run folder')
    return dict(argument.split("=", 1) for argument in arguments)


def _merge_study(options: argparse.Namespace) -> None:
    """Run ``study merge`` and print who took part."""
    from reproduction.userstudy.pages import merge_answers

    print(merge_answers(options.study, options.answers, options.out, incomplete=options.incomplete).to_string(index=False))


if __name__ == "__main__":
    sys.exit(main())
