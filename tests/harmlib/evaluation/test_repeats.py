"""Training seeds beside photographs: spreads, and paired differences and ratios that use both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harmlib.errors import DataError
from harmlib.evaluation.statistics import mean_score, paired_difference, paired_ratio, paired_scores, summarize

PHOTOGRAPHS = 30


def scores_of(runs: dict[str, Sequence[float]], *, noise: float = 1.0) -> pd.DataFrame:
    """The scores of several runs of each method, on average exactly the numbers given; those of one method are symmetric about them."""
    ids = [f"{index}_1_1" for index in range(PHOTOGRAPHS)]
    parts = []
    for number, (method, means) in enumerate(runs.items()):
        half = np.random.default_rng(number).uniform(0, noise, PHOTOGRAPHS // 2)
        for repeat, mean in enumerate(means):
            rows = {"benchmark": "x", "subset": "p", "id": ids, "mse": mean + np.concatenate([half, -half])}
            parts.append(pd.DataFrame({**rows, "method": method, "repeat": repeat}))
    return pd.concat(parts, ignore_index=True)


def test_both_variances_add_up_by_hand():
    # Without differences between photographs what is left is the spread of the means 1, 2, 3 of one method and of 5, 5, 8 of the other.
    found = paired_difference(scores_of({"a": (1, 2, 3), "b": (5, 5, 8)}, noise=0), "a", "b", "mse")

    one, other = 1 / 3, 3 / 3
    freedom = (one + other) ** 2 / (one**2 / 2 + other**2 / 2)
    half = stats.t.isf(0.025, freedom) * np.sqrt(one + other)
    assert [found.mean, found.low, found.high] == pytest.approx([-4, -4 - half, -4 + half])
    assert found.p == pytest.approx(2 * stats.t.sf(4 / np.sqrt(one + other), freedom))
    assert (found.n, found.units) == (PHOTOGRAPHS, PHOTOGRAPHS)


def test_equal_runs_leave_the_interval_over_photographs():
    scores = scores_of({"a": (1, 1, 1), "b": (2, 2, 2)})

    found, single = (paired_difference(rows, "a", "b", "mse") for rows in (scores, scores.query("repeat == 0").drop(columns="repeat")))

    assert [found.mean, found.low, found.high, found.p] == pytest.approx([single.mean, single.low, single.high, single.p], abs=1e-9)


def test_method_without_training_has_no_spread_of_its_own():
    found = paired_difference(scores_of({"a": (1, 2, 3), "composite": (9,)}, noise=0), "a", "composite", "mse")

    assert found.high - found.mean == pytest.approx(stats.t.isf(0.025, 2) * np.sqrt(1 / 3))


def test_two_runs_are_too_few():
    found = paired_difference(scores_of({"a": (1, 2), "b": (9,)}), "a", "b", "mse")

    assert found.mean == pytest.approx(-7.5)
    assert np.isnan([found.low, found.high, found.p]).all()


def test_seed_that_turns_the_order_around_is_no_clear_difference():
    # The review's case: each pair of single runs differs clearly, the methods do not.
    scores = scores_of({"a": (203, 222, 197), "b": (209, 257, 379)})

    found, first = paired_difference(scores, "a", "b", "mse"), paired_difference(scores.query("repeat == 0"), "a", "b", "mse")

    assert first.high < 0
    assert found.low < 0 < found.high


def test_seeds_move_a_ratio_as_they_move_its_means():
    scores = scores_of({"a": (9, 10, 11), "b": (40,)}, noise=0)

    found = paired_ratio(scores, "a", "b", "mse")

    half = stats.t.isf(0.025, 2) * np.sqrt(1 / 3) / 40
    assert [found.mean, found.low, found.high] == pytest.approx([0.25, 0.25 - half, 0.25 + half])


def test_spread_of_seeds_stands_beside_the_interval_over_photographs():
    scores = scores_of({"a": (1, 2, 3), "b": (5,)})

    table = summarize(scores, by=("method",), metrics=("mse",)).set_index("method")

    assert table["mean"].tolist() == pytest.approx([2, 5])
    assert table["seeds"].tolist() == [3, 1]
    assert table["seed_sd"].tolist() == pytest.approx([1, np.nan], nan_ok=True)
    assert table["n"].tolist() == table["photographs"].tolist() == [PHOTOGRAPHS, PHOTOGRAPHS]
    both = mean_score(scores.query("method == 'a'"), "mse")
    assert both.low < table.loc["a", "low"] < both.mean == pytest.approx(2)


def test_scores_of_single_runs_tell_nothing_of_seeds():
    scores = scores_of({"a": (1,)}).drop(columns="repeat")

    assert "seeds" not in summarize(scores, by=("method",), metrics=("mse",))


def test_runs_on_other_images_are_refused():
    scores = scores_of({"a": (1, 2), "b": (1,)})

    with pytest.raises(DataError, match='runs of "a" are not scored on the same images'):
        paired_difference(scores.iloc[1:], "a", "b", "mse")
    with pytest.raises(DataError, match="not scored on the same images"):
        mean_score(scores[scores["method"] == "a"].iloc[1:], "mse")


def test_image_that_a_run_could_not_score_is_missing():
    scores = scores_of({"a": (1, 2, 3), "b": (5,)})
    scores.loc[0, "mse"] = np.nan

    assert paired_scores(scores, "a", "b", "mse")["a"].isna().sum() == 1
    assert paired_difference(scores, "a", "b", "mse").n == PHOTOGRAPHS - 1


def test_image_that_stands_in_a_run_twice_is_refused():
    scores = scores_of({"a": (1, 2), "b": (1,)})

    with pytest.raises(DataError, match=r'image "0_1_1" of "a" stands in the scores twice'):
        paired_difference(pd.concat([scores, scores.iloc[:1]]), "a", "b", "mse")
