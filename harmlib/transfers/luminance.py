"""Luminance transfers: L of the foreground follows the reference's, a and b of every pixel stay what they are.

The no-reference paper makes COCO-Exp by a "statistical color transfer" of L between two objects, citing Reinhard et al. 2001: mean and
deviation, or, as the words may also be read, the whole distribution (docs/methods/composites.md). All in float Lab, L in 0..100.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harmlib.color import lab_to_rgb, rgb_to_lab
from harmlib.transfers.lab import FLAT_DEVIATION

Match = Callable[[np.ndarray, np.ndarray], np.ndarray]


def transfer_reinhard_luminance(image: np.ndarray, mask: np.ndarray, reference: np.ndarray, reference_mask: np.ndarray) -> np.ndarray:
    """Return the picture with its foreground's mean and deviation of L set to those of the reference's region.

    image, reference: uint8 RGB (H, W, 3), sizes may differ. mask, reference_mask: bool (H, W), not empty.
    Returns uint8 RGB (H, W, 3), the background unchanged; L is clipped to 0..100, colors outside sRGB to sRGB.
    A foreground without contrast keeps none. Source: Reinhard et al. 2001, on L only.
    """
    return _transfer(_match_moments, image, mask, reference, reference_mask)


def transfer_histogram_luminance(image: np.ndarray, mask: np.ndarray, reference: np.ndarray, reference_mask: np.ndarray) -> np.ndarray:
    """Return the picture with its foreground's cumulative histogram of L matched to that of the reference's region.

    Arguments and result as ``transfer_reinhard_luminance``. A foreground of a single L takes the reference's brightest.
    """
    return _transfer(_match_distribution, image, mask, reference, reference_mask)


def _transfer(match: Match, image: np.ndarray, mask: np.ndarray, reference: np.ndarray, reference_mask: np.ndarray) -> np.ndarray:
    """Return the picture with L of its foreground replaced by what ``match`` makes of it and the reference's L."""
    lab = rgb_to_lab(image[mask])  # (N, 3)
    lab[:, 0] = np.clip(match(lab[:, 0], rgb_to_lab(reference[reference_mask])[:, 0]), 0, 100)
    result = image.copy()
    result[mask] = lab_to_rgb(lab)
    return result


def _match_moments(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return values (N,) with mean and population deviation of the other's (M,)."""
    return (own - own.mean()) * (other.std() / max(own.std(), FLAT_DEVIATION)) + other.mean()


def _match_distribution(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return values (N,), each at its share of the other's (M,): between two of the other's values it is interpolated."""
    _, inverse, counts = np.unique(own, return_inverse=True, return_counts=True)
    levels, weights = np.unique(other, return_counts=True)
    return np.interp(np.cumsum(counts) / own.size, np.cumsum(weights) / other.size, levels)[inverse]
