"""One array file with a row for every item, made by several processes: what decoded pictures are kept in."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harmlib.io.files import check_free_space, replacing
from harmlib.progress import progress
from harmlib.threads import in_processes

CHUNK = 32  # items a job

_work: dict[str, Any] = {}  # what a worker process needs for every chunk, sent once


def write_rows(
    path: str | os.PathLike[str],
    items: Sequence[Any],
    shape: tuple[int, ...],
    make: Callable[[Any], np.ndarray],
    *,
    workers: int,
    desc: str,
    unit: str,
) -> None:
    """Write ``make(item)``, uint8 of ``shape``, of every item into one .npy file, which appears when it is complete.

    workers: processes beside this one, for which ``make`` must be picklable; the bytes do not depend on their number.
    desc, unit: of the progress bar. Raises DiskSpaceError before it starts, and the first error of an item.
    """
    whole = (len(items), *shape)
    check_free_space(Path(path).parent, math.prod(whole))
    with replacing(path) as temporary:
        np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=whole)
        jobs = [(items[first : first + CHUNK], first) for first in range(0, len(items), CHUNK)]
        with progress(total=len(items), desc=desc, unit=unit) as bar:
            if workers and len(jobs) > 1:
                for _, count in in_processes(_write_kept, jobs, workers=min(workers, len(jobs)), prepare=_keep, given=(temporary, make)):
                    bar.update(count)
                return
            for job in jobs:
                bar.update(_write(temporary, make, *job))


def _keep(path: Path, make: Callable[[Any], np.ndarray]) -> None:
    """Keep what all chunks share."""
    _work.update(path=path, make=make)


def _write_kept(items: Sequence[Any], first: int) -> int:
    """Write some rows with what ``_keep`` kept."""
    return _write(_work["path"], _work["make"], items, first)


def _write(path: Path, make: Callable[[Any], np.ndarray], items: Sequence[Any], first: int) -> int:
    """Write the rows of some items, from row ``first`` on; return their number."""
    rows = np.lib.format.open_memmap(path, mode="r+")
    for row, item in enumerate(items, start=first):
        rows[row] = make(item)
    rows.flush()
    return len(items)
