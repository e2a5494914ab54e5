"""Bootstrap intervals: what is drawn, and how wide they come out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harmlib.errors import DataError, ParameterError
from harmlib.evaluation.intervals import widened
from reproduction.userstudy import bootstrap_scores, count_rankings
from reproduction.userstudy.bradley_terry import fit
from reproduction.userstudy.comparisons import Comparisons
from reproduction.userstudy.intervals import Scores, wilson
from reproduction.userstudy.simulated import Behavior, ranking_study
from reproduction.userstudy.two_way import contributions, shrinkage

ENDS = ["low", "high", "joint_low", "joint_high"]


@pytest.fixture(scope="module")
def comparisons() -> Comparisons:
    """The image study at the paper's size."""
    study = ranking_study("image")
    return count_rankings(study.rankings, study.info.methods)


@pytest.fixture(scope="module")
def small() -> Comparisons:
    """Six raters, eight items."""
    study = ranking_study("video", participants=6, items=8)
    return count_rankings(study.rankings, study.info.methods)


def tree(people: int) -> Comparisons:
    """Everybody compares one pair, and each pair is needed to link all methods."""
    wins = np.zeros((people, 1, people + 1, people + 1))
    for person in range(people):
        wins[person, 0, person, person + 1] = wins[person, 0, person + 1, person] = 1
    return Comparisons(tuple(map(str, range(people + 1))), wins)


def widths(scores: Scores) -> np.ndarray:
    return (scores.table["high"] - scores.table["low"]).to_numpy()


def test_scores_are_those_of_the_fit(comparisons: Comparisons) -> None:
    scores = bootstrap_scores(comparisons, draws=20)

    assert scores.table["score"].tolist() == fit(comparisons.pooled, comparisons.methods).scores.tolist()


def test_intervals_hold_the_scores_and_joint_ones_hold_those(comparisons: Comparisons) -> None:
    table = bootstrap_scores(comparisons).table

    assert (table["joint_low"] < table["low"]).all()
    assert (table["low"] < table["score"]).all()
    assert (table["score"] < table["high"]).all()
    assert (table["high"] < table["joint_high"]).all()


def test_wins_and_comparisons_are_counted(comparisons: Comparisons) -> None:
    table = bootstrap_scores(comparisons, draws=20).table

    assert (table["comparisons"] == 12 * 99 * 6).all()
    assert table["wins"].sum() == 24_948


def test_one_seed_repeats_and_two_differ(small: Comparisons) -> None:
    first, again, other = (bootstrap_scores(small, seed=seed).table for seed in (1, 1, 2))

    pd.testing.assert_frame_equal(first, again)
    assert not first[ENDS].equals(other[ENDS])


def test_every_draw_is_a_fit_to_redrawn_raters(small: Comparisons) -> None:
    scores = bootstrap_scores(small, draws=3, seed=4)

    weights = np.random.default_rng(4).multinomial(6, np.full(6, 1 / 6), 3)
    expected = [fit(np.tensordot(weight, small.wins.sum(1), 1), small.methods).scores for weight in weights]
    assert scores.draws == pytest.approx(np.array(expected), abs=1e-7)


def test_raters_that_disagree_widen_the_intervals() -> None:
    alike = ranking_study("video", participants=12, items=20, behavior=Behavior(0, 0, 0))
    own = ranking_study("video", participants=12, items=20, behavior=Behavior(0, 0.5, 0))

    narrow, wide = (widths(bootstrap_scores(count_rankings(study.rankings, study.info.methods))) for study in (alike, own))

    # Careless and careful raters differ most about the best method.
    assert alike.info.methods[-1] == "harmonizer"
    assert wide[-1] > 2 * narrow[-1]


def test_copies_of_the_raters_narrow_the_intervals_by_their_root(comparisons: Comparisons) -> None:
    doubled = Comparisons(comparisons.methods, np.tile(comparisons.wins, (2, 1, 1, 1)))

    ratio = widths(bootstrap_scores(comparisons)) / widths(bootstrap_scores(doubled))

    expected = widened(1.96, 12) / widened(1.96, 24) * np.sqrt(2)
    assert ratio == pytest.approx(expected, rel=0.1)


def test_redrawing_items_too_widens_the_intervals_where_items_differ() -> None:
    study = ranking_study("image", items=24, behavior=Behavior(item_effect=1, careless=0, tie_width=0))
    comparisons = count_rankings(study.rankings, study.info.methods)

    raters, both = (widths(bootstrap_scores(comparisons, cluster=cluster)) for cluster in ("participant", "participant+item"))

    assert np.median(both / raters) > 1.5


def test_the_fewer_of_raters_and_items_decide_how_wide() -> None:
    study = ranking_study("video", participants=12, items=2, behavior=Behavior(0, 0, 0))
    comparisons = count_rankings(study.rankings, study.info.methods)

    raters, both = (widths(bootstrap_scores(comparisons, cluster=cluster)) for cluster in ("participant", "participant+item"))

    # Two items leave one degree of freedom: 18 standard errors instead of 2.3.
    assert np.median(both / raters) > 4


