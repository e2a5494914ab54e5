"""PCT-Net's way to full size for bytes: the coefficient map is enlarged and applied in one compiled pass, row by row.

About ten times as fast as ``enlarge`` and ``apply_transform`` at 1080p. What it keeps besides the picture is one row of the small map, so
that neither the number of coefficients nor the size of the picture matters to memory.

A place of the small map has lanes: four for each monomial of the transform, its coefficients for R, G and B and one spare, which beside
the constant holds the blending weight.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from harmlib.models.layers.pixel_transforms import Transform

# 1; R, G, B; RG, RB, GB, RR, GG, BB: transforms of first degree stop after the fourth.
MONOMIALS = ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 0), (1, 1), (2, 2))
FIRST_DEGREE = 4
LANES = 4
SPARE = 3
TAPS = 4
CUBIC = -0.75  # torch's a
ZERO, ONE, PEAK = (np.float32(value) for value in (0, 1, 255))


def transform_bytes(
    transform: Transform,
    composite: np.ndarray,
    mask: np.ndarray,
    coefficients: np.ndarray,
    blending: np.ndarray | None,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> np.ndarray:
    """Return the picture, uint8 (H, W, 3), rounded: x + M A (y - x), y the transform of (x - mean) / std; where M is 0 the bytes stay.

    composite: x, uint8 RGB (H, W, 3). mask: M, float32 (H, W) in [0, 1].
    coefficients: (P, h, w), float32. blending: A, (h, w), enlarged as they are and not clamped, or None for 1.
    """
    lanes = _lanes(transform, coefficients, blending)
    result = np.array(composite, order="C")
    rows, columns = (_taps(*sides) for sides in zip(lanes.shape[:2], composite.shape[:2], strict=True))
    gain, shift = (1 / (255 * np.array(std))).astype(np.float32), (-np.array(mean) / std).astype(np.float32)
    _transform(result, np.ascontiguousarray(mask), lanes, *rows, *columns, gain, shift, transform.clamped)
    return result


def _lanes(transform: Transform, coefficients: np.ndarray, blending: np.ndarray | None) -> np.ndarray:
    """Return the small map as lanes, float32 (h, w, 4 F)."""
    quadratic = any(len(monomial) > 1 for monomial in transform.monomials)
    monomials = len(MONOMIALS) if quadratic else FIRST_DEGREE
    lanes = np.zeros((*coefficients.shape[1:], LANES * monomials), np.float32)
    lanes[..., SPARE] = 1 if blending is None else blending
    for channel, row in enumerate(transform.table):
        for index, monomial in zip(row, transform.monomials, strict=True):
            if index is not None:
                lanes[..., LANES * MONOMIALS.index(monomial) + channel] += coefficients[index]
        if transform.added:
            lanes[..., LANES * MONOMIALS.index((channel,)) + channel] += 1
    return lanes


def _taps(length: int, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return, for every sample along one side, the four places it reads, (samples, 4), and their weights, float32."""
    place = (np.arange(samples) + 0.5) * (length / samples) - 0.5
    before = np.floor(place).astype(np.intp)
    distance = np.abs((place - before)[:, None] - np.arange(-1, TAPS - 1))
    near = (CUBIC + 2) * distance**3 - (CUBIC + 3) * distance**2 + 1
    far = CUBIC * (distance**3 - 5 * distance**2 + 8 * distance - 4)
    places = np.clip(before[:, None] + np.arange(-1, TAPS - 1), 0, length - 1)
    return places, np.where(distance <= 1, near, far).astype(np.float32)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _transform(
    levels: np.ndarray,
    mask: np.ndarray,
    lanes: np.ndarray,
    row_places: np.ndarray,
    row_weights: np.ndarray,
    column_places: np.ndarray,
    column_weights: np.ndarray,
    gain: np.ndarray,
    shift: np.ndarray,
    clamped: bool,
) -> None:
    """Transform levels (H, W, 3), uint8, in place; a level times gain plus shift is the color on the network's scale."""
    height, width = mask.shape
    count = lanes.shape[2]
    row = np.empty((lanes.shape[1], count), np.float32)
    here = np.empty(count, np.float32)
    monomials = np.ones(count // LANES, np.float32)
    for y in range(height):
        if not mask[y].any():
            continue
        a, b, c, d = row_weights[y, 0], row_weights[y, 1], row_weights[y, 2], row_weights[y, 3]
        first, second = lanes[row_places[y, 0]], lanes[row_places[y, 1]]
        third, fourth = lanes[row_places[y, 2]], lanes[row_places[y, 3]]
        for i in range(lanes.shape[1]):
            for k in range(count):
                row[i, k] = a * first[i, k] + b * second[i, k] + c * third[i, k] + d * fourth[i, k]
        for x in range(width):
            if mask[y, x] == ZERO:
                continue
            a, b, c, d = column_weights[x, 0], column_weights[x, 1], column_weights[x, 2], column_weights[x, 3]
            one, two, three, four = column_places[x, 0], column_places[x, 1], column_places[x, 2], column_places[x, 3]
            for k in range(count):
                here[k] = a * row[one, k] + b * row[two, k] + c * row[three, k] + d * row[four, k]
            for channel in range(3):
                monomials[1 + channel] = np.float32(levels[y, x, channel]) * gain[channel] + shift[channel]
            if len(monomials) > FIRST_DEGREE:
                _multiply(monomials)
            weight = mask[y, x] * here[SPARE]
            # Three sums in registers: a loop over the channels would take a third more time.
            red, green, blue = here[0], here[1], here[2]
            for term in range(1, len(monomials)):
                red += here[LANES * term] * monomials[term]
                green += here[LANES * term + 1] * monomials[term]
                blue += here[LANES * term + 2] * monomials[term]
            levels[y, x, 0] = _blend(levels[y, x, 0], red, weight, clamped)
            levels[y, x, 1] = _blend(levels[y, x, 1], green, weight, clamped)
            levels[y, x, 2] = _blend(levels[y, x, 2], blue, weight, clamped)


@njit(cache=True, nogil=True)
def _multiply(monomials: np.ndarray) -> None:
    """Fill in the monomials of second degree, in the order of MONOMIALS."""
    red, green, blue = monomials[1], monomials[2], monomials[3]
    monomials[4], monomials[5], monomials[6] = red * green, red * blue, green * blue
    monomials[7], monomials[8], monomials[9] = red * red, green * green, blue * blue


@njit(cache=True, nogil=True, fastmath={"contract"})
def _blend(level: np.uint8, color: np.float32, weight: np.float32, clamped: bool) -> np.uint8:
    """Return a level moved towards a color on the scale [0, 1], rounded; a weight may lie outside [0, 1]."""
    if clamped:
        color = min(max(color, ZERO), ONE)
    own = np.float32(level)
    moved = own + weight * (color * PEAK - own)
    return np.uint8(np.int32(np.rint(min(max(moved, ZERO), PEAK))))
