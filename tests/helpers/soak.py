"""Commands that are killed at random moments, and two at once: ``make soak N=50``.

In a round a command works on a fresh copy of its folder and is killed, itself alone, by SIGTERM, SIGINT or SIGKILL. Five seconds later no
process that it started may be left, and the same command must end in the bytes of an unbroken one, without a temporary file or a lock.
SIGTERM and SIGKILL end a command where it is, so the seconds count from the signal. SIGINT is Python's: the command ends the step that it
is in, a call into torch or a file that it writes, and says how to go on, which takes as long as the machine lets it (up to PATIENCE); there
they count from the command's own end. After the three signals a command is started twice instead: one works, the other says so, or comes
after it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from miniature_run import write_run

from harmlib.io.images import write_png

ROOT = Path(__file__).resolve().parents[2]
MARK = "HARMLIB_SOAK"  # in the environment of whatever a round starts
SECONDS = 5.0  # until all that a command started has ended
PATIENCE = 30.0  # seconds from SIGINT to the end of the command itself
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
ATTEMPTS = 4  # to kill a command before it is over, each time sooner
BUSY = "wait for it to end"
PICTURES = 20
# What holds times, or the order in which things were run.
NOT_PROMISED = ("manifest.json", "history.csv", "workflow.json")


@dataclass(frozen=True)
class Job:
    """A command: its name, its words below a folder, and the job whose finished folder it starts from."""

    name: str
    words: Callable[[Path], list[str]]
    after: str | None = None


def _stage(folder: Path, *words: str) -> list[str]:
    """Return the words of a command of the reproduction."""
    return ["reproduction", *words, "--profile", str(folder / "kill.yaml"), "--data", str(folder), "--results", str(folder / "results")]


def _notebook(folder: Path, name: str, **more: str) -> list[str]:
    """Return the words that run a stage's notebook; more: of its parameters."""
    values = {"profile": folder / "kill.yaml", "results": folder / "results", **more}
    parameters = [word for key, value in values.items() for word in ("-p", f"{key}={value}")]
    return ["reproduction", "notebook", str(ROOT / "notebooks" / name), "--out", str(folder / "copies" / name), *parameters]


def _score(folder: Path) -> list[str]:
    """Return the words that score pictures."""
    return ["harmlib", "score", *(str(folder / name) for name in ("results", "real", "mask")), "--out", str(folder / "scores.csv")]


JOBS = (
    Job("score", _score),
    Job("train", lambda folder: _stage(folder, "train", "sgmmh")),
    Job("score stage", lambda folder: _notebook(folder, "30_score.ipynb", papers='["sgmmh"]'), after="train"),
    Job("draw", lambda folder: _notebook(folder, "40_sgmmh.ipynb"), after="score stage"),
    Job("reproduce", lambda folder: _stage(folder, "reproduce")),
)


