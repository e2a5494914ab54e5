"""Verdicts: agrees, differs, cannot say."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from harmlib.errors import ParameterError
from harmlib.evaluation.intervals import Interval
from reproduction.kit.findings import (
    AGREES,
    ALL_WORSE,
    CANNOT_SAY,
    DIFFERS,
    NOT_TESTABLE,
    STAND_IN,
    judge_exact,
    judge_sign,
    judge_together,
    judge_value,
    not_testable,
    whole_verdict,
)
from reproduction.kit.verdicts import (
    BUILT,
    MEASURED,
    UNTESTABLE,
    ClaimResult,
    Construction,
    Setting,
    claim_rows,
    claims_view,
    judge,
    printed_number,
    readable,
    save_claims,
)
from reproduction.profiles import load_profile

DATA = "embedded"
BELOW, ABOVE, OPEN = Interval(-2, -3, -1, 12, 12, 0.01), Interval(2, 1, 3, 12, 12, 0.01), Interval(-1, -3, 1, 12, 12, 0.4)
NONE = Interval(math.nan, math.nan, math.nan, 0)


@pytest.mark.parametrize(
    ("low", "high", "expected", "verdict"),
    [
        (-3, -1, "below", "agrees"),
        (1, 3, "below", "differs"),
        (-1, 1, "below", "cannot say"),
        (1, 3, "above", "agrees"),
        (-3, -1, "above", "differs"),
        (0, 2, "above", "cannot say"),
    ],
)
def test_order_is_judged_by_the_whole_interval(low: float, high: float, expected: str, verdict: str) -> None:
    result = judge_sign(Interval((low + high) / 2, low, high, 9), expected=expected, data=DATA)

    assert result.verdict == verdict


def test_order_without_an_interval_cannot_be_judged() -> None:
    single = Interval(-3.0, math.nan, math.nan, 1)

    assert judge_sign(single, expected="below", data=DATA).verdict == "cannot say"


@pytest.mark.parametrize(("paper", "tolerance", "verdict"), [(24.0, 0, "agrees"), (26.0, 0, "differs"), (26.0, 2, "agrees")])
def test_value_is_judged_by_the_interval(paper: float, tolerance: float, verdict: str) -> None:
    result = judge_value(Interval(24, 23, 25, 9), paper=paper, tolerance=tolerance, data=DATA)

    assert result.verdict == verdict


def test_value_without_an_interval_cannot_be_judged() -> None:
    assert judge_value(Interval(24, math.nan, math.nan, 1), paper=24, data=DATA).verdict == "cannot say"


@pytest.mark.parametrize(
    ("low", "high", "narrow", "verdict"),
    [
        (22, 26, None, "agrees"),
        (21, 27, None, "cannot say"),
        (23.5, 24.4, 0.4, "cannot say"),
        (26, 40, None, "differs"),
        (2, 181, None, "cannot say"),
    ],
)
def test_value_agrees_only_where_the_interval_could_have_disagreed(low: float, high: float, narrow: float | None, verdict: str) -> None:
    ours = Interval((low + high) / 2, low, high, 3)

    assert judge_value(ours, paper=24, narrow=narrow, data=DATA).verdict == verdict


def test_values_of_stand_in_photographs_are_not_compared() -> None:
    ours = Interval(24, 23.9, 24.1, 99)

    result = judge_value(ours, paper=24, data="iHarmony4-style, ccp + camvid + bsds500")

    assert (result.verdict, result.ours.mean) == ("not comparable (stand-in photographs)", 24)


@pytest.mark.parametrize("name", ["smoke", "small"])
def test_stand_ins_for_a_data_set_are_named_so(name: str) -> None:
    plans = [plan for paper in load_profile(name).papers for plan in load_profile(name).paper(paper).benchmarks if plan.scored]

    assert plans
    assert {plan.title for plan in plans if not plan.title.startswith(f"{plan.dataset}{STAND_IN}")} == set()


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        ([BELOW, BELOW], AGREES),
        ([BELOW, OPEN], CANNOT_SAY),
        ([BELOW, OPEN, ABOVE], DIFFERS),
        ([BELOW, NONE], CANNOT_SAY),
        ([ABOVE, NONE], DIFFERS),
        ([NONE, NONE], NOT_TESTABLE),
    ],
)
def test_claims_about_several_things_need_all_of_them(parts, verdict):
    named = dict(zip("abc", parts, strict=False))

    assert judge_together(named, expected="below", data="mini").verdict == verdict


def test_part_farthest_from_what_is_expected_is_shown():
    result = judge_together({"a": BELOW, "b": OPEN}, expected="below", data="mini")

    assert result.ours == OPEN
    assert result.note == "of 2 comparisons 1 agrees, 1 cannot say; shown: b"


def test_one_part_of_many_that_differs_by_chance_is_not_enough() -> None:
    chance = Interval(2, 0.1, 3.9, 30, 30, 0.04)
    parts = {str(index): OPEN for index in range(31)}

    assert judge_together({"a": chance}, expected="below", data=DATA).verdict == DIFFERS
    assert judge_together({**parts, "a": chance}, expected="below", data=DATA).verdict == CANNOT_SAY


@pytest.mark.parametrize(("ours", "verdict"), [(11.98, "agrees"), (11.99, "agrees"), (12.1, "differs")])
def test_count_is_judged_within_the_tolerance(ours: float, verdict: str) -> None:
    assert judge_exact(ours, paper=11.98, tolerance=0.0101, data=DATA).verdict == verdict


def results_of(*claims: str) -> list[ClaimResult]:
    """Settings that are as printed."""
    return judge(dict.fromkeys(claims, Setting(1, paper=1, data=DATA)))


def test_setting_is_compared_with_the_number_that_the_paper_prints() -> None:
    settings = {"sgmmh-C19": Setting(lambda: 40_000), "frih-C03": Setting(11.9834, tolerance=0.005), "harmonizer-C14": Setting(1)}

    results = {result.claim_id: (result.kind, result.verdict) for result in judge(settings)}

    assert results == {"sgmmh-C19": (BUILT, AGREES), "frih-C03": (BUILT, AGREES), "harmonizer-C14": (BUILT, DIFFERS)}


@pytest.mark.parametrize(("claim_id", "number"), [("sgmmh-C19", 40_000), ("harmonizer-C17", 3e-4), ("frih-C06", 9.3), ("frih-C24", None)])
def test_printed_number_is_read_where_a_claim_has_one(claim_id: str, number: float | None) -> None:
    assert printed_number(claim_id) == pytest.approx(math.nan if number is None else number, nan_ok=True)


def test_what_is_built_what_is_measured_and_what_cannot_be_tested_are_told_apart() -> None:
    sign = judge_sign(BELOW, expected="below", data=DATA)
    stand_in = judge_value(ABOVE, paper=2, data=f"a{STAND_IN}")
    table = {
        "frih-C22": Construction(lambda _, __: sign),
        "frih-C31": lambda _, __: sign,
        "frih-C01": lambda _, __: not_testable("needs iHarmony4"),
        "frih-C02": lambda _, __: stand_in,
    }

    assert [result.kind for result in judge(table)] == [BUILT, MEASURED, UNTESTABLE, UNTESTABLE]


def test_part_in_which_both_methods_lose_to_doing_nothing_is_no_agreement() -> None:
    parts = {"a": BELOW, "b": BELOW}

    assert judge_together(parts, expected="below", data=DATA, lost=["b"]).verdict == CANNOT_SAY
    assert judge_together(parts, expected="below", data=DATA, lost=["a", "b"]).verdict == ALL_WORSE


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        ([AGREES, AGREES], AGREES),
        ([AGREES, CANNOT_SAY], CANNOT_SAY),
        ([AGREES, CANNOT_SAY, DIFFERS], DIFFERS),
        ([ALL_WORSE, ALL_WORSE], ALL_WORSE),
        ([AGREES, ALL_WORSE], CANNOT_SAY),
        ([], CANNOT_SAY),
    ],
)
def test_whole_holds_where_every_part_does_and_fails_where_one_does(verdicts: list[str], whole: str) -> None:
    assert whole_verdict(verdicts) == whole


def test_unknown_claim_is_refused() -> None:
    with pytest.raises(ParameterError, match='claim "frih-C99" is unknown'):
        results_of("frih-C99")


def test_unknown_expectation_is_refused() -> None:
    with pytest.raises(ParameterError, match='expected "better" is unknown'):
        judge_sign(Interval(1, 0, 2, 9), expected="better", data=DATA)


def test_claims_are_saved_by_id(tmp_path: Path) -> None:
    save_claims(results_of("frih-C05", "frih-C03"), tmp_path, "frih")

    saved = pd.read_csv(tmp_path / "claims-frih.csv")
    assert list(saved) == ["claim_id", "kind", "verdict", "ours", "low", "high", "n", "data", "note"]
    assert saved["claim_id"].tolist() == ["frih-C03", "frih-C05"]


def test_claim_of_another_paper_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match='"frih-C03" belongs to "frih", not to "sgmmh"'):
        save_claims(results_of("frih-C03"), tmp_path, "sgmmh")


def test_claim_judged_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match='"frih-C03" is judged twice'):
        save_claims(results_of("frih-C03") * 2, tmp_path, "frih")


def test_exact_numbers_are_shown_without_an_interval() -> None:
    table = pd.DataFrame({"paper": ["6", 0.5], "ours": [6.0, 0.4915], "low": [6.0, 0.47], "high": [6.0, 0.513]})

    assert readable(table)["95 % interval"].tolist() == ["", "[0.47, 0.513]"]


def test_claim_that_cannot_be_tested_is_shown_with_its_reason_and_no_number(tmp_path: Path) -> None:
    view = claims_view(save_claims(judge({"sgmmh-C01": lambda _, __: not_testable("needs ADE20K")}), tmp_path, "sgmmh"))

    assert view.loc[0, ["ours", "verdict", "note"]].tolist() == ["", NOT_TESTABLE, "needs ADE20K"]


def test_claim_stands_in_the_summary_with_the_papers_value() -> None:
    (row,) = claim_rows(judge({"sgmmh-C11": Setting(6, note="all"), "sgmmh-C13": Setting(3)}), ["sgmmh-C11"])

    assert (row["paper"], row["ours"], row["verdict"], row["likely reason"]) == ("6", 6, "agrees", "all")
