"""Simulated raters: they follow the stated model, depend on nothing but their seed, and say what they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from harmlib.errors import DataError, ShapeError
from harmlib.filters import RANGES
from reproduction.userstudy import count_rankings
from reproduction.userstudy.bradley_terry import printed_scores, win_probabilities, win_rates
from reproduction.userstudy.choices import printed_votes, vote_table
from reproduction.userstudy.simulated import (
    Behavior,
    choice_study,
    color_difference,
    draw_ranks,
    filter_study,
    preference_study,
    ranking_study,
    utilities_from_distances,
)

PLAIN = Behavior(item_effect=0, careless=0, tie_width=0)
STUDIES = (
    lambda seed: ranking_study(participants=3, items=5, seed=seed).rankings,
    lambda seed: choice_study(participants=3, seed=seed).choices,
    lambda seed: filter_study(participants=3, seed=seed).filters,
)


@pytest.mark.parametrize("simulate", STUDIES)
def test_one_seed_repeats_and_two_differ(simulate) -> None:
    pd.testing.assert_frame_equal(simulate(1), simulate(1))
    assert not simulate(1).equals(simulate(2))


@pytest.mark.parametrize("study", [ranking_study(participants=2, items=2), choice_study(participants=2), filter_study(participants=2)])
def test_every_study_says_that_it_is_simulated(study) -> None:
    assert study.info.synthetic
    assert set(study.participants["group"]) == {"simulated"}


def test_more_participants_and_items_leave_the_others_as_they_are() -> None:
    few, many = ranking_study(participants=2, items=3).rankings, ranking_study(participants=4, items=6).rankings

    joined = few.merge(many, on=["participant", "item", "method"], suffixes=("", "_many"), validate="one_to_one")
    assert len(joined) == len(few)
    assert (joined["rank"] == joined["rank_many"]).all()


def test_pairs_follow_bradley_terry() -> None:
    study = ranking_study(participants=40, behavior=PLAIN)
    rates = win_rates(count_rankings(study.rankings, study.info.methods).pooled)

    expected = win_probabilities(printed_scores("image")["centered"].to_numpy())
    # The standard error of a rate of 3960 pairs is 0.008.
    assert np.nanmax(np.abs(rates - expected)) < 0.03


def test_ranks_without_ties_are_permutations() -> None:
    ranks = draw_ranks(pd.DataFrame(np.zeros((4, 5)), index=list("ijkl")), ["p", "q"], PLAIN, seed=0)

    assert (np.sort(ranks, axis=2) == np.arange(1, 6)).all()


def test_close_utilities_share_a_rank() -> None:
    utilities = pd.DataFrame(np.zeros((30, 5)), index=list(map(str, range(30))))
    shares = [
        (np.diff(np.sort(draw_ranks(utilities, ["p"], Behavior(0, 0, width), seed=0), 2), axis=2) == 0).mean() for width in (0, 0.05, 9)
    ]

    assert shares[0] == 0
    assert 0 < shares[1] < 0.3
    assert shares[2] > 0.95


def test_careless_raters_do_not_look() -> None:
    utilities = pd.DataFrame(np.tile([9.0, 0, -9], (50, 1)), index=list(map(str, range(50))))

    careful, careless = (draw_ranks(utilities, list("pqrs"), Behavior(0, share, 0), seed=0) for share in (0, 1))

    assert (careful[..., 0] == 1).mean() > 0.99
    assert (careless[..., 0] == 1).mean() == pytest.approx(1 / 3, abs=0.1)


def test_item_effects_are_shared_by_all_raters() -> None:
    study = ranking_study(participants=60, items=6, behavior=Behavior(item_effect=3, careless=0, tie_width=0))
    ranks = study.rankings.pivot_table(index="item", columns="method", values="rank")

    # Without item effects the mean ranks of 60 raters differ between items by 0.26 (standard deviation).
    assert ranks.std().mean() > 0.8


def test_positions_are_a_random_permutation() -> None:
    rankings = ranking_study(participants=6, items=30).rankings

    assert (rankings.groupby(["participant", "item"])["position"].apply(sorted).map(tuple) == tuple(range(1, 8))).all()
    assert rankings.groupby("method")["position"].mean().between(3, 5).all()


def test_smaller_distance_is_preferred() -> None:
    distances = pd.DataFrame({"near": [1.0, 2.0] * 10, "far": [10.0, 30.0] * 10}, index=[f"i{number}" for number in range(20)])

    study = preference_study(3 * utilities_from_distances(distances), behavior=PLAIN)

    wins = count_rankings(study.rankings, study.info.methods).pooled
    assert wins[0, 1] / wins.sum() > 0.95


def test_utilities_are_standardized_per_item() -> None:
    distances = pd.DataFrame([[1.0, 2, 3], [100, 200, 300], [5, 5, 5]])

    utilities = utilities_from_distances(distances)

    assert utilities.loc[0].tolist() == pytest.approx(utilities.loc[1].tolist())
    assert utilities.std(axis=1, ddof=0).tolist() == pytest.approx([1, 1, 0])


def test_missing_distance_is_refused() -> None:
    with pytest.raises(DataError, match="a distance is missing"):
        utilities_from_distances(pd.DataFrame([[1.0, np.nan]]))


def test_color_difference_is_the_foregrounds_mean(photo_array: np.ndarray) -> None:
    harmonized = photo_array.copy()
    harmonized[:24, :, 0] //= 2
    foreground = np.zeros((48, 64), dtype=bool)
    foreground[10:30, 5:40] = True

    expected = deltaE_ciede2000(rgb2lab(harmonized), rgb2lab(photo_array))[foreground].mean()

    assert color_difference(harmonized, photo_array, foreground) == pytest.approx(expected)


def test_equal_pictures_have_no_color_difference(photo_array: np.ndarray) -> None:
    assert color_difference(photo_array, photo_array, np.ones((48, 64), dtype=bool)) == 0


def test_empty_foreground_is_refused(photo_array: np.ndarray) -> None:
    with pytest.raises(ShapeError, match="some foreground"):
        color_difference(photo_array, photo_array, np.zeros((48, 64), dtype=bool))


def test_choices_have_the_printed_shares() -> None:
    study = choice_study(participants=600)
    shares = vote_table(study.choices, study.info.methods)["share"]

    # The standard error of a share of 6600 votes is 0.006.
    assert (shares - printed_votes()["share"]).abs().max() < 0.02


def test_choices_have_the_papers_design() -> None:
    choices = choice_study().choices

    assert len(choices) == 660
    assert choices["scenario"].nunique() == 3
    assert (choices["options"].str.count(r"\|") == 3).all()


def test_first_place_is_chosen_more_often_under_position_bias() -> None:
    choices = choice_study(position_bias=1).choices

    first = choices["options"].str.split("|").str[0] == choices["chosen"]
    assert first.mean() > 0.35


def test_filter_study_has_the_papers_design() -> None:
    answers = filter_study().filters
    images = answers.drop_duplicates(["participant", "image"])

    assert images.groupby("participant")["role"].value_counts().eq(5).all()
    assert images.loc[images["role"] == "common", "image"].nunique() == 5
    assert images.loc[images["role"] == "random", "image"].nunique() > 25


def test_untouched_filters_have_argument_zero() -> None:
    answers = filter_study().filters

    assert (answers.loc[answers["touched"] == 0, "argument"] == 0).all()
    assert answers["argument"].between(-1, 1).all()


def test_important_filters_are_touched_more_often() -> None:
    shares = filter_study().filters.groupby("importance")["touched"].mean()

    assert shares.loc[5] == 1
    assert shares.loc[2] == pytest.approx(0.4, abs=0.1)


def test_everybody_turns_all_filters_by_a_gain_of_their_own() -> None:
    answers = filter_study(participants=150).filters.query("touched == 1")
    answers = answers.assign(strength=answers["argument"].abs() / answers["filter"].map(RANGES))

    halves = answers.pivot_table(index="participant", columns="role", values="strength")

    assert halves.corr().loc["common", "random"] > 0.4
