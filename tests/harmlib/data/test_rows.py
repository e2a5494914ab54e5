"""Cache files: made once, made again when they were cut off, never a crash on a full disk."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from harmlib.data.rows import KeptRows

SHAPE = (8, 8, 4)

# A limit on the size of files stands for a full disk: both refuse the room before a row is made.
TOO_LARGE = """
import resource, sys
import numpy as np
from harmlib.data.rows import KeptRows
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
def make(item):
    print("made")
    return np.full((1024, 1024, 4), item, np.uint8)
try:
    KeptRows(sys.argv[1], range(3), (1024, 1024, 4), make, workers=0, desc="rows", unit="row")
except ValueError as error:
    print(type(error).__name__, error)
"""

keep = partial(KeptRows, workers=0, desc="rows", unit="row")


def row(item: int) -> np.ndarray:
    return np.full(SHAPE, item, np.uint8)


def counting(calls: list[int]) -> Callable[[int], np.ndarray]:
    """``row``, which notes what it was asked for."""

    def make(item: int) -> np.ndarray:
        calls.append(item)
        return row(item)

    return make


def test_a_cache_is_filled_once(tmp_path: Path) -> None:
    calls: list[int] = []
    for _ in range(2):
        keep(tmp_path / "a.npy", range(3), SHAPE, counting(calls))

    assert calls == [0, 1, 2]
    assert [file.name for file in tmp_path.iterdir()] == ["a.npy"]
    assert np.load(tmp_path / "a.npy")[:, 0, 0, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("kept", [0, 5, 100, 500])
def test_a_cache_that_was_cut_off_is_filled_again(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "a.npy"
    keep(path, range(3), SHAPE, row)
    whole = path.read_bytes()
    path.write_bytes(whole[:kept])

    keep(path, range(3), SHAPE, row)

    assert path.read_bytes() == whole


def test_of_two_that_need_a_cache_one_fills_it(tmp_path: Path) -> None:
    calls: list[int] = []
    together = threading.Barrier(2)

    def need() -> None:
        together.wait()
        keep(tmp_path / "a.npy", range(3), SHAPE, counting(calls))

    threads = [threading.Thread(target=need) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(calls) == [0, 1, 2]


def test_a_cache_without_room_is_one_sentence_before_the_work(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", TOO_LARGE, str(tmp_path / "a.npy")], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "DataError" in done.stdout
    assert "File too large" in done.stdout
    assert "made" not in done.stdout
    assert list(tmp_path.iterdir()) == []
