"""Pitié's transfer: iterative distribution transfer (IDT), then regraining.

IDT moves a cloud of colors until its histogram agrees with the reference's along one set of random axes after the other, and so
ends with the same three-dimensional distribution. That stretches noise, which ``regrain`` repairs.

A color that falls into the next bin of a histogram moves on by a whole bin, so that a last digit decides where pixels end. Everything
before a histogram is therefore sums and products one by one, which every processor rounds alike, and no product of a matrix library.

Pixels of one color go one way: what is moved are the colors that occur, each with its count, and not the pixels.
"""

from __future__ import annotations

import numpy as np

from harmlib.transfers.pixels import region_blocks, to_bytes
from harmlib.transfers.regrain import Palette, regrain_bands

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
    return np.stack([np.stack([_project(axis, rotation) for axis in AXES]) for rotation in rotations])


def transfer_idt(
    image: np.ndarray, mask: np.ndarray, reference: np.ndarray, reference_mask: np.ndarray, *, rotations: np.ndarray
) -> np.ndarray:
    """Return the picture with its foreground's distribution of colors moved to that of the reference's region, and regrained.

    rotations: (iterations, 6, 3) from ``draw_rotations``; all else as of ``transfers.transfer``.
    Source: Pitié et al. 2007.
    """
    codes, counts = _count_colors(image, mask)
    other_codes, other_counts = _count_colors(reference, reference_mask)
    own, other = _unpack(codes) / 255, _unpack(other_codes) / 255  # (3, N), (3, M)
    moved = move_distribution(own, other, rotations, counts, other_counts)
    # Number 0 is the black that stands outside the foreground.
    numbers = np.zeros(mask.shape, np.uint32)
    for row, chosen in enumerate(mask):
        numbers[row, chosen] = 1 + np.searchsorted(codes, _pack(image[row, chosen]))
    original, recolored = (Palette(np.pad(colors, ((0, 0), (1, 0))), numbers) for colors in (own, moved))
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    result = image.copy()
    for band, colors in regrain_bands(original, recolored, part):
        chosen = mask[band]
        result[band][chosen] = to_bytes(255 * colors[:, chosen[:, part[1]]].T)
    return result


def _count_colors(image: np.ndarray, region: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the colors of a region as ascending codes, uint32 (N,), and how many pixels have each, (N,)."""
    codes, counts = np.empty(0, np.uint32), np.empty(0, np.int64)
    for pixels in region_blocks(image, region):
        found, times = np.unique(_pack(pixels), return_counts=True)
        merged, place = np.unique(np.concatenate([codes, found]), return_inverse=True)
        codes, counts = merged, np.bincount(place, np.concatenate([counts, times])).astype(np.int64)
    return codes, counts


def _pack(pixels: np.ndarray) -> np.ndarray:
    """Return one number for each of the pixels (N, 3), uint8: red comes first."""
    red, green, blue = pixels.T.astype(np.uint32)
    return red << 16 | green << 8 | blue


def _unpack(codes: np.ndarray) -> np.ndarray:
    """Return the colors (3, N) behind the numbers of ``_pack``."""
    return np.stack([codes >> shift & 255 for shift in (16, 8, 0)])


def move_distribution(
    own: np.ndarray, other: np.ndarray, rotations: np.ndarray, counts: np.ndarray | None = None, other_counts: np.ndarray | None = None
) -> np.ndarray:
    """Return colors, float64 (3, N), moved so that their distribution becomes the other's, float64 (3, M).

    rotations: (iterations, 6, 3), the axes of each iteration. counts, other_counts: how often each color occurs, (N,) and (M,); None: once.
    """
    for axes in rotations:
        step = np.zeros_like(own)
        for axis in axes:
            line = _project(axis, own)
            step += axis[:, None] * (_match(line, _project(axis, other), counts, other_counts) - line)
        # The axes are orthonormal bases one below the other, so that their transpose, divided by the number of bases, inverts them.
        own = own + step * (3 / len(axes))
    return own


def _project(axis: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Return the product of (3,) and (3, N), summed in one order everywhere."""
    return axis[0] * colors[0] + axis[1] * colors[1] + axis[2] * colors[2]


def _match(own: np.ndarray, other: np.ndarray, counts: np.ndarray | None, other_counts: np.ndarray | None) -> np.ndarray:
    """Return values (N,) whose cumulative histogram is that of the other's (M,), one bin low."""
    epsilon = np.finfo(np.float64).eps
    low = min(own.min(), other.min()) - epsilon
    scale = (BINS - 1) / (max(own.max(), other.max()) + epsilon - low)
    positions = (own - low) * scale  # bins are centered on whole numbers
    target = np.interp(_cumulate(positions, counts), _cumulate((other - low) * scale, other_counts), np.arange(BINS))
    # Paper: the matched value. Code and here: one bin lower, because the code counts bins from 1 and the table holds 0..299.
    left = positions.astype(np.intp)
    slopes = np.diff(target, append=target[-1])
    return (target[left] + (positions - left) * slopes[left] - 1) / scale + low


def _cumulate(positions: np.ndarray, counts: np.ndarray | None) -> np.ndarray:
    """Return the cumulative histogram, float64 (300,), of positions in 0..299; one between two bins belongs to the lower."""
    total = np.cumsum(np.bincount(np.ceil(positions - 0.5).astype(np.intp), counts, BINS) + SMALLEST_COUNT)
    return total / total[-1]
