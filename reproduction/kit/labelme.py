"""Real composites that people called realistic or unrealistic: the pack ``labelme_composites`` (Lalonde and Efros 2007).

They were cut out, pasted, and judged by people. No true colors exist, so whatever is measured on them is compared with the label alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from harmlib.data.listed import inside
from harmlib.evaluation.intervals import Interval
from harmlib.io.tables import TEXT, read_frame
from reproduction.kit.comparisons import BETTER, OPEN, WORSE, readings

PACK = "labelme_composites"
UNREALISTIC, REALISTIC = "unrealistic", "realistic"
CHANCE = 0.5
READINGS = {BETTER: "above chance", WORSE: "below chance", OPEN: "not told from chance"}


def read_pack(data: Path | None) -> pd.DataFrame | None:
    """Return the rows of the pack below ``data`` with paths in composite and mask; None where it is not."""
    root = data / PACK if data else None
    if root is None or not (root / "index.csv").exists():
        return None
    index = root / "index.csv"
    rows = read_frame(index, dict.fromkeys(("id", "composite", "mask", "human_label"), TEXT), keys=("id",))
    paths = {name: [inside(root, entry, index) for entry in rows[name]] for name in ("composite", "mask")}
    return rows.assign(**{name: pd.Series(found, dtype=object) for name, found in paths.items()})


def chance_readings(intervals: Sequence[Interval], chance: float = CHANCE) -> list[str]:
    """Return what the intervals of one table say: above or below chance, corrected over all of them (``comparisons.readings``)."""
    words = readings(intervals, lower_is_better=[False] * len(intervals), against=chance)
    return [READINGS.get(word, word) for word in words]
