"""Cases in child processes of limited memory and time, and what becomes of each."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
GOOD = ("sentence", "accepted")
BAD = ("raw", "crash", "hang", "memory", "outside")
SECONDS = 10
GIBIBYTE = 2**30
PATIENCE = 600  # a process's start, imports and seed files included


def run_target(target: str, seed: int, cases: int, keep: Path) -> Iterator[tuple[int, str, str]]:
    """Yield (case, outcome, detail) of every case of a target; a process that crashed or hung is followed by another."""
    first = 0
    while first < cases:
        command = [sys.executable, "-m", "benchmarks.fuzz", "--child", target, "--seed", str(seed), "--first", str(first)]
        child = subprocess.Popen([*command, "--cases", str(cases), "--keep", str(keep)], cwd=ROOT, stdout=subprocess.PIPE)
        begun = None
        for line in _lines(child):
            if line is None:
                child.kill()
                break
            number, outcome, detail = line.split("\t", 2)
            begun = int(number)
            if outcome != "begun":
                first, begun = begun + 1, None
                yield first - 1, outcome, detail
        code = child.wait()
        if begun is not None:
            yield begun, "hang" if code == -signal.SIGKILL else "crash", f"exit code {code}"
            first = begun + 1
        elif first < cases:
            raise RuntimeError(f'the target does not start (exit code {code}): try benchmarks.fuzz --child "{target}" --cases 1')


def _lines(child: subprocess.Popen[bytes]) -> Iterator[str | None]:
    """Yield a child's lines, None when it says nothing for too long."""
    assert child.stdout is not None
    process, patience, rest, limit = psutil.Process(child.pid), PATIENCE, b"", float(PATIENCE)
    while True:
        if not select.select([child.stdout], [], [], patience)[0]:
            if waits_for_a_processor(process, limit):
                continue
            yield None
            return
        data = os.read(child.stdout.fileno(), 2**16)
        if not data:
            return
        limit = _used(process) + 2 * SECONDS  # a case over its own limit says so itself
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace")
        patience = 12 * SECONDS


def waits_for_a_processor(process: psutil.Process, limit: float) -> bool:
    """Tell whether a silent process has only had too little of a busy machine, less than ``limit`` seconds; who sleeps waits for ever."""
    runs, used = False, 0.0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            runs |= one.status() in (psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP)
            used += _used(one)
    return runs and used < limit


def _used(process: psutil.Process) -> float:
    """Return the seconds of processor that a process has had."""
    times = process.cpu_times()
    return times.user + times.system


def run_child(target: str, seed: int, first: int, cases: int, keep: Path) -> None:
    """Run cases from ``first`` on and print what became of each; bad ones are kept."""
    from benchmarks.fuzz.targets import TARGETS

    logging.disable()
    warnings.simplefilter("ignore")
    out = os.fdopen(os.dup(1), "w", buffering=1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    writes: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        pristine, folder = Path(scratch) / "pristine", Path(scratch) / "case"
        pristine.mkdir()
        made = TARGETS[target]
        made.write(pristine)
        made.read(pristine)  # what is whole is accepted
        sys.addaudithook(lambda event, given: _watch(event, given, Path(scratch), writes))
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 4 * GIBIBYTE, -1))
        for number in range(first, cases):
            print(f"{number}\tbegun\t", file=out)
            damaged = damage(target, seed, number, pristine, folder)
            mutated = damaged.read_bytes()
            writes.clear()
            outcome, detail = outcome_of(lambda: made.read(folder))
            if writes:
                outcome, detail = "outside", writes[0]
            if outcome in BAD:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{target}-{seed}-{number}-{damaged.name}").write_bytes(mutated)
            print(f"{number}\t{outcome}\t{detail}".replace("\n", " "), file=out)


def damage(target: str, seed: int, number: int, pristine: Path, folder: Path) -> Path:
    """Make ``folder`` anew from the pristine one with one file damaged; return that file."""
    from benchmarks.fuzz.targets import TARGETS

    made, draw = TARGETS[target], random.Random(f"{seed} {target} {number}")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(pristine, folder, symlinks=True)
    damaged = folder / draw.choice(made.mutated(pristine)).relative_to(pristine)
    with contextlib.suppress(RecursionError):  # of the parser that the damage begins with
        made.mutate(damaged, draw)
    return damaged


def outcome_of(read: Callable[[], object]) -> tuple[str, str]:
    """Return what became of a case, and why."""
    from harmlib.errors import HarmlibError

    def late(*_: object) -> None:
        raise TimeoutError

    # Of the processor: a busy machine is no hang. Who waits for ever, or stays in native code, is ended by the parent.
    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    before, started = _peak(), time.process_time()
    try:
        read()
    except HarmlibError as error:
        found = ("sentence", str(error)[:200]) if "\n" not in str(error) else ("raw", f"several lines: {error}")
    except MemoryError:
        found = "memory", traceback.format_exc(limit=-3)
    except TimeoutError:
        found = "hang", f"over {SECONDS} s"
    except BaseException as error:
        found = "raw", f"{type(error).__name__}: {str(error)[:120]} {_where(error)}"
    else:
        found = "accepted", ""
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if time.process_time() - started > SECONDS:
        return "hang", f"{time.process_time() - started:.1f} s"
    if _peak() - before > GIBIBYTE:
        return "memory", f"{(_peak() - before) / GIBIBYTE:.1f} GiB"
    return found


def _where(error: BaseException) -> str:
    """Return the last three places that a traceback names."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))


def _peak() -> int:
    """Return the most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _watch(event: str, given: tuple[object, ...], root: Path, writes: list[str]) -> None:
    """Note what is written outside of the case's folder, connected to, or started."""
    if event == "open" and isinstance(given[0], str) and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        path = Path(given[0]).absolute()
        if root not in path.parents and not path.is_relative_to("/dev") and path.suffix != ".pyc":
            writes.append(f"wrote {path}")
    if event in ("socket.connect", "subprocess.Popen", "os.system", "os.exec"):
        writes.append(f"{event} {str(given)[:100]}")
