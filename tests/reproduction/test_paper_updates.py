"""Two updates of every method of the paper profile on miniature trees in the public layouts; of every run: benchmarks/paper_updates.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.paper_updates import RESULTS, UPDATES, runs_of, shortened
from benchmarks.public_trees import write_public_trees
from harmlib.training.plan import RunPlan, read_history
from reproduction.profiles import load_profile, taken_from, unique_benchmarks
from reproduction.stages import Results, build_benchmarks, train_run

PROFILE = load_profile("paper")
# Updates of two pictures, in two parts where the profile has several.
RUNS = {
    run.name: replace(shortened(run), batch_size=min(2, run.batch_size), accumulate=min(2, run.accumulate))
    for run in runs_of(PROFILE).values()
}
# A method's own run, on the last of its benchmarks; of the others only the options or the photographs differ.
METHODS = {run.method: run.name for run in RUNS.values() if not run.label}


@pytest.fixture(scope="module")
def benchmarks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    """The photographs, and results with all benchmarks built, to which the runs are added."""
    root = tmp_path_factory.mktemp("paper")
    data, results = root / "data", Results(root / "results", "paper")
    write_public_trees(data, size=(48, 64), adobe=(100, 1100))
    build_benchmarks(PROFILE, PROFILE.papers, data=data, results=results, workers=0)
    return data, results


def train(run: RunPlan, data: Path, results: Results) -> None:
    """Train a run, and before it those whose weights it takes, unless they are."""
    for name in sorted(taken_from(run)):
        train(RUNS[name], data, results)
    plans = unique_benchmarks(PROFILE.paper(paper) for paper in PROFILE.papers)
    train_run(run, plans[run.benchmark], PROFILE, data=data, results=results)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_method_makes_two_updates_of_the_paper_profile_on_the_public_layouts(method: str, benchmarks: tuple[Path, Results]) -> None:
    run = RUNS[METHODS[method]]

    train(run, *benchmarks)

    history = read_history(benchmarks[1].run(run.name))
    assert history["step"].tolist() == list(range(1, run.iterations + 1))
    assert np.isfinite(history.to_numpy()).all()


def test_the_committed_table_has_every_run_as_the_profile_has_it() -> None:
    table = pd.read_csv(RESULTS).set_index("run")

    planned = [
        [name, min(UPDATES, run.iterations), run.batch_size, run.accumulate, run.precision, True] for name, run in runs_of(PROFILE).items()
    ]
    assert table.drop(columns="peak_mib").reset_index().to_numpy().tolist() == planned
