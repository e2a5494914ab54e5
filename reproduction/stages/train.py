"""The second stage: benchmarks to trained runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harmlib.data.benchmarks import BenchmarkPlan
from harmlib.data.built import inputs_fingerprint
from harmlib.errors import CheckpointError
from harmlib.io.files import CHECKPOINT, read_manifest, sha256
from harmlib.threads import one_algebra_thread
from harmlib.training.plan import RunPlan, is_trained
from reproduction.profiles import Profile, unique_benchmarks, unique_runs
from reproduction.stages.results import Folder, Results, check_finished, trained_plans

if TYPE_CHECKING:
    from harmlib.data.datasets import Visits
    from harmlib.data.packed import PairResizer
    from harmlib.models.base import HarmonizationModel
    from harmlib.training.loop import Validate

logger = logging.getLogger(__name__)


def train_runs(
    profile: Profile,
    papers: Iterable[str],
    *,
    data: Folder | None,
    results: Results,
    only: Collection[str] = (),
    watch: Callable[[str], Callable[[list[dict[str, float]]], None]] | None = None,
    devices: int = 1,
) -> dict[str, Path]:
    """Train every run of some papers in planned order, each once; return their folders by name.

    only: names of runs; none means all. watch: given a run's name, returns what is called with its history whenever it grows.
    """
    profile.set_threads()
    plans = trained_plans(profile, papers, results)
    benchmarks, folders = unique_benchmarks(plans), {}
    paper_of = {run.name: plan.paper for plan in plans for run in plan.runs}
    for run in unique_runs(plans).values():
        if only and run.name not in only:
            continue
        check_finished(results.benchmark(run.benchmark), "10", profile, paper_of[run.name])
        folders[run.name] = train_run(
            run,
            benchmarks[run.benchmark],
            profile.reseeded(run),
            data=data,
            results=results,
            watch=watch(run.name) if watch else None,
            devices=devices,
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
    """Train one run, or resume it; return its folder."""
    folder = results.run(run.name)
    inputs = {benchmark.name: inputs_fingerprint(results.benchmark(benchmark.name)), **_part_inputs(run, results)}
    if is_trained(folder, run, seed=profile.seed, inputs=inputs):
        return folder
    import torch  # only now: with what the loop needs, its import takes three seconds

    from harmlib import models
    from harmlib.training.loop import make_fabric, train

    fabric = make_fabric(run, devices=devices)
    fabric.launch()
    # Methods of one seed start from the same weights where their layers agree.
    torch.manual_seed(profile.seed)
    model = models.create(run.method, **run.options)
    initialization = model.initialize()
    with fabric.rank_zero_first():  # it packs what the others then find
        dataset = training_data(run, benchmark, profile, model, data=data, results=results)
        validate = validation(run, model, results, seed=profile.seed) if run.selection else None
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
    sources = sorted(run.part_sources)
    for source in sources:
        if not (results.run(source) / CHECKPOINT).exists():
            raise CheckpointError(f'"{run.name}" takes its parts from the run "{source}", which is not there: train that one first')
    return {source: sha256(results.run(source) / CHECKPOINT) for source in sources}


def training_data(
    run: RunPlan, benchmark: BenchmarkPlan, profile: Profile, model: HarmonizationModel, *, data: Folder | None, results: Results
) -> Visits:
    """Return the data set of a run: composites made fresh at every visit, drawn once at training size, or read from the benchmark."""
    from harmlib.data.augmentations import crops
    from harmlib.data.datasets import OnlineComposites, ResizedSource, StoredPairs
    from harmlib.data.packed import PackedPairs
    from harmlib.data.pairs import hold_out, read_pairs
    from harmlib.data.pool import CompositePool, PooledPairs
    from harmlib.data.shrunk import shrink_pairs

    size = model.working_size or 256
    resizer, labeler = pair_resizer(model), model.labeler
    augmentations = model.augmentations if run.augmentations is None else run.augmentations
    if not run.online and not run.draws:
        root = results.benchmark(benchmark.name)
        pairs, identity = read_pairs(root, "train"), inputs_fingerprint(root)
        whole = model.full_size_pairs or crops(augmentations)
        packed = None
        if run.packed or not whole:
            packed = PackedPairs(pairs, results.cache, identity, resizer, labeler, workers=run.workers)
        elif run.longest_side:
            folder = results.cache / f"pairs-{run.longest_side}-{identity[:12]}"
            pairs = shrink_pairs(pairs, folder, longest=run.longest_side, workers=run.workers)
        holds_out = run.hold_out and not (root / "IHD_val.txt").exists()
        kept = hold_out(pairs, run.hold_out, profile.seed)[0] if holds_out else None
        return StoredPairs(
            pairs,
            resizer,
            seed=profile.seed,
            augmentations=augmentations,
            packed=packed,
            labeler=labeler,
            full_size=model.full_size_pairs,
            kept=kept,
        )
    sources = [profile.open_source(name, data) for name in benchmark.sources]
    if run.draws:
        photos = [ResizedSource(source, "train", results.cache, size=int(run.perturb_at), workers=run.workers) for source in sources]
        # The benchmark's seed, not the run's: repeats of a run learn from the same composites.
        seed, workers = read_manifest(results.benchmark(benchmark.name), "seed")["seed"], run.workers
        pools = [
            CompositePool(source, benchmark.composer, draws=run.draws, seed=seed, cache=results.cache, workers=workers) for source in photos
        ]
        return PooledPairs(pools, resizer, seed=profile.seed, augmentations=augmentations, labeler=labeler)
    if run.perturb_at != "original":
        sources = [ResizedSource(source, "train", results.cache, size=int(run.perturb_at), workers=run.workers) for source in sources]
    return OnlineComposites(
        sources, benchmark.composer, seed=profile.seed, size=size, space=model.training_space, augmentations=run.augmentations or ()
    )


def pair_resizer(model: HarmonizationModel) -> PairResizer:
    """Return how a model's pairs come to its training size."""
    from harmlib.data.packed import PairResizer

    return PairResizer(model.working_size or 256, antialias=model.antialias, soft_masks=model.soft_masks)


def validation(run: RunPlan, model: HarmonizationModel, results: Results, *, seed: int) -> Validate | None:
    """Return the function that gives a model's errors on up to ``run.selection`` pairs of the val split or of those that the run holds out.

    None without either.
    """
    from harmlib.data.packed import PackedPairs
    from harmlib.data.pairs import hold_out, read_pairs
    from harmlib.training.validation import Validation

    root = results.benchmark(run.benchmark)
    if (root / "IHD_val.txt").exists():
        pairs = read_pairs(root, "val")
    elif run.hold_out:
        pairs = read_pairs(root, "train")
        pairs = [pairs[index] for index in hold_out(pairs, run.hold_out, seed)[1]]
    else:
        logger.info('"%s" has no val split: the last weights are kept', run.benchmark)
        return None
    # Evenly spread over the list, because neighbors in it may be frames of one video.
    chosen = [pairs[index] for index in np.linspace(0, len(pairs) - 1, min(run.selection, len(pairs))).astype(int)]
    packed = PackedPairs(chosen, results.cache, inputs_fingerprint(root), pair_resizer(model), workers=run.workers)
    return Validation(packed, [pair.subset for pair in chosen])
