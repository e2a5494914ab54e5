from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from miniature_study import METHODS, RATERS, answer_as_page, make_miniature, signed

from harmlib.errors import DataError
from harmlib.filters import SIX
from reproduction.__main__ import main
from reproduction.userstudy import read_study
from reproduction.userstudy.pages import KINDS, merge_answers
from reproduction.userstudy.pages.naming import read_key
from reproduction.userstudy.pages.planning import CATCH, is_spoiled


@pytest.fixture(scope="module")
def studies(tmp_path_factory) -> dict[str, Path]:
    """A study of each kind."""
    root = tmp_path_factory.mktemp("studies")
    return {kind: make_miniature(root, kind) for kind in KINDS}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any, str], Path]:
    """Writes a file of answers as the page would."""

    def write(content: Any, name: str = "answers.json") -> Path:
        path = tmp_path / "answers" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=1))
        return path

    return write


def answer_all(study: Path, write: Callable[[Any, str], Path]) -> list[Path]:
    return [write(answer_as_page(study, f"rater-0{n}"), f"answers-rater-0{n}.json") for n in range(1, RATERS + 1)]


@pytest.mark.parametrize("kind", KINDS)
def test_all_answers_arrive_once_and_readable(studies, kind, write, tmp_path):
    files = answer_all(studies[kind], write)

    merge_answers(studies[kind], files, tmp_path / "out")

    study = read_study(tmp_path / "out")
    per_rater = {"rankings": 9, "pairs": 9, "choices": 3, "filters": 18}[kind]
    table = getattr(study, kind)
    assert list(study.participants["participant"]) == ["rater-01", "rater-02", "rater-03"]
    assert set(study.participants["attentive"]) == {"1"}
    assert study.info.synthetic is False
    assert study.info.date == "2026-03-03"
    assert table.groupby("participant").size().to_dict() == dict.fromkeys(study.participants["participant"], per_rater)
    assert table["seconds"].between(1.5, 2).all()


def test_rankings_name_methods_ranks_and_places(studies, write, tmp_path):
    merge_answers(studies["rankings"], answer_all(studies["rankings"], write), tmp_path / "out")

    table = read_study(tmp_path / "out").rankings
    assert (table["rank"] == table["method"].map(METHODS.index) + 1).all()
    assert table.groupby(["method", "position"]).size().to_dict() == {(m, p): 3 for m in METHODS for p in (1, 2, 3)}


def test_equal_ranks_take_the_places_they_cover(studies, write, tmp_path):
    content = answer_as_page(studies["rankings"], "rater-01")
    for row in content["answers"]:
        row["answer"] = [min(rank, 2) for rank in row["answer"]]

    merge_answers(studies["rankings"], [write(signed(content))], tmp_path / "out")

    ranks = read_study(tmp_path / "out").rankings["rank"]
    assert sorted(ranks) == [1, 1, 1, 2, 2, 2, 2, 2, 2]


def test_pairs_and_choices_name_what_won(studies, write, tmp_path):
    for kind in ("pairs", "choices"):
        merge_answers(studies[kind], answer_all(studies[kind], write), tmp_path / kind)

    pairs = read_study(tmp_path / "pairs").pairs
    winners = pairs["left"].where(pairs["winner"] == "left", pairs["right"])
    assert (winners.map(METHODS.index) == np.minimum(pairs["left"].map(METHODS.index), pairs["right"].map(METHODS.index))).all()
    choices = read_study(tmp_path / "choices").choices
    assert set(choices["chosen"]) == {"composite"}
    assert set(choices["options"].map(lambda text: tuple(sorted(text.split("|"))))) == {tuple(sorted(METHODS))}


def test_filters_become_arguments_with_roles(studies, write, tmp_path):
    merge_answers(studies["filters"], answer_all(studies["filters"], write), tmp_path / "out")

    study = read_study(tmp_path / "out")
    table = study.filters
    assert study.info.methods == list(SIX)
    assert table.groupby("filter")["argument"].first().to_dict()["brightness"] == 0.25
    assert table.loc[table["touched"] == 1, "filter"].unique().tolist() == ["brightness", "shadow"]
    assert table.groupby("role")["image"].nunique().to_dict() == {"common": 2, "random": 1}
    assert table.groupby("filter")["importance"].first().reindex(SIX).tolist() == [1, 2, 3, 4, 5, 1]


