"""Perturbation of 8-bit LAB codes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harmlib.color import lab8_to_rgb, rgb_to_lab8
from harmlib.errors import ParameterError
from harmlib.perturbations import check_numbers, perturbation

MAX_FACTOR = 255


@perturbation("lab_multiply", reads="pixel")
def lab_multiply(image: np.ndarray, *, factors: Sequence[float]) -> np.ndarray:
    """Return the picture with its 8-bit LAB codes multiplied by one factor a channel, clipped and truncated.

    image: uint8 RGB (H, W, 3). factors: three numbers for L, a, b, 0 to 255.
    The codes of a and b are multiplied with their offset of 128, so a factor of 1.2 moves gray by +25.6: a color cast.
    Raises ParameterError unless there are three numbers in range. Source: Sg-MMH, equation 1, as coded.
    """
    if len(factors) != 3:
        raise ParameterError(f"factors has {len(factors)} numbers, expected three: for L, a and b")
    check_numbers("a LAB factor", factors, 0, MAX_FACTOR)
    codes = rgb_to_lab8(image) * np.asarray(factors, dtype=np.float64)
    return lab8_to_rgb(codes.clip(0, 255).astype(np.uint8))
