"""Submasks: the foreground of a composite, split by color with CFSFDP, as FRIH's second stage needs them (FRIH, Submask Extraction).

CFSFDP (Rodriguez and Laio 2014) takes as cluster centers the colors that are dense and far from anything denser. Symbols of the paper:
density rho (equation 1, the pixels nearer than d_c, a pixel itself among them), distance delta to the nearest denser color (equation 2),
K submasks. All work is on distinct colors with their counts and on integer squared distances of 8-bit levels, so results are exact and
depend on colors only: the order of pixels does not matter. docs/methods/frih.md has the rules that the paper leaves open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from harmlib.errors import MaskError, ParameterError, RangeError, ShapeError

# Labels are uint8 and 0 is the background.
MAX_SUBMASKS = 255
# RGB lies in [0, 1] for d_c, so no two colors are farther apart than this.
DIAGONAL = math.sqrt(3)
FOREGROUND = 0.5


@dataclass(frozen=True)
class DecisionGraph:
    """All U distinct colors of a foreground, densest first (equal densities: smaller r << 16 | g << 8 | b first).

    colors: uint8 (U, 3). counts: pixels of each color (U,). density: rho (U,), pixels nearer than d_c.
    squared_delta: squared distance in 8-bit levels to the nearest denser color (U,); of the first color, to the farthest.
    parents: index of that denser color (U,), always smaller than the color's own; -1 for the first color.
    """

    colors: np.ndarray
    counts: np.ndarray
    density: np.ndarray
    squared_delta: np.ndarray
    parents: np.ndarray

    @property
    def delta(self) -> np.ndarray:
        """Distances delta (U,) on the scale of d_c, 0 to sqrt(3)."""
        return np.sqrt(self.squared_delta) / 255


@dataclass(frozen=True)
class Submasks:
    """A foreground split into K submasks, the one with the densest center first.

    labels: uint8 (H, W), 0 = background, 1..K. centers: uint8 RGB (K, 3). sizes: pixels of each submask (K,).
    density, delta: rho (K,) and delta (K,) of the centers, in pixels and on the scale of d_c.
    graph: the same for every color of the foreground, of which the centers are the chosen ones.
    """

    labels: np.ndarray
    centers: np.ndarray
    density: np.ndarray
    delta: np.ndarray
    sizes: np.ndarray
    graph: DecisionGraph


def extract_submasks(
    image: np.ndarray,
    mask: np.ndarray,
    *,
    d_c: float = 0.1,
    k_max: int = 10,
    min_density: int = 10,
    min_area: int = 1,
) -> Submasks:
    """Return the foreground's submasks: disjoint, together the mask, 1 <= K <= k_max (K = 0 for an empty mask).

    image: uint8 RGB (H, W, 3), the composite; the background's colors do not matter.
    mask: bool or float in [0, 1] (H, W), 1 = foreground; a soft mask counts from 0.5 on.
    d_c: cutoff distance, RGB in [0, 1]; strict, and exact for the decimal number as it is written.
    k_max: how many colors of largest delta are candidates, 1 to 255.
    min_density: candidates whose rho does not exceed it are outliers; if all are, the densest color is the one center.
    min_area: submasks with fewer pixels join the submask of their center's parent. Paper: no such rule, which is 1 here; but of the
    printed rule's submasks three in four have fewer than 100 pixels (docs/methods/frih.md).
    Raises ShapeError, MaskError or RangeError for an image or mask of a different kind, ParameterError for a parameter out of range.

    >>> image = np.zeros((4, 8, 3), np.uint8)
    >>> image[:, 4:] = 200
    >>> found = extract_submasks(image, np.ones((4, 8), bool), min_density=1)
    >>> found.sizes.tolist(), found.labels[0].tolist()
    ([16, 16], [1, 1, 1, 1, 2, 2, 2, 2])
    """
    from harmlib.submasks.kernels import follow_parents  # numba loads in half a second, only where it is used

    _check_arrays(image, mask)
    _check_parameters(d_c, k_max, min_density, min_area)
    foreground = mask >= FOREGROUND
    graph, index = _decision_graph(image[foreground], squared_cutoff(d_c))
    candidates = np.argsort(-graph.squared_delta, kind="stable")[:k_max]
    centers = np.sort(candidates[graph.density[candidates] > min_density])
    if not len(centers):
        centers = np.arange(min(len(graph.colors), 1))
    clusters = np.full(len(graph.colors), -1)  # a center's own, any other color's that of its parent
    clusters[centers] = np.arange(len(centers))
    follow_parents(clusters, graph.parents)
    clusters = _merge_small(graph, centers, clusters, min_area)
    centers = centers[np.unique(clusters[centers], return_index=True)[1]]
    labels = np.zeros(mask.shape, dtype=np.uint8)
    labels[foreground] = clusters[index] + 1
    sizes = np.bincount(labels[foreground], minlength=len(centers) + 1)[1:]
    return Submasks(labels, graph.colors[centers], graph.density[centers], graph.delta[centers], sizes, graph)


def squared_cutoff(d_c: float) -> int:
    """Return the largest squared distance of 8-bit colors that is nearer than ``d_c``, by exact arithmetic on its decimal text.

    The binary number 0.2 is a little more than 0.2: with it, a distance of exactly 51 levels would pass the strict test.
    """
    return math.ceil((255 * Fraction(repr(float(d_c)))) ** 2) - 1


def _check_arrays(image: np.ndarray, mask: np.ndarray) -> None:
    """Raise unless image is uint8 (H, W, 3) and mask a bool or float map in [0, 1] of its size."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ShapeError(f"image is {image.dtype} {image.shape}, expected uint8 RGB (H, W, 3)")
    if mask.shape != image.shape[:2]:
        raise MaskError(f"mask is {mask.shape}, expected {image.shape[:2]} as its image: resize the mask")
    if mask.dtype != np.bool_ and not np.issubdtype(mask.dtype, np.floating):
        raise MaskError(f"mask is {mask.dtype}, expected bool, or float in [0, 1]: divide 8-bit masks by 255")
    if not ((mask >= 0) & (mask <= 1)).all():
        raise RangeError("mask has values outside [0, 1]: divide 8-bit masks by 255")


