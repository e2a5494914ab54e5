"""Threads: the linear algebra has one inside, and everything is as before afterwards."""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from harmlib.errors import WorkerError
from harmlib.threads import in_processes, keep_worker_to_one_thread, one_algebra_thread


def algebra_threads() -> list[int]:
    """Return how many threads each loaded OpenBLAS uses."""
    return [library["num_threads"] for library in threadpool_info() if library["internal_api"] == "openblas"]


@pytest.fixture
def two_threads():
    """Give the algebra two threads, as many as the smallest machine has cores."""
    with one_algebra_thread():  # loads what is loaded late
        pass
    with threadpool_limits(2, user_api="blas"):
        if 2 not in algebra_threads():
            pytest.skip("this NumPy has no OpenBLAS with threads")
        yield


def test_one_thread_inside_and_as_before_afterwards(two_threads):
    before, torch_threads = algebra_threads(), torch.get_num_threads()
    with one_algebra_thread():
        assert set(algebra_threads()) == {1}
        assert torch.get_num_threads() == torch_threads
    assert algebra_threads() == before


def test_a_decorated_function_has_one_thread_at_every_call(two_threads):
    @one_algebra_thread()
    def count() -> set[int]:
        return set(algebra_threads())

    assert [count(), count()] == [{1}, {1}]


def test_threads_come_back_after_an_error(two_threads):
    before = algebra_threads()
    with pytest.raises(np.linalg.LinAlgError), one_algebra_thread():
        np.linalg.inv(np.zeros((2, 2)))
    assert algebra_threads() == before


def worker_threads() -> tuple[int, set[int]]:
    """Return the threads of OpenCV and of the algebra in this process."""
    return cv2.getNumThreads(), set(algebra_threads())


@pytest.mark.slow
def test_a_worker_stays_at_one_thread():
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, initializer=keep_worker_to_one_thread) as pool:
        opencv, algebra = pool.submit(worker_threads).result()
    assert opencv == 1
    assert algebra <= {1}  # empty where NumPy has another library


def divide_or_sleep(seconds: int) -> float:
    """Raise where no seconds are left."""
    time.sleep(seconds)
    return 1 / seconds


@pytest.mark.slow
def test_the_first_error_ends_the_other_jobs_where_they_are():
    started = time.monotonic()

    with pytest.raises(ZeroDivisionError):
        list(in_processes(divide_or_sleep, [(600,), (0,)], workers=2))

    assert time.monotonic() - started < 300


def test_a_process_that_was_killed_is_one_sentence():
    with pytest.raises(WorkerError, match="a process that shared the work was ended, most likely because the memory was used up"):
        list(in_processes(os._exit, [(137,)], workers=1))
