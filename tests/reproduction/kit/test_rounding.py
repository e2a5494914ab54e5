"""Stored numbers have the digits that their intervals support, and no others."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from reproduction.kit.rounding import rounded
from reproduction.kit.style import save_csv


def test_number_has_two_digits_of_its_half_width() -> None:
    table = pd.DataFrame({"ours": [1234.5678, 0.123456], "low": [1111.1, 0.120001], "high": [1399.9, 0.127777]})

    assert rounded(table).to_numpy().tolist() == [[1230, 1110, 1400], [0.1235, 0.1200, 0.1278]]


@pytest.mark.parametrize(("low", "high"), [(math.nan, math.nan), (11.98342, 11.98342)])
def test_number_without_a_width_has_four_digits(low: float, high: float) -> None:
    assert rounded(pd.DataFrame({"ours": [11.98342], "low": [low], "high": [high]}))["ours"].tolist() == [11.98]


def test_named_intervals_belong_to_their_columns() -> None:
    table = pd.DataFrame({"share": [0.51234], "low": [0.4], "high": [0.6], "auc": [0.77777], "auc_low": [0.771], "auc_high": [0.785]})

    assert rounded(table)[["share", "auc"]].to_numpy().tolist() == [[0.51, 0.7778]]


def test_counts_and_printed_numbers_stay() -> None:
    table = pd.DataFrame({"ours": [65742.0, 0.33333], "paper": [346.324, -14.275], "ratio in the paper": [1.39374, 1.0], "n": [12345, 6]})

    assert rounded(table)["ours"].tolist() == [65742, 0.3333]
    pd.testing.assert_frame_equal(rounded(table)[["paper", "ratio in the paper", "n"]], table[["paper", "ratio in the paper", "n"]])


def test_what_is_left_of_zero_is_zero() -> None:
    assert rounded(pd.DataFrame({"ours": [3e-15, -3e-15]}))["ours"].map(str).tolist() == ["0.0", "0.0"]


def test_last_digits_of_another_machine_do_not_reach_the_file(generator: np.random.Generator, tmp_path) -> None:
    ours = generator.uniform(50, 500, 30)
    table = pd.DataFrame({"method": "m", "ours": ours, "low": 0.8 * ours, "high": 1.2 * ours, "spread": ours / 1000})

    elsewhere = table.assign(**{name: table[name] * (1 + 1e-9) for name in ("ours", "low", "high", "spread")})

    assert save_csv(table, tmp_path / "a.csv").read_bytes() == save_csv(elsewhere, tmp_path / "b.csv").read_bytes()
