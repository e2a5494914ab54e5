"""Reinhard's statistics transfer in CIE Lab, from a picture's background to its foreground."""

from __future__ import annotations

import numpy as np

from harmlib.color import lab_to_rgb, rgb_to_lab
from harmlib.errors import MaskError
from harmlib.io.images import check_same_size
from harmlib.transfers.pixels import recolored, region_blocks

# Below this deviation a region is flat and has no contrast that could be scaled, only a color that can be moved.
FLAT_DEVIATION = 1e-3


def transfer_reinhard_lab(image: np.ndarray, foreground: np.ndarray) -> np.ndarray:
    """Return the picture with its foreground's mean and deviation in float Lab set to those of the background.

    image: uint8 RGB (H, W, 3). foreground: bool (H, W). Returns uint8 RGB (H, W, 3), the background unchanged.
    Raises MaskError when the sizes differ or one of the two regions is empty.
    Source: Reinhard et al. 2001. Paper: l-alpha-beta of another picture. Here: CIE Lab of the same picture's background.
    """
    check_same_size("image", foreground, image)
    if foreground.all() or not foreground.any():
        raise MaskError("a statistics transfer needs foreground and background, and one of the two is empty: use a mask that covers a part")
    (own_mean, own_deviation), (mean, deviation) = _moments(image, foreground), _moments(image, ~foreground)
    gain = np.where(own_deviation > FLAT_DEVIATION, deviation / np.maximum(own_deviation, FLAT_DEVIATION), 1.0)
    return recolored(image, foreground, lambda pixels: lab_to_rgb((rgb_to_lab(pixels) - own_mean) * gain + mean))


def _moments(image: np.ndarray, region: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation of a region's Lab, (3,) each: deviations are summed from the mean, for the precision of one sweep."""
    mean, squares, count = np.zeros(3), np.zeros(3), int(region.sum())
    for pixels in region_blocks(image, region):
        mean += rgb_to_lab(pixels).sum(0) / count
    for pixels in region_blocks(image, region):
        squares += np.square(rgb_to_lab(pixels) - mean).sum(0)
    return mean, np.sqrt(squares / count)
