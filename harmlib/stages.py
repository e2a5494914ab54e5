"""The stages as functions of a profile and a paper: build, train, score. Notebooks 10, 20, 30 and the shell call these.

Each takes up what an interrupted run left, and writes under ``results/<profile>/``.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harmlib.config import BenchmarkPlan, PaperPlan, Profile, RunPlan
from harmlib.data.adopted import adopt_benchmark
from harmlib.data.benchmarks import build_benchmark
from harmlib.data.built import inputs_fingerprint
from harmlib.data.composers import PUBLISHED
from harmlib.errors import CheckpointError, ParameterError
from harmlib.files import CHECKPOINT, MANIFEST, fingerprint, is_finished, sha256, write_manifest, write_text
from harmlib.threads import one_algebra_thread

if TYPE_CHECKING:
    import pandas as pd

    from harmlib.data.datasets import Visits
    from harmlib.models.base import HarmonizationModel

logger = logging.getLogger(__name__)

Folder = str | os.PathLike[str]

# Ends the name of a method whose small result goes to full size by polynomial color mapping.
PCM = "_pcm"


class Results:
    """Where the artefacts of one profile stand below ``results/<profile>/``."""

    def __init__(self, root: Folder, profile: str) -> None:
        self.root = Path(root) / profile

    def benchmark(self, name: str) -> Path:
        """Return a benchmark's folder."""
        return self.root / "benchmarks" / name

    def run(self, name: str) -> Path:
        """Return a training run's folder."""
        return self.root / "runs" / name

    def scores(self, paper: str) -> Path:
        """Return the folder of a paper's scores."""
        return self.root / "scores" / paper

    @property
    def cache(self) -> Path:
        """Return the folder of resized photographs."""
        return self.root / "cache"

    @property
    def tables(self) -> Path:
        """Return the folder of tables."""
        return self.root / "tables"

    @property
    def figures(self) -> Path:
        """Return the folder of figures."""
        return self.root / "figures"


def device_kind() -> str:
    """Return "gpu" when torch finds one, else "cpu": the two kinds of budget a profile has."""
    import torch

    return "gpu" if torch.cuda.is_available() else "cpu"


def trained_plan(profile: Profile, paper: str, results: Results) -> PaperPlan:
    """Return a paper's plan for this device, or for the other kind when all runs of that plan are here already.

    So runs that a GPU machine trained can be scored and drawn on a laptop.
    """
    from harmlib.training.loop import changed_settings

    own = device_kind()
    for kind in (own, "cpu" if own == "gpu" else "gpu"):
        plan = profile.paper(paper, kind)
        runs = [(results.run(run.name), run) for run in plan.runs]
        if all((folder / MANIFEST).exists() and not changed_settings(folder, run, seed=profile.seed) for folder, run in runs):
            return plan
    return profile.paper(paper, own)


def build_paper(profile: Profile, paper: str, *, data: Folder | None, results: Results, workers: int | None = None) -> dict[str, Any]:
    """Build every benchmark of a paper, or link the published ones; return their manifests by name.

    workers: processes beside this one; by default one per core.
    """
    workers = (os.cpu_count() or 1) if workers is None else workers
    manifests = {}
    for plan in profile.paper(paper).benchmarks:
        if plan.composer == PUBLISHED:
            manifests[plan.name] = adopt_benchmark(plan, profile.source_folder(plan.sources[0], data), results.benchmark(plan.name))
            continue
        sources = {name: profile.open_source(name, data) for name in plan.sources}
        manifests[plan.name] = build_benchmark(plan, sources, results.benchmark(plan.name), seed=profile.seed, workers=workers)
    return manifests


def train_paper(
    profile: Profile,
    paper: str,
    *,
    data: Folder | None,
    results: Results,
    watch: Callable[[str], Callable[[list[dict[str, float]]], None]] | None = None,
    devices: int = 1,
) -> dict[str, Path]:
    """Train every run of a paper in order; return their folders by name.

    watch: given a run's name, returns what is called with its history whenever it grows.
    """
    plan = trained_plan(profile, paper, results)
    benchmarks = {benchmark.name: benchmark for benchmark in plan.benchmarks}
    folders = {}
    for run in plan.runs:
        folders[run.name] = train_run(
            run, benchmarks[run.benchmark], profile, data=data, results=results, watch=watch(run.name) if watch else None, devices=devices
        )
    return folders


@one_algebra_thread()
def train_run(
    run: RunPlan,
    benchmark: BenchmarkPlan,
    profile: Profile,
    *,
    data: Folder | None,
    results: Results,
    watch: Callable[[list[dict[str, float]]], None] | None = None,
    devices: int = 1,
) -> Path:
    """Train one run, or take up what is left of it; return its folder."""
    import torch

    from harmlib import models
    from harmlib.training.loop import is_trained, make_fabric, train

    folder = results.run(run.name)
    inputs = {benchmark.name: inputs_fingerprint(results.benchmark(benchmark.name)), **_part_inputs(run, results)}
    if is_trained(folder, run, seed=profile.seed, inputs=inputs):
        return folder
    fabric = make_fabric(run, devices=devices)
    fabric.launch()
    # Methods of one seed start from the same weights where their layers agree.
    torch.manual_seed(profile.seed)
    model = models.create(run.method, **run.options)
    initialization = model.initialize()
    dataset = training_data(run, benchmark, profile, model, data=data, results=results)
    validate = validation(run, results) if run.selection else None
    return train(
        model,
        dataset,
        folder,
        run,
        seed=profile.seed,
        fabric=fabric,
        validate=validate,
        watch=watch,
        data=benchmark.title,
        inputs=inputs,
        initialization=initialization,
        photographs=len(dataset),
    )


