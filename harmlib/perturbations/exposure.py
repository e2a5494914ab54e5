"""Perturbation of the exposure, in stops on the lightness of CIE Lab."""

from __future__ import annotations

import numpy as np

from harmlib.color import lab_to_rgb, rgb_to_lab
from harmlib.errors import MaskError
from harmlib.io.images import check_same_size
from harmlib.perturbations import check_numbers, check_picture, perturbation

MAX_STOPS = 10


@perturbation("exposure", reads="pixel")
def exposure(image: np.ndarray, *, stops: float) -> np.ndarray:
    """Return the picture with L' = clip(L * 2^stops, 0, 100), a and b kept, in float Lab.

    image: uint8 RGB (H, W, 3). stops: -10 to 10; 0 gives the picture back.
    Raises ParameterError for stops out of range. Source: the no-reference paper's detector (code, there in 8 bits).
    """
    check_numbers("an exposure shift in stops", [stops], -MAX_STOPS, MAX_STOPS)
    # OpenCV's float Lab is seven times as quick, and off by up to 34 levels where dark colors leave sRGB.
    lab = rgb_to_lab(image)
    lab[..., 0] = (lab[..., 0] * 2**stops).clip(0, 100)
    return lab_to_rgb(lab)


def shift_exposure(image: np.ndarray, mask: np.ndarray, stops: float) -> np.ndarray:
    """Return the picture with the exposure of its foreground shifted by ``stops``, blended with the mask.

    image: uint8 RGB (H, W, 3), unchanged. mask: (H, W), bool or in [0, 1]; pixels of 0 stay as they are. stops: -10 to 10.
    Raises MaskError for a mask of a different size or range, else as ``exposure`` does.
    """
    check_picture(image)
    check_same_size("the picture", mask, image)
    if not (mask.min() >= 0 and mask.max() <= 1):  # catches NaN too
        raise MaskError(f"the mask spans {mask.min():g} to {mask.max():g}, expected 0 to 1")
    inside = mask > 0
    pixels, weights = image[inside], mask[inside, None].astype(np.float64)  # (N, 3), (N, 1)
    shifted = exposure(pixels[None], stops=stops)[0]
    result = image.copy()
    result[inside] = np.rint(pixels + weights * (shifted.astype(np.float64) - pixels))
    return result
