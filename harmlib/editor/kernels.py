"""Sg-MMH's retoucher with edited operator masks, compiled: one pass over the picture, without tensors as large as all masks.

In float32 and in the order of operations of ``models.layers.retoucher``, because truncation to 8 bit shows the last bit.
"""

from __future__ import annotations

import numpy as np
from numba import njit

LOW, HIGH, HALF, PEAK = (np.float32(value) for value in (-1, 1, 0.5, 255))


@njit(cache=True, nogil=True)
def retouch_codes(
    codes: np.ndarray, levels: np.ndarray, masks: np.ndarray, numbers: np.ndarray, labels: np.ndarray, retouched: np.ndarray
) -> None:
    """Write the retouched LAB codes of every pixel, truncated.

    codes, retouched: uint8 (P, 3). levels: (256,), a code on the network's scale. masks: (6, P), add and mul of L, a and b in turn.
    numbers: (R + 1, 6, 2), scale and shift of each mask by label. labels: uint8 (P,). All that is not a code is float32.
    """
    for channel in range(3):
        add, multiply = 2 * channel, 2 * channel + 1
        for pixel in range(len(codes)):
            row = labels[pixel]
            factor = masks[multiply, pixel] * numbers[row, multiply, 0] + numbers[row, multiply, 1]
            summand = masks[add, pixel] * numbers[row, add, 0] + numbers[row, add, 1]
            value = min(max(levels[codes[pixel, channel]] * factor + summand, LOW), HIGH)
            retouched[pixel, channel] = np.uint8((value * HALF + HALF) * PEAK)
