"""How far an exposure shift goes before people see it: the thresholds that label shifts for a detector.

Measured once, on 300 photographs (docs/methods/perceptual.md). Without that data a photograph gets the medians, a pair drawn
from the log-normal fit, or a line from a study of your own:

    thresholds.csv      image,negative_threshold,positive_threshold     photo id, and two multipliers of L, such as 0.86 and 1.15
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from harmlib.data.listed import LAYOUT, check_photo_id
from harmlib.errors import DataError
from harmlib.io.images import IMAGE_SUFFIXES
from harmlib.io.tables import FINITE, TEXT, read_rows
from harmlib.seeds import item_generator

FILE = "thresholds.csv"
COLUMNS = {"image": TEXT, "negative_threshold": FINITE, "positive_threshold": FINITE}
# Training shifts L by a factor of 0.1 to 10, and thresholds lie between.
MAX_FACTOR = 10
MAX_STOPS = math.log2(MAX_FACTOR)
# ln(-negative) and ln(positive), in stops.
LOG_MEANS, LOG_DEVIATIONS, LOG_CORRELATION = (-1.501, -1.612), (0.456, 0.515), 0.31
# The detector's classes, in the order of its output.
NEGATIVE, POSITIVE, NONE = range(3)


class Thresholds(NamedTuple):
    """The smallest darkening (below 0) and the smallest brightening (above 0) that is seen, in stops."""

    negative: float
    positive: float


# The medians of the study.
CONSTANT = Thresholds(-0.215, 0.205)


def classify(stops: float, thresholds: Thresholds) -> int:
    """Return NEGATIVE for a shift below the negative threshold, POSITIVE for one above the positive, else NONE."""
    if stops < thresholds.negative:
        return NEGATIVE
    return POSITIVE if stops > thresholds.positive else NONE


def lognormal_thresholds(photo_id: str) -> Thresholds:
    """Return a pair drawn from the fit to the study, always the same for one photograph."""
    first, second = item_generator(0, f"thresholds of {photo_id}").standard_normal(2)
    normal = (first, LOG_CORRELATION * first + math.sqrt(1 - LOG_CORRELATION**2) * second)
    negative, positive = (math.exp(mean + sd * value) for mean, sd, value in zip(LOG_MEANS, LOG_DEVIATIONS, normal, strict=True))
    return Thresholds(-negative, positive)


@lru_cache(maxsize=16)
def read_thresholds(path: Path) -> dict[str, Thresholds]:
    """Return the thresholds of a CSV file by photo id; names may end in .png or .jpg.

    Raises DataError for a missing file, for a name that is empty or appears twice, and with the line that lacks a multiplier of 0.1
    to 1 or one of 1 to 10.
    """
    thresholds: dict[str, Thresholds] = {}
    for line, cells in read_rows(path, COLUMNS, filled=COLUMNS, advice=LAYOUT):
        name, negative, positive = cells["image"].strip(), cells["negative_threshold"], cells["positive_threshold"]
        if not 1 / MAX_FACTOR < negative < 1 < positive < MAX_FACTOR:
            raise DataError(
                f'"{path}" has no valid thresholds in line {line}: give {", ".join(COLUMNS)}, '
                f"the latter two as multipliers, {1 / MAX_FACTOR:g} to 1 and 1 to {MAX_FACTOR}"
            )
        photo_id = Path(name).stem if name.lower().endswith(IMAGE_SUFFIXES) else name
        check_photo_id(photo_id, path, thresholds)
        thresholds[photo_id] = Thresholds(math.log2(negative), math.log2(positive))
    return thresholds
