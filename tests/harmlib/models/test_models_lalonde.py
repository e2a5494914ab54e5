"""Lalonde and Efros against the authors' golden numbers (``tests/authors/classical.npz``), whose flow and centers are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from authors import assert_agrees, authors
from scipy.spatial.distance import cdist

from harmlib import color, models
from harmlib.inference.pictures import harmonize
from harmlib.models.lalonde import (
    SAMPLE,
    SIGMA,
    Signature,
    cluster,
    cluster_shifts,
    recolor_foreground,
    sample_colors,
    shift_colors,
    transport,
)
from harmlib.transfers import pixels

TOLERANCE = 1e-13  # on Lab up to 100; the note says 2e-14 relative


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("classical")


@pytest.fixture(scope="module")
def flow(golden: Mapping[str, Any]) -> np.ndarray:
    """The golden flow as a matrix; its rows are (object, background, amount), counted from 1."""
    matrix = np.zeros((len(golden["lal_Co"]), len(golden["lal_Cb"])))
    own, other, amount = golden["lal_flow"].T
    matrix[own.astype(int) - 1, other.astype(int) - 1] = amount
    return matrix


@pytest.fixture
def foreground(photo_array: np.ndarray) -> np.ndarray:
    region = np.zeros(photo_array.shape[:2], bool)
    region[8:40, 10:50] = True
    return region


def test_flow_is_the_golden_one(golden: Mapping[str, Any], flow: np.ndarray) -> None:
    own, other = Signature(golden["lal_Co"], golden["lal_wo"]), Signature(golden["lal_Cb"], golden["lal_wb"])

    found = transport(own, other)

    np.testing.assert_allclose(found, flow, atol=1e-12)
    assert (found * cdist(own.centers, other.centers)).sum() == pytest.approx(golden["lal_emd"].item(), rel=1e-12)


def test_shifts_agree_with_the_authors(golden: Mapping[str, Any], flow: np.ndarray) -> None:
    found = cluster_shifts(golden["lal_Co"], golden["lal_Cb"], flow, golden["lal_sigma"].item())

    assert_agrees(found, golden["lal_cluster_shift"], atol=TOLERANCE)


def test_recolored_pixels_agree_with_the_authors(golden: Mapping[str, Any]) -> None:
    mask, picture = golden["lal_m"], golden["lal_lab"].copy()

    picture[mask] = shift_colors(picture[mask], golden["lal_Co"], golden["lal_cluster_shift"], golden["lal_sigma"].item())

    assert_agrees(picture, golden["lal_weighted"], atol=TOLERANCE)


def test_flow_of_two_clusters_is_the_one_found_by_hand() -> None:
    own = Signature(np.array([[0.0, 0, 0], [10, 0, 0]]), np.array([0.5, 0.5]))
    other = Signature(np.array([[1.0, 0, 0], [12, 0, 0]]), np.array([0.75, 0.25]))

    assert transport(own, other) == pytest.approx(np.array([[0.5, 0], [0.25, 0.25]]))


def test_shifts_are_damped_channel_by_channel_and_dropped_from_sigma_on() -> None:
    own, other = np.zeros((1, 3)), np.array([[30.0, 75.0, -74.0]])

    found = cluster_shifts(own, other, np.ones((1, 1)), 75.0)

    assert found == pytest.approx(np.array([[30 * np.exp(-((30 / 75) ** 2)), 0, -74 * np.exp(-((74 / 75) ** 2))]]))


def test_only_the_nearer_half_of_the_clusters_moves_a_color() -> None:
    centers, shifts = np.array([[0.0, 0, 0], [10, 0, 0], [20, 0, 0]]), np.array([[1.0, 0, 0], [0, 2, 0], [0, 0, 100]])
    weight = np.exp(-(100 / 75**2))

    found = shift_colors(np.zeros((1, 3)), centers, shifts, 75.0)

    assert found == pytest.approx(np.array([[1, 2 * weight, 0]]) / (1 + weight))


def test_a_color_far_from_every_cluster_still_moves() -> None:
    found = shift_colors(np.array([[100.0, 0, 0]]), np.zeros((1, 3)), np.ones((1, 3)), 1.0)

    assert found == pytest.approx(np.array([[101.0, 1, 1]]))


def test_clusters_are_the_means_of_what_they_hold(generator: np.random.Generator) -> None:
    colors = generator.normal(0, 20, (3000, 3))

    found = cluster(colors)

    labels = cdist(colors, found.centers).argmin(1)
    assert len(found.centers) == 50
    assert found.weights == pytest.approx(np.bincount(labels) / 3000)
    assert np.stack([colors[labels == label].mean(0) for label in range(50)]) == pytest.approx(found.centers)


def test_few_colors_give_few_clusters() -> None:
    found = cluster(np.repeat([[1.0, 2, 3], [50, 5, 5]], [30, 10], 0))

    assert sorted(zip(found.centers[:, 0], found.weights, strict=True)) == [(1, 0.75), (50, 0.25)]


def test_clusters_of_a_large_region_come_from_a_sample(generator: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "BLOCK_PIXELS", 1001)
    image = generator.integers(0, 256, (3, SAMPLE, 3), np.uint8)
    region = np.ones((3, SAMPLE), bool)
    region[1] = False

    assert np.array_equal(sample_colors(image, region), color.rgb_to_lab(image[region][::2]))


def test_a_flat_object_takes_the_damped_way_to_a_flat_background() -> None:
    image = np.full((20, 20, 3), 140, np.uint8)
    foreground = np.zeros((20, 20), bool)
    foreground[5:15, 5:15] = True
    image[foreground] = (120, 130, 110)
    own, other = color.rgb_to_lab(image[10, 10]), color.rgb_to_lab(image[0, 0])
    expected = own + (other - own) * np.exp(-(((other - own) / SIGMA) ** 2))

    found = recolor_foreground(image, foreground)

    assert np.array_equal(found[10, 10], color.lab_to_rgb(expected))


def test_background_is_untouched(photo_array: np.ndarray, foreground: np.ndarray) -> None:
    harmonized = harmonize(models.create("lalonde"), photo_array, foreground)

    assert np.array_equal(harmonized[~foreground], photo_array[~foreground])
    assert not np.array_equal(harmonized, photo_array)


def test_a_picture_is_harmonized_twice_alike(photo_array: np.ndarray, foreground: np.ndarray) -> None:
    model = models.create("lalonde")

    assert np.array_equal(harmonize(model, photo_array, foreground), harmonize(model, photo_array, foreground))
