"""The authors' numbers in ``tests/authors``: small arrays and inputs whole, of a large output its moments and a sample.

``thin_authors.py`` made the files from the full ones. A comparison with a thinned array passes wherever one with the whole array would.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

AUTHORS = Path(__file__).resolve().parents[1] / "authors"
PARAMETERS = AUTHORS / "params"
# Under this name a file keeps shape, moments and checksum of each of its thinned arrays, as JSON.
INDEX = "thinned"
SAMPLES = 256
BYTE_SAMPLES = 1024
GOLDEN_RATIO = (5**0.5 - 1) / 2


@dataclass(frozen=True, eq=False)
class Thinned:
    """What is left of a large array: shape, [mean, standard deviation, least, largest] in float64, checksum, values at some positions."""

    shape: tuple[int, ...]
    moments: tuple[float, ...]
    checksum: int
    values: np.ndarray

    def sample(self, whole: Any) -> np.ndarray:
        """Return the values of another array of this shape at the same positions."""
        whole = np.asarray(whole)
        assert whole.shape == self.shape, f"the shape is {whole.shape}, the authors' is {self.shape}"
        return whole.ravel()[positions(whole.size, len(self.values))]


@cache
def authors(name: str) -> Mapping[str, Any]:
    """Return one of the authors' files: key -> array, or what is left of it."""
    with np.load(AUTHORS / f"{name}.npz") as file:
        arrays = dict(file)
    for key, (shape, moments, checksum) in json.loads(str(arrays.pop(INDEX))).items():
        arrays[key] = Thinned(tuple(shape), tuple(moments), checksum, arrays[key])
    return arrays


def thin(array: np.ndarray) -> Thinned:
    """Return what is kept of a large array."""
    count = BYTE_SAMPLES if array.itemsize == 1 else SAMPLES
    return Thinned(array.shape, measure_moments(array), compute_checksum(array), array.ravel()[positions(array.size, count)])


def positions(size: int, count: int) -> np.ndarray:
    """Return positions spread evenly over a flat array by multiples of the golden ratio, so that none need storing."""
    return (np.arange(count) * GOLDEN_RATIO % 1 * size).astype(int)


def measure_moments(array: np.ndarray) -> tuple[float, ...]:
    """Return mean, population standard deviation, least and largest value in float64."""
    values = np.asarray(array, np.float64)
    return tuple(float(value) for value in (values.mean(), values.std(), values.min(), values.max()))


def compute_checksum(array: np.ndarray) -> int:
    """Return the CRC-32 of the values; -0.0 counts as 0.0."""
    return zlib.crc32(np.ascontiguousarray(array + array.dtype.type(0)))


def assert_agrees(found: Any, expected: Any, *, rtol: float = 1e-7, atol: Any = 0.0, err_msg: str = "") -> None:
    """Fail unless an array agrees with the authors', as ``np.testing.assert_allclose`` has it; atol: a number, or one for every value."""
    if not isinstance(expected, Thinned):
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol, err_msg=err_msg)
        return
    everywhere = np.broadcast_to(atol, expected.shape)
    distances = np.abs(expected.sample(found).astype(np.float64) - expected.values)
    excess = distances - expected.sample(everywhere) - rtol * np.abs(expected.values, dtype=np.float64)
    assert (excess <= 0).all(), f"{err_msg} {(excess > 0).sum()} of {excess.size} sampled values differ, by {distances.max():.3g} at most"
    # Values that differ by no more than this have moments that differ by no more than it.
    allowed = everywhere.max() + rtol * np.abs(expected.moments[2:]).max()
    np.testing.assert_allclose(
        measure_moments(np.asarray(found)), expected.moments, rtol=1e-12, atol=allowed, err_msg=f"{err_msg} mean, std, min, max"
    )


def assert_equals(found: Any, expected: Any) -> None:
    """Fail unless every value of an array is the authors'."""
    if not isinstance(expected, Thinned):
        np.testing.assert_array_equal(found, expected)
        return
    assert_agrees(found, expected, rtol=0)
    found = np.asarray(found)
    same_type = found.astype(expected.values.dtype)
    assert np.array_equal(same_type, found)
    assert compute_checksum(same_type) == expected.checksum, "sample and moments agree, some other value does not"
