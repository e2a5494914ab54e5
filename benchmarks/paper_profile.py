"""What the paper profile takes: updates, multiply-accumulates, memory and loading of every run, and hours extrapolated from them.

    python benchmarks/paper_profile.py [--papers frih ...] [--seconds-decoded 0.215]

Counted, not timed: the multiply-accumulates of one update's forward and backward passes, by torch's counter, on two synthetic
pictures at full width (FRIH with 7 submasks a picture, the paper's mean), and the bytes that autograd keeps for them
(those kept twice count twice). Timed, on one core of
this machine: a visit of a packed pair with its augmentations, of a pair shrunk to 1024 pixels, and of an online composite. The rest is
extrapolated: a GPU of 25 TFLOP/s and 3 ms an update at least, and as many loader processes as the run has workers, each with a core of
its own. "before": 8 loader processes, and every visit decoded the files, which took 0.18 to 0.25 s on average over iHarmony4, as
measured on its sub-datasets (the middle is taken). A run takes the slower of its two columns. Writes ``results/paper_profile.csv``,
one row a run, and prints the sums by paper; runs that it has are not
measured again: remove the file to start anew. Seeded.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from harmlib import models
from harmlib.data.augmentations import crops
from harmlib.data.datasets import OnlineComposites, StoredPairs
from harmlib.data.packed import PackedPairs
from harmlib.data.pairs import Pair
from harmlib.data.sources import open_source
from harmlib.io.files import write_text
from harmlib.io.images import write_png
from harmlib.models.base import HarmonizationModel
from harmlib.training.plan import RunPlan
from reproduction.profiles import load_profile
from reproduction.stages.train import pair_resizer

SEED = 2021
PICTURES = 2
SUBMASKS = 7
FULL = (683, 1024)
FLOPS = 25e12  # a second
FLOOR = 3e-3  # seconds of an update, whatever it computes
VISITS = 24
WORKERS_BEFORE = 8
ADAM = 16  # bytes a parameter: weights, gradients, two moments
RESULTS = Path(__file__).parents[1] / "results" / "paper_profile.csv"


def main() -> None:
    """Measure, extrapolate, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", nargs="+")
    parser.add_argument("--seconds-decoded", type=float, default=0.215)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    profile = load_profile("paper")
    seconds, costs = visit_seconds(), dict[str, tuple[float, float]]()
    rows = pd.read_csv(RESULTS).to_dict("records") if RESULTS.exists() else []
    for paper in options.papers or profile.papers:
        for run in profile.paper(paper, "gpu").runs:
            if not run.iterations or any(row["run"] == run.name for row in rows):
                continue
            options_of = {name: value for name, value in run.options.items() if name != "pretrained"}
            model = models.create(run.method, **options_of)
            key = f"{run.method} {sorted((name, value) for name, value in options_of.items() if name not in ('d_c', 'filters'))}"
            if key not in costs:
                costs[key] = cost_of(model)
            rows.append(row_of(paper, run, model, costs[key], seconds, options.seconds_decoded))
            write_text(RESULTS, pd.DataFrame(rows).round(3).to_csv(index=False, lineterminator="\n"))
            print(run.name, flush=True)
    sums = pd.DataFrame(rows).groupby("paper", sort=False)[["gpu_hours", "loader_hours", "loader_hours_before", "hours", "hours_before"]]
    print(sums.sum().round(0).to_string())


def cost_of(model: HarmonizationModel) -> tuple[float, float]:
    """Return multiply-accumulates and kept bytes of a picture in one update, forwards and backwards."""
    kept: list[int] = []
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = _Everything()  # its own one, which counts by modules, refuses the gradients of gradients of GANs
    hooks = torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.nbytes) or tensor, lambda tensor: tensor)
    with counter, hooks:
        for _, losses in model.train().training_losses(batch_of(model)):
            losses["total"].backward()
    return counter.get_total_flops() / 2 / PICTURES, sum(kept) / PICTURES


class _Everything(nullcontext[None]):
    """What the counter takes for the modules that are running: none in particular."""

    parents = frozenset({"Global"})


