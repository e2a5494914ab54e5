"""Which regions of a picture are perturbed."""

from __future__ import annotations

import numpy as np

from harmlib.errors import DataError

NO_OBJECT = 0


def present_regions(labels: np.ndarray) -> np.ndarray:
    """Return the sorted ids of a label map (H, W), without 0.

    Raises DataError when there is none, or when the map holds anything but whole numbers from 0.
    """
    if labels.dtype.kind not in "iu" or (labels.dtype.kind == "i" and labels.min(initial=0) < 0):
        raise DataError(f"the label map holds {labels.dtype} values that are no region ids: expected whole numbers from 0")
    # Counting beats sorting by a factor of two, and label maps hold small ids.
    ids = np.flatnonzero(np.bincount(labels.ravel()))
    ids = ids[ids != NO_OBJECT]
    if ids.size == 0:
        raise DataError("the label map has no region but 0 (no object), so nothing can be perturbed: leave this picture out")
    return ids


def choose_regions(labels: np.ndarray, generator: np.random.Generator) -> list[int]:
    """Return the ids to perturb, ascending: floor(0.2 n) + 1 draws out of n with replacement, duplicates collapsed.

    labels: ints (H, W), 0 = no object. Raises DataError when no other id is present.
    Source: Sg-MMH section 3.2. Paper: silent about replacement. Here: with, as in the authors' code.
    """
    ids = present_regions(labels)
    draws = len(ids) // 5 + 1
    return np.unique(generator.choice(ids, draws)).tolist()
