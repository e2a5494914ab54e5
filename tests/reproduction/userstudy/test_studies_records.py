"""A study's files: what is accepted, what is refused with which sentence, and who may stand beside whom."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from harmlib.errors import DataError
from reproduction.userstudy import read_study, stamped, write_study
from reproduction.userstudy.simulated import choice_study, filter_study, ranking_study

INFO = {
    "name": "class of 2024",
    "kind": "bt_image",
    "question": "Which looks most natural?",
    "methods": ["a", "b", "c"],
    "items": {"i1": {"a": "pictures/i1-a.png"}, "i2": {}},
    "date": "2024-05-01",
    "synthetic": False,
    "seed": 3,
}
RANKINGS = "participant,item,method,rank,position,seconds\np1,i1,a,1,2,4.5\np1,i1,b,2,1,4.5\np1,i1,c,2,3,4.5\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study of two people and one ranking."""
    (tmp_path / "study.json").write_text(json.dumps(INFO))
    (tmp_path / "participants.csv").write_text("participant,group\np1,expert\np2,layperson\n")
    (tmp_path / "rankings.csv").write_text(RANKINGS)
    return tmp_path


def put(folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("".join(f"{line}\n" for line in lines))


def test_ranking_is_read(folder: Path) -> None:
    rankings = read_study(folder).rankings

    assert rankings["method"].tolist() == ["a", "b", "c"]
    assert rankings["rank"].tolist() == [1, 2, 2]
    assert rankings["seconds"].tolist() == [4.5] * 3


def test_column_order_byte_order_mark_and_line_ends_do_not_matter(folder: Path) -> None:
    expected = read_study(folder).rankings
    swapped = expected[expected.columns[::-1]].to_csv(index=False, lineterminator="\r\n")

    (folder / "rankings.csv").write_bytes(b"\xef\xbb\xbf" + swapped.encode())

    pd.testing.assert_frame_equal(read_study(folder).rankings[expected.columns], expected)


def test_extra_columns_are_kept(folder: Path) -> None:
    put(folder, "participants.csv", "participant,group,age", "p1,expert,30", "p2,layperson,")

    assert read_study(folder).participants["age"].tolist() == ["30", ""]


def test_columns_of_the_screen_may_be_missing(folder: Path) -> None:
    put(folder, "rankings.csv", "participant,item,method,rank", "p1,i1,a,1", "p1,i1,b,2")

    assert read_study(folder).rankings["position"].isna().all()


def test_method_that_was_not_judged_is_missing(folder: Path) -> None:
    put(folder, "rankings.csv", "participant,item,method,rank", "p1,i1,a,1", "p1,i1,b,2", "p1,i1,c,")

    assert read_study(folder).rankings["rank"].isna().tolist() == [False, False, True]


def test_rankings_of_one_method_are_dropped_and_counted(folder: Path) -> None:
    put(folder, "rankings.csv", "participant,item,method,rank", "p1,i1,a,1", "p1,i1,b,2", "p2,i1,a,1", "p2,i2,a,1", "p2,i2,b,")

    study = read_study(folder)

    assert study.dropped == 2
    assert set(study.rankings["participant"]) == {"p1"}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("p1,i2,d,1,1,2", r'rankings.csv" line 5: method "d" is not one of a, b, c'),
        ("p3,i2,a,1,1,2", r'rankings.csv" line 5: participant "p3" is not in participants.csv'),
        ("p1,i3,a,1,1,2", r'rankings.csv" line 5: item "i3" is not one of study.json\'s items'),
        ("p1,i2,a,0,1,2", r'rankings.csv" line 5: rank "0" is not a positive whole number'),
        ("p1,i2,a,1.5,1,2", r'rankings.csv" line 5: rank "1.5" is not a positive whole number'),
        ("p1,i2,a,first,1,2", r'rankings.csv" line 5: rank "first" is not a positive whole number'),
        ("p1,i2,a,1,1,-2", r'rankings.csv" line 5: seconds "-2" is not a number from 0'),
        ("p1,i1,a,3,1,2", r'rankings.csv" line 5: participant "p1", item "i1", method "a" stands there a second time'),
        ("p1,i2,a,1", r'rankings.csv" line 5 has 4 fields, expected 6'),
    ],
)
def test_wrong_ranking_is_named_with_its_line(folder: Path, line: str, sentence: str) -> None:
    (folder / "rankings.csv").write_text(RANKINGS + line + "\n")

    with pytest.raises(DataError, match=sentence):
        read_study(folder)


