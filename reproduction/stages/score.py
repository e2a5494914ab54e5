"""The third stage: trained runs and methods without weights to scores, one row per image and method."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harmlib.data.benchmarks import BenchmarkPlan
from harmlib.data.built import inputs_fingerprint
from harmlib.errors import ParameterError
from harmlib.io.files import CHECKPOINT, fingerprint, is_finished, sha256, write_manifest, write_text
from harmlib.progress import HIDDEN, progress
from harmlib.threads import in_processes, one_algebra_thread
from harmlib.training.plan import RunPlan
from reproduction.profiles import PaperPlan, Profile
from reproduction.stages.results import Results, device_kind, trained_plan

if TYPE_CHECKING:
    import pandas as pd

# Ends the name of a method whose small result goes to full size by polynomial color mapping.
PCM = "_pcm"
# Starting a process takes as long as scoring some hundred pictures.
MANY_PICTURES = 2000

# What one part of the scores is made of: method, run, benchmark, protocol, folder, results, split.
Job = tuple[str, RunPlan | None, BenchmarkPlan, str, Path, Results, str]


def score_paper(profile: Profile, paper: str, *, results: Results, split: str = "test", workers: int | None = None) -> pd.DataFrame:
    """Score every run of a paper and its methods without weights on every benchmark; return one row per image and method.

    workers: processes beside this one, of one thread each, which share the methods; 0 for none. By default one per core where that is
    worth their start, none beside a GPU.
    """
    import pandas as pd

    from harmlib.evaluation.methods import COLUMNS, read_scores

    plan = trained_plan(profile, paper, results)
    folder, started = results.scores(paper), time.time()
    inputs = _score_inputs(plan, results)
    protocols = {name: list(methods) for name, methods in plan.protocols.items()}
    expected = {"paper": paper, "protocols": protocols, "split": split, "inputs": inputs}
    if is_finished(folder, expected):
        return read_scores(folder / "scores.csv")
    jobs = [
        (method, run, benchmark, protocol, folder, results, split)
        for protocol in plan.protocols
        for benchmark in plan.benchmarks
        if benchmark.scored
        for method, run in _methods(plan, benchmark, protocol)
    ]
    tables = _score_all(jobs, _default_workers(jobs) if workers is None else workers)
    table = pd.concat(tables, ignore_index=True)[list(COLUMNS)]
    write_text(folder / "scores.csv", table.to_csv(index=False, lineterminator="\n"))
    write_manifest(
        folder, started=started, **expected, device=device_kind(), n=len(table), files={"scores.csv": sha256(folder / "scores.csv")}
    )
    return read_scores(folder / "scores.csv")


def _default_workers(jobs: list[Job]) -> int:
    """Return how many processes pay: networks gain as much from a core's thread as from a process, all else only from processes."""
    from harmlib.data.pairs import read_pairs

    pictures = sum(len(read_pairs(results.benchmark(benchmark.name), split)) for _, _, benchmark, _, _, results, split in jobs)
    return (os.cpu_count() or 1) if device_kind() == "cpu" and pictures >= MANY_PICTURES else 0


def _score_all(jobs: list[Job], workers: int) -> list[pd.DataFrame]:
    """Return the scores of every job, made in this process or in ``workers`` others, with a progress bar."""
    if workers == 0:
        return [_score_one(*job) for job in jobs]
    done = in_processes(_score_one, jobs, workers=min(workers, len(jobs)), prepare=_one_thread_and_no_bar)
    tables = dict(progress(done, total=len(jobs), desc="scores", unit="method"))
    return [tables[place] for place in range(len(jobs))]


def _one_thread_and_no_bar() -> None:
    """Keep torch to one thread, and this process's own bars from the one that counts methods."""
    import torch

    torch.set_num_threads(1)
    os.environ[HIDDEN] = "yes"


def _methods(plan: PaperPlan, benchmark: BenchmarkPlan, protocol: str) -> list[tuple[str, RunPlan | None]]:
    """Return what is scored on a benchmark: methods without weights, then its runs, under the name that tables use.

    Raises ParameterError for a method that the protocol names and the plan does not have.
    """
    known: dict[str, RunPlan | None] = dict.fromkeys(plan.weightless)
    trained_on = benchmark.models_of or benchmark.name
    known |= {run.scored_as: run for run in plan.runs if run.benchmark == trained_on}
    chosen = plan.protocols[protocol] or tuple(known)
    for name in chosen:
        if name.removesuffix(PCM) not in known:
            raise ParameterError(f'{plan.paper}.protocols.{protocol} names "{name}", which is not scored: choose among {", ".join(known)}')
    return [(name, known[name.removesuffix(PCM)]) for name in chosen]


def _score_inputs(plan: PaperPlan, results: Results) -> dict[str, str]:
    """Return what the scores depend on: benchmarks and checkpoints, by content."""
    benchmarks = {benchmark.name: inputs_fingerprint(results.benchmark(benchmark.name)) for benchmark in plan.benchmarks}
    return {**benchmarks, **{run.name: sha256(results.run(run.name) / CHECKPOINT) for run in plan.runs}}


@one_algebra_thread()
def _score_one(
    method: str, run: RunPlan | None, benchmark: BenchmarkPlan, protocol: str, folder: Path, results: Results, split: str
) -> pd.DataFrame:
    """Score one method on one benchmark into a part of its own, which survives interruptions."""
    from harmlib import models
    from harmlib.data.pairs import read_pairs
    from harmlib.evaluation.methods import score_method

    root = results.benchmark(benchmark.name)
    model = models.load(results.run(run.name)) if run else models.create(method)
    weights = sha256(results.run(run.name) / CHECKPOINT) if run else method
    key = fingerprint([json.dumps([protocol, split]), inputs_fingerprint(root), weights])
    part = folder / "parts" / f"{method}-{benchmark.name}-{key[:12]}.csv"
    upsampling = "pcm" if method.endswith(PCM) else "own"
    pairs = read_pairs(root, split)
    return score_method(model, pairs, protocol, part, benchmark=benchmark.name, split=split, method=method, upsampling=upsampling)