class Soak:
    """The rounds of some jobs below a folder; everything random comes from the seed."""

    def __init__(self, folder: Path, jobs: tuple[Job, ...] = JOBS, seed: int = 2021) -> None:
        self.folder, self.seed = folder, seed
        # A shell's background jobs ignore SIGINT, and what they start would too.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.jobs = {job.name: job for job in jobs}
        self.whole: dict[str, dict[str, bytes]] = {}
        self.seconds: dict[str, float] = {}
        for job in jobs:
            self._prepare(job)

    def _prepare(self, job: Job) -> None:
        """Write a job's folder, and run it unbroken on a copy: its bytes and its duration."""
        start, done = self.folder / f"{job.name}-start", self.folder / f"{job.name}-done"
        if job.after:
            shutil.copytree(self.folder / f"{job.after}-done", start)
        elif job.name == "score":
            _write_pictures(start)
        else:
            start.mkdir(parents=True)
            write_run(start, draws=3)
        shutil.copytree(start, done)
        started = time.monotonic()
        process = self._start(job, done)
        error = process.communicate()[1]
        if process.returncode:
            raise SystemExit(f"{job.name} does not even run by itself:\n{error}")
        self.seconds[job.name], self.whole[job.name] = time.monotonic() - started, promised(done)

    def _start(self, job: Job, folder: Path) -> subprocess.Popen[str]:
        """Start a job's command as a shell does."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), MARK: str(folder)}
        command = [sys.executable, "-m", *job.words(folder)]
        return subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
        )

    def round(self, number: int) -> dict[str, object]:
        """Return the row of one round; ``fault`` is empty when everything was as it must be."""
        job = list(self.jobs.values())[number % len(self.jobs)]
        chance = random.Random(f"{self.seed} {number}")
        turn = number // len(self.jobs) % (len(SIGNALS) + 1)
        return self._twice(job, chance) if turn == len(SIGNALS) else self._kill(job, SIGNALS[turn], chance)

    def _fresh(self, job: Job) -> Path:
        """Return a copy of a job's folder, always at the same place: paths stand in what it writes."""
        folder = self.folder / f"{job.name}-round"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder / f"{job.name}-start", folder)
        return folder

    def _kill(self, job: Job, how: signal.Signals, chance: random.Random) -> dict[str, object]:
        """Kill a command, look for what is left, and run it again."""
        share = chance.uniform(0.02, 0.95)
        row: dict[str, object] = {"job": job.name, "event": how.name, "at": 0.0, "ended": 0.0, "gone": 0.0, "fault": ""}
        for attempt in range(ATTEMPTS):
            folder = self._fresh(job)
            process = self._start(job, folder)
            row["at"] = round(share * self.seconds[job.name] / 2**attempt, 2)
            time.sleep(float(str(row["at"])))
            if process.poll() is None:
                break
            process.communicate()
        else:
            return row | {"event": "over before"}
        process.send_signal(how)
        killed = time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        ended = time.monotonic()
        while (left := _left(folder)) and time.monotonic() < ended + 2 * SECONDS:
            time.sleep(0.05)
        gone = time.monotonic()
        row |= {"ended": round(ended - killed, 2), "gone": round(gone - killed, 2)}
        if process.poll() is None or gone - (ended if how == signal.SIGINT else killed) > SECONDS:
            process.kill()
            return row | {"fault": f"{len(left)} processes left, exit code {process.wait()}"}
        process.communicate()
        return row | {"fault": self._again(job, folder)}

    def _again(self, job: Job, folder: Path) -> str:
        """Return what is wrong after the same command once more."""
        process = self._start(job, folder)
        error = process.communicate()[1]
        if process.returncode:
            return f"the same command ends with {process.returncode}: {error.strip()[-300:]}"
        return self._differences(job, folder)

    def _differences(self, job: Job, folder: Path) -> str:
        """Return in which files a finished folder differs from an unbroken one."""
        found, whole = promised(folder), self.whole[job.name]
        names = sorted(name for name in {*found, *whole} if found.get(name) != whole.get(name))
        return f"other bytes: {', '.join(names[:5])}" if names else ""

    def _twice(self, job: Job, chance: random.Random) -> dict[str, object]:
        """Start a command twice."""
        folder, pause = self._fresh(job), chance.uniform(0, 0.5) * self.seconds[job.name]
        row: dict[str, object] = {"job": job.name, "event": "two at once", "at": round(pause, 2), "ended": 0.0, "gone": 0.0, "fault": ""}
        first = self._start(job, folder)
        time.sleep(pause)
        second = self._start(job, folder)
        errors = [process.communicate()[1] for process in (first, second)]
        codes = [first.returncode, second.returncode]
        refused = [error for code, error in zip(codes, errors, strict=True) if code and BUSY in error]
        if 0 not in codes or len(refused) != 2 - codes.count(0):
            return row | {"fault": f"ended with {codes}: {errors[0][-200:]} {errors[1][-200:]}"}
        event = "two at once: one refused" if refused else "two at once: one after the other"
        return row | {"event": event, "fault": self._differences(job, folder)}


def _left(folder: Path) -> list[int]:
    """Return the processes of a round that have not ended."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder):
                found.append(process.pid)
        except (psutil.Error, OSError):
            pass
    return found


def promised(folder: Path) -> dict[str, bytes]:
    """Return what a finished folder must hold to the byte: all but times, executed notebooks and Snakemake's own notes."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    inside = [path for path in files if not {".snakemake", "notebooks", "copies"} & set(path.relative_to(folder).parts)]
    kept = [path for path in inside if not path.name.endswith(NOT_PROMISED)]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


def _write_pictures(folder: Path) -> None:
    """Write pictures to score, with their real ones and masks."""
    generator = np.random.default_rng(0)
    mask = np.zeros((96, 128), np.uint8)
    mask[20:60, 30:90] = 255
    for number in range(PICTURES):
        real = np.kron(generator.uniform(0, 200, (12, 16, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        write_png(folder / "real" / f"{number}.png", real)
        write_png(folder / "results" / f"{number}.png", real + (mask[..., None] // 8))
        write_png(folder / "mask" / f"{number}.png", mask)


def summary(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Return one row per job and event: rounds, seconds from the signal until the command ended and until nothing was left, faults."""
    table = pd.DataFrame(rows).assign(fault=lambda rows: rows["fault"] != "")
    return (
        table.groupby(["job", "event"])
        .agg(
            rounds=("fault", "size"),
            median_ended=("ended", "median"),
            longest_ended=("ended", "max"),
            median_gone=("gone", "median"),
            longest_gone=("gone", "max"),
            faults=("fault", "sum"),
        )
        .reset_index()
    )


def main() -> int:
    """Run the rounds, print every fault and the table; return 1 when there was one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=2021)
    parser.add_argument("--jobs", nargs="+", default=[job.name for job in JOBS], choices=[job.name for job in JOBS])
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="soak {x} $(y) ") as folder:
        soak = Soak(Path(folder).resolve(), tuple(job for job in JOBS if job.name in options.jobs), options.seed)
        for number in range(options.rounds):
            rows.append(soak.round(number))
            print(number, *rows[-1].values(), flush=True)
    print(summary(rows).to_string(index=False))
    print(f"{len(rows)} rounds, {sum(row['fault'] != '' for row in rows)} with a fault; seed {options.seed}")
    return int(any(row["fault"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
