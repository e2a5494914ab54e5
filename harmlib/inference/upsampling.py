"""From a result at the working size to full size, for methods without a way of their own: polynomial color mapping (PCM).

A polynomial of the color, fitted on the foreground of the small pair, maps the colors of the full-size composite
(Harmonizer, table 2). It keeps the composite's detail, where resizing the small result loses it.
"""

from __future__ import annotations

import warnings

import numpy as np

from harmlib.inference.thumbnails import MASK_THRESHOLD

UPSAMPLING = ("own", "bilinear", "pcm")
# The 11 terms of a color take 88 bytes: blocks of this many pixels stay in the processor's cache.
BLOCK_PIXELS = 1 << 15


def fit_polynomial(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the matrix (3, 11), float64, whose product with the terms of each source color comes closest to the target color.

    source, target: (N, 3), RGB in [0, 1]. Least squares; with fewer than 11 independent colors the smallest matrix among the best.
    """
    matrix, *_ = np.linalg.lstsq(_terms(source).T, target.astype(np.float64), rcond=None)
    return matrix.T


def map_polynomial(matrix: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return the colors of ``image`` (..., 3), RGB in [0, 1], under a fitted matrix (3, 11): float64 (..., 3), not clipped."""
    return np.moveaxis(np.tensordot(matrix, _terms(image), 1), 0, -1)


def polynomial_color_mapping(
    small_composite: np.ndarray, small_result: np.ndarray, small_mask: np.ndarray, composite: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """Return the full-size composite with its foreground mapped as the small composite's was.

    small_composite, small_result: float (h, w, 3), RGB in [0, 1]; small_mask: (h, w) in [0, 1], fitted where it is above 0.5.
    composite: float (H, W, 3), RGB in [0, 1]; mask: (H, W) in [0, 1], fractions blend. The background stays as it is.
    Returns the composite's shape and type; the composite, with a warning, where the small mask has no foreground.
    """
    result = composite.copy()
    foreground = small_mask > MASK_THRESHOLD
    if not foreground.any():
        warnings.warn("the mask has no foreground at the working size, so the composite is returned unchanged", UserWarning, stacklevel=2)
        return result
    matrix = fit_polynomial(small_composite[foreground], small_result[foreground])
    rows = max(1, BLOCK_PIXELS // composite.shape[1])
    for start in range(0, len(composite), rows):
        block, weights = result[start : start + rows], mask[start : start + rows]
        region = weights > 0
        colors, shares = block[region], weights[region][:, None]
        block[region] = shares * map_polynomial(matrix, colors).clip(0, 1) + (1 - shares) * colors
    return result


def _terms(image: np.ndarray) -> np.ndarray:
    """Return r, g, b, rg, rb, gb, r², g², b², rgb and 1 of colors (..., 3), float64 (11, ...)."""
    red, green, blue = np.moveaxis(image, -1, 0).astype(np.float64)  # in bytes the products would wrap around
    red_green = red * green
    return np.stack([red, green, blue, red_green, red * blue, green * blue, red**2, green**2, blue**2, red_green * blue, np.ones_like(red)])
