"""Luminance transfers: L of the foreground follows the reference's, a and b of every pixel stay what they are.

The no-reference paper makes COCO-Exp by a "statistical color transfer" of L between two objects, citing Reinhard et al. 2001: mean and
deviation, or, as the words may also be read, the whole distribution (docs/methods/composites.md). All in float Lab, L in 0..100.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harmlib.color import lab_to_rgb, rgb_to_lab
from harmlib.transfers.lab import FLAT_DEVIATION


def transfer_reinhard_luminance(image: np.ndarray, mask: np.ndarray, reference: np.ndarray, reference_mask: np.ndarray) -> np.ndarray:
    """Return the picture with its foreground's mean and deviation of L set to those of the reference's region.

    Arguments and result as of ``transfers.transfer``; L is clipped to 0..100, colors outside sRGB to sRGB.
    A foreground without contrast keeps none. Source: Reinhard et al. 2001, on L only.
    """

    def match(own: np.ndarray, other: np.ndarray) -> np.ndarray:
        return (own - own.mean()) * (other.std() / max(own.std(), FLAT_DEVIATION)) + other.mean()

    return _transfer(match, image, mask, reference, reference_mask)


def transfer_histogram_luminance(image: np.ndarray, mask: np.ndarray, reference: np.ndarray, reference_mask: np.ndarray) -> np.ndarray:
    """Return the picture with its foreground's cumulative histogram of L matched to that of the reference's region.

    Arguments and result as ``transfer_reinhard_luminance``. A foreground of a single L takes the reference's brightest.
    """

    def match(own: np.ndarray, other: np.ndarray) -> np.ndarray:
        _, inverse, counts = np.unique(own, return_inverse=True, return_counts=True)
        levels, weights = np.unique(other, return_counts=True)
        # Every value at its share of the other's; between two of those it is interpolated.
        return np.interp(np.cumsum(counts) / own.size, np.cumsum(weights) / other.size, levels)[inverse]

    return _transfer(match, image, mask, reference, reference_mask)


def _transfer(
    match: Callable[[np.ndarray, np.ndarray], np.ndarray],
    image: np.ndarray,
    mask: np.ndarray,
    reference: np.ndarray,
    reference_mask: np.ndarray,
) -> np.ndarray:
    """Return the picture with L of its foreground, (N,), replaced by what ``match`` makes of it and the reference's L, (M,)."""
    lab = rgb_to_lab(image[mask])  # (N, 3)
    lab[:, 0] = np.clip(match(lab[:, 0], rgb_to_lab(reference[reference_mask])[:, 0]), 0, 100)
    result = image.copy()
    result[mask] = lab_to_rgb(lab)
    return result
