"""Polynomial color mapping: the fit, the map, the way to full size, and scores of methods that go it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from authors import assert_agrees, assert_equals, authors
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from harmlib.data.pairs import Pair
from harmlib.errors import ParameterError
from harmlib.evaluation.methods import score_method
from harmlib.inference.upsampling import fit_polynomial, map_polynomial, polynomial_color_mapping
from harmlib.io.images import write_png
from harmlib.models.base import HarmonizationModel, Prediction

# Degree of each term: a matrix for [0, 1] becomes one for 0..255 by 255 ** (1 - degree).
DEGREES = np.array([1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 0])
IDENTITY = np.eye(3, 11)


@pytest.fixture
def pcm() -> dict[str, Any]:
    """The reference pair with masks and what the public code makes of it."""
    return {key.removeprefix("pcm/"): values for key, values in authors("harmonizer").items() if key.startswith("pcm/")}


def fitted(pcm: dict[str, Any]) -> np.ndarray:
    """Return the matrix of the reference pair."""
    foreground = pcm["lr_mask"] > 0.5
    return fit_polynomial(pcm["lr_src"][foreground] / 255, pcm["lr_dst"][foreground] / 255)


def test_fit_agrees_with_the_reference(pcm: dict[str, Any]) -> None:
    matrix = fitted(pcm) * 255.0 ** (1 - DEGREES)

    np.testing.assert_allclose(matrix, pcm["M_float64"], rtol=1e-7)


def test_mapped_colors_agree_with_the_reference(pcm: dict[str, Any]) -> None:
    mapped = 255 * map_polynomial(fitted(pcm), pcm["hr_src"] / 255)

    assert_agrees(mapped, pcm["hr_mapped_float"], rtol=0, atol=1e-4)
    assert_equals(mapped.clip(0, 255).astype(np.uint8), pcm["hr_mapped_uint8"])


def test_full_size_result_agrees_with_the_reference_but_rounds(pcm: dict[str, Any]) -> None:
    small = (pcm["lr_src"] / 255, pcm["lr_dst"] / 255, pcm["lr_mask"])

    result = np.rint(255 * polynomial_color_mapping(*small, pcm["hr_src"] / 255, pcm["hr_mask"]))

    mapped, inside = pcm["hr_mapped_float"], pcm["hr_mask"] > 0
    changed = mapped.sample(np.broadcast_to(inside[..., None], result.shape))
    assert np.array_equal(mapped.sample(result)[changed], np.rint(mapped.values.clip(0, 255))[changed])
    assert np.array_equal(result[~inside], pcm["hr_src"][~inside])


def test_a_polynomial_is_found_again(generator: np.random.Generator) -> None:
    matrix, colors = generator.normal(size=(3, 11)), generator.uniform(size=(200, 3))

    np.testing.assert_allclose(fit_polynomial(colors, map_polynomial(matrix, colors)), matrix, atol=1e-10)


def test_terms_come_in_the_papers_order() -> None:
    red, green, blue = color = np.array([0.2, 0.5, 0.7])
    terms = [red, green, blue, red * green, red * blue, green * blue, red**2, green**2, blue**2, red * green * blue, 1]

    found = [map_polynomial(np.tile(np.eye(11)[index], (3, 1)), color)[0] for index in range(11)]

    np.testing.assert_allclose(found, terms)


@pytest.mark.parametrize("count", [1, 5, 49])
def test_few_pixels_give_the_smallest_of_the_best_matrices(count: int, generator: np.random.Generator) -> None:
    source, target = generator.uniform(size=(count, 3)), generator.uniform(size=(count, 3))
    terms = np.stack([map_polynomial(np.tile(row, (3, 1)), source)[:, 0] for row in np.eye(11)], 1)

    np.testing.assert_allclose(fit_polynomial(source, target), (np.linalg.pinv(terms) @ target).T, atol=1e-8)


def test_a_foreground_of_one_color_keeps_the_matrix_small() -> None:
    source, target = np.full((100, 3), 0.5), np.full((100, 3), 0.25)

    matrix = fit_polynomial(source, target)

    assert np.abs(matrix).max() < 1
    np.testing.assert_allclose(map_polynomial(matrix, source), target)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 40), width=st.integers(1, 40))
def test_an_unchanged_small_picture_changes_nothing(seed: int, height: int, width: int) -> None:
    generator = np.random.default_rng(seed)
    small, full = generator.uniform(size=(16, 16, 3)), generator.uniform(size=(height, width, 3))

    result = polynomial_color_mapping(small, small, np.ones((16, 16)), full, generator.uniform(size=(height, width)))

    np.testing.assert_allclose(result, full, atol=1e-9)


def test_blocks_of_rows_leave_no_seam(generator: np.random.Generator) -> None:
    small, full = generator.uniform(size=(16, 16, 3)), generator.uniform(size=(700, 100, 3))

    result = polynomial_color_mapping(small, small**2, np.ones((16, 16)), full, np.ones((700, 100)))

    np.testing.assert_allclose(result, full**2, atol=1e-10)


def test_single_precision_stays_single(generator: np.random.Generator) -> None:
    small, full = generator.uniform(size=(16, 16, 3)), generator.uniform(size=(30, 20, 3)).astype(np.float32)

    result = polynomial_color_mapping(small, small**2, np.ones((16, 16)), full, np.ones((30, 20), np.float32))

    assert result.dtype == np.float32
    np.testing.assert_allclose(result, full**2, atol=1e-6)


def test_the_background_and_the_input_stay_as_they_are(generator: np.random.Generator) -> None:
    small, full = generator.uniform(size=(16, 16, 3)), generator.uniform(size=(30, 20, 3))
    given, mask = full.copy(), np.zeros((30, 20))
    mask[5:10, 5:10] = 1

    result = polynomial_color_mapping(small, small**2, np.ones((16, 16)), full, mask)

    assert np.array_equal((result != full).any(2) & (mask == 0), np.zeros((30, 20), bool))
    assert np.array_equal(full, given)
    assert not np.array_equal(result, full)


def test_only_the_small_foreground_is_fitted(generator: np.random.Generator) -> None:
    small, full = generator.uniform(size=(16, 16, 3)), generator.uniform(size=(9, 9, 3))
    mask = np.where(np.arange(16) < 8, 0.6, 0.4) * np.ones((16, 1))
    result = np.where(mask[..., None] > 0.5, small**2, 0.0)

    mapped = polynomial_color_mapping(small, result, mask, full, np.ones((9, 9)))

    np.testing.assert_allclose(mapped, full**2, atol=1e-10)


def test_colors_outside_the_range_are_clipped() -> None:
    small, full = np.random.default_rng(0).uniform(0.3, 0.5, (16, 16, 3)), np.ones((4, 4, 3))

    result = polynomial_color_mapping(small, 2 * small, np.ones((16, 16)), full, np.ones((4, 4)))

    assert np.array_equal(result, full)


def test_a_foreground_that_vanishes_in_the_thumbnail_is_left_alone(generator: np.random.Generator) -> None:
    small, full = generator.uniform(size=(16, 16, 3)), generator.uniform(size=(30, 20, 3))

    with pytest.warns(UserWarning, match="no foreground at the working size"):
        result = polynomial_color_mapping(small, small**2, np.full((16, 16), 0.3), full, np.ones((30, 20)))

    assert np.array_equal(result, full)


class Brighter(HarmonizationModel):
    """Adds a tenth, which is a polynomial, at a small working size."""

    name = "brighter"
    working_size = 8

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the brighter picture."""
        return Prediction(composite + 0.1)


