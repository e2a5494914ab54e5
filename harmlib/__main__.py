"""The shell command: ``python -m harmlib COMMAND``. Bad input ends with one sentence on the error stream and exit code 2."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harmlib.commands import STARTS_AGAIN, add_version, run_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code (0, or 2 for bad input)."""
    return run_command(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    """Return the parser with one subcommand per task."""
    parser = argparse.ArgumentParser(prog="harmlib", description="Harmonize pictures and videos, and score results.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_harmonize(commands)
    _add_detect(commands)
    _add_models(commands)
    _add_score(commands)
    add_version(parser)
    return parser


def _add_harmonize(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``harmonize``."""
    parser = commands.add_parser("harmonize", help="harmonize a picture, a folder of pictures or a video")
    parser.add_argument(
        "composite", help="picture (.png, .jpg, .webp, .tif, .bmp, .avif), folder of pictures, or video (.mp4, .mov, .mkv, .avi, .webm)"
    )
    parser.add_argument("--mask", help="its mask, white = foreground; for a folder the masks' folder: same stems, or iHarmony4's names")
    parser.add_argument(
        "-o", "--out", required=True, help="the result; for a folder a folder, where results that are there stay; for a video an .mp4"
    )
    parser.add_argument(
        "--model", help="method, whose released weights are used (default: harmonizer); the command models tells which have some"
    )
    parser.add_argument("--checkpoint", help="run folder or weights file to use instead; with --model also its authors' published weights")
    parser.add_argument(
        "--arguments", action="store_true", help="write the predicted filter arguments beside the result, as JSON (of a video as CSV)"
    )
    parser.add_argument(
        "--upsampling",
        default="own",
        help="the way to full size: the method's own, bilinear, or pcm, polynomial color mapping (default: own)",
    )
    parser.set_defaults(run=_harmonize)


def _harmonize(options: argparse.Namespace) -> None:
    """Run ``harmonize``."""
    from harmlib.commands.harmonize import harmonize_files, load_model

    if not Path(options.composite).is_dir():
        options.interrupted = STARTS_AGAIN
    model = load_model(options.model, options.checkpoint)
    harmonize_files(model, options.composite, options.mask, options.out, upsampling=options.upsampling, arguments=options.arguments)


def _add_detect(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``detect``."""
    parser = commands.add_parser("detect", help="show where a picture, or those of a folder, was visibly darkened or brightened")
    parser.add_argument("image", help="picture (.png, .jpg, .webp, .tif, .bmp, .avif), or folder of pictures")
    parser.add_argument(
        "-o",
        "--out",
        required=True,
        help="the result: a .png (red = darker, green = brighter) and a .npy of probabilities; for a folder a folder",
    )
    parser.add_argument("--model", help="detector, whose released weights are used (default: ptc, or the one of the checkpoint)")
    parser.add_argument("--checkpoint", help="run folder or weights file to use instead")
    parser.set_defaults(run=_detect)


def _detect(options: argparse.Namespace) -> None:
    """Run ``detect``."""
    from harmlib.commands.detect import detect_files
    from harmlib.commands.harmonize import load_model
    from harmlib.inference.detection import DEFAULT_MODEL

    if not Path(options.image).is_dir():
        options.interrupted = STARTS_AGAIN
    detect_files(load_model(options.model, options.checkpoint, DEFAULT_MODEL), options.image, options.out)


def _add_models(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``models``."""
    parser = commands.add_parser(
        "models",
        help="list the methods: paper, mask, parameters, size, weights",
        description="List the methods. Parameters and size, in float32, are those of the paper's network; released ones may be "
        "narrower, and take two bytes per parameter.",
    )
    parser.add_argument("pattern", nargs="?", default="*", help="only those whose names match, such as 'sgmmh_*'")
    parser.set_defaults(run=_models)


def _models(options: argparse.Namespace) -> None:
    """Run ``models``: print the table."""
    from harmlib.commands.models import print_models

    print_models(options.pattern)


def _add_score(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``score``."""
    from harmlib.metrics.protocols import PROTOCOLS

    parser = commands.add_parser(
        "score",
        help="score a folder of harmonized pictures against the real ones",
        description="Score a folder of harmonized pictures against the real ones, and print the means. low, high: 95 % interval over "
        "photographs, empty for fewer than ten; mse, fmse: squared levels, 0 to 65025; the f-metrics count the foreground only.",
    )
    parser.add_argument("predictions", help="folder of harmonized pictures")
    parser.add_argument("reals", help="folder of real photographs: same stems, or iHarmony4's names")
    parser.add_argument("masks", help="folder of masks: same stems, or iHarmony4's names")
    parser.add_argument(
        "--protocol",
        default="harmlib",
        help="whose rules to score under: " + ", ".join(PROTOCOLS) + " (default: harmlib; docs/methods/protocols.md)",
    )
    parser.add_argument("--out", help="write one row per picture to this CSV file, and keep the rows that it has")
    parser.set_defaults(run=_score)


def _score(options: argparse.Namespace) -> None:
    """Run ``score`` and print the means with their intervals."""
    from harmlib.evaluation.methods import score_folder
    from harmlib.evaluation.statistics import summarize
    from harmlib.metrics.lpips import why_unavailable
    from harmlib.metrics.protocols import get_protocol

    rule = get_protocol(options.protocol)
    if options.out is None:
        options.interrupted = STARTS_AGAIN
    scores = score_folder(options.predictions, options.reals, options.masks, rule, out=options.out)
    means = summarize(scores, by=("protocol",))
    print(means[means["n"] > 0].to_string(index=False))
    if "lpips" in rule.metrics and scores["lpips"].isna().all():
        print(why_unavailable(rule.lpips_backbone))


if __name__ == "__main__":
    sys.exit(main())
