"""Pitié's regraining: the recolored picture with the gradients of the original one.

Where the original I0 is smooth, the result keeps its gradients; where it is not, the colors of the recolored picture IR:
ψ (J - IR)² + φ |∇J - ∇I0|² is minimized from coarse to fine (Pitié et al. 2007; docs/methods/classical.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Part = tuple[slice, slice]

# Jacobi iterations from the finest level to the coarsest.
ITERATIONS = (4, 16, 32, 64, 64, 64)
SMALLEST_SIDE = 20
RELAXATION = 0.8
# What a band is computed from takes some 300 bytes a pixel, its margins among them.
BAND_PIXELS = 1 << 20
INNER = slice(1, -1)
# Rows and columns of the four neighbors in a padded picture.
NEIGHBORS = ((slice(None, -2), INNER), (slice(2, None), INNER), (INNER, slice(None, -2)), (INNER, slice(2, None)))


class Palette(NamedTuple):
    """A picture that is unfolded where it is looked at: its colors, float64 (3, N), and their numbers, (H, W)."""

    colors: np.ndarray
    numbers: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape (3, H, W) of the picture."""
        return 3, *self.numbers.shape

    def at(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a part, float64 (3, h, w)."""
        return self.colors[:, self.numbers[rows, columns]]


Planes = np.ndarray | Palette


def regrain_bands(original: Planes, recolored: Planes, part: Part, level: int = 0) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the recolored picture with the gradients of the original, in bands from top to bottom: their rows, and float64 (3, b, w).

    original, recolored: float64 (3, H, W) in about [0, 1]. part: rows and columns that are wanted; fewer take less time.
    level: how often the pictures were halved; each level starts from the next coarser one.
    A band has BAND_PIXELS pixels, so that a large picture takes the memory of its halves only. Colors are the same to the last bit
    whatever the part and the bands are.
    """
    size = original.shape[1:]
    half = tuple((side + 1) // 2 for side in size)
    # A pixel is moved by neighbors one step further away in each iteration, and their weights by those beyond.
    margin = ITERATIONS[level] + 1
    coarse = None
    if level + 1 < len(ITERATIONS) and min(half) > SMALLEST_SIDE:
        window = _grow(part, margin, size)
        half_rows, half_columns = (slice(wanted.start // 2, (wanted.stop + 1) // 2) for wanted in window)
        coarse_window = _grow((half_rows, half_columns), 1, half)
        halves = _resize(original, half), _resize(recolored, half)
        coarse = np.concatenate([band for _, band in regrain_bands(*halves, coarse_window, level + 1)], 1)
    for rows in _bands(*part):
        window = _grow((rows, part[1]), margin, size)
        details = _unfold(original, window)
        start = details
        if coarse is not None:
            to_rows, to_columns = (resampling_matrix(half[axis], size[axis])[window[axis], coarse_window[axis]] for axis in (0, 1))
            start = _resample(coarse, to_rows, to_columns)
        result = _relax(start, details, _unfold(recolored, window), level)
        parts = zip((rows, part[1]), window, strict=True)
        yield rows, result[:, *(slice(wanted.start - grown.start, wanted.stop - grown.start) for wanted, grown in parts)]


def _bands(rows: slice, columns: slice) -> Iterator[slice]:
    """Yield rows that together have about BAND_PIXELS pixels in the columns."""
    height = max(1, BAND_PIXELS // (columns.stop - columns.start))
    return (slice(start, min(start + height, rows.stop)) for start in range(rows.start, rows.stop, height))


def _unfold(picture: Planes, window: Part) -> np.ndarray:
    """Return a part of a picture, float64 (3, h, w)."""
    return picture.at(*window) if isinstance(picture, Palette) else picture[:, *window]


def _grow(part: Part, margin: int, size: tuple[int, ...]) -> Part:
    """Return the part and ``margin`` pixels around it, as far as the picture reaches."""
    rows, columns = (slice(max(a.start - margin, 0), min(a.stop + margin, side)) for a, side in zip(part, size, strict=True))
    return rows, columns


def _relax(start: np.ndarray, original: np.ndarray, recolored: np.ndarray, level: int) -> np.ndarray:
    """Return the pictures after the level's Jacobi iterations, J <- 0.8 (ψ IR + Σ φ_n (J_n - I0_n + I0)) / (ψ + Σ φ_n) + 0.2 J."""
    psi, phi = _weights(original, level)
    total = psi + sum(phi)
    shares = [RELAXATION / total * weight for weight in phi]
    result = np.empty_like(start)
    for channel in range(3):
        grain = np.pad(original[channel], 1, mode="edge")
        constant = RELAXATION / total * psi * recolored[channel]
        for neighbor, share in zip(NEIGHBORS, shares, strict=True):
            constant += share * (original[channel] - grain[neighbor])
        result[channel] = _iterate(start[channel], constant, shares, ITERATIONS[level])
    return result


def _iterate(start: np.ndarray, constant: np.ndarray, shares: list[np.ndarray], iterations: int) -> np.ndarray:
    """Return one channel after J <- constant + Σ share_n J_n + 0.2 J."""
    padded = np.pad(start, 1, mode="edge")
    inner = padded[INNER, INNER]
    following, term = np.empty_like(start), np.empty_like(start)
    for _ in range(iterations):
        np.multiply(inner, 1 - RELAXATION, out=following)
        following += constant
        for neighbor, share in zip(NEIGHBORS, shares, strict=True):
            following += np.multiply(share, padded[neighbor], out=term)
        inner[...] = following
        padded[0], padded[-1] = padded[1], padded[-2]
        padded[:, 0], padded[:, -1] = padded[:, 1], padded[:, -2]
    return inner


def _weights(original: np.ndarray, level: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return ψ (H, W), which holds colors, and φ (H, W) towards each of the four neighbors, which holds gradients."""
    padded = np.pad(original, ((0, 0), (1, 1), (1, 1)), mode="edge")
    above, below, left, right = (padded[:, rows, columns] for rows, columns in NEIGHBORS)
    gradient = np.sqrt(((below - above) ** 2 + (right - left) ** 2).sum(0))
    phi = 30 * 2.0**-level / (1 + 10 * gradient)
    around = np.pad(phi, 1, mode="edge")
    return np.minimum(256 / 5 * gradient, 1), [(phi + around[neighbor]) / 2 for neighbor in NEIGHBORS]


def _resize(picture: Planes, size: tuple[int, ...]) -> np.ndarray:
    """Return a picture (3, H, W) at another size, which is made in bands."""
    rows, columns = (resampling_matrix(old, new) for old, new in zip(picture.shape[1:], size, strict=True))
    result = np.empty((3, *size))
    for band in _bands(slice(0, size[0]), slice(0, picture.shape[2])):
        taps = rows[band]
        read = slice(taps.indices.min(), taps.indices.max() + 1)
        result[:, band] = _resample(_unfold(picture, (read, slice(None))), taps[:, read], columns)
    return result


def _resample(planes: np.ndarray, rows: csr_array, columns: csr_array) -> np.ndarray:
    """Return planes (3, H, W) with their rows and columns combined by matrices (h, H) and (w, W)."""
    return np.stack([(columns @ (rows @ plane).T).T for plane in planes])


@lru_cache(maxsize=64)
def resampling_matrix(old: int, new: int) -> csr_array:
    """Return the matrix (new, old) of MATLAB's bilinear resizing along one side: a triangle as wide as the step, edges mirrored."""
    from scipy.sparse import csr_array

    width = max(1.0, old / new)
    centers = (np.arange(new) + 0.5) * old / new - 0.5
    taps = np.floor(centers - width)[:, None] + np.arange(np.ceil(2 * width) + 1)  # (new, taps)
    weights = np.maximum(1 - np.abs(taps - centers[:, None]) / width, 0)
    weights /= weights.sum(1, keepdims=True)
    mirrored = taps % (2 * old)
    sources = np.minimum(mirrored, 2 * old - 1 - mirrored).astype(np.intp)
    targets = np.broadcast_to(np.arange(new)[:, None], sources.shape)
    return csr_array((weights.ravel(), (targets.ravel(), sources.ravel())), shape=(new, old))
