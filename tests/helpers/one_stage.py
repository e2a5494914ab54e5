"""One stage of a paper: called, or started as a process of its own, which can be killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from reproduction.profiles import load_profile
from reproduction.stages import Results, build_benchmarks, score_papers, train_runs

STAGES = ("build", "train", "score")


def run_stage(stage: str, folder: Path, results: Path, *, workers: int = 0) -> None:
    """Take a stage of the miniature run in ``folder``; workers: processes that build beside this one."""
    profile, place = load_profile(str(folder / "kill.yaml")), Results(results, "kill")
    if stage == "build":
        build_benchmarks(profile, ["sgmmh"], data=folder, results=place, workers=workers)
    elif stage == "train":
        train_runs(profile, ["sgmmh"], data=folder, results=place)
    else:
        score_papers(profile, ["sgmmh"], results=place)


def start_stage(stage: str, folder: Path, results: Path) -> subprocess.Popen[str]:
    """Return the process that takes a stage, in a group of its own, once everything is imported and the work begins."""
    command = [sys.executable, __file__, stage, str(folder), str(results)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True)
    assert process.stdout is not None  # it was asked for
    process.stdout.readline()
    return process


if __name__ == "__main__":
    import torch

    import harmlib.evaluation.methods
    import harmlib.models.sgmmh
    import harmlib.training.loop  # noqa: F401

    torch.set_num_threads(1)
    print("go", flush=True)
    run_stage(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), workers=1)
