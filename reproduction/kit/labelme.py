"""Real composites that people called realistic or unrealistic: the pack ``labelme_composites`` (Lalonde and Efros 2007).

They were cut out, pasted, and judged by people. No true colors exist, so whatever is measured on them is compared with the label alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from harmlib.evaluation.intervals import Interval
from reproduction.kit.comparisons import BETTER, OPEN, WORSE, readings
from reproduction.kit.selection import read_index

PACK = "labelme_composites"
UNREALISTIC, REALISTIC = "unrealistic", "realistic"
CHANCE = 0.5
READINGS = {BETTER: "above chance", WORSE: "below chance", OPEN: "not told from chance"}


def read_pack(data: Path | None) -> pd.DataFrame | None:
    """Return the rows of the pack below ``data``, as ``selection.read_index``, with people's verdicts in human_label."""
    return read_index(data, PACK, "human_label")


def chance_readings(intervals: Sequence[Interval], chance: float = CHANCE) -> list[str]:
    """Return what the intervals of one table say: above or below chance, corrected over all of them (``comparisons.readings``)."""
    words = readings(intervals, lower_is_better=[False] * len(intervals), against=chance)
    return [READINGS.get(word, word) for word in words]
