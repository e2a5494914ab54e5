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
from harmlib.io.documents import read_json


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


TOO_LARGE = """
import resource, sys, torch
from harmlib.models import checkpoints
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
try:
    checkpoints.write(sys.argv[1], {"weights": {"a": torch.zeros(2**20)}})
except ValueError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.slow
def test_weights_that_the_system_does_not_take_are_one_sentence(tmp_path):
    done = subprocess.run([sys.executable, "-c", TOO_LARGE, str(tmp_path / "a.pt")], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout == f'DataError "{tmp_path / "a.pt"}" cannot be written (File too large): choose another place or name\n'
    assert list(tmp_path.iterdir()) == []


def test_what_a_living_process_is_writing_stays(tmp_path):
    with files.replacing(tmp_path / "a.png") as temporary:
        files.remove_partial(tmp_path)
        files.remove_partial(tmp_path / "a.png")

        assert temporary.exists()


def test_leftovers_of_one_file_go_without_a_look_at_the_others(tmp_path):
    for name in (".a-12345678.partial.mp4", ".a [1]-12345678.partial.mp4", ".b-12345678.partial.mp4"):
        (tmp_path / name).write_text("x")

    files.remove_partial(tmp_path / "a [1].mp4")
    files.remove_partial(tmp_path / "a.mp4")

    assert [path.name for path in tmp_path.iterdir()] == [".b-12345678.partial.mp4"]


def test_text_has_the_same_line_ends_everywhere(tmp_path):
    files.write_text(tmp_path / "a.txt", "one\ntwo\n")

    assert (tmp_path / "a.txt").read_bytes() == b"one\ntwo\n"


def test_a_written_file_has_the_rights_that_the_user_gives_to_new_ones(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(before)

    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


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


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch, number):
    def full(_):
        raise OSError(number, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(DiskSpaceError, match="the disk is full while writing"):
        files.write_text(tmp_path / "a.txt", "x")


def test_a_full_disk_is_about_the_copy_and_not_its_source(tmp_path):
    def copy():
        with files.replacing(tmp_path / "copy.jpg"):
            raise OSError(errno.ENOSPC, "No space left on device", "source.jpg")

    with pytest.raises(DiskSpaceError, match=r'the disk is full while writing ".*copy\.jpg"'):
        copy()


def test_an_input_is_never_an_output(tmp_path):
    (tmp_path / "a.png").write_text("x")
    (tmp_path / "link.png").hardlink_to(tmp_path / "a.png")

    with pytest.raises(DataError, match=r'link\.png" is an input'):
        files.check_output(tmp_path / "link.png", None, tmp_path / "a.png")
    files.check_output(tmp_path / "new.png", tmp_path / "a.png", tmp_path / "none.png")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("a.txt/x.png", r'because ".*a\.txt" is a file'), ("n" * 300, "File name too long")],
)
def test_what_the_system_refuses_is_known_before_and_one_sentence(tmp_path, name, sentence):
    (tmp_path / "a.txt").write_text("x")

    with pytest.raises(DataError, match=sentence):
        files.check_output(tmp_path / name)
    with pytest.raises(DataError, match=sentence):
        files.write_text(tmp_path / name, "x")


@pytest.mark.skipif(sys.platform != "linux", reason="where not even the administrator can write")
def test_a_folder_that_takes_no_files_is_one_sentence():
    with pytest.raises(DataError, match=r'"/proc/a\.txt" cannot be written'):
        files.write_text("/proc/a.txt", "x")


def test_a_pipe_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")

    for door in (files.check_output, lambda path: files.write_text(path, "x"), read_json):
        with pytest.raises(DataError, match=r'pipe\.csv" is a pipe or a device'):
            door(tmp_path / "pipe.csv")
    assert (tmp_path / "pipe.csv").is_fifo()


def test_a_check_leaves_nothing_behind(tmp_path):
    files.check_output(tmp_path / "a" / "b" / "c.png")

    assert list(tmp_path.iterdir()) == []


def test_a_long_name_that_the_system_takes_is_written(tmp_path):
    files.write_text(tmp_path / ("n" * 251 + ".txt"), "x")

    assert len(list(tmp_path.iterdir())) == 1


def test_an_error_of_another_file_is_not_blamed_on_the_output(tmp_path):
    with pytest.raises(FileNotFoundError), files.replacing(tmp_path / "a.txt"):
        (tmp_path / "none.txt").read_text()


def test_unfinished_files_of_others_stay(tmp_path):
    for name in (".download.partial", ".a-b.partial.png", "x.partial"):
        (tmp_path / name).write_text("x")

    files.remove_partial(tmp_path)

    assert len(list(tmp_path.iterdir())) == 3
