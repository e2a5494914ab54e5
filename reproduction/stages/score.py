"""The third stage: trained runs and methods without weights to scores, one row per image and method.

A part is what one method makes of one benchmark under one protocol. It is called by its content, so papers that share it share the file.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harmlib.data.benchmarks import BenchmarkPlan
from harmlib.data.built import inputs_fingerprint
from harmlib.io.files import CHECKPOINT, fingerprint, is_finished, read_manifest, sha256, write_manifest, write_text
from harmlib.io.locks import alone
from harmlib.progress import HIDDEN, progress
from harmlib.threads import in_processes, one_algebra_thread
from harmlib.training.plan import RunPlan
from reproduction.profiles import PCM, PaperPlan, Profile, unique_benchmarks, unique_runs, without_repeat
from reproduction.stages.results import Results, check_finished, device_kind, trained_plans

if TYPE_CHECKING:
    import pandas as pd

    from harmlib.models.base import HarmonizationModel

logger = logging.getLogger(__name__)

SPLIT = "test"
# Starting a process takes as long as scoring some hundred pictures.
MANY_PICTURES = 2000
SHARED = 4  # methods for which one process reads the pictures once: more would leave processes without work at the end


@dataclass(frozen=True)
class Part:
    """One part of the scores: a method or a run, and where it is tested. path: its file; ``growing`` until the last row is there."""

    method: str
    run: RunPlan | None
    benchmark: BenchmarkPlan
    protocol: str
    path: Path

    @property
    def growing(self) -> Path:
        """The file while it is being written."""
        return self.path.with_suffix(".growing.csv")


def score_papers(profile: Profile, papers: Iterable[str], *, results: Results, workers: int | None = None) -> dict[str, pd.DataFrame]:
    """Score the runs of some papers and their methods without weights on every benchmark; return paper -> one row per image and method.

    workers: processes beside this one, of one thread each, which share the methods; 0 for none. By default one per core where that is
    worth their start, none beside a GPU. What was lost, doubled or changed since is scored or put together again.
    Raises DataError for a benchmark or a run that is not finished, BusyError while another process scores.
    """
    from harmlib.evaluation.table import read_scores

    plans = trained_plans(profile, papers, results)
    for plan in plans:
        for benchmark in plan.benchmarks:
            check_finished(results.benchmark(benchmark.name), "10", profile, plan.paper)
        for run in plan.runs:
            check_finished(results.run(run.name), "20", profile, plan.paper)
    content = {name: inputs_fingerprint(results.benchmark(name)) for name in unique_benchmarks(plans)}
    content |= {name: sha256(results.run(name) / CHECKPOINT) for name in unique_runs(plans)}
    expected = {plan.paper: _expected(plan, content) for plan in plans}
    if any(not _is_scored(results.scores(plan.paper), expected[plan.paper]) for plan in plans):
        with alone(results.score_parts, f'another process is scoring into "{results.score_parts}"'):
            unfinished = [plan for plan in plans if not _is_scored(results.scores(plan.paper), expected[plan.paper])]
            started, parts = time.time(), {plan.paper: _parts(plan, content, results) for plan in unfinished}
            missing = {part.path: part for paper in parts for part in parts[paper] if not _is_whole(part, results)}
            threads = _score_all(list(missing.values()), results, workers)
            for plan in unfinished:
                _write_table(results.scores(plan.paper), parts[plan.paper], started=started, threads=threads, **expected[plan.paper])
    return {plan.paper: read_scores(results.scores(plan.paper) / "scores.csv") for plan in plans}


def _is_scored(folder: Path, expected: Mapping[str, object]) -> bool:
    """Tell whether a paper's scores are finished and are what was written: rows that were lost or doubled later show in their bytes."""
    if not is_finished(folder, expected):
        return False
    whole = sha256(folder / "scores.csv") == read_manifest(folder)["files"]["scores.csv"]
    if not whole:
        logger.warning('"%s" was changed after it was written, and is put together again', folder / "scores.csv")
    return whole


def _is_whole(part: Part, results: Results) -> bool:
    """Tell whether a part has one row for every pair of its benchmark."""
    from harmlib.data.pairs import read_pairs
    from harmlib.evaluation.table import read_scores

    if not part.path.exists():
        return False
    pairs = [(pair.subset, pair.id) for pair in read_pairs(results.benchmark(part.benchmark.name), SPLIT)]
    try:
        scores = read_scores(part.path)
        whole = sorted(zip(scores["subset"], scores["id"], strict=True)) == sorted(pairs)
    except ValueError:  # not even a table any more
        whole = False
    if not whole:
        logger.warning('"%s" has lost or doubled rows, and is scored again', part.path)
    return whole


