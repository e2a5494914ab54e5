"""What the paper profile takes: updates, multiply-accumulates, memory and loading of every run, and hours extrapolated from them.

    python benchmarks/paper_profile.py [--papers frih ...] [--seconds-decoded 0.215]

Counted, not timed: the multiply-accumulates of one update's forward and backward passes, by torch's counter, on two synthetic pictures at
full width (FRIH with 7 submasks a picture, the paper's mean), the bytes that autograd keeps for them in float32 (those kept twice count
twice), and, on narrow networks, the operators that an update calls in the run's precision. Timed, on one core of this machine: a visit of
a packed pair with its augmentations, of a pair shrunk to 1024 pixels, and of an online composite. The rest is extrapolated, anew whenever
this runs: a GPU that computes at FLOPS while the processor takes LAUNCH for each operator, whichever is longer, and as many loader
processes as the run has workers, each with a core of its own. "before": in float32, with 8 loader processes, and every visit decoded the
files, which took 0.18 to 0.25 s on average over iHarmony4, as measured on its sub-datasets (the middle is taken). A run takes the slower
of its two columns. Writes ``results/paper_profile.csv``, one row a run, and prints the sums by paper; what it has counted and timed is
not measured again: remove the file to start anew. Seeded.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode
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
# A second. ResNet-50 trains on an A100 with 938 pictures a second in TF32, which cuDNN takes for float32, and with 2470 in mixed precision
# (NVIDIA's DeepLearningExamples, its page of ResNet-50 v1.5 for PyTorch); at 24.6 GFLOP a picture these are 23 and 61 TFLOP/s.
FLOPS = {"32-true": 25e12, "bf16-mixed": 60e12}
LAUNCH = 10e-6  # seconds of an operator, whatever it computes: assumed, with Python and autograd
NARROW = 0.125
VISITS = 24
WORKERS_BEFORE = 8
ADAM = 16  # bytes a parameter: weights, gradients, two moments
RESULTS = Path(__file__).parents[1] / "results" / "paper_profile.csv"


def main() -> None:
    """Measure what is not known yet, extrapolate, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", nargs="+")
    parser.add_argument("--seconds-decoded", type=float, default=0.215)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    profile, rows, seconds = load_profile("paper"), known_rows(), cache(visit_seconds)
    costs, operators = dict[str, tuple[float, float]](), dict[str, int]()
    for paper in options.papers or profile.papers:
        for run in profile.paper(paper, "gpu").runs:
            if not run.iterations or rows.get(run.name, {}).get("paper", paper) != paper:
                continue
            row = rows.setdefault(run.name, {})
            options_of = {name: value for name, value in run.options.items() if name not in ("pretrained", "d_c")}
            if "gmacs_update" not in row:
                model = models.create(run.method, **options_of)
                key = f"{run.method} {sorted((name, value) for name, value in options_of.items() if name != 'filters')}"
                costs[key] = costs.get(key) or cost_of(model)
                row |= counted(paper, run, model, costs[key], seconds(), options.seconds_decoded)
            if row.get("precision") != run.precision:
                key = f"{run.method} {sorted(options_of.items())} {run.precision}"
                operators[key] = operators.get(key) or operators_of(run, options_of)
                row["operators"] = operators[key]
            row |= extrapolated(run, row)
            write_text(RESULTS, pd.DataFrame(rows.values()).round(3).to_csv(index=False, lineterminator="\n"))
            print(run.name, flush=True)
    sums = pd.DataFrame(rows.values()).groupby("paper", sort=False)
    print(sums[["gpu_hours", "loader_hours", "loader_hours_before", "hours", "hours_before"]].sum().round(0).to_string())


def known_rows() -> dict[str, dict[str, Any]]:
    """Return run -> what the table knows of it."""
    if not RESULTS.exists():
        return {}
    return {row["run"]: row for row in pd.read_csv(RESULTS).to_dict("records")}


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


class _Operators(TorchDispatchMode):
    """Counts the operators that are called; views compute nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call one operator."""
        self.count += not func.is_view
        return func(*args, **(kwargs or {}))


def operators_of(run: RunPlan, options: dict[str, Any]) -> int:
    """Return how many operators a part of an update calls, the optimizer's few left out; they are as many in a narrow network."""
    narrow = {"width": NARROW} if "width" in models.describe(run.method).options else {}
    model = models.create(run.method, **{**options, **narrow}).train()
    with _Operators() as counter, torch.autocast("cpu", torch.bfloat16, enabled=run.precision == "bf16-mixed"):
        for _, losses in model.training_losses(batch_of(model)):
            losses["total"].backward()
    return counter.count


def counted(
    paper: str,
    run: RunPlan,
    model: HarmonizationModel,
    cost: tuple[float, float],
    seconds: Mapping[str, float],
    decoded: float,
) -> dict[str, Any]:
    """Return what was counted and timed of a run."""
    macs, kept = cost
    cropped = crops(model.augmentations)
    way = "labeled" if model.labeler else "shrunk" if cropped else "packed"
    if run.online:
        way = "exposure" if run.method.startswith("ptc") else "sgmmh"
    before = seconds[way] if run.online else decoded + seconds["labeled"] - seconds["shrunk"] if model.labeler else decoded
    weights = sum(parameter.numel() for parameter in model.parameters())
    return {
        "paper": paper,
        "run": run.name,
        "updates": run.iterations,
        "batch_size": run.batch_size,
        "workers": run.workers,
        "gmacs_update": macs * run.batch_size / 1e9,
        "memory_gib": (kept * run.batch_size / run.accumulate + ADAM * weights) / 2**30,
        "memory_gib_before": (kept * run.batch_size + ADAM * weights) / 2**30,
        "visits_per_second": 1 / seconds[way],
        "gpu_hours": 0.0,
        "loader_hours": 0.0,
        "loader_hours_before": run.iterations * run.batch_size * before / WORKERS_BEFORE / 3600,
    }


def extrapolated(run: RunPlan, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what follows from it: hours of the GPU, of the loaders, and of the run, now and in float32 with every visit decoding files."""
    launches = LAUNCH * row["operators"] * run.accumulate
    now, before = (max(launches, 2e9 * row["gmacs_update"] / FLOPS[kind]) * run.iterations / 3600 for kind in (run.precision, "32-true"))
    loader = run.iterations * run.batch_size / row["visits_per_second"] / run.workers / 3600
    return {
        "gpu_hours": now,
        "loader_hours": loader,
        "hours": max(now, loader),
        "hours_before": max(before, row["loader_hours_before"]),
        "precision": run.precision,
        "operators": row["operators"],
    }


if __name__ == "__main__":
    main()
