"""sRGB and CIE Lab, in the two forms that this field uses.

8-bit LAB codes (Sg-MMH): OpenCV's L * 255 / 100, a + 128, b + 128 in a byte each. Rounding float Lab gives other codes for 9 to 19 % of
the values, so data and scores of methods defined on codes go through ``rgb_to_lab8`` and ``lab8_to_rgb`` (docs/methods/sgmmh.md).
Float Lab: L in 0..100, a and b in about -128..127, unrounded, by scikit-image. Both from sRGB under D65.
"""

from __future__ import annotations

import cv2
import numpy as np

from harmlib.errors import ShapeError


def rgb_to_lab8(rgb: np.ndarray) -> np.ndarray:
    """Return OpenCV's 8-bit LAB codes of sRGB pixels.

    rgb: uint8 (..., 3). Returns uint8 (..., 3): L 0..255, a 42..226, b 20..223.
    Raises ShapeError for anything but uint8 triples.

    >>> rgb_to_lab8(np.array([[255, 0, 0], [128, 128, 128]], np.uint8)).tolist()
    [[136, 208, 195], [137, 128, 128]]
    """
    return _convert(rgb, cv2.COLOR_RGB2LAB)


def lab8_to_rgb(codes: np.ndarray) -> np.ndarray:
    """Return the sRGB pixels, uint8 (..., 3), of OpenCV's 8-bit LAB codes; colors outside sRGB are clipped.

    codes: uint8 (..., 3). The round trip is exact for only about 12 % of the colors.
    Raises ShapeError for anything but uint8 triples.

    >>> lab8_to_rgb(np.array([[136, 208, 195]], np.uint8)).tolist()
    [[255, 2, 1]]
    """
    return _convert(codes, cv2.COLOR_LAB2RGB)


def rgb_to_lab(rgb: np.ndarray) -> np.ndarray:
    """Return float Lab, float64 (..., 3), of sRGB pixels, uint8 (..., 3); raises ShapeError for anything else.

    >>> rgb_to_lab(np.array([[255, 0, 0]], np.uint8)).round(1).tolist()
    [[53.2, 80.1, 67.2]]
    """
    from skimage.color import rgb2lab  # OpenCV's float Lab interpolates a table and is off by up to 0.2

    _check_bytes(rgb)
    return rgb2lab(rgb)


def lab_to_rgb(lab: np.ndarray) -> np.ndarray:
    """Return the sRGB pixels, uint8 (..., 3), of float Lab (..., 3): clipped to sRGB and rounded.

    >>> lab_to_rgb(np.array([[53.2, 80.1, 67.2]])).tolist()
    [[255, 0, 0]]
    """
    from skimage.color import lab2rgb

    # scikit-image sets a negative Z to 0 too, but warns, and silencing a warning would change a setting that threads share.
    limit = 200 * (lab[..., 0] + 16) / 116 - 1e-9
    within = np.stack([lab[..., 0], lab[..., 1], np.minimum(lab[..., 2], limit)], -1)
    return np.rint(lab2rgb(within) * 255).astype(np.uint8)


def _convert(pixels: np.ndarray, code: int) -> np.ndarray:
    """Run an OpenCV color conversion on 8-bit triples in any arrangement."""
    _check_bytes(pixels)
    if pixels.size == 0:
        return pixels.copy()
    # OpenCV wants two spatial dimensions; one long row is no slower than a picture.
    return cv2.cvtColor(pixels.reshape(1, -1, 3), code).reshape(pixels.shape)


def _check_bytes(pixels: np.ndarray) -> None:
    """Raise ShapeError unless the array holds 8-bit triples."""
    if pixels.dtype != np.uint8 or pixels.ndim == 0 or pixels.shape[-1] != 3:
        raise ShapeError(f"color conversion got {pixels.dtype} of shape {pixels.shape}, expected uint8 (..., 3)")
