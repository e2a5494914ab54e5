"""Exposure shifts: golden pictures, colors computed from CIE's formulas, masks hard and soft, and one sentence for bad input."""

from __future__ import annotations

import numpy as np
import pytest
from authors import assert_agrees, authors

from harmlib.errors import MaskError, ParameterError
from harmlib.perturbations import apply_step
from harmlib.perturbations.exposure import shift_exposure

# (color, stops, shifted): by CIE's formulas in plain Python, before rounding; gray 119 has L = 50.03.
COLORS = [
    ((119, 119, 119), -1, (59.33, 59.33, 59.33)),
    ((119, 119, 119), 1, (255, 255, 255)),
    ((200, 120, 60), -1, (115.12, 49.36, 0)),
    ((200, 120, 60), 0.25, (233.24, 148.63, 87.10)),
    ((200, 120, 60), 1, (255, 234.06, 167.98)),  # L would be 116
    ((30, 60, 140), 0.25, (48.60, 71.84, 154.02)),
    ((30, 60, 140), 1, (114.30, 126.43, 216.42)),
    ((255, 0, 0), -1, (166.43, 0, 0)),
    ((0, 0, 0), 1, (0, 0, 0)),
]


@pytest.fixture
def mask(photo_array: np.ndarray) -> np.ndarray:
    """A rectangle of foreground, bool."""
    inside = np.zeros(photo_array.shape[:2], dtype=bool)
    inside[10:30, 20:50] = True
    return inside


def test_shifted_pictures_equal_the_golden_ones():
    golden = authors("perceptual_ops")

    results = [shift_exposure(golden["image"], golden["mask"], stops) for stops in golden["stops"]]

    assert_agrees(np.stack(results), golden["shifted"], rtol=0, atol=1)  # a level: rounding of another float Lab


@pytest.mark.parametrize(("color", "stops", "expected"), COLORS)
def test_colors_shift_by_the_formula(color, stops, expected):
    result = apply_step(np.full((1, 1, 3), color, np.uint8), {"name": "exposure", "stops": stops})

    assert result[0, 0].tolist() == pytest.approx(expected, abs=0.55)  # rounding, and the white point's last digits


def test_no_stops_change_nothing():
    colors = np.random.default_rng(3).integers(0, 256, (200, 200, 3), dtype=np.uint8)

    assert np.array_equal(apply_step(colors, {"name": "exposure", "stops": 0.0}), colors)


def test_only_the_foreground_changes(photo_array, mask):
    result = shift_exposure(photo_array, mask, -1.0)

    assert np.array_equal(result[~mask], photo_array[~mask])
    assert (result[mask] != photo_array[mask]).any(1).all()


def test_a_soft_mask_blends(photo_array, mask):
    whole, half = shift_exposure(photo_array, mask, 0.7), shift_exposure(photo_array, mask * np.float32(0.5), 0.7)

    assert np.abs(half - (whole.astype(float) + photo_array) / 2).max() <= 0.5


def test_an_empty_mask_gives_the_picture_back(photo_array, mask):
    result = shift_exposure(photo_array, np.zeros_like(mask), 1.0)

    assert np.array_equal(result, photo_array)
    assert result is not photo_array


@pytest.mark.parametrize("stops", [10.5, float("nan"), "bright", True])
def test_stops_out_of_range_are_refused(photo_array, stops):
    with pytest.raises(ParameterError, match=r"an exposure shift in stops is .*, expected a number from -10 to 10"):
        apply_step(photo_array, {"name": "exposure", "stops": stops})


def test_a_mask_of_another_size_is_refused(photo_array, mask):
    with pytest.raises(MaskError, match='mask of "the picture" is 47x64, its composite 48x64'):
        shift_exposure(photo_array, mask[1:], 1.0)


@pytest.mark.parametrize("scale", [np.uint8(255), np.float32(-1), np.float32("nan")])
def test_a_mask_out_of_range_is_refused(photo_array, mask, scale):
    with pytest.raises(MaskError, match="expected 0 to 1"):
        shift_exposure(photo_array, mask * scale, 1.0)
