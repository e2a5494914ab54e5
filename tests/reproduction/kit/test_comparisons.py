"""Readings of many comparisons, orders as one hypothesis, and tables of differences over photographs."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from harmlib.evaluation.intervals import Interval
from reproduction.kit.comparisons import BETTER, OPEN, TOO_FEW, WORSE, bounds, differences, readings

CLEAR, CHANCE, NEAR = Interval(-2, -3, -1, 30, 30, 0.001), Interval(-2, -3.9, -0.1, 30, 30, 0.04), Interval(-1, -3, 1, 30, 30, 0.4)
FEW = Interval(-2, math.nan, math.nan, 9, 9)


def test_one_of_many_that_leaves_zero_out_by_chance_is_not_called():
    assert readings([CHANCE], lower_is_better=[True]) == [BETTER]
    assert readings([CHANCE, CLEAR, NEAR], lower_is_better=[True, False, True]) == [OPEN, WORSE, OPEN]


def test_too_few_photographs_are_called_so_and_count_for_no_comparison():
    assert readings([FEW, CHANCE, FEW], lower_is_better=[True] * 3) == [TOO_FEW, BETTER, TOO_FEW]


def test_area_is_read_against_chance():
    area = Interval(0.7, 0.6, 0.8, 50, 50, 0.001)

    assert readings([area], lower_is_better=[False], against=0.5) == [BETTER]
    assert readings([area], lower_is_better=[False], against=0.65) == [OPEN]


def test_differences_count_photographs(generator: np.random.Generator):
    ids = [f"{photo}_1_{variant}" for photo in range(12) for variant in range(5)]
    noise = np.repeat(generator.normal(size=12), 5)
    parts = [pd.DataFrame({"data": "toy", "method": name, "subset": "p", "id": ids, "mse": 5.0 + noise * (name == "a")}) for name in "ab"]

    row = differences(pd.concat(parts), [("a", "b")], ["mse"]).iloc[0]

    assert (row["n"], row["photographs"]) == (60, 12)
    # Twelve different values, whatever the number of their copies.
    assert row["high"] - row["low"] == pytest.approx(2 * 2.2 * noise[::5].std(ddof=1) / np.sqrt(12), rel=0.25)


def test_interval_is_shown_in_brackets_and_none_is_not():
    assert bounds(1, 2.5) == " [1, 2.5]"
    assert bounds(1, 2.5, "+.2f") == " [+1.00, +2.50]"
    assert bounds(math.nan, math.nan) == ""
