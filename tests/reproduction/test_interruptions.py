"""SIGKILL in the middle of every stage, then the same call again: the same bytes.

CI takes one seeded moment a stage; ``HARMLIB_KILLS=5 pytest tests/reproduction/test_interruptions.py`` takes five.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from miniature_run import write_run

MOMENTS = range(int(os.environ.get("HARMLIB_KILLS", "1")))
STAGES = ("build", "train", "score")

SCRIPT = """
import sys, time
from reproduction.profiles import load_profile
from reproduction.stages import Results, build_benchmarks, score_papers, train_runs

def run(stage, profile, data, results):
    if stage == "build":
        build_benchmarks(profile, ["sgmmh"], data=data, results=results, workers=1)
    if stage == "train":
        train_runs(profile, ["sgmmh"], data=data, results=results)
    if stage == "score":
        score_papers(profile, ["sgmmh"], results=results)

if __name__ == "__main__":
    import harmlib.evaluation.methods, harmlib.training.loop, harmlib.models.sgmmh
    stage, config, data, root = sys.argv[1:]
    print("go", flush=True)
    started = time.monotonic()
    run(stage, load_profile(config), data, Results(root, "kill"))
    print(time.monotonic() - started, flush=True)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A miniature profile with its photographs, and every stage's result and duration without interruption."""
    folder = tmp_path_factory.mktemp("kill")
    write_run(folder)
    durations = {stage: float(call(stage, folder, folder / "whole")) for stage in STAGES}
    return folder, durations


def start(stage: str, folder: Path, results: Path) -> subprocess.Popen[str]:
    arguments = [stage, str(folder / "kill.yaml"), str(folder), str(results)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    script = folder / "stage.py"
    script.write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, str(script), *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )


def call(stage: str, folder: Path, results: Path) -> str:
    process = start(stage, folder, results)
    output, _ = process.communicate()
    assert process.returncode == 0
    return output.split()[-1]


def content(results: Path) -> dict[str, bytes]:
    """What a stage promises: every byte but times, which stand in the manifests and histories."""
    files = [path for path in sorted((results / "kill").rglob("*")) if path.is_file() and path.name not in ("manifest.json", "history.csv")]
    return {str(path.relative_to(results)): path.read_bytes() for path in files}


def interrupt(stage: str, folder: Path, results: Path, seconds: float) -> bool:
    """Run the stages before ``stage``, start it and kill it after so many seconds; tell whether it was still running."""
    for earlier in STAGES[: STAGES.index(stage)]:
        call(earlier, folder, results)
    process = start(stage, folder, results)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(seconds)
    process.kill()
    return process.wait() < 0


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
        call(later, folder, results)

    found, expected = content(results), content(folder / "whole")
    assert sorted(found) == sorted(expected)
    assert [name for name in expected if found[name] != expected[name]] == []
