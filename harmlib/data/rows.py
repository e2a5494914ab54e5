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


class KeptRows:
    """A row for every item, ``make(item)`` of uint8 and ``shape``, in a .npy file that all processes map into memory.

    A file that is missing or cut off is made: of several processes that need it, one makes it and the others wait.
    workers: processes besides this one that share the work, for which ``make`` must be picklable. desc, unit: of the progress bar.
    Raises DiskSpaceError before it starts, and the first error of an item.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        items: Sequence[Any],
        shape: tuple[int, ...],
        make: Callable[[Any], np.ndarray],
        *,
        workers: int,
        desc: str,
        unit: str,
    ) -> None:
        self._path, self._shape = Path(path), (len(items), *shape)
        self._rows: np.ndarray | None = None
        if _holds(self._path, self._shape):
            return
        with alone(path, f'another process is filling "{path}"', patience=math.inf):
            if _holds(self._path, self._shape):
                return
            remove_partial(path)
            check_free_space(self._path.parent, math.prod(self._shape))
            with replacing(path) as temporary, progress(total=len(items), desc=desc, unit=unit) as bar:
                np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=self._shape)
                _reserve(temporary)
                jobs = [(items[first : first + CHUNK], first) for first in range(0, len(items), CHUNK)]
                workers = workers if len(jobs) > 1 else 0
                for _, count in in_processes(_write, jobs, workers=workers, common=(temporary, make)):
                    bar.update(count)

    def __getitem__(self, index: int) -> np.ndarray:
        """Return the row of one item."""
        if self._rows is None:
            self._rows = map_array(self._path, self._shape)
        return self._rows[index]

    def __getstate__(self) -> dict[str, Any]:
        """Leave the memory map behind when a worker process gets a copy; it maps the file itself."""
        return {**self.__dict__, "_rows": None}


def _write(path: Path, make: Callable[[Any], np.ndarray], items: Sequence[Any], first: int) -> int:
    """Write the rows of some items, from row ``first`` on; return their number."""
    rows = np.lib.format.open_memmap(path, mode="r+")
    for row, item in enumerate(items, start=first):
        rows[row] = make(item)
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