def _part_inputs(run: RunPlan, results: Results) -> dict[str, str]:
    """Return the runs that give a run its parts, by content; raises CheckpointError for one that is not trained yet."""
    givers = sorted(run.givers)
    for giver in givers:
        if not (results.run(giver) / CHECKPOINT).exists():
            raise CheckpointError(f'"{run.name}" takes its parts from the run "{giver}", which is not there: train that one first')
    return {giver: sha256(results.run(giver) / CHECKPOINT) for giver in givers}


def training_data(
    run: RunPlan, benchmark: BenchmarkPlan, profile: Profile, model: HarmonizationModel, *, data: Folder | None, results: Results
) -> Visits:
    """Return the data set a run trains on: fresh composites at every visit, or the benchmark's own from disk, as the method wants them."""
    from harmlib.data.datasets import OnlineComposites, ResizedSource, StoredPairs
    from harmlib.data.packed import PackedPairs, PairResizer
    from harmlib.data.pairs import read_pairs

    size = model.working_size or 256
    if not run.online:
        root = results.benchmark(benchmark.name)
        pairs = read_pairs(root, "train")
        resizer = PairResizer(size, antialias=model.antialias, soft_masks=model.soft_masks)
        labeler = model.labeler
        packed = PackedPairs(pairs, results.cache, inputs_fingerprint(root), resizer, labeler) if run.packed else None
        return StoredPairs(pairs, resizer, seed=profile.seed, augmentations=model.augmentations, packed=packed, labeler=labeler)
    sources = [profile.open_source(name, data) for name in benchmark.sources]
    if run.perturb_at != "original":
        sources = [ResizedSource(source, "train", results.cache, size=int(run.perturb_at)) for source in sources]
    return OnlineComposites(sources, benchmark.composer, seed=profile.seed, size=size, space=model.training_space)


def validation(run: RunPlan, results: Results) -> Callable[[Any], float] | None:
    """Return the function that gives a model's mean squared error on up to ``run.selection`` val pairs; None without a val split."""
    from harmlib.data.pairs import read_pairs
    from harmlib.evaluation import mean_squared_error

    root = results.benchmark(run.benchmark)
    if not (root / "IHD_val.txt").exists():
        logger.info('"%s" has no val split: the last weights are kept', run.benchmark)
        return None
    pairs = read_pairs(root, "val")
    # Evenly spread over the list, because neighbors in it may be frames of one video.
    chosen = [pairs[index] for index in np.linspace(0, len(pairs) - 1, min(run.selection, len(pairs))).astype(int)]
    return lambda model: mean_squared_error(model, chosen)


def score_paper(profile: Profile, paper: str, *, results: Results, split: str = "test") -> pd.DataFrame:
    """Score every run of a paper and its methods without weights on every benchmark; return one row per image and method."""
    import pandas as pd

    from harmlib.evaluation import COLUMNS, read_scores

    plan = trained_plan(profile, paper, results)
    folder, started = results.scores(paper), time.time()
    inputs = _score_inputs(plan, results)
    protocols = {name: list(methods) for name, methods in plan.protocols.items()}
    expected = {"paper": paper, "protocols": protocols, "split": split, "inputs": inputs}
    if is_finished(folder, expected):
        return read_scores(folder / "scores.csv")
    tables = [
        _score_one(method, run, benchmark, protocol, folder, results, split)
        for protocol in plan.protocols
        for benchmark in plan.benchmarks
        if benchmark.scored
        for method, run in _methods(plan, benchmark, protocol)
    ]
    table = pd.concat(tables, ignore_index=True)[list(COLUMNS)]
    write_text(folder / "scores.csv", table.to_csv(index=False, lineterminator="\n"))
    write_manifest(
        folder, started=started, **expected, device=device_kind(), n=len(table), files={"scores.csv": sha256(folder / "scores.csv")}
    )
    return read_scores(folder / "scores.csv")


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
    from harmlib.evaluation import score_method

    root = results.benchmark(benchmark.name)
    model = models.load(results.run(run.name)) if run else models.create(method)
    weights = sha256(results.run(run.name) / CHECKPOINT) if run else method
    key = fingerprint([json.dumps([protocol, split]), inputs_fingerprint(root), weights])
    part = folder / "parts" / f"{method}-{benchmark.name}-{key[:12]}.csv"
    upsampling = "pcm" if method.endswith(PCM) else "own"
    pairs = read_pairs(root, split)
    return score_method(model, pairs, protocol, part, benchmark=benchmark.name, split=split, method=method, upsampling=upsampling)
