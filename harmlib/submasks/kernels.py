"""The loops of the submask extraction, compiled by numba; distances are squared and in 8-bit levels.

Colors are distinct, int32 (U, 3), in ascending order of r << 16 | g << 8 | b: those that are near in red, or in green at one level of red,
stand together, and only they are compared.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

LEVELS = 256
# Farther than any two colors are apart.
UNSEEN = 3 * LEVELS**2


def count_within(colors: np.ndarray, counts: np.ndarray, cutoff: int) -> np.ndarray:
    """Return how many pixels lie within the squared distance ``cutoff`` of each color (U,), its own included.

    colors: int32 (U, 3). counts: pixels of each color (U,). Compares all pairs of colors whose red is near: in vector registers a pair
    takes 0.1 to 0.2 ns, less than prefix sums along blue at working sizes, whatever the cutoff. Pictures of megapixels take seconds.
    """
    reds = np.searchsorted(colors[:, 0], np.arange(LEVELS + 1))
    red, green, blue = np.ascontiguousarray(colors.T)
    return _count_within(red, green, blue, counts.astype(np.int32), reds, cutoff)


def nearest_denser(colors: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rank of each color's parent (U,) and the squared distance to it (U,).

    colors: int32 (U, 3). rank: (U,), each color's position in the order by density. The parent is the nearest color of smaller rank, of
    equally near ones that of smallest rank. The color of rank 0 has the parent -1, and its distance is to the farthest color.
    """
    rows = np.searchsorted(colors[:, 0] * LEVELS + colors[:, 1], np.arange(LEVELS**2 + 1))
    parents, squared = _nearest_denser(colors, rank, rows)
    first = np.flatnonzero(rank == 0)
    squared[first] = ((colors - colors[first]) ** 2).sum(axis=1).max(initial=0)
    return parents, squared


@njit(cache=True)
def _count_within(red: np.ndarray, green: np.ndarray, blue: np.ndarray, counts: np.ndarray, reds: np.ndarray, cutoff: int) -> np.ndarray:
    """Count the pixels in every ball; the colors with a red of at least r start at reds[r] (257,)."""
    reach = int(math.sqrt(cutoff))
    density = np.empty(len(counts), dtype=np.int64)
    for index in range(len(counts)):
        begin, end = reds[max(red[index] - reach, 0)], reds[min(red[index] + reach, LEVELS - 1) + 1]
        near = slice(begin, end)
        density[index] = _count_ball(red[near], green[near], blue[near], counts[near], (red[index], green[index], blue[index]), cutoff)
    return density


@njit(cache=True)
def _count_ball(
    red: np.ndarray, green: np.ndarray, blue: np.ndarray, counts: np.ndarray, center: tuple[int, int, int], cutoff: int
) -> np.int32:
    """Return the pixels within ``cutoff`` of a center; numba widens integers, and 32 bits throughout make this loop twice as fast."""
    total = np.int32(0)
    for index in range(len(counts)):
        r, g, b = np.int32(red[index] - center[0]), np.int32(green[index] - center[1]), np.int32(blue[index] - center[2])
        if np.int32(r * r + g * g + b * b) <= cutoff:
            total = np.int32(total + counts[index])
    return total


@njit(cache=True)
def _nearest_denser(colors: np.ndarray, rank: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Search parents from plane to plane of red, away from each color; the colors from (r, g) on start at rows[256 r + g] (65537,)."""
    parents, squared = np.full(len(colors), -1, dtype=np.int64), np.zeros(len(colors), dtype=np.int64)
    for index in range(len(colors)):
        if rank[index] == 0:
            continue
        red, green = colors[index, 0], colors[index, 1]
        nearest, parent, offset = UNSEEN, len(colors), 0
        # A plane at exactly the nearest distance is still visited: it may hold a tie of smaller rank.
        while abs(offset) < LEVELS and offset * offset <= nearest:
            if 0 <= red + offset < LEVELS:
                width = int(math.sqrt(nearest - offset * offset))
                plane = (red + offset) * LEVELS
                begin, end = rows[plane + max(green - width, 0)], rows[plane + min(green + width, LEVELS - 1) + 1]
                nearest, parent = _search(colors, rank, index, begin, end, nearest, parent)
            offset = -offset if offset > 0 else 1 - offset  # 0, 1, -1, 2, -2, ...
        parents[index], squared[index] = parent, nearest
    return parents, squared


@njit(cache=True)
def _search(colors: np.ndarray, rank: np.ndarray, index: int, begin: int, end: int, nearest: int, parent: int) -> tuple[int, int]:
    """Return the squared distance and rank of the parent after looking at the colors from ``begin`` to ``end``."""
    red, green, blue = colors[index]
    for other in range(begin, end):
        if rank[other] < rank[index]:
            distance = (colors[other, 0] - red) ** 2 + (colors[other, 1] - green) ** 2 + (colors[other, 2] - blue) ** 2
            if distance < nearest or (distance == nearest and rank[other] < parent):
                nearest, parent = distance, rank[other]
    return nearest, parent


@njit(cache=True)
def follow_parents(clusters: np.ndarray, parents: np.ndarray) -> None:
    """Give every color whose cluster is -1 that of its parent, in place; parents come before their colors."""
    for index in range(len(clusters)):
        if clusters[index] < 0:
            clusters[index] = clusters[parents[index]]
