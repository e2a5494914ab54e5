"""8-bit LAB codes against golden tables, float Lab against known colors, the statistics transfer against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from authors import assert_equals, authors
from golden_perturbations import FILE
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harmlib import color
from harmlib.errors import MaskError, ShapeError
from harmlib.transfers.lab import transfer_reinhard_lab

# The colors of the authors' tables: levels 0, 8, 16, ... 248, 255, the last channel fastest.
COLORS = np.stack(np.meshgrid(*[[*range(0, 256, 8), 255]] * 3, indexing="ij"), -1).reshape(-1, 3).astype(np.uint8)
ROUNDING = 0.5  # 8-bit levels: a transferred picture is rounded to integers


@pytest.fixture(scope="session")
def tables() -> dict[str, np.ndarray]:
    with np.load(FILE) as file:
        return dict(file)


def test_codes_equal_the_stored_table(tables: dict[str, np.ndarray]) -> None:
    assert np.array_equal(color.rgb_to_lab8(tables["lab/rgb"]), tables["lab/codes"])


def test_colors_of_codes_equal_the_stored_table(tables: dict[str, np.ndarray]) -> None:
    assert np.array_equal(color.lab8_to_rgb(tables["lab/codes"]), tables["lab/back"])


@pytest.mark.parametrize(
    ("convert", "given", "key"),
    [
        (color.rgb_to_lab8, COLORS, "lab/lab"),
        (lambda rgb: color.lab8_to_rgb(color.rgb_to_lab8(rgb)), COLORS, "lab/rgb_back"),
        (color.lab8_to_rgb, COLORS[::3], "lab/any_codes_to_rgb"),
    ],
)
def test_codes_equal_the_golden_tables(convert, given: np.ndarray, key: str) -> None:
    assert_equals(convert(given), authors("sgmmh")[key])


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_codes_do_not_depend_on_how_pixels_are_arranged(pixels: np.ndarray) -> None:
    one_by_one = np.stack([color.rgb_to_lab8(pixel) for pixel in pixels.reshape(-1, 3)])

    assert np.array_equal(color.rgb_to_lab8(pixels).reshape(-1, 3), one_by_one)


def test_no_pixels_give_no_codes() -> None:
    assert color.rgb_to_lab8(np.empty((0, 3), np.uint8)).shape == (0, 3)


def test_float_lab_rounds_to_the_codes_within_two(photo_array: np.ndarray) -> None:
    rounded = np.rint(color.rgb_to_lab(photo_array) * (2.55, 1, 1) + (0, 128, 128))

    assert np.abs(rounded - color.rgb_to_lab8(photo_array)).max() <= 2  # docs/methods/sgmmh.md: 2 at most


@pytest.mark.parametrize(
    ("rgb", "lab"),
    # Published values of the sRGB primaries under D65 to two digits.
    [((255, 255, 255), (100, 0, 0)), ((255, 0, 0), (53.24, 80.09, 67.20)), ((0, 0, 255), (32.30, 79.19, -107.86)), ((0, 0, 0), (0, 0, 0))],
)
def test_float_lab_of_known_colors(rgb: tuple[int, ...], lab: tuple[float, ...]) -> None:
    assert color.rgb_to_lab(np.array(rgb, np.uint8)) == pytest.approx(lab, abs=0.02)


def test_float_lab_comes_back_exactly(photo_array: np.ndarray) -> None:
    assert np.array_equal(color.lab_to_rgb(color.rgb_to_lab(photo_array)), photo_array)


@pytest.mark.parametrize("convert", [color.rgb_to_lab8, color.lab8_to_rgb, color.rgb_to_lab])
def test_floats_are_refused_where_bytes_are_meant(convert) -> None:
    with pytest.raises(ShapeError, match=r"got float64 of shape \(2, 3\), expected uint8 \(\.\.\., 3\)"):
        convert(np.zeros((2, 3)))


def _two_tones(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A muted picture whose left half, the foreground, is darker: the transfer then stays inside sRGB."""
    image = generator.integers(100, 140, (32, 48, 3)).astype(np.uint8)
    foreground = np.zeros((32, 48), bool)
    foreground[:, :24] = True
    image[foreground] -= 40
    return image, foreground


def test_transfer_gives_the_foreground_the_statistics_of_the_background(generator: np.random.Generator) -> None:
    image, foreground = _two_tones(generator)

    lab = color.rgb_to_lab(transfer_reinhard_lab(image, foreground))

    for statistic in (np.mean, np.std):
        assert statistic(lab[foreground], axis=0) == pytest.approx(statistic(lab[~foreground], axis=0), abs=ROUNDING)


def test_transfer_leaves_the_background_alone(generator: np.random.Generator) -> None:
    image, foreground = _two_tones(generator)

    result = transfer_reinhard_lab(image, foreground)

    assert np.array_equal(result[~foreground], image[~foreground])


def test_transfer_moves_a_flat_foreground_to_the_mean_of_the_background(generator: np.random.Generator) -> None:
    image, foreground = _two_tones(generator)
    image[foreground] = (10, 200, 30)

    lab = color.rgb_to_lab(transfer_reinhard_lab(image, foreground))

    assert lab[foreground].mean(0) == pytest.approx(lab[~foreground].mean(0), abs=ROUNDING)


@pytest.mark.parametrize("filling", [False, True])
def test_transfer_refuses_a_mask_without_two_regions(photo_array: np.ndarray, filling: bool) -> None:
    with pytest.raises(MaskError, match="one of the two is empty"):
        transfer_reinhard_lab(photo_array, np.full(photo_array.shape[:2], filling))


def test_transfer_refuses_a_mask_of_another_size(photo_array: np.ndarray) -> None:
    with pytest.raises(MaskError, match="is 3x4, its composite 48x64"):
        transfer_reinhard_lab(photo_array, np.ones((3, 4), bool))