def _check_parameters(d_c: float, k_max: int, min_density: int, min_area: int) -> None:
    """Raise ParameterError for a parameter out of range."""
    if not 0 < d_c <= DIAGONAL:
        raise ParameterError(f"d_c is {d_c}, expected a distance above 0 and up to sqrt(3), RGB being in [0, 1]")
    if not 1 <= k_max <= MAX_SUBMASKS:
        raise ParameterError(f"k_max is {k_max}, expected 1 to {MAX_SUBMASKS}")
    for name, value in (("min_density", min_density), ("min_area", min_area)):
        if value < 0:
            raise ParameterError(f"{name} is {value}, expected 0 or more pixels")


def _decision_graph(pixels: np.ndarray, cutoff: int) -> tuple[DecisionGraph, np.ndarray]:
    """Return the graph of pixels (N, 3), and the index of each pixel's color in it (N,)."""
    from harmlib.submasks.kernels import count_within, nearest_denser

    packed = pixels.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.int32)
    codes, inverse, counts = np.unique(packed, return_inverse=True, return_counts=True)
    colors = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1)  # (U, 3)
    density = count_within(colors, counts, cutoff)
    order = np.argsort(-density, kind="stable")  # codes ascend, hence the tie rule
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    parents, squared_delta = nearest_denser(colors, rank)
    graph = DecisionGraph(colors[order].astype(np.uint8), counts[order], density[order], squared_delta[order], parents[order])
    return graph, rank[inverse]


def _merge_small(graph: DecisionGraph, centers: np.ndarray, clusters: np.ndarray, min_area: int) -> np.ndarray:
    """Return clusters (U,) after the smallest below ``min_area`` has joined that of its center's parent, again and again."""
    sizes = np.bincount(clusters, weights=graph.counts, minlength=len(centers))
    owner = np.arange(len(centers))  # where the pixels of each original cluster are now
    # Parents precede their colors, so clusters only ever join an earlier one and cluster 0 stays.
    kept = list(range(len(centers)))
    while len(kept) > 1:
        smallest = min(kept[1:], key=lambda cluster: (sizes[cluster], -cluster))
        if sizes[smallest] >= min_area:
            break
        target = owner[clusters[graph.parents[centers[smallest]]]]
        owner[owner == smallest] = target
        sizes[target] += sizes[smallest]
        kept.remove(smallest)
    return np.searchsorted(kept, owner)[clusters]
