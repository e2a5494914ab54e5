"""The scoreboard tells what is there."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from harmlib.errors import DataError
from harmlib.evaluation.intervals import Interval
from reproduction.kit.findings import ALL_WORSE, Finding, judge_sign, not_testable
from reproduction.kit.scoreboard import claim_verdicts, exhibit_states, write_scoreboard
from reproduction.kit.style import save_csv, save_figure, sentence_figure
from reproduction.kit.verdicts import ClaimResult, Setting, judge, save_claims
from reproduction.papers import exhibits


def gains(*claims: str) -> list[ClaimResult]:
    """Measured claims that agree."""
    found = judge_sign(Interval(1.2, 0.8, 1.6, 9), expected="above", data="toy | small")
    return judge(dict.fromkeys(claims, lambda _, __: found))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A whole table, a table with a missing cell, a figure, and one tested claim."""
    rows = {"ours": [1.0, 2.0], "data": ["toy", "toy"], "note": ["", ""]}
    save_csv(pd.DataFrame(rows), tmp_path / "tables" / "sgmmh-T1.csv")
    save_csv(pd.DataFrame({**rows, "ours": [1.0, None], "note": ["", "not trained"]}), tmp_path / "tables" / "sgmmh-T2.csv")
    save_figure(plt.figure(figsize=(1, 1)), tmp_path / "figures" / "frih-F3")
    save_claims(gains("frih-C31"), tmp_path / "tables", "frih")
    return tmp_path


def state_of(results: Path, exhibit: str) -> pd.Series:
    return exhibit_states(results).set_index("id").loc[exhibit]


def test_every_exhibit_is_listed_in_the_papers_order(results: Path) -> None:
    assert exhibit_states(results)["id"].tolist() == exhibits()["id"].tolist()


def test_whole_table_is_made(results: Path) -> None:
    assert state_of(results, "sgmmh-T1")[["state", "data"]].tolist() == ["made", "toy"]


def test_table_with_missing_cells_is_partly_made_and_says_why(results: Path) -> None:
    assert state_of(results, "sgmmh-T2")[["state", "note"]].tolist() == ["partly", "not trained"]


def test_figure_is_made_when_its_picture_is_there(results: Path) -> None:
    assert state_of(results, "frih-F3")[["state", "file"]].tolist() == ["made", "figures/frih-F3.png"]


def test_figure_made_on_another_machine_stays_made(results: Path) -> None:
    first = write_scoreboard(results, "smoke")
    (results / "figures" / "frih-F3.png").unlink()

    assert write_scoreboard(results, "smoke") == first


def test_absent_exhibit_is_not_made(results: Path) -> None:
    assert state_of(results, "perceptual-T1")["state"] == "not made"


def test_tested_claim_comes_with_the_papers_text(results: Path) -> None:
    claim = claim_verdicts(results).iloc[0]

    assert claim[["verdict", "value", "unit"]].tolist() == ["agrees", "1.37", "dB"]


def test_empty_results_have_no_tested_claim(tmp_path: Path) -> None:
    assert claim_verdicts(tmp_path).empty


def test_page_lists_every_exhibit_and_claim(results: Path) -> None:
    text = write_scoreboard(results, "smoke")

    assert text.count("\n| table ") + text.count("\n| figure ") == len(exhibits())
    assert "| frih-C31 |" in text
    assert "[0.8, 1.6]" in text


def test_page_is_written_where_it_was_announced(results: Path) -> None:
    text = write_scoreboard(results, "smoke")

    assert (results / "scoreboard.md").read_text(encoding="utf-8") == text


def test_bar_within_a_cell_does_not_break_the_table(results: Path) -> None:
    assert "toy \\| small" in write_scoreboard(results, "smoke")


def test_page_of_empty_results_can_be_written(tmp_path: Path) -> None:
    assert "No claim judged." in write_scoreboard(tmp_path, "smoke")


def test_foreign_claims_table_is_refused(tmp_path: Path) -> None:
    save_csv(pd.DataFrame({"a": [1]}), tmp_path / "tables" / "claims-frih.csv")

    with pytest.raises(DataError, match="lacks the column claim_id"):
        claim_verdicts(tmp_path)


def test_claims_of_two_notebooks_stand_together_in_order(results: Path) -> None:
    save_claims(gains("frih-C30"), results / "tables", "frih-studies")

    text = write_scoreboard(results, "smoke")

    assert text.index("| frih-C30 |") < text.index("| frih-C31 |")


def test_claim_that_two_tables_judge_is_refused(results: Path) -> None:
    (results / "tables" / "claims-frih-copy.csv").write_bytes((results / "tables" / "claims-frih.csv").read_bytes())

    with pytest.raises(DataError, match='claim "frih-C31" is judged in two tables'):
        claim_verdicts(results)


def test_exhibit_of_a_user_study_says_who_answered(results: Path) -> None:
    rows = {"raters": ["simulated"], "ours": [1.0], "data": ["toy"], "note": [""]}
    save_csv(pd.DataFrame(rows), results / "tables" / "harmonizer-T5.csv")
    save_csv(pd.DataFrame(rows), results / "tables" / "harmonizer-F2.csv")
    save_figure(plt.figure(figsize=(1, 1)), results / "figures" / "harmonizer-F2")

    assert state_of(results, "harmonizer-T5")[["state", "note"]].tolist() == ["made", "raters: simulated"]
    assert state_of(results, "harmonizer-F2")[["state", "note"]].tolist() == ["made", "raters: simulated"]


def test_figure_that_only_says_why_it_shows_nothing_is_not_made(results: Path) -> None:
    save_figure(sentence_figure("No composite has a detection."), results / "figures" / "perceptual-F7")

    assert state_of(results, "perceptual-F7")[["state", "note"]].tolist() == ["not made", "No composite has a detection."]
    write_scoreboard(results, "smoke")
    assert "perceptual-F7" not in (results / "tables" / "figures.csv").read_text(encoding="utf-8")


def test_headline_counts_settings_measurements_and_what_cannot_be_tested_apart(tmp_path: Path) -> None:
    lost = Finding(ALL_WORSE, Interval(1.2, 0.8, 1.6, 9), "toy")
    table = {
        "frih-C03": Setting(11.98),
        "frih-C16": Setting(99),
        "frih-C29": lambda _, __: lost,
        "frih-C01": lambda _, __: not_testable("needs iHarmony4"),
    }
    save_claims([*judge(table), *gains("frih-C31")], tmp_path / "tables", "frih")

    text = write_scoreboard(tmp_path, "smoke")

    assert "- built as printed: 1 of 2 settings" in text
    assert "- measured: agrees 1, differs 0, cannot say 1, 1 of them all worse than the composite" in text
    assert "- not testable here: 1," in text
