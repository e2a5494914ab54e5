"""The committed numbers of the authors: the same as in the full files, and what a comparison with a thinned array notices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from authors import AUTHORS, PARAMETERS, assert_agrees, assert_equals, authors, positions, thin

FILES = sorted(path.stem for path in AUTHORS.glob("*.npz"))


@pytest.fixture
def array() -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (3, 40, 50)).astype(np.float32)


def unsampled(array: np.ndarray) -> np.ndarray:
    """Return two flat positions between the sampled ones."""
    return np.setdiff1d(np.arange(array.size), positions(array.size, len(thin(array).values)))[[100, 2000]]


@pytest.mark.parametrize("name", FILES)
def test_committed_numbers_are_those_of_the_full_file(shared: Path, name: str) -> None:
    with np.load(shared / "golden" / f"{name}.npz") as full:
        assert set(full.files) == set(authors(name))
        for key in full.files:
            assert_equals(full[key], authors(name)[key])


def test_committed_lists_are_copies(shared: Path) -> None:
    copies = {**dict.fromkeys(PARAMETERS.iterdir(), "specs/params"), AUTHORS / "bradley_terry.json": "golden"}

    assert [path for path, folder in copies.items() if path.read_bytes() != (shared / folder / path.name).read_bytes()] == []


def test_what_agrees_as_a_whole_agrees_with_what_is_left(array: np.ndarray) -> None:
    off = array * np.float32(1 + 9e-6) + np.random.default_rng(1).choice([-9e-7, 9e-7], array.shape).astype(np.float32)
    np.testing.assert_allclose(off, array, rtol=1e-5, atol=1e-6)

    assert_agrees(off, thin(array), rtol=1e-5, atol=1e-6)


def test_one_wrong_value_of_the_sample_is_noticed(array: np.ndarray) -> None:
    off = array.copy()
    off.flat[positions(array.size, 256)[77]] += 1e-3

    with pytest.raises(AssertionError, match=r"1 of 256 sampled values differ, by 0.001 at most"):
        assert_agrees(off, thin(array), atol=1e-5)


@pytest.mark.parametrize("wrong", [1.5, float("nan")])
def test_one_wild_value_beside_the_sample_is_noticed(wrong: float, array: np.ndarray) -> None:
    off = array.copy()
    off.flat[unsampled(array)[0]] = wrong

    with pytest.raises(AssertionError, match="mean, std, min, max"):
        assert_agrees(off, thin(array), atol=1e-5)


def test_a_tolerance_may_differ_from_value_to_value(array: np.ndarray) -> None:
    off, tolerance = array.copy(), np.array([1e-5, 1e-2, 1e-5])[:, None, None]
    off[1] += 5e-3
    assert_agrees(off, thin(array), atol=tolerance)
    off[0] += 5e-3

    with pytest.raises(AssertionError, match="sampled values differ"):
        assert_agrees(off, thin(array), atol=tolerance)


def test_another_shape_is_noticed(array: np.ndarray) -> None:
    with pytest.raises(AssertionError, match=r"the shape is \(40, 50, 3\), the authors' is \(3, 40, 50\)"):
        assert_agrees(array.transpose(1, 2, 0), thin(array), atol=10)


def test_equality_notices_two_exchanged_values_beside_the_sample(array: np.ndarray) -> None:
    off, (first, second) = array.copy(), unsampled(array)
    off.flat[[first, second]] = array.flat[[second, first]]
    assert_agrees(off, thin(array))

    with pytest.raises(AssertionError, match="some other value does not"):
        assert_equals(off, thin(array))


def test_equality_does_not_ask_for_the_type() -> None:
    levels = np.arange(-128, 128, dtype=np.int8).repeat(8)

    assert_equals(levels.astype(float), thin(levels))
    with pytest.raises(AssertionError):
        assert_equals(levels + 0.25, thin(levels))
