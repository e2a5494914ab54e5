"""Intervals over photographs: known values, clusters, skewness, bootstraps, and corrections for many comparisons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harmlib.evaluation.intervals import (
    FEWEST,
    auc_interval,
    bootstrap_interval,
    draw_weights,
    holm,
    mean_interval,
    percentile_interval,
    rank_correlation,
    ratio_of_means,
    widened,
)

SYMMETRIC = np.array([-4.0, -3, -2, -1, -0.5, 0.5, 1, 2, 3, 4]) + 1
values_of_photographs = st.lists(st.floats(-100, 100).map(lambda value: round(value, 3)), min_size=FEWEST, max_size=25)


def numbers(interval) -> list[float]:
    return [interval.mean, interval.low, interval.high, interval.p]


def test_symmetric_values_have_the_t_interval_and_its_p():
    expected = stats.ttest_1samp(SYMMETRIC, 0)

    found = mean_interval(SYMMETRIC, None)

    assert numbers(found) == pytest.approx([1, *expected.confidence_interval(), expected.pvalue])
    assert (found.n, found.units) == (10, 10)


def test_composites_of_one_photograph_count_once():
    # Two photographs of 2 composites, eight of 1: mean 0.5, residuals of the sums ±1 and ±0.5, 1.5 by hand; 144 / 16 effective ones.
    values, units = [1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0], list("aabbcdefghij")

    found = mean_interval(values, units)

    error = np.sqrt(10 / 9 * (2 * 1.0**2 + 8 * 0.5**2)) / 12
    half = stats.t.isf(0.025, 9 - 1) * error
    assert [found.mean, found.low, found.high] == pytest.approx([0.5, 0.5 - half, 0.5 + half])
    assert (found.n, found.units) == (12, 10)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(values_of_photographs, st.integers(2, 5))
def test_duplicates_of_every_composite_change_nothing(values: list[float], copies: int):
    units = np.arange(len(values)) // 2 if len(values) >= 2 * FEWEST else np.arange(len(values))

    single = mean_interval(values, units)
    copied = mean_interval(np.repeat(values, copies), np.repeat(units, copies))

    assert numbers(copied) == pytest.approx(numbers(single), abs=1e-6, nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(values_of_photographs, st.floats(-5, 5), st.floats(0.1, 10))
def test_interval_moves_with_the_values(values: list[float], shift: float, scale: float):
    before, after = (mean_interval(np.array(values) * factor + moved, None) for factor, moved in ((1, 200), (-scale, shift - 200 * scale)))

    assert [after.mean, after.low, after.high] == pytest.approx(
        [shift - scale * end for end in (before.mean, before.high, before.low)], abs=1e-6 * max(1, scale)
    )


@settings(max_examples=60, deadline=None)
@given(values_of_photographs)
def test_p_is_below_5_percent_where_zero_is_left_out(values: list[float]):
    found = mean_interval([*values, -1.0], None)

    assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_long_tail_widens_its_own_side():
    values = np.exp(np.linspace(-2, 3, 20))

    found = mean_interval(values, None)

    plain = stats.ttest_1samp(values, 0).confidence_interval()
    assert found.high - found.mean > 1.2 * (plain.high - found.mean)
    assert found.low == pytest.approx(plain.low)


def test_no_end_is_negative_where_no_value_is():
    assert mean_interval([0] * 14 + [100], None).low == 0


def test_too_few_photographs_have_a_mean_and_no_interval():
    found = mean_interval(np.arange(2.0 * (FEWEST - 1)), np.repeat(np.arange(FEWEST - 1), 2))

    assert (found.mean, found.n, found.units) == (8.5, 18, 9)
    assert np.isnan([found.low, found.high, found.p]).all()


def test_unknown_values_are_left_out():
    found = mean_interval([*SYMMETRIC, np.nan], None)

    assert found == mean_interval(SYMMETRIC, None)


def test_nothing_known_has_no_mean():
    found = mean_interval([np.nan, np.nan], None)

    assert found.n == found.units == 0
    assert np.isnan(found.mean)


def test_equal_values_have_an_interval_without_width():
    assert numbers(mean_interval([2.0] * 12, None)) == [2, 2, 2, 0]
    assert numbers(mean_interval([0.0] * 12, None)) == [0, 0, 0, 1]


def test_ratio_of_proportional_scores_is_exact(generator: np.random.Generator):
    lower = generator.uniform(1, 5, 30)

    assert numbers(ratio_of_means(3 * lower, lower, None))[:3] == pytest.approx([3, 3, 3])


def test_ratio_to_nothing_is_unknown():
    found = ratio_of_means(np.ones(12), np.zeros(12), None)

    assert np.isnan(found.mean)
    assert found.n == 12


def test_weights_of_a_draw_sum_to_the_units(generator: np.random.Generator):
    weights = draw_weights(7, 50, generator)

    assert (weights.sum(1) == 7).all()
    assert weights.mean(0) == pytest.approx(1, abs=0.5)


def test_widening_is_that_of_a_t_distribution():
    # 2.201 is the 97.5 % quantile of t with 11 degrees of freedom.
    assert widened(1.959964, 12) == pytest.approx(2.200985 * np.sqrt(12 / 11), rel=1e-5)
    assert widened(1.959964, 100_000) == pytest.approx(1.96, abs=1e-3)


def test_percentiles_are_taken_at_the_widened_level():
    draws = np.linspace(0, 1, 100_001)

    tail = stats.norm.sf(widened(stats.norm.isf(0.025), 12))
    assert percentile_interval(draws, 12) == (pytest.approx(tail, abs=1e-4), pytest.approx(1 - tail, abs=1e-4))


def test_bootstrap_of_a_mean_is_near_the_t_interval():
    values = np.tile(SYMMETRIC, 4)

    found = bootstrap_interval(lambda counts: counts @ values / counts.sum(1), 40, 40)

    assert numbers(found) == pytest.approx(numbers(mean_interval(values, None)), abs=0.12)


def test_one_seed_repeats_and_two_differ():
    values = np.tile(SYMMETRIC, 2)

    first, again, other = (bootstrap_interval(lambda counts: counts @ values / counts.sum(1), 20, 20, seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_rank_correlation_is_spearmans(generator: np.random.Generator):
    x = generator.integers(0, 9, 40)
    y = x**2 + generator.normal(0, 9, 40).round()

    found = rank_correlation(np.stack([x, y], 1), None)

    assert found.mean == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.low < found.mean < found.high <= 1
    assert found.p < 0.05


def test_partial_correlation_is_that_of_what_the_third_leaves(generator: np.random.Generator):
    third = generator.normal(size=60)
    values = np.stack([third + generator.normal(size=60), third + generator.normal(size=60), third], 1)

    ranks = stats.rankdata(values, axis=0)
    left = [column - np.polyval(np.polyfit(ranks[:, 2], column, 1), ranks[:, 2]) for column in ranks.T[:2]]
    assert rank_correlation(values, None).mean == pytest.approx(np.corrcoef(left)[0, 1])


def test_copies_of_composites_do_not_narrow_a_correlation(generator: np.random.Generator):
    values, units = generator.normal(size=(20, 2)), np.arange(20)

    copied = rank_correlation(np.repeat(values, 3, axis=0), np.repeat(units, 3))

    assert numbers(copied)[1:] == pytest.approx(numbers(rank_correlation(values, units))[1:], abs=0.05)


def test_equal_counts_have_no_correlation():
    assert np.isnan(rank_correlation(np.stack([np.arange(20.0), np.ones(20)], 1), None).mean)


def test_area_is_that_of_mann_and_whitney(generator: np.random.Generator):
    values, positive = generator.integers(0, 6, 40), generator.random(40) < 0.4

    found = auc_interval(values, positive, None)

    wins = stats.mannwhitneyu(values[positive], values[~positive]).statistic
    assert found.mean == pytest.approx(wins / (positive.sum() * (~positive).sum()))
    assert found.low < found.mean < found.high


def test_area_of_separate_classes_is_one_and_far_from_chance():
    found = auc_interval(np.arange(30), np.arange(30) > 14, None)

    assert (found.mean, found.low, found.high) == (1, 1, 1)
    assert found.p < 0.01


def test_few_of_one_class_have_an_area_without_an_interval():
    found = auc_interval(np.arange(30), np.arange(30) > 25, None)

    assert found.mean == 1
    assert np.isnan([found.low, found.p]).all()


def test_one_class_has_no_area():
    assert np.isnan(auc_interval(np.arange(20), np.ones(20, dtype=bool), None).mean)


def test_holms_correction_by_hand():
    assert holm([0.01, np.nan, 0.04, 0.03]) == pytest.approx([0.03, np.nan, 0.06, 0.06], nan_ok=True)
    assert holm([0.5, 0.6]) == pytest.approx([1, 1])


def test_nothing_to_compare_is_corrected_to_nothing():
    assert holm([]).tolist() == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_correction_raises_p_and_keeps_its_order(p_values: list[float]):
    corrected = holm(p_values)

    assert (corrected >= np.array(p_values)).all()
    assert (np.diff(corrected[np.argsort(p_values, kind="stable")]) >= 0).all()


def test_units_may_be_a_column():
    scores = pd.DataFrame({"mse": np.arange(20.0), "photo": np.repeat(list("abcdefghij"), 2)}, index=range(100, 120))

    assert mean_interval(scores["mse"], scores["photo"]).units == 10
