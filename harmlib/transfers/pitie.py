"""Pitié's transfer: iterative distribution transfer (IDT), then regraining.

IDT moves a cloud of colors until its histogram agrees with the reference's along one set of random axes after the other, and so
ends with the same three-dimensional distribution. That stretches noise, which ``regrain`` mends.

A color that falls into the next bin of a histogram moves on by a whole bin, so that a last digit decides where pixels end. Everything
before a histogram is therefore sums and products one by one, which every processor rounds alike, and no product of a matrix library.
"""

from __future__ import annotations

import numpy as np

from harmlib.transfers.pixels import recolored, to_bytes
from harmlib.transfers.regrain import regrain

ITERATIONS = 10
BINS = 300
# Added to every bin, so that the cumulative histogram rises everywhere.
SMALLEST_COUNT = 1e-6
# The channels and three axes between them.
AXES = np.array([[3, 0, 0], [0, 3, 0], [0, 0, 3], [2, 2, -1], [2, -1, 2], [-1, 2, 2]]) / 3


def draw_rotations(generator: np.random.Generator) -> np.ndarray:
    """Return the axes to project on, (10, 6, 3): the plain ones first, then randomly rotated ones."""
    rotations = [np.eye(3)]
    for _ in range(ITERATIONS - 1):
        columns: list[np.ndarray] = []
        for column in generator.standard_normal((3, 3)).T:  # made orthogonal by Gram and Schmidt: all rotations alike
            for earlier in columns:
                column = column - (earlier * column).sum() * earlier
            columns.append(column / np.sqrt((column * column).sum()))
        rotations.append(np.stack(columns, 1))
    return np.stack([_project(AXES, rotation) for rotation in rotations])


def transfer_idt(
    image: np.ndarray, mask: np.ndarray, reference: np.ndarray, reference_mask: np.ndarray, *, rotations: np.ndarray
) -> np.ndarray:
    """Return the picture with its foreground's distribution of colors moved to that of the reference's region, and regrained.

    image, reference: uint8 RGB (H, W, 3), sizes may differ. mask, reference_mask: bool (H, W), not empty.
    rotations: (iterations, 6, 3) from ``draw_rotations``.
    Returns uint8 RGB (H, W, 3), the background unchanged.
    Source: Pitié et al. 2007.
    """
    original = np.zeros((3, *mask.shape))
    moved = np.zeros((3, *mask.shape))
    own, other = image[mask].T / 255, reference[reference_mask].T / 255  # (3, N), (3, M)
    original[:, mask] = own
    moved[:, mask] = move_distribution(own, other, rotations)
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    colors = 255 * regrain(original, moved, part)[:, mask[part]].T
    return recolored(image, mask, to_bytes(colors))


def move_distribution(own: np.ndarray, other: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Return colors, float64 (3, N), moved so that their distribution becomes the other's, float64 (3, M).

    rotations: (iterations, 6, 3), the axes of each iteration.
    """
    for axes in rotations:
        lines = zip(_project(axes, own), _project(axes, other), strict=True)
        step = np.stack([_match(line, target) - line for line, target in lines])  # (6, N)
        # The axes are orthonormal bases one below the other, so that their transpose, divided by the number of bases, inverts them.
        own = own + (axes[:, :, None] * step[:, None]).sum(0) * (3 / len(axes))
    return own


def _project(axes: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Return the product of (6, 3) and (3, N), summed in one order everywhere."""
    return axes[:, :1] * colors[0] + axes[:, 1:2] * colors[1] + axes[:, 2:] * colors[2]


def _match(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return values (N,) whose cumulative histogram is that of the other's (M,), one bin low."""
    epsilon = np.finfo(np.float64).eps
    low = min(own.min(), other.min()) - epsilon
    scale = (BINS - 1) / (max(own.max(), other.max()) + epsilon - low)
    positions = (own - low) * scale  # bins are centered on whole numbers
    target = np.interp(_cumulate(positions), _cumulate((other - low) * scale), np.arange(BINS))
    # Paper: the matched value. Code and here: one bin lower, because the code counts bins from 1 and the table holds 0..299.
    left = positions.astype(np.intp)
    slopes = np.diff(target, append=target[-1])
    return (target[left] + (positions - left) * slopes[left] - 1) / scale + low


def _cumulate(positions: np.ndarray) -> np.ndarray:
    """Return the cumulative histogram, float64 (300,), of positions in 0..299; one between two bins belongs to the lower."""
    counts = np.bincount(np.ceil(positions - 0.5).astype(np.intp), minlength=BINS) + SMALLEST_COUNT
    total = np.cumsum(counts)
    return total / total[-1]
