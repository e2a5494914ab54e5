"""MATLAB files, read in a process of their own: a damaged one can end the interpreter that SciPy runs in, or take all memory."""

from __future__ import annotations

import atexit
import multiprocessing
import resource
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np

from harmlib.threads import end_with_parent

# An annotation has at most some megapixels; SciPy itself maps less than half of this.
MEMORY = 2 * 2**30
SECONDS = 60

_readers: list[ProcessPoolExecutor] = []  # the one that is running


def read_variable(path: Path, variable: str) -> np.ndarray:
    """Return a variable of a MATLAB file.

    Raises KeyError when it has none of that name, and ValueError for a file that is damaged, takes more than SECONDS, or ends its reader.
    """
    if not _readers:
        # Spawned, not forked: see harmlib.threads.
        _readers.append(ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_limit))
        atexit.register(stop_reader)
    try:
        found = _readers[0].submit(_load, str(path), variable).result(SECONDS)
    except (BrokenProcessPool, TimeoutError, MemoryError) as error:
        stop_reader()
        raise ValueError("reading it took too long, too much memory, or the process") from error
    if isinstance(found, str):
        raise ValueError(found)
    if found is None:
        raise KeyError(variable)
    return found


def stop_reader() -> None:
    """End the process that reads, if there is one."""
    while _readers:
        reader = _readers.pop()
        for process in (reader._processes or {}).values():
            process.kill()
        reader.shutdown(wait=False, cancel_futures=True)


def _limit() -> None:
    """Keep this process within MEMORY, and end it when its parent, which may be killed, has ended."""
    import scipy.io  # noqa: F401 (what it maps counts too)

    end_with_parent()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _load(path: str, variable: str) -> Any:
    """Return a variable as an array; a sentence that says why it cannot be read; or None where the file has no such variable."""
    from scipy.io import loadmat

    try:
        found = loadmat(path).get(variable)
    except Exception as error:  # SciPy meets damage with whatever its first broken step raises
        return str(error) or type(error).__name__
    return found if found is None or isinstance(found, np.ndarray) else "it holds no array"
