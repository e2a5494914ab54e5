"""Two updates of every run of the paper profile, on miniature trees in the public layouts.

    python -m benchmarks.paper_updates [--runs frih-iharmony4 ...]

Each run is the profile's own, through the stages that train it: its benchmark, sampler, augmentations, packing or shrinking, batch size,
parts of an update, losses, players, optimizer, precision, validation, and what it takes from other runs. Other than in the profile are the
number of updates, the networks' widths (an eighth, from random weights, because ImageNet's are for full width), and the loader processes
(none). Photographs are drawn, five for each split; those of HAdobe5k are larger than ``longest_side``. Writes
``results/paper_updates.csv``, one row a run: the updates in its history, whether all losses there are finite, and by how much the process
grew at its highest while it prepared the data and trained (Linux). Seeded.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.inference_1080p import extra_mib
from benchmarks.public_trees import write_public_trees
from harmlib import models
from harmlib.io.files import write_text
from harmlib.training.plan import RunPlan, read_history
from reproduction.profiles import Profile, load_profile, taken_from, unique_benchmarks, unique_runs
from reproduction.stages import Results, build_benchmarks, train_run

UPDATES = 2
NARROW = 0.125
PHOTOGRAPHS = 5
SIZE, ADOBE = (240, 320), (800, 1200)
RESULTS = Path(__file__).parents[1] / "results" / "paper_updates.csv"


def main() -> None:
    """Write the trees, build the benchmarks, train, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", nargs="+", help="only these, and those whose weights they take; writes no table")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        data, results = Path(folder) / "data", Results(Path(folder) / "results", "paper")
        write_public_trees(data, photographs=PHOTOGRAPHS, size=SIZE, adobe=ADOBE)
        profile = load_profile("paper")
        build_benchmarks(profile, profile.papers, data=data, results=results, workers=0)
        runs = {run.name: shortened(run) for run in runs_of(profile).values()}
        rows = []
        for run in runs.values():
            if not options.runs or run.name in needed(options.runs, runs):
                rows.append(row_of(run, profile, data, results))
                print(*rows[-1].values(), flush=True)
    if not options.runs:
        write_text(RESULTS, pd.DataFrame(rows).to_csv(index=False, lineterminator="\n"))


def runs_of(profile: Profile) -> dict[str, RunPlan]:
    """Return name -> run of all papers on a GPU, none before those whose weights it takes."""
    return unique_runs(profile.paper(paper, "gpu") for paper in profile.papers)


def needed(names: list[str], runs: dict[str, RunPlan]) -> set[str]:
    """Return some runs and all whose weights they take."""
    return {*names, *(found for name in names for found in needed(sorted(taken_from(runs[name])), runs))}


def shortened(run: RunPlan) -> RunPlan:
    """Return a run cut to two updates of a narrow network, in this process; what it keeps or takes after an update is after the last."""
    narrow = {name: NARROW for name in models.describe(run.method).options if name.endswith("width")}
    return replace(
        run,
        iterations=min(run.iterations, UPDATES),
        options={name: value for name, value in run.options.items() if name != "pretrained"} | narrow,
        keep=(UPDATES,) if run.keep else (),
        start_from=run.start_from and re.sub(r"@\d+$", f"@{UPDATES}", run.start_from),
        workers=0,
    )


def row_of(run: RunPlan, profile: Profile, data: Path, results: Results) -> dict[str, Any]:
    """Train a run and return its row."""
    benchmark = unique_benchmarks(profile.paper(paper, "gpu") for paper in profile.papers)[run.benchmark]
    peak = extra_mib(lambda: train_run(run, benchmark, profile.reseeded(run), data=data, results=results))
    history = read_history(results.run(run.name))
    losses = history.drop(columns=["step", "seconds", "learning_rate"])
    return {
        "run": run.name,
        "updates": int(history["step"].max()) if len(history) else 0,
        "pictures": run.batch_size,
        "parts": run.accumulate,
        "precision": run.precision,
        "finite": bool(np.isfinite(losses.to_numpy()).all()),
        "peak_mib": round(peak),
    }


if __name__ == "__main__":
    main()
