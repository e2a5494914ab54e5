"""One array file with a row for every item, made by several processes: what decoded pictures are kept in."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harmlib.errors import DataError
from harmlib.io.arrays import map_array
from harmlib.io.files import check_free_space, remove_partial, replacing
from harmlib.io.locks import alone
from harmlib.progress import progress
from harmlib.threads import in_processes

logger = logging.getLogger(__name__)

CHUNK = 32  # items a job
BLOCK = 2**20  # bytes

_work: dict[str, Any] = {}  # what a worker process needs for every chunk, sent once


def keep_rows(
    path: str | os.PathLike[str],
    items: Sequence[Any],
    shape: tuple[int, ...],
    make: Callable[[Any], np.ndarray],
    *,
    workers: int,
    desc: str,
    unit: str,
) -> None:
    """Make sure that a .npy file holds ``make(item)``, uint8 of ``shape``, of every item; one that is missing or cut off is made.

    workers: processes besides this one, for which ``make`` must be picklable; the bytes do not depend on their number. Of several processes
    that need the file one makes it, and the others wait. desc, unit: of the progress bar.
    Raises DiskSpaceError before it starts, and the first error of an item.
    """
    path, whole = Path(path), (len(items), *shape)
    if _holds(path, whole):
        return
    with alone(path, f'another process is filling "{path}"', patience=math.inf):
        if _holds(path, whole):
            return
        remove_partial(path)
        check_free_space(path.parent, math.prod(whole))
        with replacing(path) as temporary, progress(total=len(items), desc=desc, unit=unit) as bar:
            np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=whole)
            _reserve(temporary)
            jobs = [(items[first : first + CHUNK], first) for first in range(0, len(items), CHUNK)]
            workers = workers if len(jobs) > 1 else 0
            for _, count in in_processes(_write, jobs, workers=workers, prepare=_keep, given=(temporary, make)):
                bar.update(count)


def _keep(path: Path, make: Callable[[Any], np.ndarray]) -> None:
    """Keep what all chunks share."""
    _work.update(path=path, make=make)


def _write(items: Sequence[Any], first: int) -> int:
    """Write the rows of some items, from row ``first`` on, with what ``_keep`` kept; return their number."""
    rows = np.lib.format.open_memmap(_work["path"], mode="r+")
    for row, item in enumerate(items, start=first):
        rows[row] = _work["make"](item)
    rows.flush()
    return len(items)


def _holds(path: Path, shape: tuple[int, ...]) -> bool:
    """Tell whether a file holds a whole array of a shape."""
    if not path.exists():
        return False
    try:
        map_array(path, shape, advice="it is made again")
    except DataError as error:
        logger.warning("%s", error)
        return False
    return True


def _reserve(path: Path) -> None:
    """Take the whole room of a file on the disk: a page of a mapped one that finds none there ends the process without a word."""
    with path.open("r+b") as stream:
        size = os.fstat(stream.fileno()).st_size
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, size)
            return
        start = len(stream.read(BLOCK).rstrip(b"\0"))  # the header
        for position in range(start, size, BLOCK):
            stream.seek(position)
            stream.write(bytes(min(BLOCK, size - position)))
