"""Work shared among processes: order, errors, and an early end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from harmlib.threads import in_processes


def add(offset: int, number: int) -> int:
    """Return the number and what is the same for all jobs."""
    return offset + number


def reciprocal(number: int) -> float:
    """Return 1 / number."""
    return 1 / number


def write_after(seconds: float, path: Path) -> None:
    """Write a file after some time."""
    time.sleep(seconds)
    path.write_text("done")


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_results_come_with_their_indices_and_every_job_gets_what_is_common(workers):
    results = in_processes(add, [(1,), (5,), (3,)], workers=workers, common=(10,))
    assert dict(results) == {0: 11, 1: 15, 2: 13}


@pytest.mark.slow
def test_what_ends_first_comes_first(tmp_path):
    jobs = [(60.0, tmp_path / "slow"), (0.0, tmp_path / "quick")]
    assert next(in_processes(write_after, jobs, workers=2)) == (1, None)


def test_an_error_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(in_processes(reciprocal, [(2,), (0,), (4,)], workers=1))


@pytest.mark.slow
def test_who_stops_asking_ends_the_jobs_that_run(tmp_path):
    jobs = [(0.0, tmp_path / "first"), (60.0, tmp_path / "second")]
    results = in_processes(write_after, jobs, workers=2)
    next(results)
    started = time.monotonic()
    results.close()
    assert (tmp_path / "first").exists()
    assert not (tmp_path / "second").exists()
    assert time.monotonic() - started < 30  # half of what the second would have slept
