"""Compiled loops of the fused filters, over blocks of pixels.

A block is ``colors`` (3, n), float32, RGB in [0, 1], of which the first ``count`` columns are used; it is changed in place. The formulas
are those of ``filters.definitions``, in float32 and in the same order of operations: contrast, saturation and the powers magnify
rounding so much that another order would be seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from harmlib.filters import definitions

# Compiled into the code, whose copy on disk is renewed when this file changes, not when ``definitions`` does.
ZERO, HALF, ONE, TWO, THREE, FOUR, FIVE, SECTORS = (np.float32(value) for value in (0, 0.5, 1, 2, 3, 4, 5, 6))
PEAK = np.float32(255)
EPSILON = np.float32(definitions.EPSILON)
POWER_EPSILON = np.float32(definitions.POWER_EPSILON)
HUE_SECTORS = np.float32(definitions.HUE_SECTORS)
ARTANH_3, ARTANH_5, ARTANH_7 = (np.float32(1 / n) for n in (3, 5, 7))
EXP_2, EXP_3, EXP_4, EXP_5, EXP_6 = (np.float32(1 / math.factorial(n)) for n in range(2, 7))
TWO_LOG2_E = np.float32(2 / math.log(2))
LN_2 = np.float32(math.log(2))
# Parts of a float32: 23 bits of fraction below an exponent that is stored plus 127.
FRACTION_BITS = np.int32(23)
EXPONENT_BIAS = np.int32(127)
SQRT_HALF_BITS = np.float32(math.sqrt(0.5)).view(np.int32)


def _compiled(**options: Any) -> Callable[[Callable], Callable]:
    """Return a decorator that compiles at the first call and keeps the result on disk, or, where no folder can be written, in memory."""

    def decorate(function: Callable) -> Callable:
        settings = {"nogil": True, "error_model": "numpy", **options}
        try:
            return numba.njit(cache=True, **settings)(function)
        except RuntimeError:  # neither __pycache__ nor the user's cache folder is writable
            return numba.njit(**settings)(function)

    return decorate


@_compiled()
def _clip(value: np.float32) -> np.float32:
    """Clamp to [0, 1]."""
    return min(max(value, ZERO), ONE)


# Here, unlike elsewhere, fused multiply-add is welcome: nothing has to be rounded as torch does.
@_compiled(fastmath={"contract"})
def _power(base: np.float32, exponent: np.float32) -> np.float32:
    """Return base ** exponent in [0, 1], within 3e-7; base in (0, 1], exponent in [0, 2].

    2 ** (exponent * log2(base)) by the series of artanh and exp: loops over it are vectorized, over the C library's they are not.
    Both series are exact at base 1, where shadow would show the last bit of highlight.
    """
    # base = mantissa * 2 ** octave, mantissa in [sqrt(0.5), sqrt(2))
    bits = np.float32(base).view(np.int32)
    octave = np.int32(np.int32(bits - SQRT_HALF_BITS) >> FRACTION_BITS)
    mantissa = np.int32(bits - np.int32(octave << FRACTION_BITS)).view(np.float32)
    s = (mantissa - ONE) / (mantissa + ONE)
    q = s * s
    artanh = s + s * q * (ARTANH_3 + q * (ARTANH_5 + q * ARTANH_7))
    y = exponent * (np.float32(octave) + TWO_LOG2_E * artanh)
    whole = np.int32(y - HALF)  # y is never positive, so that truncation finds the nearest
    r = (y - np.float32(whole)) * LN_2
    series = ONE + (r + r * r * (EXP_2 + r * (EXP_3 + r * (EXP_4 + r * (EXP_5 + r * EXP_6)))))
    return series * np.int32(np.int32(whole + EXPONENT_BIAS) << FRACTION_BITS).view(np.float32)


@_compiled()
def adjust(colors: np.ndarray, count: int, steps: np.ndarray) -> None:
    """Apply steps (m, 5), each clip(v + (v - t) k) with v = gain * color; a row is the gains of R, G and B, then t and k."""
    for step in range(len(steps)):
        center, stretch = steps[step, 3], steps[step, 4]
        for channel in range(3):
            gain = steps[step, channel]
            for i in range(count):
                value = colors[channel, i] * gain
                colors[channel, i] = _clip(value + (value - center) * stretch)


@_compiled()
def saturate(colors: np.ndarray, count: int, x: np.float32) -> None:
    """Apply saturation with argument x."""
    for i in range(count):
        red, green, blue = colors[0, i], colors[1, i], colors[2, i]
        high, low = max(max(red, green), blue), min(min(red, green), blue)
        lightness = (high + low) * HALF
        spread = high + low if lightness < HALF else TWO - high - low
        s = (high - low) / (spread + EPSILON)
        a = s if x + s > ONE else ONE - x
        gain = ONE / (a + EPSILON) if x >= ZERO else ONE + x
        colors[0, i] = _clip(lightness + (red - lightness) * gain)
        colors[1, i] = _clip(lightness + (green - lightness) * gain)
        colors[2, i] = _clip(lightness + (blue - lightness) * gain)


@_compiled()
def _missing(k: np.float32) -> np.float32:
    """Return the share of the chroma that a channel lacks when it is k sectors away, k in [-6, 12)."""
    k = k + SECTORS if k < ZERO else k
    k = k - SECTORS if k >= SECTORS else k
    return _clip(min(k, FOUR - k))


@_compiled()
def turn_hue(colors: np.ndarray, count: int, x: np.float32) -> None:
    """Apply hue with argument x."""
    turn = HUE_SECTORS * x
    for i in range(count):
        red, green, blue = colors[0, i], colors[1, i], colors[2, i]
        high = max(max(red, green), blue)
        chroma = high - min(min(red, green), blue)
        scale = ONE / max(chroma, EPSILON)
        sector = FOUR + (red - green) * scale
        sector = TWO + (blue - red) * scale if green == high else sector
        sector = (green - blue) * scale if red == high else sector
        turned = sector + turn
        colors[0, i] = high - chroma * _missing(FIVE + turned)
        colors[1, i] = high - chroma * _missing(THREE + turned)
        colors[2, i] = high - chroma * _missing(ONE + turned)


@_compiled()
def highlight(colors: np.ndarray, count: int, x: np.float32) -> None:
    """Apply highlight with argument x."""
    exponent = ONE + x
    for channel in range(3):
        for i in range(count):
            colors[channel, i] = ONE - _power(ONE - colors[channel, i] + POWER_EPSILON, exponent)


@_compiled()
def shadow(colors: np.ndarray, count: int, x: np.float32) -> None:
    """Apply shadow with argument x."""
    exponent = ONE - x
    for channel in range(3):
        for i in range(count):
            colors[channel, i] = _power(colors[channel, i] + POWER_EPSILON, exponent)


@_compiled()
def count_levels(levels: np.ndarray) -> np.ndarray:
    """Return how often each channel of levels (N, 3), uint8, has each value, (3, 256)."""
    # Neighbors are often alike, and a count cannot be raised again before it is stored: they take turns with two tables.
    counts = np.zeros((2, 3, 256), np.int64)
    for pixel in range(len(levels)):
        for channel in range(3):
            counts[pixel & 1, channel, levels[pixel, channel]] += 1
    return counts[0] + counts[1]


@_compiled(fastmath={"reassoc"})
def add_colors(colors: np.ndarray, count: int, totals: np.ndarray) -> None:
    """Add each channel's sum to totals (3,), float64."""
    for channel in range(3):
        total = 0.0
        for i in range(count):
            total += colors[channel, i]
        totals[channel] += total


