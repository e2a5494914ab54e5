"""Threads and processes that do not fight over the cores, and end when the process that asked for them does."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from harmlib.errors import WorkerError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from threadpoolctl import ThreadpoolController


@contextmanager
def one_algebra_thread() -> Iterator[None]:
    """Keep OpenBLAS, the linear algebra under NumPy, SciPy and OpenCV, on one thread inside a ``with`` or a decorated function.

    After every product its threads wait busily on the cores that torch needs next, which costs most where both take turns quickly: the
    search of Zhu et al. took three times as long on two cores; training hardly notices (``benchmarks/algebra_threads.py``). Torch's own
    threads are left alone, and results do not depend on the number of cores.
    """
    with _open_blas().limit(limits=1):
        yield


def keep_worker_to_one_thread() -> None:
    """Keep OpenCV and OpenBLAS on one thread until this process ends: it is one of several that share the cores."""
    import cv2

    cv2.setNumThreads(1)
    _open_blas().limit(limits=1)


def _open_blas() -> ThreadpoolController:
    """Return the controls of every OpenBLAS in this process."""
    # Only what is loaded can be limited, and each of the two brings an OpenBLAS of its own beside NumPy's.
    import cv2  # noqa: F401
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(internal_api="openblas")


@contextmanager
def worker_deaths_told() -> Iterator[None]:
    """Raise WorkerError, for torch's and Python's own errors, where a worker process died meanwhile."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, BrokenProcessPool) and not str(error).startswith("DataLoader worker"):
            raise
        raise WorkerError(
            "a process that shared the work was ended, most likely because the memory was used up: "
            "the same call goes on from there, and fewer workers take less memory"
        ) from error


Result = TypeVar("Result")
Jobs = Sequence[tuple[Any, ...]]

_common: tuple[Any, ...] = ()  # what all jobs of a worker process share


def in_processes(
    function: Callable[..., Result], jobs: Jobs, *, workers: int, common: tuple[Any, ...] = ()
) -> Iterator[tuple[int, Result]]:
    """Yield the index of every job and what ``function(*common, *job)`` returns, as they end; at most ``workers`` processes share the jobs.

    workers: 0 for none besides this one. common: is sent to every process once.
    The first error of a job is raised here and ends the other jobs where they are, as does an interrupt of the caller, so a job must leave
    files from which it can resume. Raises WorkerError where a process was killed.
    """
    if not workers:
        yield from ((index, function(*common, *job)) for index, job in enumerate(jobs))
        return
    # Spawned, not forked: a fork of a process that has started torch's or OpenCV's threads can deadlock.
    context = multiprocessing.get_context("spawn")
    # A pipe that nothing is sent through. An Event waits for every process to have noticed it, also for one that was killed.
    over, working = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(max(1, min(workers, len(jobs))), mp_context=context, initializer=_start, initargs=(over, common))
    with worker_deaths_told(), over, working, pool:
        indices = {pool.submit(_run, function, *job): index for index, job in enumerate(jobs)}
        try:
            for future in as_completed(indices):
                yield indices[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            working.close()
            raise


def _start(over: Connection, common: tuple[Any, ...]) -> None:
    """Use one thread, end when the pipe closes, as it does when the parent process ends however it may, and keep what all jobs share."""
    global _common
    keep_worker_to_one_thread()
    threading.Thread(target=_end_after, args=(lambda: over.poll(None),), daemon=True).start()
    _common = common


def _run(function: Callable[..., Result], *job: Any) -> Result:
    """Do one job in a worker process."""
    return function(*_common, *job)


def end_with_parent() -> None:
    """End this spawned process as soon as the one that started it has ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # only spawned processes come here
    threading.Thread(target=_end_after, args=(parent.join,), daemon=True).start()


def _end_after(over: Callable[[], object]) -> None:
    """Wait for an event and end this process."""
    over()
    os._exit(1)
