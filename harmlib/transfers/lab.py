"""Reinhard's statistics transfer in CIE Lab, from a picture's background to its foreground."""

from __future__ import annotations

import numpy as np

from harmlib.color import lab_to_rgb, rgb_to_lab
from harmlib.errors import MaskError
from harmlib.io.images import check_same_size

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
    lab = rgb_to_lab(image)
    own, background = lab[foreground], lab[~foreground]  # (N, 3), (M, 3)
    deviation = own.std(0)
    gain = np.where(deviation > FLAT_DEVIATION, background.std(0) / np.maximum(deviation, FLAT_DEVIATION), 1.0)
    moved = (own - own.mean(0)) * gain + background.mean(0)
    result = image.copy()
    result[foreground] = lab_to_rgb(moved)
    return result
