"""One writer at a time: a lock file next to what is written, which goes away with the process that holds it, however that dies.

Where the system has no such locks (Windows, some network file systems) nobody is kept out.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from harmlib.errors import BusyError
from harmlib.io.refusals import refusal

if sys.platform != "win32":
    import fcntl

logger = logging.getLogger(__name__)

LONGEST_NAME = 200  # bytes of a name in that of its lock: file systems take 255
PAUSE = 0.1  # seconds between two looks at a lock


@contextlib.contextmanager
def alone(path: str | os.PathLike[str], doing: str, *, patience: float = 0) -> Iterator[int]:
    """Keep out every other process that asks for ``path``; yield the open lock file, which a child may be given.

    path: the file or folder to be written, which need not exist; the lock is ``.<name>.lock`` beside it, gone when it is free.
    doing: opens the sentence for a second one, such as 'another process is scoring into "a.csv"'.
    patience: seconds to wait for it. The lock is held until every process with the yielded file has closed it or died.
    Raises BusyError when somebody else still has it then, HarmlibError where the lock cannot be written.
    """
    place = Path(path).absolute()
    name = place.name if len(os.fsencode(place.name)) <= LONGEST_NAME else hashlib.sha256(os.fsencode(place.name)).hexdigest()
    lock = place.with_name(f".{name}.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = _taken(lock, time.monotonic() + patience)
    except OSError as error:
        raise refusal(Path(path), error) from error
    if handle is None:
        raise BusyError(f"{doing}: wait for it to end")
    try:
        yield handle
    finally:
        # Before it is free: whoever waits for it looks whether the file that it locked is still the one with this name.
        with contextlib.suppress(OSError):
            lock.unlink()
        os.close(handle)


def _taken(lock: Path, deadline: float) -> int | None:
    """Return the open lock file once it is ours, or None when it is not until the deadline."""
    waited = False
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        ours = try_lock(handle)
        with contextlib.suppress(FileNotFoundError):
            if ours and os.path.samestat(os.fstat(handle), lock.stat()):
                return handle
        os.close(handle)
        if not ours:
            if time.monotonic() >= deadline:
                return None
            if not waited:
                logger.info('waiting for the process that holds "%s"', lock)
            waited = True
            time.sleep(PAUSE)


def try_lock(handle: int) -> bool:
    """Lock an open file, unless another process has; tell whether nobody else has it."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES)
    return True
