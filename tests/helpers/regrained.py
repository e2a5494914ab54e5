"""A regrained picture as one array."""

from __future__ import annotations

import numpy as np

from harmlib.transfers.regrain import Part, Planes, regrain_bands


def regrain(original: Planes, recolored: Planes, part: Part | None = None) -> np.ndarray:
    """The bands of a part, or of the whole picture, as float64 (3, h, w)."""
    height, width = original.shape[1:]
    return np.concatenate([band for _, band in regrain_bands(original, recolored, part or (slice(0, height), slice(0, width)))], 1)
