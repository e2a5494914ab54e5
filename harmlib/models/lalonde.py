"""Lalonde and Efros: every color of the object moves as a cheapest transport to the background's colors would move it.

In Lab, object and background are summarized by clusters; the earth mover's flow F between the clusters says where a color goes
(docs/methods/classical.md). Symbols: n clusters, s_c the shift of the object's cluster c, σ what counts as a similar color.

Left out is the rest of the paper, whose data are not public: the realism score, and the search through a database of photographs
for a background that suits the object better than its own. Here the background is the composite's own, as for iHarmony4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from harmlib import color
from harmlib.models.base import HarmonizationModel
from harmlib.models.layers.recoloring import Recoloring
from harmlib.models.registry import register
from harmlib.transfers.pixels import recolored, region_blocks

CLUSTERS = 50
LLOYD_ITERATIONS = 100  # at most
SIGMA = 75.0  # for iHarmony4; the authors' demonstration uses 50
# Clusters are found on at most as many pixels of a region as a picture of 256x256 has, at which iHarmony4's were made.
SAMPLE = 256**2
# The distances of a pixel to all clusters take 400 bytes: blocks of so many pixels.
BLOCK_PIXELS = 1 << 16


class Signature(NamedTuple):
    """The colors of a region: cluster centers, float64 (n, 3), and the share of pixels in each, (n,)."""

    centers: np.ndarray
    weights: np.ndarray


def recolor_foreground(image: np.ndarray, foreground: np.ndarray) -> np.ndarray:
    """Return the picture with its foreground moved towards the colors of its background.

    image: uint8 RGB (H, W, 3); foreground: bool (H, W), neither empty nor full. Returns uint8 (H, W, 3), the background unchanged.
    Paper: a picture of 256x256, Lab of MATLAB (D50). Here: every size, clusters from at most 65,536 pixels a region, CIE Lab (D65).
    """
    own, other = cluster(sample_colors(image, foreground)), cluster(sample_colors(image, ~foreground))
    shifts = cluster_shifts(own.centers, other.centers, transport(own, other), SIGMA)
    return recolored(image, foreground, lambda pixels: color.lab_to_rgb(shift_colors(color.rgb_to_lab(pixels), own.centers, shifts, SIGMA)))


def sample_colors(image: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Return float Lab (N, 3) of at most SAMPLE pixels of a region, evenly drawn."""
    step, skipped, drawn = -(-int(region.sum()) // SAMPLE), 0, []
    for pixels in region_blocks(image, region):
        drawn.append(pixels[skipped::step])
        skipped = (skipped - len(pixels)) % step
    return color.rgb_to_lab(np.concatenate(drawn))


def cluster(sample: np.ndarray) -> Signature:
    """Return the signature of colors (N, 3): k-means by Lloyd's rule from randomly chosen colors; clusters left without any are dropped."""
    from scipy.cluster.vq import vq

    generator = np.random.default_rng(0)  # the same picture has the same clusters
    centers = generator.choice(sample, min(CLUSTERS, len(sample)), replace=False)
    for _ in range(LLOYD_ITERATIONS):
        labels, _ = vq(sample, centers)
        counts = np.bincount(labels, minlength=len(centers))
        sums = np.stack([np.bincount(labels, channel, len(centers)) for channel in sample.T], 1)  # (n, 3)
        found = counts > 0
        moved = sums[found] / counts[found, None]
        if np.array_equal(moved, centers):
            break
        centers = moved
    return Signature(moved, counts[found] / len(sample))


def transport(own: Signature, other: Signature) -> np.ndarray:
    """Return the flow, float64 (n, m), that turns one signature into the other at the least weight times Euclidean distance."""
    from scipy.optimize import linprog
    from scipy.sparse import eye_array, kron, vstack
    from scipy.spatial.distance import cdist

    n, m = len(own.weights), len(other.weights)
    leaves, arrives = kron(eye_array(n), np.ones((1, m))), kron(np.ones((1, n)), eye_array(m))
    # What arrives at the last cluster follows from the others. Stated too, it could contradict them by a rounding error.
    limits = vstack([leaves, arrives]).tocsr()[:-1]
    amounts = np.concatenate([own.weights, other.weights])[:-1]
    solution = linprog(cdist(own.centers, other.centers).ravel(), A_eq=limits, b_eq=amounts, method="highs")
    return solution.x.reshape(n, m)


def cluster_shifts(own: np.ndarray, other: np.ndarray, flow: np.ndarray, sigma: float) -> np.ndarray:
    """Return s_c, float64 (n, 3): how far on average the flow (n, m) moves each center of ``own`` (n, 3) to those of ``other`` (m, 3).

    Long shifts are damped channel by channel, s exp(-s²/σ²), and those of σ or more are dropped.
    """
    shifts = flow @ other / flow.sum(1, keepdims=True) - own
    return shifts * np.minimum(np.exp(-((shifts / sigma) ** 2)), np.abs(shifts) < sigma)


def shift_colors(colors: np.ndarray, centers: np.ndarray, shifts: np.ndarray, sigma: float) -> np.ndarray:
    """Return colors (N, 3), each moved by the mean shift (n, 3) of the nearer half of the centers (n, 3), weighted by exp(-d²/σ²)."""
    blocks = np.array_split(colors, -(-len(colors) // BLOCK_PIXELS))
    return np.concatenate([block + _mean_shifts(block, centers, shifts, sigma) for block in blocks])


def _mean_shifts(colors: np.ndarray, centers: np.ndarray, shifts: np.ndarray, sigma: float) -> np.ndarray:
    """Return the shift (N, 3) of each color (N, 3)."""
    from scipy.spatial.distance import cdist

    squared = cdist(colors, centers, "sqeuclidean")  # (N, n)
    half = (len(centers) + 1) // 2
    farther = np.argpartition(squared, half - 1)[:, half:]
    # Relative to the nearest, so that not all weights of an outlier vanish.
    weights = np.exp((squared.min(1, keepdims=True) - squared) / sigma**2)
    np.put_along_axis(weights, farther, 0, axis=1)
    return weights @ shifts / weights.sum(1, keepdims=True)


@register("lalonde", paper="baselines", reference="Lalonde and Efros 2007", trainable=False)
def lalonde() -> HarmonizationModel:
    """Lalonde: the object's colors moved along an optimal transport to the background's."""
    return Recoloring(recolor_foreground)
