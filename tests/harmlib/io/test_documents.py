"""The reader of JSON files, and shapes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harmlib.errors import DataError
from harmlib.io.documents import MAX_DEPTH, check_shape, read_json


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "a.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_json_comes_back_as_it_was_written(tmp_path):
    content = {"a": [1, 2.5, None, True, "ü", "\U0001f600"], "b": {"c": {}}}

    assert read_json(written(tmp_path, json.dumps(content))) == content
    assert read_json(written(tmp_path, b"\xef\xbb\xbf" + json.dumps(content, ensure_ascii=False).encode())) == content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        (b"\xff\xfe{", "utf-8"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ("[NaN]", "NaN is no JSON"),
        ("[-Infinity]", "-Infinity is no JSON"),
        ("[1e999]", "the number '1e999' is too large"),
        ("[" + "9" * 5000 + "]", "is too large"),
        ('["\\ud800"]', "surrogates not allowed"),
        ("[" * 100_000, "it is nested too deeply"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "it is nested too deeply"),
    ],
)
def test_what_a_parser_chokes_on_or_takes_silently_is_one_sentence(tmp_path, content, reason):
    with pytest.raises(DataError, match=rf'a\.json" is not valid JSON \(.*{reason}.*\): mend it'):
        read_json(written(tmp_path, content), advice="mend it")


def test_files_that_are_missing_unreadable_or_too_large_are_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r'a\.json" does not exist'):
        read_json(tmp_path / "a.json")
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)"):
        read_json(tmp_path)
    with pytest.raises(DataError, match="is larger than 1 MiB"):
        read_json(written(tmp_path, " " * (2**20 + 1)), max_bytes=2**20)


SHAPE = {"name": str, "counts": {str: int}, "tags": [str], "seed": (int, None), "share?": float}
RIGHT = {"name": "a", "counts": {"train": 3}, "tags": [], "seed": None, "more": 1}


@pytest.mark.parametrize("changes", [{}, {"share": 1}, {"share": 0.5}, {"seed": 7}, {"counts": {}}])
def test_what_fits_passes(changes):
    check_shape({**RIGHT, **changes}, SHAPE, "it")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": 3}, "it: name is 3, expected a text"),
        ({"counts": {"train": "3"}}, "it: counts.train is '3', expected a whole number"),
        ({"counts": {"train": True}}, "it: counts.train is True, expected a whole number"),
        ({"counts": []}, r"it: counts is \[\], expected a mapping"),
        ({"tags": ["a", None]}, "it: tags.1 is None, expected a text"),
        ({"seed": "7"}, "it: seed is '7', expected a whole number"),
        ({"share": "much"}, "it: share is 'much', expected a number"),
    ],
)
def test_the_first_misfit_is_named_by_its_path(changes, sentence):
    with pytest.raises(DataError, match=rf"^{sentence}: mend it$"):
        check_shape({**RIGHT, **changes}, SHAPE, "it", advice="mend it")


def test_a_missing_key_and_another_kind_of_content_are_named():
    with pytest.raises(DataError, match='it lacks the key "name"'):
        check_shape({}, SHAPE, "it")
    with pytest.raises(DataError, match=r"it is \[\], expected a mapping"):
        check_shape([], SHAPE, "it")


def test_of_choices_the_one_that_was_meant_is_named():
    with pytest.raises(DataError, match=r'it: hmini.train lacks the key "used"'):
        check_shape({"hmini": {"train": {"photographs": 1}}}, ({str: int}, {str: {str: {"photographs": int, "used": int}}}), "it")
