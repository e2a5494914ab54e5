"""The luminance transfers against golden pictures, their definitions, and scikit-image's matching of histograms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from authors import assert_agrees, authors
from skimage.exposure import match_histograms

from harmlib.color import lab_to_rgb, rgb_to_lab
from harmlib.transfers import LUMINANCE_TRANSFERS, TRANSFERS, transfer

Pictures = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
ROUNDING = 0.1  # of L: a recolored picture is rounded to bytes
REINHARD, HISTOGRAM = LUMINANCE_TRANSFERS

every_transfer = pytest.mark.parametrize("name", LUMINANCE_TRANSFERS)


@pytest.fixture
def golden() -> Mapping[str, Any]:
    return authors("perceptual_ops")


def _luminance(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return rgb_to_lab(image[mask])[:, 0]


def _one_color(color: int | tuple[int, int, int], pixels: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """A picture in one color, and the mask of all of it."""
    return np.full((1, pixels, 3), color, np.uint8), np.ones((1, pixels), bool)


@pytest.mark.parametrize(("name", "key"), [(REINHARD, "reinhard"), (HISTOGRAM, "histogram")])
def test_pictures_are_within_a_level_of_the_golden_ones(golden: Mapping[str, Any], name: str, key: str) -> None:
    result = transfer(name, golden["image"], golden["mask"], golden["reference"], golden["reference_mask"])

    assert_agrees(result, golden[key], rtol=0, atol=1)


@pytest.mark.parametrize(("name", "key"), [(REINHARD, "reinhard_mse"), (HISTOGRAM, "histogram_mse")])
def test_errors_equal_the_golden_ones(golden: Mapping[str, Any], name: str, key: str) -> None:
    result = transfer(name, golden["image"], golden["mask"], golden["reference"], golden["reference_mask"])

    assert np.mean((result.astype(float) - golden["image"]) ** 2) == pytest.approx(golden[key], rel=1e-3)


@pytest.mark.parametrize("statistic", [np.mean, np.std])
def test_reinhard_matches_mean_and_deviation_of_luminance(pictures: Pictures, statistic) -> None:
    _, mask, reference, reference_mask = pictures

    own, other = _luminance(transfer(REINHARD, *pictures), mask), _luminance(reference, reference_mask)

    assert statistic(own) == pytest.approx(statistic(other), abs=ROUNDING)


def test_histogram_matches_luminance_as_scikit_image_does(pictures: Pictures) -> None:
    image, mask, reference, reference_mask = pictures
    expected = match_histograms(_luminance(image, mask), _luminance(reference, reference_mask))

    result = _luminance(transfer(HISTOGRAM, *pictures), mask)

    assert np.abs(result - expected).mean() < ROUNDING


@every_transfer
def test_color_is_kept(pictures: Pictures, name: str) -> None:
    image, mask, *_ = pictures

    change = rgb_to_lab(transfer(name, *pictures)[mask])[:, 1:] - rgb_to_lab(image[mask])[:, 1:]

    assert np.abs(change).mean() < 0.5


@every_transfer
def test_region_onto_itself_stays_the_same(pictures: Pictures, name: str) -> None:
    image, mask, *_ = pictures

    assert np.array_equal(transfer(name, image, mask, image, mask), image)


def test_reinhard_gives_a_flat_foreground_the_mean_of_the_reference() -> None:
    reference, everywhere = _one_color(100)
    reference[0, ::2] = 180
    expected = _luminance(reference, everywhere).mean()

    result = transfer(REINHARD, *_one_color(40), reference, everywhere)

    assert _luminance(result, everywhere) == pytest.approx(expected, abs=0.5)  # one gray level is 0.4 of L


def test_histogram_gives_a_flat_foreground_the_brightest_of_the_reference() -> None:
    reference, everywhere = _one_color(100)
    reference[0, ::2] = 180

    assert (transfer(HISTOGRAM, *_one_color(40), reference, everywhere) == 180).all()


def test_luminance_beyond_white_is_clipped() -> None:
    image, everywhere = _one_color((150, 120, 100))
    image[0, ::10] += 10
    reference, _ = _one_color(0)
    reference[0, ::2] = 255
    _, a, b = rgb_to_lab(image[0, 0])

    # Deviation 50 around the mean 50 takes the odd one of ten to L = 200.
    result = transfer(REINHARD, image, everywhere, reference, everywhere)

    assert np.array_equal(result[0, 0], lab_to_rgb(np.array([100, a, b])))


def test_they_are_no_transfers_of_iharmony4() -> None:
    assert not set(LUMINANCE_TRANSFERS) & set(TRANSFERS)