@pytest.fixture
def pair(tmp_path: Path, generator: np.random.Generator) -> Pair:
    """A noisy photograph (which no thumbnail keeps) and its composite, whose foreground lacks the tenth that ``Brighter`` adds."""
    target = generator.integers(60, 200, (40, 30, 3)).astype(np.uint8)
    mask = np.zeros((40, 30), np.uint8)
    mask[5:35, 5:25] = 255
    composite = np.where(mask[..., None] > 0, target - 51 // 2, target).astype(np.uint8)
    paths = [tmp_path / name for name in ("a_1_1.png", "a_1.png", "a.png")]
    for path, array in zip(paths, (composite, mask, target), strict=True):
        write_png(path, array)
    return Pair("a_1_1", "mini", *paths)


def test_pcm_is_scored_at_full_size_with_the_composites_detail(pair: Pair, tmp_path: Path) -> None:
    scores = score_method(Brighter(), [pair], "harmonizer_full", tmp_path / "scores.csv", benchmark="mini", upsampling="pcm")

    assert scores["fmse"].item() == pytest.approx((255 * 0.1 - 51 // 2) ** 2, abs=1e-3)


def test_bilinear_is_scored_in_place_of_the_methods_own_way(pair: Pair, tmp_path: Path) -> None:
    class WithOwnWay(Brighter):
        def upscale(self, prediction: Prediction, composite_full: Tensor, mask_full: Tensor | None = None) -> Tensor:
            return composite_full

    found, resized = (
        score_method(model, [pair], "harmonizer_full", tmp_path / f"{way}.csv", benchmark="mini", upsampling=way)
        for model, way in ((WithOwnWay(), "bilinear"), (Brighter(), "own"))  # a method that says nothing is resized
    )

    assert found["fmse"].item() == resized["fmse"].item()


def test_scores_of_two_ways_do_not_mix_in_one_table(pair: Pair, tmp_path: Path) -> None:
    score_method(Brighter(), [pair], "harmonizer_full", tmp_path / "scores.csv", benchmark="mini")

    scores = score_method(Brighter(), [pair], "harmonizer_full", tmp_path / "scores.csv", benchmark="mini", upsampling="pcm")

    assert sorted(scores["method"]) == ["brighter", "brighter_pcm"]


def test_an_unknown_way_of_scoring_is_told_the_known_ones(pair: Pair, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match='upsampling is "cubic": choose from own, bilinear, pcm'):
        score_method(Brighter(), [pair], "harmonizer_full", tmp_path / "scores.csv", benchmark="mini", upsampling="cubic")
