"""People's answers, from the pages they filled in to tables of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from miniature_study import METHODS, RATERS, answer_as_page, make_miniature

from harmlib.errors import DataError, ParameterError
from reproduction.exhibits_userstudy import material, people
from reproduction.userstudy import write_study
from reproduction.userstudy.pages import merge_answers
from reproduction.userstudy.simulated import ranking_study


def asked(root: Path, kind: str) -> Path:
    """Let three attentive raters answer a study; return the merged folder."""
    study = make_miniature(root, kind)
    for rater in [path.stem for path in sorted((study / "pages").glob("rater-*.html"))]:
        (root / f"{rater}.json").write_text(json.dumps(answer_as_page(study, rater)))
    merge_answers(study, sorted(root.glob("rater-*.json")), root / "merged" / f"my-{kind}")
    return root / "merged" / f"my-{kind}"


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("rankings", ["scores", "wins", "agreement"]),
        ("pairs", ["scores", "wins"]),
        ("choices", ["votes", "positions"]),
        ("filters", ["ranges"]),
    ],
)
def test_answers_of_every_kind_become_tables_and_a_figure_of_people(tmp_path, kind, parts) -> None:
    records = material.read_answers(asked(tmp_path, kind))[f"my-{kind}"]

    tables = people.tables_of(records, draws=50, seed=0)
    figure = people.figure_of(records, tables)

    assert list(tables) == parts
    assert all(set(table["raters"]) == {"people"} for table in tables.values())
    assert not any("imulated" in axis.get_title() for axis in figure.axes)
    assert people.is_ranked(records) == (kind in ("rankings", "pairs"))


def test_attentive_raters_order_is_the_order_of_the_scores(tmp_path) -> None:
    records = material.read_answers([asked(tmp_path, "rankings")])["my-rankings"]

    table = people.tables_of(records, draws=50, seed=0)["scores"].set_index("method")

    assert table["ours"].sort_values(ascending=False).index.tolist() == list(METHODS)
    assert "took virtual wins" in table["note"].iloc[0]


def test_tables_name_no_participant(tmp_path) -> None:
    records = material.read_answers(asked(tmp_path, "rankings"))["my-rankings"]

    tables = people.tables_of(records, draws=50, seed=0)

    assert not any("rater-" in table.to_csv() for table in tables.values())


def test_sentences_tell_who_took_part_and_who_was_inattentive(tmp_path) -> None:
    records = material.read_answers(asked(tmp_path, "rankings"))["my-rankings"]

    lines = people.study_sentences(records)

    assert f"{RATERS} participants ({RATERS} layperson), 3 composites" in lines[0]
    assert lines[-1].startswith(f"0 of {RATERS} failed a catch trial")


def test_no_answers_are_no_studies() -> None:
    assert material.read_answers(None) == {}


def test_simulated_raters_are_refused_as_answers(tmp_path) -> None:
    write_study(tmp_path / "study", ranking_study(participants=2, items=2))

    with pytest.raises(DataError, match="holds simulated raters: answers takes people's"):
        material.read_answers(tmp_path / "study")


def test_two_folders_of_one_name_are_refused(tmp_path) -> None:
    folder = asked(tmp_path, "rankings")

    with pytest.raises(ParameterError, match='two folders of answers are called "my-rankings"'):
        material.read_answers([folder, folder])


def test_scores_are_read_in_the_layout_of_table_5_and_a_single_shared_method_is_not_shifted(tmp_path) -> None:
    records = material.read_answers(asked(tmp_path, "rankings"))["my-rankings"]

    view = people.view("scores", people.tables_of(records, draws=50, seed=0)["scores"])

    assert list(view.columns) == ["Composite", "Reinhard in Lab", "Xiao-Ma"]
    assert view.loc[("image", "paper, as printed"), "Composite"] == "0.412"
    assert view.loc[("image", "paper, centered"), "Composite"] == ""


def test_sets_without_scenarios_have_one_panel(tmp_path) -> None:
    records = material.read_answers(asked(tmp_path, "choices"))["my-choices"]
    tables = people.tables_of(records, draws=50, seed=0)

    figure = people.figure_of(records, tables)

    assert set(tables["votes"]["subset_or_bucket"]) == {"all"}
    assert [axis.get_title() for axis in figure.axes] == ["all sets"]
