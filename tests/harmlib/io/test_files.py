from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time

import pytest

from harmlib.errors import DataError, DiskSpaceError
from harmlib.io import files


def write_half(target):
    with files.replacing(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError("stop")


def test_a_failed_write_leaves_the_old_file_and_no_trace(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")

    with pytest.raises(RuntimeError, match="stop"):
        write_half(target)

    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_leftovers_of_a_killed_process_are_removed(tmp_path):
    script = "import os, sys; from harmlib.io import files\nwith files.replacing(sys.argv[1]) as path: path.write_text('half'); os._exit(9)"
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a" / "table.csv")], check=False)
    assert len(list((tmp_path / "a").iterdir())) == 1

    files.remove_partial(tmp_path)

    assert list((tmp_path / "a").iterdir()) == []


def test_text_has_the_same_line_ends_everywhere(tmp_path):
    files.write_text(tmp_path / "a.txt", "one\ntwo\n")

    assert (tmp_path / "a.txt").read_bytes() == b"one\ntwo\n"


def test_a_written_file_can_be_read_by_others(tmp_path):
    files.write_text(tmp_path / "a.txt", "x")

    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o666 & ~files._umask()


def test_damaged_json_is_one_sentence_with_the_name(tmp_path):
    (tmp_path / "recipe.json").write_text("{")

    with pytest.raises(DataError, match=r'recipe\.json" is not valid JSON'):
        files.read_json(tmp_path / "recipe.json")


def test_a_folder_without_manifest_is_unfinished(tmp_path):
    with pytest.raises(DataError, match=r"has no manifest\.json, so it is unfinished"):
        files.read_manifest(tmp_path)


def test_an_artefact_counts_as_finished_only_for_the_same_inputs(tmp_path):
    files.write_manifest(tmp_path, started=time.time(), seed=3, splits=("train",))

    assert files.is_finished(tmp_path, {"seed": 3, "splits": ("train",)})
    assert not files.is_finished(tmp_path, {"seed": 4})


def test_a_manifest_names_versions_and_no_absolute_path(tmp_path):
    files.write_manifest(tmp_path, started=time.time(), seed=3)

    text = (tmp_path / "manifest.json").read_text()
    assert json.loads(text)["versions"]["python"]
    assert str(tmp_path) not in text


def test_too_little_disk_is_one_sentence(tmp_path):
    with pytest.raises(DiskSpaceError, match="free some space"):
        files.check_free_space(tmp_path / "not" / "there", 2**60)


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(DiskSpaceError, match="the disk is full while writing"):
        files.write_text(tmp_path / "a.txt", "x")
