"""SIGKILL in the middle of every stage, and of the command that runs all of them, then the same call again: the same bytes.

CI takes one seeded moment a stage; ``HARMLIB_KILLS=5 pytest tests/reproduction/test_interruptions.py`` takes five.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from miniature_run import write_run
from one_stage import STAGES, run_stage, start_stage

from harmlib.threads import one_algebra_thread

ROOT = Path(__file__).resolve().parents[2]
MOMENTS = range(int(os.environ.get("HARMLIB_KILLS", "1")))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A miniature run without interruption, what was there before every stage (``<stage>-start``), and every stage's duration."""
    folder = tmp_path_factory.mktemp("kill")
    write_run(folder)
    durations = {}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the number decides the last digits
    with one_algebra_thread():
        (folder / "whole").mkdir()
        for stage in STAGES:
            shutil.copytree(folder / "whole", folder / f"{stage}-start")
            started = time.monotonic()
            run_stage(stage, folder, folder / "whole")
            durations[stage] = time.monotonic() - started
        yield folder, durations
    torch.set_num_threads(threads)


def content(results: Path) -> dict[str, bytes]:
    """What a stage promises: every byte but times, which stand in the manifests and histories."""
    files = [path for path in sorted((results / "kill").rglob("*")) if path.is_file() and path.name not in ("manifest.json", "history.csv")]
    return {str(path.relative_to(results)): path.read_bytes() for path in files}


def interrupt(stage: str, folder: Path, results: Path, seconds: float) -> bool:
    """Start a stage where those before it are done, and kill it after so many seconds; tell whether it was still running."""
    shutil.copytree(folder / f"{stage}-start", results)
    process = start_stage(stage, folder, results)
    time.sleep(seconds)
    below = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    ended = process.wait()
    psutil.wait_procs(below, timeout=5)  # they end with it, and a person would not be back sooner
    return ended < 0


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_stage_ends_in_the_same_bytes(place, tmp_path, stage, moment):
    folder, durations = place
    share = random.Random(f"{stage} {moment}").uniform(0.1, 0.9)
    # On a machine whose load changes a stage may be over before it can be killed: then again, and sooner.
    waits = {tmp_path / str(attempt): share * durations[stage] / 2**attempt for attempt in range(4)}
    results = next(path for path, seconds in waits.items() if interrupt(stage, folder, path, seconds))
    for later in STAGES[STAGES.index(stage) :]:
        run_stage(later, folder, results)

    found, expected = content(results), content(folder / "whole")
    assert sorted(found) == sorted(expected)
    assert [name for name in expected if found[name] != expected[name]] == []


@pytest.mark.notebooks
@pytest.mark.slow
def test_a_killed_reproduction_goes_on_to_what_its_stages_make(place, tmp_path):
    folder, _ = place
    words = ["--profile", str(folder / "kill.yaml"), "--paper", "sgmmh", "--data", str(folder), "--results", str(tmp_path)]
    command = [sys.executable, "-m", "reproduction", "reproduce", *words, "--cores", "1"]  # the stages had one thread
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (tmp_path / "kill" / "runs").exists() and process.poll() is None:
        time.sleep(0.05)
    time.sleep(random.Random(7).uniform(0, 2))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    killed_in_time = not (tmp_path / "kill" / "scoreboard.md").exists()

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert killed_in_time
    assert done.returncode == 0, done.stderr[-3000:]
    found, expected = content(tmp_path), content(folder / "whole")
    assert [name for name in expected if found.get(name) != expected[name]] == []