def test_scenarios_of_choices_reach_their_table(tmp_path, write):
    make_miniature(tmp_path / "first", "rankings")
    (tmp_path / "my class").mkdir()
    (tmp_path / "my class" / "scenarios.csv").write_text("item,scenario\nphoto-0,light\nphoto-1,light\nphoto-2,filtered\n")
    study = make_miniature(tmp_path, "choices")

    merge_answers(study, answer_all(study, write), tmp_path / "out")

    choices = read_study(tmp_path / "out").choices
    assert choices.groupby("item")["scenario"].first().to_dict() == {"photo-0": "light", "photo-1": "light", "photo-2": "filtered"}


def test_the_pictures_come_along_under_their_methods_names(studies, write, tmp_path):
    merge_answers(studies["rankings"], answer_all(studies["rankings"], write), tmp_path / "out")

    items = read_study(tmp_path / "out").info.items
    assert {tuple(sorted(pictures)) for pictures in items.values()} == {tuple(sorted(METHODS))}
    assert all((tmp_path / "out" / path).is_file() for pictures in items.values() for path in pictures.values())


@pytest.mark.parametrize("kind", KINDS)
def test_who_misses_a_spoiled_picture_is_flagged_and_kept(studies, kind, write, tmp_path):
    key, content = read_key(studies[kind]), answer_as_page(studies[kind], "rater-02")
    for row in content["answers"]:
        trial = key.trials["rater-02"][row["trial"]]
        if trial.role == CATCH:
            bad = next(index for index, version in enumerate(trial.versions) if is_spoiled(version))
            row["answer"] = {
                "rankings": [1 if index == bad else 2 for index in range(len(trial.versions))],
                "pairs": ("left", "right")[bad],
                "choices": row["images"][bad],
                "filters": [{**setting, "percent": 0} for setting in row["answer"]] if kind == "filters" else None,
            }[kind]

    participants = merge_answers(studies[kind], [write(signed(content))], tmp_path / "out")

    assert participants[["catch_trials", "catch_failed", "attentive"]].to_numpy().tolist() == [[1, 1, 0]]
    assert len(getattr(read_study(tmp_path / "out"), kind)) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_incomplete_answers_need_a_flag_and_leave_gaps(studies, kind, write, tmp_path):
    content = answer_as_page(studies[kind], "rater-01")
    scored = [row for row in content["answers"] if read_key(studies[kind]).trials["rater-01"][row["trial"]].role != CATCH]
    scored[0]["answer"] = None
    path = write(signed(content))

    with pytest.raises(DataError, match=r"lacks 1 of \d+ answers"):
        merge_answers(studies[kind], [path], tmp_path / "out")
    participants = merge_answers(studies[kind], [path], tmp_path / "out", incomplete=True)

    assert participants["missing"].tolist() == [1]
    table = pd.read_csv(tmp_path / "out" / f"{kind}.csv")
    answer = {"rankings": "rank", "pairs": "winner", "choices": "chosen", "filters": "importance"}[kind]
    assert table[answer].isna().sum() == {"rankings": 3, "pairs": 1, "choices": 1, "filters": 6}[kind]
    read_study(tmp_path / "out")


def edit(content: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**content, **changes}


def change_first(content: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**content, "answers": [{**content["answers"][0], **changes}, *content["answers"][1:]]}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda content: change_first(content, answer=[2, 1, 3]), "was edited after it was saved"),
        (lambda content: edit(content, group="expert"), "was edited after it was saved"),
        (lambda content: change_first(content, milliseconds=content["answers"][0]["milliseconds"] + 0.0), "was edited after it was saved"),
        (lambda content: signed(edit(content, study="0" * 16)), "answers another study"),
        (lambda content: signed(edit(content, rater="rater-04")), 'by "rater-04", a rater that this study does not have'),
        (lambda content: signed(change_first(content, images=["0" * 16 + ".jpg"] * 3)), "which this study does not have"),
        (lambda content: signed(change_first(content, images=content["answers"][0]["images"][::-1])), "that its page cannot give"),
        (lambda content: signed(change_first(content, answer=[1, 3, 3])), "that its page cannot give"),
        (lambda content: signed(change_first(content, answer=[1, 2])), "that its page cannot give"),
        (
            lambda content: signed(change_first(content, milliseconds=-5)),
            r"answers\.0\.milliseconds is -5, it should be greater",
        ),
        (lambda content: signed(edit(content, answers=content["answers"][::-1])), "in their order"),
        (lambda content: signed(edit(content, group="simulated")), "unknown group or date"),
        (lambda content: signed(edit(content, date="yesterday")), "unknown group or date"),
        (lambda content: signed(edit(content, answers=[1])), r"answers\.0 is 1, it should be a valid dictionary"),
        (lambda content: signed(change_first(content, answer=[1, 2, 100_000_000])), "that its page cannot give"),
        (lambda content: signed(change_first(content, milliseconds=10**400)), "is not valid JSON"),
        (lambda content: signed(edit(content, rater=["rater-01"])), "a rater that this study does not have"),
        (lambda content: edit(content, format=0), "is no file of answers"),
        (lambda content: [content], "is no file of answers"),
    ],
)
def test_files_that_the_page_did_not_save_are_refused(studies, write, tmp_path, change, sentence):
    path = write(change(answer_as_page(studies["rankings"], "rater-01")))

    with pytest.raises(DataError, match=sentence) as caught:
        merge_answers(studies["rankings"], [path], tmp_path / "out")

    assert str(path) in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_two_files_of_one_rater_are_refused(studies, write, tmp_path):
    content = answer_as_page(studies["rankings"], "rater-01")
    paths = [write(content, "answers-rater-01.json"), write(content, "answers-rater-01 (1).json")]

    with pytest.raises(DataError, match="both hold the answers of rater-01"):
        merge_answers(studies["rankings"], paths, tmp_path / "out")


