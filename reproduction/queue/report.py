"""What a queue's steps print."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reproduction.queue.pieces import MIB, sizes


def note_text(note: Mapping[str, Any], folder: str) -> str:
    """Return what a packed folder holds, what was left out, and what is to do with it."""
    left = [name for name in note["runs"] if name not in note["finished"]]
    carried = {name: facts["photographs"].items() for name, facts in note["photographs"].items()}
    return "\n".join(
        [
            *(f"{name}: " + ", ".join(f"{counts['carried']} {split}" for split, counts in splits) for name, splits in carried.items()),
            *(f"left out: {sentence}" for sentence in note["left_out"]),
            f"finished: {', '.join(note['finished']) or 'no run yet'}",
            f"left: {', '.join(left) or 'nothing'}",
            f'"{folder}" has {sizes([Path(folder)]) / MIB:.1f} of at most {note["limit"]:g} MiB; wheels.txt lists what must be installed.',
        ]
    )


def report_text(report: Mapping[str, Any]) -> str:
    """Return what a call on a lent machine did."""
    return "\n".join(
        [
            *(f"{name}: finished in {seconds:.0f} seconds" for name, seconds in report["finished"].items()),
            *(f"{name}: failed: {sentence}" for name, sentence in report["failed"].items()),
            *(f"left out: {sentence}" for sentence in report["left_out"]),
            f"left: {', '.join(report['left']) or 'nothing'}; the call took {report['seconds']:.0f} seconds.",
        ]
    )
