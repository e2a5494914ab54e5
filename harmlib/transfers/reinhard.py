"""Reinhard's transfer: mean and deviation of each channel in l-alpha-beta, where the channels of natural pictures hardly correlate.

l-alpha-beta are rotated logarithms of cone responses (LMS). Reinhard et al. 2001, as in the code behind iHarmony4, which removes no gamma
before it goes to LMS.
"""

from __future__ import annotations

import numpy as np

from harmlib.transfers.pixels import recolored, to_bytes

RGB_TO_LMS = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
# Rounded in the paper, hence not quite the inverse.
LMS_TO_RGB = np.array([[4.4687, -3.5887, 0.1196], [-1.2197, 2.3831, -0.1626], [0.0585, -0.2611, 1.2057]])
LOG_LMS_TO_LAB = np.diag(np.sqrt([1 / 3, 1 / 6, 1 / 2])) @ [[1, 1, 1], [1, 1, -2], [1, -1, 0]]
LAB_TO_LOG_LMS = np.array([[1, 1, 1], [1, 1, -1], [1, -2, 0]]) @ np.diag(np.sqrt([1 / 3, 1 / 6, 1 / 2]))
# Far below the deviation that one odd pixel among ten million causes (5e-7), far above rounding.
FLAT_DEVIATION = 1e-9


def transfer_reinhard_lalphabeta(image: np.ndarray, mask: np.ndarray, reference: np.ndarray, reference_mask: np.ndarray) -> np.ndarray:
    """Return the picture with its foreground's mean and deviation in l-alpha-beta set to those of the reference's region.

    image, reference: uint8 RGB (H, W, 3), sizes may differ. mask, reference_mask: bool (H, W), not empty.
    Returns uint8 RGB (H, W, 3), the background unchanged.
    Black pixels have no logarithm: they are left out of the statistics and stay black. Where the reference is all black, so is the result.
    Source: Reinhard et al. 2001.
    """
    own, other = image[mask], reference[reference_mask]  # (N, 3), (M, 3)
    visible = own.any(axis=1)
    colors = np.zeros_like(own)
    if visible.any() and other.any():
        colors[visible] = _match(_to_lalphabeta(own[visible]), _to_lalphabeta(other[other.any(axis=1)]))
    return recolored(image, mask, colors)


def _match(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the colors, uint8 (N, 3), of l-alpha-beta pixels after they took over the other's mean and deviation."""
    deviation = _deviation(own)
    gain = np.where(deviation > FLAT_DEVIATION, _deviation(other) / np.maximum(deviation, FLAT_DEVIATION), 1.0)
    moved = (own - own.mean(0)) * gain + other.mean(0)
    # The odd pixel of an otherwise flat foreground may leave the range of floats; as a byte it is 0 or 255 all the same.
    lms = 10 ** np.clip(moved @ LAB_TO_LOG_LMS.T, -300, 300)
    return to_bytes(255 * lms @ LMS_TO_RGB.T)


def _deviation(pixels: np.ndarray) -> np.ndarray:
    """Return the sample deviation (N - 1) of each channel; a single pixel has none."""
    return pixels.std(0, ddof=1) if len(pixels) > 1 else np.zeros(3)


def _to_lalphabeta(rgb: np.ndarray) -> np.ndarray:
    """Return l, alpha and beta, float64 (N, 3), of pixels that are not black."""
    return np.log10(rgb @ (RGB_TO_LMS.T / 255)) @ LOG_LMS_TO_LAB.T
