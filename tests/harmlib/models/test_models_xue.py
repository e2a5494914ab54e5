"""Xue et al.'s adjustments and features against their golden numbers (``tests/authors/classical.npz``), and zero-offset matching."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from authors import assert_agrees, authors
from golden_fill import noise8, standard_mask

from harmlib import models
from harmlib.inference.pictures import harmonize
from harmlib.models import xue
from harmlib.models.xue import Adjustment, Regions, adjust, bend, find_regions, from_linear, match, to_linear, zero_offset

TOLERANCE = 5e-15  # the note says 4e-15, features 4e-13
CHANGES = {
    "lum_p": (xue.change_luminance, 0.4),
    "lum_m": (xue.change_luminance, -0.9),
    "cct_p": (xue.change_temperature, 60),
    "cct_m": (xue.change_temperature, -35),
    "sat_p": (xue.change_saturation, 0.3),
    "sat_m": (xue.change_saturation, -0.7),
}
# Places of top, low and mean among the authors' features.
FEATURES = {"luminance": (0, 1, 3), "contrast": (31, 32, 34), "temperature": (61, 62, 64), "saturation": (90, 91, 93)}


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("classical")


def changed(golden: Mapping[str, Any], change: Callable[..., np.ndarray], *settings: float) -> np.ndarray:
    """Return the golden picture with its foreground changed in linear RGB."""
    picture, foreground = golden["xue_I"].copy(), golden["xue_m"] > 0.5
    picture[foreground] = from_linear(change(to_linear(picture[foreground]), *settings))
    return picture


@pytest.mark.parametrize("key", CHANGES)
def test_changes_agree_with_the_authors(key: str, golden: Mapping[str, Any]) -> None:
    assert_agrees(changed(golden, *CHANGES[key]), golden[f"xue_{key}"], atol=TOLERANCE)


def test_contrast_agrees_with_the_authors(golden: Mapping[str, Any]) -> None:
    foreground = to_linear(golden["xue_I"])[golden["xue_m"] > 0.5]

    found = changed(golden, xue.change_contrast, 0.45, (foreground @ xue.CIE_LUMINANCE).mean())

    assert_agrees(found, golden["xue_cntrst"], atol=TOLERANCE)


@pytest.mark.parametrize(("key", "curve"), [("adj4", 0.4), ("adj6", 0.6)])
def test_contrast_curve_agrees_with_the_authors(key: str, curve: float, golden: Mapping[str, Any]) -> None:
    assert_agrees(bend(golden["xue_Y"], curve, 0.3), golden[f"xue_{key}"], atol=TOLERANCE)


def test_maps_agree_with_the_authors(golden: Mapping[str, Any]) -> None:
    picture = to_linear(golden["xue_I"])

    assert_agrees(picture @ xue.LUMINANCE, golden["xue_Y"], atol=TOLERANCE)
    assert_agrees(xue.local_contrast(golden["xue_Y"]), golden["xue_lc"], atol=TOLERANCE)
    assert_agrees(xue.temperature(picture), golden["xue_cct"], rtol=4e-13, atol=1e-11)


@pytest.mark.parametrize("region", ["fg", "bg"])
@pytest.mark.parametrize("feature", FEATURES)
def test_top_low_and_mean_agree_with_the_authors(feature: str, region: str, golden: Mapping[str, Any]) -> None:
    picture, light = to_linear(golden["xue_I"]), golden["xue_Y"]
    where = golden["xue_m"] > 0.5 if region == "fg" else golden["xue_m"] <= 0.5
    contrast = xue.local_contrast(light)
    colored = where & (light > xue.DARKEST) & (light < xue.BRIGHTEST)
    values = {
        "luminance": np.log2(light[where]),
        "contrast": contrast[where & (contrast > xue.SMALLEST_CONTRAST)],
        "temperature": xue.temperature(picture)[colored],
        "saturation": xue.log_saturation(picture)[colored],
    }

    found = xue.summarize(values[feature])

    assert_agrees(found, golden[f"xue_feat_{region}"][list(FEATURES[feature])], rtol=4e-13)


def test_linear_light_there_and_back_is_the_same(generator: np.random.Generator) -> None:
    colors = generator.uniform(0, 1, (100, 3))

    assert from_linear(to_linear(colors)) == pytest.approx(colors, abs=1e-12)


def test_an_adjustment_by_nothing_changes_nothing(generator: np.random.Generator) -> None:
    colors = generator.uniform(0, 1, (100, 3))

    assert adjust(colors, Adjustment()) == pytest.approx(colors, abs=1e-12)


def test_one_stop_doubles_linear_light() -> None:
    found = adjust(from_linear(np.array([[0.1, 0.2, 0.3]])), Adjustment(stops=1))

    assert to_linear(found) == pytest.approx(np.array([[0.2, 0.4, 0.6]]))


def test_more_mired_turn_gray_yellow() -> None:
    red, green, blue = adjust(np.full((1, 3), 0.5), Adjustment(mired=40))[0]

    assert red > green > blue


def test_black_stays_black() -> None:
    assert not adjust(np.zeros((1, 3)), Adjustment(0.4, 0.2, 1.0, 50.0, 1.0)).any()


@pytest.mark.parametrize("curve", [0.4, 0.6])
def test_contrast_curve_keeps_black_pivot_and_white(curve: float) -> None:
    assert bend(np.array([0.0, 0.3, 1.0]), curve, 0.3) == pytest.approx([0, 0.3, 1])


def test_contrast_curve_below_half_pulls_luminances_apart() -> None:
    low, high = bend(np.array([0.2, 0.6]), 0.4, 0.3)

    assert low < 0.2
    assert high > 0.6


def test_offset_is_zeroed_by_the_least_shift() -> None:
    values = np.array([[1.0, 2.0, 6.0], [2.5, 5.0, 9.0]])  # low +1.5, mean +2.5, top +3
    own = np.array([[True] * 3, [False] * 3])

    assert zero_offset(values, Regions(own, ~own)) == pytest.approx(1.5)


def test_nothing_is_shifted_without_anything_to_compare() -> None:
    own = np.ones((2, 2), bool)

    assert zero_offset(np.ones((2, 2)), Regions(own, ~own)) == 0


def test_regions_leave_out_edges_and_what_is_far_away() -> None:
    foreground = np.zeros((300, 300), bool)
    foreground[100:140, 100:140] = True  # 3 % of 40 are 1.2 pixels, 15 % are 6

    regions = find_regions(foreground)

    assert np.array_equal(np.flatnonzero(regions.own.any(1)), np.arange(101, 139))
    assert np.array_equal(np.flatnonzero(regions.other.any(1)), np.arange(60, 180))
    assert np.array_equal(np.flatnonzero(~regions.other[60:180, 120]) + 60, np.arange(94, 146))


def test_a_thin_foreground_is_compared_whole() -> None:
    foreground = np.zeros((40, 200), bool)
    foreground[5:35, ::40] = True  # single columns in a box of 30x161

    assert np.array_equal(find_regions(foreground).own, foreground)


def test_a_darkened_foreground_is_brightened_by_as_many_stops(generator: np.random.Generator) -> None:
    picture = generator.uniform(0.1, 0.9, (128, 128, 3))
    foreground = np.zeros((128, 128), bool)
    foreground[40:90, 40:90] = True
    picture[foreground] = from_linear(to_linear(picture[foreground]) / 2)

    assert match(picture, foreground).stops == pytest.approx(1, abs=0.1)


def test_a_cooled_foreground_is_warmed(generator: np.random.Generator) -> None:
    # Nearly gray: of colors on both ends of the scale, top and low agree whatever the shift.
    picture = generator.uniform(0.4, 0.6, (128, 128, 1)) + generator.uniform(0, 0.03, (128, 128, 3))
    foreground = np.zeros((128, 128), bool)
    foreground[40:90, 40:90] = True
    picture[foreground] = adjust(picture[foreground], Adjustment(mired=-40))

    assert match(picture, foreground).mired == pytest.approx(40, abs=10)


def test_foregrounds_below_500_pixels_stay() -> None:
    mask = torch.zeros(1, 1, 256, 256)
    mask[..., 100:120, 100:124] = 1  # 480

    prediction = models.create("xue")(noise8(1), mask)

    assert torch.equal(prediction.image, noise8(1))
    assert prediction["adjustment"].tolist() == [list(Adjustment())]


def test_a_full_mask_returns_the_composite() -> None:
    assert torch.equal(models.create("xue")(noise8(1), torch.ones(1, 1, 256, 256)).image, noise8(1))


def test_full_size_gets_the_small_pictures_adjustment_in_its_foreground_only() -> None:
    prediction = models.create("xue")(noise8(1) * 0.6, standard_mask())
    full, mask = noise8(2, 300, 400), torch.zeros(1, 1, 300, 400)
    mask[..., 50:200, 60:300] = 1

    result = models.create("xue").upscale(prediction, full, mask)

    inside = mask[0, 0] > 0
    expected = adjust(full[0][:, inside].T.numpy(), Adjustment(*prediction["adjustment"][0].tolist()))
    np.testing.assert_allclose(result[0][:, inside].T, expected, atol=1e-6)
    assert torch.equal(result[0][:, ~inside], full[0][:, ~inside])


def test_harmonized_background_is_untouched(generator: np.random.Generator) -> None:
    composite = generator.integers(0, 256, (300, 200, 3), dtype=np.uint8)
    foreground = np.zeros((300, 200), bool)
    foreground[60:200, 40:150] = True
    composite[foreground] //= 2

    harmonized = harmonize(models.create("xue"), composite, foreground)

    assert np.array_equal(harmonized[~foreground], composite[~foreground])
    assert harmonized[foreground].mean() > 1.3 * composite[foreground].mean()


def test_the_title_says_what_is_left_out() -> None:
    assert "zero-offset form without the forests" in models.describe("xue").title
