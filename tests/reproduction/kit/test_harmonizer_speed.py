"""Speeds, sizes and memory of Harmonizer on measurements whose answers are known, and the claims about them."""

from __future__ import annotations

import pandas as pd
import pytest

from reproduction.harmonizer import claims, speed
from reproduction.kit.findings import AGREES, DIFFERS, NOT_TESTABLE
from reproduction.kit.verdicts import ClaimResult, Evidence, judge


def test_speed_table_has_the_papers_units(measured):
    table = speed.speed_table(measured).query("method == 'harmonizer'").set_index("metric")["ours"]

    assert table.to_dict() == pytest.approx({"inference speed": 10, "model size": 19.2, "GPU memory": 1})


def test_speed_table_leaves_out_methods_of_other_papers(measured):
    assert "sgmmh_om" not in set(speed.speed_table(measured)["method"])


def test_ratios_above_one_are_harmonizers(measured):
    ratios = speed.ratio_table(measured).query("`Harmonizer against` == 'DoveNet'").set_index("quantity")

    assert ratios["ratio"].to_dict() == pytest.approx({"inference speed": 4, "model size": 219 / 19.2, "GPU memory": 2})
    assert ratios.loc["inference speed", "ratio in the paper"] == pytest.approx(56.3 / 13.8)


def test_without_harmonizers_frame_there_is_nothing_to_compare(measured):
    others = measured[measured["method"] != "harmonizer"]

    assert speed.ratio_table(others).empty
    assert speed.filter_table(others).empty


def test_speed_by_filters_exchanges_six_for_so_many(measured):
    table = speed.filter_table(measured).set_index("filters")

    assert table["ratio"].to_dict() == pytest.approx({"2 filters": 100 / 60, "4 filters": 100 / 80, "6 filters": 1, "8 filters": 100 / 120})
    assert table.loc["2 filters", "ratio in the paper"] == pytest.approx(86.2 / 56.3)


def speeds_of(measured: pd.DataFrame) -> dict[str, ClaimResult]:
    """What becomes of the claims about speeds."""
    table = {claim_id: claims.CLAIMS[claim_id] for claim_id in ("harmonizer-C01", "harmonizer-C03", "harmonizer-C28")}
    return {result.claim_id: result for result in judge(table, Evidence(None, {"measured": measured}))}


@pytest.mark.parametrize(("milliseconds", "expected"), [(400.0, AGREES), (250.0, DIFFERS)])
def test_speeds_are_judged_on_the_papers_device(measured, milliseconds, expected):
    measured.loc[measured["method"] == "dovenet", "milliseconds"] = milliseconds

    assert speeds_of(measured.assign(device="NVIDIA GeForce RTX 3090"))["harmonizer-C28"].verdict == expected


def test_speeds_of_another_device_are_shown_without_a_verdict(measured):
    results = speeds_of(measured).values()

    assert {result.verdict for result in results} == {NOT_TESTABLE}
    assert all(result.ours > 0 for result in results)


def test_speeds_need_every_method_of_table_3(measured):
    own, *others = speeds_of(measured[measured["method"] != "ht"].assign(device="NVIDIA GeForce RTX 3090")).values()

    assert (own.claim_id, own.verdict, own.ours) == ("harmonizer-C01", DIFFERS, 10)
    assert {result.verdict for result in others} == {NOT_TESTABLE}
    assert all("not every method" in result.note for result in others)


def test_fastest_rival_is_the_one_that_counts(measured):
    measured.loc[measured["method"] == "iih", "milliseconds"] = 200.0

    results = speeds_of(measured)

    assert results["harmonizer-C28"].ours == pytest.approx(2)
    assert "against IIH" in results["harmonizer-C28"].note