@_compiled()
def find_touched(mask: np.ndarray, start: int, stop: int, places: np.ndarray) -> int:
    """Write into places which of the pixels start to stop of mask (N,) are not 0; return how many they are."""
    count = 0
    for pixel in range(start, stop):
        places[count] = pixel
        count += mask[pixel] > ZERO
    return count


@_compiled()
def gather_levels(levels: np.ndarray, tables: np.ndarray, places: np.ndarray, count: int, colors: np.ndarray) -> None:
    """Look up the levels (N, 3), uint8, at the places in tables (3, 256)."""
    first = _first_of_run(places, count)
    for i in range(count):
        pixel = first + i if first >= 0 else places[i]
        for channel in range(3):
            colors[channel, i] = tables[channel, levels[pixel, channel]]


@_compiled()
def scatter_levels(colors: np.ndarray, mask: np.ndarray, places: np.ndarray, count: int, levels: np.ndarray) -> None:
    """Blend colors into levels (N, 3), uint8, at the places; what ``scatter_planes`` gives, rounded."""
    first = _first_of_run(places, count)
    for i in range(count):
        pixel = first + i if first >= 0 else places[i]
        weight = mask[pixel]
        for channel in range(3):
            color = colors[channel, i]
            if weight < ONE:
                color = weight * color + (ONE - weight) * (np.float32(levels[pixel, channel]) / PEAK)
            levels[pixel, channel] = np.uint8(np.int32(np.rint(PEAK * color)))


@_compiled()
def gather_planes(planes: np.ndarray, places: np.ndarray, count: int, colors: np.ndarray) -> None:
    """Copy the colors of planes (3, N), float32, at the places."""
    first = _first_of_run(places, count)
    for channel in range(3):
        for i in range(count):
            colors[channel, i] = planes[channel, first + i if first >= 0 else places[i]]


@_compiled()
def scatter_planes(colors: np.ndarray, mask: np.ndarray, places: np.ndarray, count: int, planes: np.ndarray) -> None:
    """Blend colors into planes (3, N), float32, at the places."""
    first = _first_of_run(places, count)
    for channel in range(3):
        for i in range(count):
            pixel = first + i if first >= 0 else places[i]
            weight = mask[pixel]
            planes[channel, pixel] = weight * colors[channel, i] + (ONE - weight) * planes[channel, pixel]


@_compiled()
def _first_of_run(places: np.ndarray, count: int) -> int:
    """Return the first of ascending places if no pixel between them is missing, else -1: loops over a run are vectorized."""
    if count > 0 and places[count - 1] - places[0] == count - 1:
        return places[0]
    return -1