@pytest.mark.parametrize(
    ("parts", "ratio"),
    [
        # (V_r + V_k - V_rk) / (V_r + V_k + V_rk) by hand; the third takes V_r instead of less.
        ([[1, 0], [0, 1]], (2 + 2 - 2) / 6),
        ([[1, 1], [1, 1]], (8 + 8 - 4) / 20),
        ([[1, 1], [-1, -1]], 8 / 12),
        ([[0, 0], [0, 0]], 1),
    ],
)
def test_shrinkage_takes_off_what_is_counted_three_times(parts: list[list[int]], ratio: float) -> None:
    assert shrinkage(np.array(parts, dtype=float)[..., None]) == pytest.approx([np.sqrt(ratio)])


def test_contributions_predict_what_leaving_a_rater_out_does(comparisons: Comparisons) -> None:
    few = Comparisons(comparisons.methods, comparisons.wins[:, :20])
    without = [Comparisons(few.methods, np.delete(few.wins, rater, 0)) for rater in range(12)]
    scores = np.array([bootstrap_scores(one, draws=2).table["score"] for one in without])

    moved = scores.mean(0) - scores

    predicted = contributions(few.wins).sum(1)
    assert np.corrcoef(moved.ravel(), (predicted - predicted.mean(0)).ravel())[0, 1] > 0.97


def test_better_is_what_shares_of_draws_say(comparisons: Comparisons) -> None:
    scores = bootstrap_scores(comparisons)

    assert scores.better.loc["human", "composite"]
    assert not scores.better.loc["composite", "human"]
    assert scores.above.to_numpy()[scores.better.to_numpy()].min() > 0.95
    # A few draws have two methods level.
    assert (scores.above + scores.above.T).to_numpy()[~np.eye(7, dtype=bool)] == pytest.approx(1, abs=0.01)


def test_single_rater_has_scores_and_no_interval() -> None:
    study = ranking_study("video", participants=1, items=20)

    scores = bootstrap_scores(count_rankings(study.rankings, study.info.methods))

    assert scores.table["score"].notna().all()
    assert scores.table[ENDS].isna().all(axis=None)
    assert not scores.better.any(axis=None)


def test_method_that_never_wins_is_kept_and_footnoted(small: Comparisons) -> None:
    wins = small.wins.copy()
    wins[:, :, :, 0] += wins[:, :, 0, :]
    wins[:, :, 0, :] = 0

    scores = bootstrap_scores(Comparisons(small.methods, wins))

    assert np.isfinite(scores.table[["score", *ENDS]]).all(axis=None)
    assert scores.table["score"].idxmin() == 0
    assert (scores.regularized, scores.regularized_draws) == (True, 1000)
    assert "1000 bootstrap draws took virtual wins" in scores.footnote


def test_raters_who_all_answer_alike_leave_intervals_without_width_and_a_footnote():
    wins = np.broadcast_to(np.array([[0, 2, 3], [1, 0, 2], [0, 1, 0]]), (5, 1, 3, 3)).astype(float)

    scores = bootstrap_scores(Comparisons(("a", "b", "c"), wins))

    for end in ENDS:
        np.testing.assert_array_equal(scores.table[end], scores.table["score"])
    assert scores.footnote == "3 intervals without width, because all participants answered alike"


def test_plain_study_has_no_footnote(comparisons: Comparisons) -> None:
    assert bootstrap_scores(comparisons, draws=20).footnote == ""


def test_draws_that_do_not_compare_all_methods_are_left_out_and_counted() -> None:
    scores = bootstrap_scores(tree(3))

    # All three raters are drawn with probability 3! / 3^3.
    assert scores.left_out_draws == pytest.approx(1000 * (1 - 6 / 27), abs=50)
    assert len(scores.draws) == 1000 - scores.left_out_draws


def test_study_without_a_usable_draw_says_so() -> None:
    with pytest.raises(DataError, match="no bootstrap draw compares all methods"):
        bootstrap_scores(tree(20), draws=50)


def test_unknown_cluster_is_named(small: Comparisons) -> None:
    with pytest.raises(ParameterError, match='cluster is "other"'):
        bootstrap_scores(small, cluster="other")


@pytest.mark.parametrize(("votes", "low", "high"), [(136, 17.7, 23.9), (160, 21.1, 27.7), (122, 15.7, 21.6), (242, 33.1, 40.4)])
def test_wilson_intervals_are_those_of_the_specification(votes: int, low: float, high: float) -> None:
    assert [round(100 * end, 1) for end in wilson(votes, 660)] == [low, high]


def test_no_trial_has_no_interval() -> None:
    assert np.isnan(wilson(0, 0)).all()