def batch_of(model: HarmonizationModel) -> dict[str, Any]:
    """Return synthetic pictures with everything that a batch may bring."""
    size = model.working_size or 256
    batch: dict[str, Any] = {name: torch.rand(PICTURES, 3, size, size) for name in ("composite", "target", "composite_lab", "target_lab")}
    labels = torch.arange(size * size).view(1, 1, size, size) * (SUBMASKS + 1) // (size * size)
    labels = labels.expand(PICTURES, 1, size, size)
    batch |= {"mask": (labels > 0).float(), "regions": labels.clamp(max=2).float(), "stops": torch.ones(PICTURES)}
    if model.labeler is not None:
        batch["submasks"] = labels.float()
    if model.full_size_pairs:
        mask = torch.zeros(1, *FULL)
        mask[:, : FULL[0] // 2] = 1
        batch["full"] = [{"composite": torch.rand(3, *FULL), "target": torch.rand(3, *FULL), "mask": mask} for _ in range(PICTURES)]
    return batch


def visit_seconds() -> dict[str, float]:
    """Return the seconds of one core that a visit takes: packed, shrunk, online at 256 and at 224 pixels."""
    generator = np.random.default_rng(SEED)
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        coarse = generator.integers(0, 256, (FULL[0] // 8 + 1, FULL[1] // 8 + 1, 3))
        picture = (np.kron(coarse, np.ones((8, 8, 1))) + generator.normal(0, 6, (8 * coarse.shape[0], 8 * coarse.shape[1], 3))).clip(0, 255)
        for name in ("c_1_1", "c"):
            Image.fromarray(picture[: FULL[0], : FULL[1]].astype(np.uint8)).save(root / f"{name}.jpg", quality=90)
        mask = np.zeros(FULL, np.uint8)
        mask[200:500, 300:700] = 255
        write_png(root / "c_1.png", mask)
        pairs = [Pair("c_1_1", "HAdobe5k", root / "c_1_1.jpg", root / "c_1.png", root / "c.jpg")] * VISITS
        frih, dih = models.create("frih"), models.create("dih")
        packed = PackedPairs(pairs, root / "cache", "benchmark", pair_resizer(dih))
        found["packed"] = timed(StoredPairs(pairs, pair_resizer(dih), augmentations=("flip",), packed=packed))
        found["shrunk"] = timed(StoredPairs(pairs, pair_resizer(frih), augmentations=frih.augmentations))
        found["labeled"] = timed(StoredPairs(pairs, pair_resizer(frih), augmentations=frih.augmentations, labeler=frih.labeler))
    source = open_source("embedded", None)
    source.name = "embedded"
    for composer in ("sgmmh", "exposure"):
        found[composer] = timed(OnlineComposites([source], composer, seed=SEED))
    return found


def timed(visits: Any) -> float:
    """Return the seconds of processor time of a visit, after a first one."""
    visits[0, 0]
    started = time.process_time()
    for number in range(VISITS):
        visits[number % len(visits), number]
    return (time.process_time() - started) / VISITS


def row_of(
    paper: str,
    run: RunPlan,
    model: HarmonizationModel,
    cost: tuple[float, float],
    seconds: Mapping[str, float],
    decoded: float,
) -> dict[str, Any]:
    """Return what is known of a run, and what is extrapolated."""
    macs, kept = cost
    cropped = crops(model.augmentations)
    way = "labeled" if model.labeler else "shrunk" if cropped else "packed"
    if run.online:
        way = "exposure" if run.method.startswith("ptc") else "sgmmh"
    visits = run.iterations * run.batch_size
    gpu = run.iterations * max(FLOOR * run.accumulate, 2 * macs * run.batch_size / FLOPS) / 3600
    before = seconds[way] if run.online else decoded + seconds["labeled"] - seconds["shrunk"] if model.labeler else decoded
    loader, loader_before = visits * seconds[way] / run.workers / 3600, visits * before / WORKERS_BEFORE / 3600
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {
        "paper": paper,
        "run": run.name,
        "updates": run.iterations,
        "batch_size": run.batch_size,
        "workers": run.workers,
        "gmacs_update": macs * run.batch_size / 1e9,
        "memory_gib": (kept * run.batch_size / run.accumulate + ADAM * parameters) / 2**30,
        "memory_gib_before": (kept * run.batch_size + ADAM * parameters) / 2**30,
        "visits_per_second": 1 / seconds[way],
        "gpu_hours": gpu,
        "loader_hours": loader,
        "loader_hours_before": loader_before,
        "hours": max(gpu, loader),
        "hours_before": max(gpu, loader_before),
    }


if __name__ == "__main__":
    main()