def test_a_file_that_was_cut_off_is_refused(studies, write, tmp_path):
    path = write(answer_as_page(studies["rankings"], "rater-01"))
    path.write_text(path.read_text()[:200])

    with pytest.raises(DataError, match=r"is not valid JSON .*: ask for the file as it was saved"):
        merge_answers(studies["rankings"], [path], tmp_path / "out")


def test_without_any_file_there_is_nothing_to_merge(studies, tmp_path):
    (tmp_path / "empty").mkdir()

    with pytest.raises(DataError, match="no file of answers was given"):
        merge_answers(studies["rankings"], [tmp_path / "empty"], tmp_path / "out")


def test_without_the_key_nothing_can_be_merged(studies, tmp_path):
    with pytest.raises(DataError, match=r"has no key.json"):
        merge_answers(studies["rankings"] / "pages", [], tmp_path / "out")


def test_the_command_merges_a_folder_and_says_who_took_part(studies, write, tmp_path, capsys):
    folder = answer_all(studies["pairs"], write)[0].parent

    code = main(["study", "merge", str(studies["pairs"]), str(folder), "--out", str(tmp_path / "out")])

    assert code == 0
    assert "rater-03" in capsys.readouterr().out
    assert len(read_study(tmp_path / "out").pairs) == 27


def test_the_command_refuses_with_one_sentence(studies, write, tmp_path, capsys):
    path = write(edit(answer_as_page(studies["pairs"], "rater-01"), group="expert"))

    code = main(["study", "merge", str(studies["pairs"]), str(path), "--out", str(tmp_path / "out")])

    error = capsys.readouterr().err
    assert code == 2
    assert "was edited" in error
    assert error.count("\n") == 1


def test_a_folder_of_tables_holds_one_study(studies, write, tmp_path):
    out = tmp_path / "out"
    merge_answers(studies["rankings"], answer_all(studies["rankings"], write), out)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}

    with pytest.raises(DataError, match=r'out" holds the tables of another study: choose another folder, or remove this one'):
        merge_answers(studies["pairs"], answer_all(studies["pairs"], write), out)

    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    merge_answers(studies["rankings"], answer_all(studies["rankings"], write), out)
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before


def test_tables_of_nobody_knows_which_study_are_not_replaced(studies, write, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "participants.csv").write_text("mine")

    with pytest.raises(DataError, match=r"has tables without their study.json \(participants\.csv\)"):
        merge_answers(studies["rankings"], answer_all(studies["rankings"], write), tmp_path / "out")

    assert (tmp_path / "out" / "participants.csv").read_text() == "mine"


def test_tables_are_not_written_without_raters_whom_they_had(studies, write, tmp_path):
    first, *others = answer_all(studies["rankings"], write)
    merge_answers(studies["rankings"], [first], tmp_path / "out")

    with pytest.raises(DataError, match=r'out" has the answers of .+ too, which are not among those given'):
        merge_answers(studies["rankings"], others, tmp_path / "out")

    assert len(merge_answers(studies["rankings"], [first, *others], tmp_path / "out")) == 1 + len(others)


@pytest.mark.parametrize("name", ["../../pwned", "..", "a\\b"])
def test_a_key_that_names_a_path_is_refused(studies, tmp_path, name):
    shutil.copytree(studies["rankings"], tmp_path / "forged")
    text = (tmp_path / "forged" / "key.json").read_text()
    item = next(iter(json.loads(text)["settings"]["items"]))
    (tmp_path / "forged" / "key.json").write_text(text.replace(json.dumps(item), json.dumps(name)))

    with pytest.raises(DataError, match="which is a path"):
        read_key(tmp_path / "forged")
