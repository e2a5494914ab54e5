"""Reinhard's transfer: mean and deviation of each channel in l-alpha-beta, where the channels of natural pictures hardly correlate.

l-alpha-beta are rotated logarithms of cone responses (LMS). Reinhard et al. 2001, as in the code behind iHarmony4, which removes no gamma
before it goes to LMS.
"""

from __future__ import annotations

import numpy as np

from harmlib.transfers.pixels import recolored, region_blocks, to_bytes

RGB_TO_LMS = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
# Rounded in the paper, hence not quite the inverse.
LMS_TO_RGB = np.array([[4.4687, -3.5887, 0.1196], [-1.2197, 2.3831, -0.1626], [0.0585, -0.2611, 1.2057]])
LOG_LMS_TO_LAB = np.diag(np.sqrt([1 / 3, 1 / 6, 1 / 2])) @ [[1, 1, 1], [1, 1, -2], [1, -1, 0]]
LAB_TO_LOG_LMS = np.array([[1, 1, 1], [1, 1, -1], [1, -2, 0]]) @ np.diag(np.sqrt([1 / 3, 1 / 6, 1 / 2]))
# Far below the deviation that one odd pixel among ten million causes (5e-7), far above rounding.
FLAT_DEVIATION = 1e-9


def transfer_reinhard_lalphabeta(image: np.ndarray, mask: np.ndarray, reference: np.ndarray, reference_mask: np.ndarray) -> np.ndarray:
    """Return the picture with its foreground's mean and deviation in l-alpha-beta set to those of the reference's region.

    Arguments and result as of ``transfers.transfer``.
    Black pixels have no logarithm: they are left out of the statistics and stay black. Where the reference is all black, so is the result.
    Source: Reinhard et al. 2001.
    """
    _, own_mean, own_deviation = _moments(image, mask)
    other_count, mean, deviation = _moments(reference, reference_mask)
    gain = np.where(own_deviation > FLAT_DEVIATION, deviation / np.maximum(own_deviation, FLAT_DEVIATION), 1.0)

    def matched(pixels: np.ndarray) -> np.ndarray:
        visible = pixels.any(axis=1)
        colors = np.zeros_like(pixels)
        if visible.any() and other_count:
            moved = (_to_lalphabeta(pixels[visible]) - own_mean) * gain + mean
            # The odd pixel of an otherwise flat foreground may leave the range of floats; as a byte it is 0 or 255 all the same.
            lms = 10 ** np.clip(moved @ LAB_TO_LOG_LMS.T, -300, 300)
            colors[visible] = to_bytes(255 * lms @ LMS_TO_RGB.T)
        return colors

    return recolored(image, mask, matched)


def _moments(image: np.ndarray, region: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """Return how many pixels of a region are not black, and their mean and sample deviation (N - 1) in l-alpha-beta, (3,) each.

    Deviations are summed from the mean, for the precision of one sweep.
    """
    count, sums, squares = 0, np.zeros(3), np.zeros(3)
    for pixels in region_blocks(image, region):
        visible = pixels[pixels.any(axis=1)]
        count += len(visible)
        sums += _to_lalphabeta(visible).sum(0)
    mean = sums / max(count, 1)
    for pixels in region_blocks(image, region):
        squares += np.square(_to_lalphabeta(pixels[pixels.any(axis=1)]) - mean).sum(0)
    return count, mean, np.sqrt(squares / max(count - 1, 1))


def _to_lalphabeta(rgb: np.ndarray) -> np.ndarray:
    """Return l, alpha and beta, float64 (N, 3), of pixels that are not black."""
    return np.log10(rgb @ (RGB_TO_LMS.T / 255)) @ LOG_LMS_TO_LAB.T
