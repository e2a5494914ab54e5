"""Processes that end with the command that started them, however it ends, and one command at a time in a folder of results.

A command starts a watcher, this file as a script, in a session of its own and at the other end of a pipe. When the pipe closes, because
the command is over or was killed, the watcher ends every process whose environment carries the command's mark: Snakemake, notebooks, and
kernels, which are in no process group but their own. It also keeps the command's lock open until then.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

MARK = "HARMLIB_COMMAND"  # environment variable of every process below a command, and what it holds
GRACE = 1.5  # seconds from the signal that asks a process to end to the one that does not ask
PATIENCE = 6.0  # seconds that a command waits for what is left of a killed one
PAUSE = 0.05  # seconds between two looks
ROUNDS = 5  # of ending without asking


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other commands out of a folder of results meanwhile, and end whatever was started inside.

    A process started by the command that already works there is let through. Raises BusyError while there is another one.
    """
    from harmlib.io.locks import alone

    mark = os.fspath(folder.absolute())
    if os.environ.get(MARK) == mark:
        yield
        return
    with alone(folder, f'another run is working in "{folder}"', patience=PATIENCE) as lock:
        end_processes(mark)  # of a command that was killed together with its watcher
        with _watched(mark, lock):
            yield


@contextlib.contextmanager
def supervised() -> Iterator[None]:
    """End whatever is started inside with this process, unless a command above it already does."""
    if MARK in os.environ:
        yield
        return
    with _watched(uuid.uuid4().hex):
        yield


@contextlib.contextmanager
def _watched(mark: str, *held: int) -> Iterator[None]:
    """Mark what is started inside, and have a watcher end it at the latest with this process. held: open files that the watcher keeps."""
    above = os.environ.pop(MARK, None)
    command = [sys.executable, str(Path(__file__).resolve()), mark]
    given = () if sys.platform == "win32" else held  # which can hand on no files, and has no locks
    watcher = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=given, start_new_session=True)
    assert watcher.stdin is not None  # it was asked for
    os.environ[MARK] = mark
    try:
        yield
    finally:
        os.environ.pop(MARK)
        if above is not None:
            os.environ[MARK] = above
        watcher.stdin.close()
        watcher.wait()


def end_processes(mark: str) -> None:
    """End every process of this user that carries a mark, first by asking; whatever it starts meanwhile, too."""
    import psutil

    for end in (psutil.Process.terminate, *[psutil.Process.kill] * ROUNDS):
        for process in marked_processes(mark):
            with contextlib.suppress(psutil.Error):
                end(process)
        deadline = time.monotonic() + GRACE
        while marked_processes(mark):
            if time.monotonic() > deadline:
                break
            time.sleep(PAUSE)
        else:
            return


def marked_processes(mark: str) -> list[psutil.Process]:
    """Return the processes, this one apart, that were started with a mark in their environment and have not ended.

    Without multiprocessing's resource trackers: they end with those that they serve, also with the command itself, and clean up after them.
    """
    import psutil

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):  # ended by now, not yet collected by its parent, or another user's
            ours = process.pid != os.getpid() and process.environ().get(MARK) == mark
            if ours and not any("multiprocessing.resource_tracker" in word for word in process.cmdline()):
                found.append(process)
    return found


if __name__ == "__main__":
    sys.stdin.buffer.read()
    end_processes(sys.argv[1])
