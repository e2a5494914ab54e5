"""Verdicts about user studies: arithmetic can be checked, preferences need people."""

from __future__ import annotations

import pandas as pd
import pytest

from reproduction.exhibits_userstudy import claims, numbers, summary
from reproduction.kit.findings import AGREES, CANNOT_SAY, NOT_TESTABLE
from reproduction.kit.scoreboard import claim_verdicts
from reproduction.kit.verdicts import Setting, judge, save_claims, summary_view
from reproduction.papers import claims as all_claims
from reproduction.userstudy import StudyInfo, StudyRecords
from reproduction.userstudy.simulated import ranking_study


@pytest.fixture(scope="module")
def judged() -> pd.DataFrame:
    return pd.DataFrame(claims.judge_claims()).set_index("claim_id")


@pytest.fixture(scope="module")
def simulated() -> numbers.Scored:
    return numbers.score_study(ranking_study("video", seed=1), draws=100, seed=0)


def as_people(records: StudyRecords) -> StudyRecords:
    """The same answers, as if people had given them."""
    info = StudyInfo(**{**vars(records.info), "synthetic": False})
    return StudyRecords(info, records.participants.assign(group="layperson"), rankings=records.rankings)


def test_every_claim_about_a_study_is_judged(judged) -> None:
    known = all_claims()

    wanted = known[(known["kind"] == "study") & known["paper"].isin(claims.PAPERS)]["id"]
    assert sorted(judged.index) == sorted(wanted)


def test_numbers_of_people_and_sets_agree_with_the_printed_shares(judged) -> None:
    assert judged.loc[["sgmmh-C25", "sgmmh-C26"], "verdict"].tolist() == [AGREES, AGREES]
    assert judged.loc[["sgmmh-C25", "sgmmh-C26"], "ours"].tolist() == [60, 11]


@pytest.mark.parametrize("number", ["04", "05", "06", "31", "32", "33"])
def test_what_only_the_authors_know_cannot_be_said(judged, number) -> None:
    row = judged.loc[f"harmonizer-C{number}"]

    assert row["verdict"] == NOT_TESTABLE
    assert "no answer is published" in row["note"]


def test_claims_of_studies_leave_those_of_the_papers_own_notebook_alone(tmp_path) -> None:
    save_claims(judge({"harmonizer-C11": Setting(6)}), tmp_path / "tables", "harmonizer")

    claims.save_claims(claims.judge_claims(), tmp_path / "tables")

    found = set(claim_verdicts(tmp_path)["claim_id"])
    assert {"harmonizer-C11", "harmonizer-C33", "sgmmh-C25"} <= found
    assert len(found) == 1 + len(claims.judge_claims())


def test_simulated_raters_get_no_verdict_on_an_order(simulated) -> None:
    table = summary.summary_table([simulated], None, [], [])

    rows = table[table["raters"] == "simulated"]
    assert rows["low"].iloc[0] > 0
    assert rows["verdict"].tolist() == [CANNOT_SAY, CANNOT_SAY]


def test_people_get_a_verdict_on_the_same_answers(simulated) -> None:
    asked = numbers.score_study(as_people(simulated.records), draws=100, seed=0)

    table = summary.summary_table([], None, [asked], [])

    rows = table[table["quantity"].str.startswith("score of")]
    assert set(rows["raters"]) == {"people"}
    assert rows["verdict"].tolist() == [AGREES if low > 0 else CANNOT_SAY for low in rows["low"]]
    assert rows["verdict"].iloc[0] == AGREES


def test_summary_starts_with_the_arithmetic_of_the_votes() -> None:
    table = summary.summary_table([], None, [], claims.judge_claims())

    assert table["quantity"].tolist() == ["subjects", "image sets", "share of votes of Sg-MMH less that of the next, %"]
    assert table["ours"].iloc[-1] == pytest.approx(100 * (242 - 160) / 660)


def test_summary_is_read_with_who_answered(simulated) -> None:
    view = summary_view(summary.summary_table([simulated], None, [], claims.judge_claims()))

    assert view.columns[0] == "raters"
    assert view["95 % interval"].iloc[-1].startswith("[")
