"""Training seeds beside photographs: spreads, paired differences that use both, and runs by their names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harmlib.errors import DataError
from harmlib.evaluation.repeats import runs_of, seed_difference, seed_table
from harmlib.evaluation.statistics import paired_difference

PHOTOGRAPHS = 30


def run(mean: float, *, noise: float = 1.0, seed: int = 0) -> pd.DataFrame:
    """The scores of one run, on average exactly ``mean``, symmetric about it."""
    half = np.random.default_rng(seed).uniform(0, noise, PHOTOGRAPHS // 2)
    ids = [f"{index}_1_1" for index in range(PHOTOGRAPHS)]
    return pd.DataFrame({"benchmark": "x", "subset": "p", "id": ids, "mse": mean + np.concatenate([half, -half])})


def test_runs_are_found_by_their_names():
    scores = pd.concat([run(1).assign(method=name) for name in ("frih-s1", "composite", "frih-s2", "dih_nm-sharp")])

    assert {name: len(tables) for name, tables in runs_of(scores).items()} == {"frih": 2, "composite": 1, "dih_nm-sharp": 1}


def test_both_variances_add_up_by_hand():
    # Equal noise cancels in the difference: what is left is the spread of the means 1, 2, 3 of one method and of 5, 5, 8 of the other.
    runs = {"a": [run(mean) for mean in (1, 2, 3)], "b": [run(mean) for mean in (5, 5, 8)]}

    found = seed_difference(runs, "a", "b", "mse")

    one, other = 1 / 3, 3 / 3
    freedom = (one + other) ** 2 / (one**2 / 2 + other**2 / 2)
    half = stats.t.isf(0.025, freedom) * np.sqrt(one + other)
    assert [found.mean, found.low, found.high] == pytest.approx([-4, -4 - half, -4 + half])
    assert found.p == pytest.approx(2 * stats.t.sf(4 / np.sqrt(one + other), freedom))
    assert (found.n, found.units) == (PHOTOGRAPHS, PHOTOGRAPHS)


def test_equal_runs_leave_the_interval_over_photographs():
    runs = {"a": [run(1)] * 3, "b": [run(2, noise=5, seed=1)] * 3}
    scores = pd.concat([tables[0].assign(method=name) for name, tables in runs.items()])

    found, single = seed_difference(runs, "a", "b", "mse"), paired_difference(scores, "a", "b", "mse")

    assert [found.mean, found.low, found.high, found.p] == pytest.approx([single.mean, single.low, single.high, single.p], abs=1e-9)


def test_method_without_training_has_no_spread_of_its_own():
    trained = [run(mean) for mean in (1, 2, 3)]

    found = seed_difference({"a": trained, "composite": [run(9)]}, "a", "composite", "mse")

    assert found.high - found.mean == pytest.approx(stats.t.isf(0.025, 2) * np.sqrt(1 / 3))


def test_two_runs_are_too_few():
    found = seed_difference({"a": [run(1), run(2)], "b": [run(9)]}, "a", "b", "mse")

    assert found.mean == -7.5
    assert np.isnan([found.low, found.high, found.p]).all()


def test_seed_that_turns_the_order_around_is_no_clear_difference():
    # The review's case: each pair of single runs differs clearly, the methods do not.
    runs = {"a": [run(mean) for mean in (203, 222, 197)], "b": [run(mean) for mean in (209, 257, 379)]}

    assert runs["a"][1]["mse"].mean() > runs["b"][0]["mse"].mean()
    found = seed_difference(runs, "a", "b", "mse")
    assert found.low < 0 < found.high


def test_spread_of_seeds_stands_beside_the_interval_over_photographs():
    table = seed_table({"a": [run(mean) for mean in (1, 2, 3)], "b": [run(5)]}, ["mse"]).set_index("method")

    assert table["seed_sd"].tolist() == pytest.approx([1, np.nan], nan_ok=True)
    assert table["seeds"].tolist() == [3, 1]
    assert table.loc["a", "low"] < table.loc["a", "image_low"] < table.loc["a", "mean"] == pytest.approx(2)
    assert table.loc["b", ["low", "high"]].tolist() == table.loc["b", ["image_low", "image_high"]].tolist()


def test_runs_on_other_images_are_refused():
    with pytest.raises(DataError, match='runs of "a" are not scored on the same images'):
        seed_difference({"a": [run(1), run(2).iloc[1:]], "b": [run(1)]}, "a", "b", "mse")
    with pytest.raises(DataError, match='"a" and "b" are not scored on the same images'):
        seed_difference({"a": [run(1)], "b": [run(1).iloc[1:]]}, "a", "b", "mse")


def test_image_that_stands_twice_is_refused():
    with pytest.raises(DataError, match='an image of "a" stands in the scores of one run twice'):
        seed_table({"a": [pd.concat([run(1), run(1)])]}, ["mse"])


def test_method_without_runs_is_named():
    with pytest.raises(DataError, match='no run of "b"'):
        seed_difference({"a": [run(1)]}, "a", "b", "mse")