def test_line_numbers_count_line_breaks_inside_quotes(folder: Path) -> None:
    put(folder, "rankings.csv", "participant,item,method,rank,note", 'p1,i1,a,1,"two', 'lines"', "p1,i1,d,2,")

    with pytest.raises(DataError, match="line 4: method"):
        read_study(folder)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("pairs", "participant,item,left,right,winner\np1,i1,a,b,a", 'pairs.csv" line 2: winner "a" is not left, right or tie'),
        ("pairs", "participant,item,left,right,winner\np1,i1,a,a,left", 'line 2: right "a" stands on both sides'),
        ("pairs", "participant,item,left,right,winner\np1,i1,a,b,left\np1,i1,b,a,left", 'left "b", right "a" stands there a second time'),
        ("choices", "participant,item,scenario,options,chosen\np1,i1,s,a|b,c", 'chosen "c" is not among the options of its line'),
        ("choices", "participant,item,scenario,options,chosen\np1,i1,s,a|d,a", r'options "a\|d" are not two or more of a, b, c'),
        ("choices", "participant,item,scenario,options,chosen\np1,i1,s,a;b,a", 'options "a;b" are not two or more'),
        ("filters", "participant,image,role,filter,argument,touched,importance\np1,i1,common,a,1.2,1,3", r'argument "1.2" .* \[-1, 1\]'),
        ("filters", "participant,image,role,filter,argument,touched,importance\np1,i1,common,a,0.2,1,6", 'importance "6" is not .* 1-5'),
        (
            "filters",
            "participant,image,role,filter,argument,touched,importance\np1,i1,common,a,,1,5",
            "empty although the filter was touched",
        ),
        ("filters", "participant,image,role,filter,argument,touched,importance\np1,i1,rare,a,0,1,5", 'role "rare" is not common or random'),
        ("rankings", "participant;item;method;rank\np1;i1;a;1", "line 1 lacks the column participant, item, method, rank"),
        ("rankings", "participant,item,method,rank,rank\np1,i1,a,1,1", "line 1 names the column 'rank' twice"),
        ("participants", "participant,group\np1,expert\np1,expert", 'line 3: participant "p1" stands there a second time'),
        ("participants", "participant,group\np1,teacher", 'group "teacher" is not one of expert, layperson, simulated'),
    ],
)
def test_wrong_table_is_named_with_its_line(folder: Path, name: str, content: str, sentence: str) -> None:
    put(folder, f"{name}.csv", content)

    with pytest.raises(DataError, match=sentence):
        read_study(folder)


def test_file_in_another_encoding_is_named(folder: Path) -> None:
    (folder / "rankings.csv").write_bytes(RANKINGS.encode("utf-16"))

    with pytest.raises(DataError, match=r'rankings.csv" line 1 is not UTF-8 text'):
        read_study(folder)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("kind", "survey", "kind is 'survey', it should be 'bt_image', 'bt_video'"),
        ("methods", ["a"], "expected a list of at least two different names"),
        ("methods", ["a", "b|c"], "expected a list of at least two different names"),
        ("items", {}, "expected at least one item"),
        ("items", {"i1": {"a": "../secret.png"}}, "relative to the study's folder"),
        ("items", {"i1": {"a": "/secret.png"}}, "relative to the study's folder"),
        ("synthetic", "no", "synthetic is 'no', it should be a valid boolean"),
        ("seed", True, "seed is True, it should be a valid integer"),
    ],
)
def test_wrong_description_is_named(folder: Path, key: str, value: object, sentence: str) -> None:
    (folder / "study.json").write_text(json.dumps({**INFO, key: value}))

    with pytest.raises(DataError, match=sentence):
        read_study(folder)


@pytest.mark.parametrize("missing", ["study.json", "participants.csv"])
def test_missing_file_is_named(folder: Path, missing: str) -> None:
    (folder / missing).unlink()

    with pytest.raises(DataError, match=f'{missing}" does not exist'):
        read_study(folder)


@pytest.mark.parametrize("content", [None, "participant,item,method,rank", "participant,item,method,rank\np1,i1,a,\np1,i1,b,"])
def test_empty_study_says_so(folder: Path, content: str | None) -> None:
    (folder / "rankings.csv").unlink()
    if content is not None:
        put(folder, "rankings.csv", content)

    with pytest.raises(DataError, match=r'study "class of 2024" in .* holds no answers yet'):
        read_study(folder)


def test_simulated_rater_among_people_is_refused(folder: Path) -> None:
    put(folder, "participants.csv", "participant,group", "p1,expert", "p2,simulated")

    with pytest.raises(DataError, match=r'participants.csv" line 3: group "simulated" in a study of people only .* apart'):
        read_study(folder)


def test_person_among_simulated_raters_is_refused(folder: Path) -> None:
    (folder / "study.json").write_text(json.dumps({**INFO, "synthetic": True}))
    put(folder, "participants.csv", "participant,group", "p1,simulated", "p2,layperson")

    with pytest.raises(DataError, match=r'line 3: group "layperson" in a study of simulated raters only'):
        read_study(folder)


@pytest.mark.parametrize("study", [ranking_study(participants=3, items=4), choice_study(participants=3), filter_study(participants=3)])
def test_study_is_read_back_as_it_was_written(study, tmp_path: Path) -> None:
    write_study(tmp_path, study)
    again = read_study(tmp_path)

    assert again.info == study.info
    for name in ("participants", "rankings", "choices", "filters"):
        table = getattr(study, name)
        if table is not None:
            pd.testing.assert_frame_equal(getattr(again, name), table, check_dtype=False, rtol=1e-7)


def test_written_study_repeats_to_the_byte(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_study(tmp_path / name, ranking_study(participants=3, items=4, seed=5))

    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["participants.csv", "rankings.csv", "study.json"]
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)


def test_tables_of_simulated_studies_say_so(folder: Path) -> None:
    simulated, real = ranking_study(participants=2, items=2).info, read_study(folder).info
    table = pd.DataFrame({"method": ["a", "b"]})

    assert stamped(simulated, table)["raters"].tolist() == ["simulated"] * 2
    assert stamped(real, table)["raters"].tolist() == ["people"] * 2
