"""How often the intervals hold the truth, over simulated studies."""

from __future__ import annotations

import numpy as np
import pytest

from reproduction.userstudy.bradley_terry import printed_scores
from reproduction.userstudy.coverage import coverage, population_scores, true_scores

# A fifth of what a study takes: an interval is then a few per cent off, either way, and 200 of them are not on average.
DRAWS = 200


@pytest.fixture(scope="module")
def strengths() -> dict[str, float]:
    """The printed image row, centered."""
    return printed_scores("image").set_index("method")["centered"].to_dict()


@pytest.mark.slow
def test_twelve_raters_on_24_composites_cover_the_truth_in_90_of_100_studies(strengths: dict[str, float]) -> None:
    result = coverage(strengths, participants=12, items=24, repetitions=100, draws=DRAWS)

    assert result.table["covered"].min() >= 0.9
    assert result.joint >= 0.9
    assert result.order >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("cluster", "item_effect"), [("participant", 0), ("participant", 0.3), ("participant+item", 0.3)])
def test_mean_coverage_over_200_studies_is_that_of_the_specification(strengths: dict[str, float], cluster: str, item_effect: float) -> None:
    result = coverage(strengths, cluster=cluster, item_effect=item_effect, repetitions=200, draws=DRAWS, seed=1000)

    assert 0.9 <= result.table["covered"].mean() <= 0.99


@pytest.mark.slow
def test_few_raters_are_covered_too(strengths: dict[str, float]) -> None:
    result = coverage(strengths, participants=4, repetitions=200, draws=DRAWS)

    assert 0.9 <= result.table["covered"].mean() <= 0.99


def test_raters_alone_do_not_cover_what_holds_for_other_items(strengths: dict[str, float]) -> None:
    others = coverage(strengths, cluster="participant+item", item_effect=1, repetitions=20, draws=DRAWS).table
    same = coverage(strengths, cluster="participant", item_effect=1, repetitions=20, draws=DRAWS).table

    assert (others["width"] > 1.5 * same["width"]).all()


def test_truth_without_item_effects_is_the_model() -> None:
    scores = np.array([0.5, 0.1, -0.6])

    assert true_scores(np.tile(scores, (4, 1))) == pytest.approx(scores, abs=1e-9)
    assert population_scores(scores, 0) == pytest.approx(scores, abs=1e-9)


def test_truth_of_many_items_is_that_of_the_population(generator: np.random.Generator) -> None:
    scores = np.array([0.5, 0.1, -0.6])
    many = scores + generator.normal(0, 1, (100_000, 3))

    assert true_scores(many) == pytest.approx(population_scores(scores, 1), abs=0.01)


def test_item_effects_bring_the_population_closer_to_zero() -> None:
    scores = np.array([0.5, 0.1, -0.6])

    assert population_scores(scores, 0.3) / scores == pytest.approx(0.96, abs=0.005)
