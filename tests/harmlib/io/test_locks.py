"""One writer at a time: locks that end with their process."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from harmlib.errors import BusyError, DataError
from harmlib.io.locks import alone

HOLDER = """
import sys, time
from harmlib.io.locks import alone
with alone(sys.argv[1], "x"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of "a.csv" until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "a.csv")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()


def test_a_second_process_is_told_so_and_a_killed_one_keeps_nobody_out(holder, tmp_path):
    with pytest.raises(BusyError, match="somebody is at work: wait for it to end"), alone(tmp_path / "a.csv", "somebody is at work"):
        pass
    with alone(tmp_path / "b.csv", "x"):
        pass

    holder.kill()
    holder.wait()

    with alone(tmp_path / "a.csv", "x"):
        assert (tmp_path / ".a.csv.lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_patient_one_comes_in_when_the_first_has_ended(holder, tmp_path):
    threading.Timer(0.3, holder.kill).start()

    with alone(tmp_path / "a.csv", "x", patience=30):
        assert holder.wait() < 0


def test_of_many_at_once_one_writes_at_a_time(tmp_path):
    writing, most = [], []

    def write() -> None:
        with alone(tmp_path / "a", "x", patience=30):
            writing.append(1)
            most.append(len(writing))
            time.sleep(0.001)
            writing.pop()

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1] * 8


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "a.txt").write_text("x")

    with pytest.raises(DataError, match="cannot be written"), alone(tmp_path / "a.txt" / "x", "x"):
        pass


def test_a_name_that_is_as_long_as_the_system_takes_has_a_lock(tmp_path):
    with alone(tmp_path / ("n" * 255), "x"):
        assert len(list(tmp_path.iterdir())) == 1
