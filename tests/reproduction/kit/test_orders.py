"""Whether printed orders hold here, and that no order among methods that all lose to doing nothing is one of merit."""

from __future__ import annotations

import pytest
from miniature_frih import FMSE, make_artefacts, score_rows

from reproduction.frih import numbers
from reproduction.kit.comparisons import BETTER, OPEN, TOO_FEW, WORSE
from reproduction.kit.findings import AGREES, ALL_WORSE, CANNOT_SAY, DIFFERS
from reproduction.kit.orders import all_worse, order_verdict


@pytest.mark.parametrize(
    ("reading", "ours", "paper", "lost", "verdict"),
    [
        (BETTER, -2.0, -1.0, False, AGREES),
        (WORSE, 2.0, 1.0, False, AGREES),
        (WORSE, 2.0, -1.0, False, DIFFERS),
        (OPEN, -2.0, -1.0, False, CANNOT_SAY),
        (TOO_FEW, -2.0, -1.0, False, CANNOT_SAY),
        (BETTER, -2.0, -1.0, True, ALL_WORSE),
        (WORSE, 2.0, -1.0, True, ALL_WORSE),
        (BETTER, -2.0, float("nan"), True, ""),
        (BETTER, -2.0, 0.0, False, ""),
    ],
)
def test_order_holds_where_our_clear_difference_has_the_printed_sign(reading, ours, paper, lost, verdict):
    assert order_verdict(reading, ours, paper, lost=lost) == verdict


@pytest.mark.parametrize(("metric", "expected"), [("mse", True), ("psnr", False)])
def test_losing_is_a_larger_error_or_a_smaller_psnr(metric, expected):
    means = {"composite": 10.0, "a": 12.0, "b": 15.0}

    assert all_worse(means, ("a", "b"), metric) is expected


def test_one_method_that_gains_makes_an_order_and_so_does_the_composite_itself():
    assert not all_worse({"composite": 10.0, "a": 12.0, "b": 9.0}, ("a", "b"), "mse")
    assert not all_worse({"composite": 10.0, "a": 12.0}, ("a", "composite"), "mse")
    assert not all_worse({"a": 12.0, "b": 15.0}, ("a", "b"), "mse")


def test_order_of_methods_that_all_harm_is_not_called_agreement(tmp_path):
    harmful = make_artefacts(tmp_path, score_rows({**FMSE, "composite": 100.0}))

    table = numbers.orders(harmful).query("metric == 'fmse'").set_index("comparison")["verdict"]

    assert table["FRIH - Baseline"] == ALL_WORSE
    assert table["FRIH - Input composite"] == DIFFERS
