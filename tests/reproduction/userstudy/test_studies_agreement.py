"""Agreement between raters against SciPy and textbook limits."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reproduction.papers import published
from reproduction.userstudy.agreement import kendalls_w, mean_tau, order_agreement, rater_agreement
from reproduction.userstudy.simulated import ranking_study


def test_raters_who_rank_alike_agree_fully() -> None:
    ratings = np.tile([1, 2, 3, 4], (5, 1))

    assert kendalls_w(ratings) == pytest.approx(1)
    assert mean_tau(ratings) == pytest.approx(1)


def test_two_opposite_raters_do_not_agree_at_all() -> None:
    ratings = np.array([[1, 2, 3, 4], [4, 3, 2, 1]])

    assert kendalls_w(ratings) == pytest.approx(0)
    assert mean_tau(ratings) == pytest.approx(-1)


def test_concordance_with_ties_is_friedmans_statistic(generator: np.random.Generator) -> None:
    ratings = generator.integers(1, 5, (8, 6))

    friedman = stats.friedmanchisquare(*ratings.T).statistic

    assert kendalls_w(ratings) == pytest.approx(friedman / (8 * 5))


def test_mean_tau_with_ties_and_gaps_is_scipys(generator: np.random.Generator) -> None:
    ratings = generator.integers(1, 5, (6, 7)).astype(float)
    ratings[generator.random(ratings.shape) < 0.2] = np.nan

    taus = []
    for one, other in itertools.combinations(ratings, 2):
        both = ~np.isnan(one) & ~np.isnan(other)
        taus.append(stats.kendalltau(one[both], other[both]).statistic)

    assert mean_tau(ratings) == pytest.approx(np.nanmean(taus))


def test_only_the_order_counts(generator: np.random.Generator) -> None:
    ratings = generator.normal(size=(5, 6))

    assert kendalls_w(np.exp(3 * ratings)) == pytest.approx(kendalls_w(ratings))


@pytest.mark.parametrize("ratings", [np.ones((4, 3)), np.ones((1, 3)), np.ones((3, 1)), np.ones((0, 3))])
def test_nothing_to_agree_on_has_no_agreement(ratings: np.ndarray) -> None:
    assert np.isnan(kendalls_w(ratings))
    assert np.isnan(mean_tau(ratings))


def test_agreement_is_told_per_item_with_the_raters_behind_it() -> None:
    study = ranking_study("video", participants=5, items=2)
    rankings = study.rankings.astype({"rank": "Int64"})
    rankings.loc[0, "rank"] = pd.NA

    table = rater_agreement(rankings, study.info.methods)

    assert table["item"].tolist() == ["video-01", "video-02"]
    assert table["raters"].tolist() == [5, 5]
    assert table["complete"].tolist() == [4, 5]
    assert table["kendalls_w"].between(0, 1).all()


def test_order_is_compared_over_shared_methods() -> None:
    printed = {"a": 1.0, "b": 2.0, "c": 3.0, "paper only": 9.0}

    assert order_agreement({"a": -5, "b": 0, "c": 1, "ours only": 7}, printed) == pytest.approx(1)
    assert order_agreement({"c": -5, "b": 0, "a": 1}, printed) == pytest.approx(-1)
    assert np.isnan(order_agreement({"a": 1}, printed))


def test_the_papers_own_rows_disagree_about_the_composite() -> None:
    table = published("harmonizer", 5)
    image, video = (table[table["subset_or_bucket"] == row].set_index("method")["number"].to_dict() for row in ("image", "video"))

    # Of 15 pairs, four with the composite and one other stand the other way around in the video row.
    assert order_agreement(video, image) == pytest.approx((10 - 5) / 15)