def _expected(plan: PaperPlan, content: Mapping[str, str]) -> dict[str, object]:
    """Return what a paper's scores depend on: its protocols, and its benchmarks and checkpoints by content."""
    names = [*(benchmark.name for benchmark in plan.benchmarks), *(run.name for run in plan.runs)]
    protocols = {name: list(methods) for name, methods in plan.protocols.items()}
    return {"paper": plan.paper, "protocols": protocols, "split": SPLIT, "inputs": {name: content[name] for name in names}}


def _parts(plan: PaperPlan, content: Mapping[str, str], results: Results) -> list[Part]:
    """Return what a paper's scores are put together from, in the order of its table."""
    parts = []
    for protocol in plan.protocols:
        for benchmark in (benchmark for benchmark in plan.benchmarks if benchmark.scored):
            for method, run in plan.methods(benchmark, protocol).items():
                weights = content[run.name] if run else method
                key = fingerprint([json.dumps([method, protocol, SPLIT]), content[benchmark.name], weights])
                path = results.score_parts / f"{method}-{benchmark.name}-{protocol}-{key[:12]}.csv"
                parts.append(Part(method, run, benchmark, protocol, path))
    return parts


def _write_table(folder: Path, parts: list[Part], *, started: float, threads: int, **expected: object) -> None:
    """Write a paper's scores, and their manifest last; threads: torch's, with which the parts that were missing were scored."""
    import pandas as pd

    from harmlib.evaluation.table import COLUMNS, read_scores

    table = pd.concat([read_scores(part.path) for part in parts], ignore_index=True)[list(COLUMNS)]
    write_text(folder / "scores.csv", table.to_csv(index=False, lineterminator="\n"))
    files = {"scores.csv": sha256(folder / "scores.csv")}
    write_manifest(folder, started=started, **expected, device=device_kind(), threads=threads, n=len(table), files=files)


def _score_all(parts: list[Part], results: Results, workers: int | None) -> int:
    """Score every part, in this process or in ``workers`` others, with a progress bar; return the threads of torch in each.

    Parts of one protocol read the pictures once.
    """
    import torch

    from harmlib.data.pairs import read_pairs

    if workers is None:
        pictures = sum(len(read_pairs(results.benchmark(part.benchmark.name), SPLIT)) for part in parts)
        # Networks gain as much from a core's thread as from a process, all else only from processes.
        workers = (os.cpu_count() or 1) if device_kind() == "cpu" and pictures >= MANY_PICTURES else 0
    together: dict[tuple[str, str], list[Part]] = {}
    for part in parts:
        together.setdefault((part.benchmark.name, part.protocol), []).append(part)
    if workers == 0 or not parts:
        for group in together.values():
            _score_together(group, results)
        return torch.get_num_threads()
    jobs = [(group[first : first + SHARED],) for group in together.values() for first in range(0, len(group), SHARED)]
    done = in_processes(_score_in_worker, jobs, workers=workers, common=(results,))
    with progress(total=len(parts), desc="scores", unit="method") as bar:
        for index, _ in done:
            bar.update(len(jobs[index][0]))
    return 1


def _score_in_worker(results: Results, parts: list[Part]) -> None:
    """Score some methods in a worker process, with one thread of torch, and without bars beside the one that counts methods."""
    import torch

    torch.set_num_threads(1)
    os.environ[HIDDEN] = "yes"
    _score_together(parts, results)


@one_algebra_thread()
def _score_together(parts: list[Part], results: Results) -> None:
    """Score methods on one benchmark under one protocol; parts survive interruptions and get their names when they are whole."""
    from harmlib.data.pairs import read_pairs
    from harmlib.evaluation.methods import ScoreJob, score_methods

    first = parts[0]
    jobs = [
        ScoreJob(part.method, part.growing, partial(_load, part, results), "pcm" if without_repeat(part.method).endswith(PCM) else "own")
        for part in parts
    ]
    pairs = read_pairs(results.benchmark(first.benchmark.name), SPLIT)
    score_methods(jobs, pairs, first.protocol, benchmark=first.benchmark.name, split=SPLIT)
    for part in parts:
        part.growing.replace(part.path)


def _load(part: Part, results: Results) -> HarmonizationModel:
    """Return the method of a part."""
    from harmlib import models

    return models.load(results.run(part.run.name)) if part.run else models.create(part.method)
