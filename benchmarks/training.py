"""Training throughput of harmlib's loop against a plain PyTorch loop over the same model and batches, in one run.

    python benchmarks/training.py [--method sgmmh_om] [--width 0.125] [--batch 8] [--steps 20] [--rounds 5]

Both loops see the same composites in memory, so that only the loops differ: the plain one has forward, backward and step, and the layout
that PyTorch uses by default; harmlib's adds losses by name, schedule, history and its choice of memory layout. The loops take turns
for some rounds, and the median of each counts. Prints a table and writes ``benchmarks/results/training.json``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from harmlib import models
from harmlib.data.datasets import Batch
from harmlib.io.files import package_versions, write_json
from harmlib.models.base import HarmonizationModel
from harmlib.training.loop import make_fabric, prepare, take_step, to_device
from harmlib.training.plan import RunPlan

SIZE = 256
RESULTS = Path(__file__).parent / "results" / "training.json"


def make_batches(count: int, size: int) -> list[Batch]:
    """Return random batches with every entry a method may ask for."""
    generator = torch.Generator().manual_seed(1)
    shape = (size, 3, SIZE, SIZE)
    names = ("composite", "target", "composite_lab", "target_lab")
    pictures = [{name: torch.rand(shape, generator=generator) for name in names} for _ in range(count)]
    masks = [(entry["target"][:, :1] > 0.5).float() for entry in pictures]
    stops = torch.linspace(-1, 1, size)
    return [{**entry, "mask": mask, "regions": mask, "stops": stops} for entry, mask in zip(pictures, masks, strict=True)]


def plain_loop(model: HarmonizationModel, batches: list[Batch], device: torch.device) -> Callable[[], None]:
    """Return a function that takes one step per batch the plain way."""
    model.to(device).train()
    recipe = model.training_recipe
    assert recipe is not None
    optimizers = {player: torch.optim.Adam(values, recipe.learning_rate, betas=recipe.betas) for player, values in model.players().items()}

    def steps() -> None:
        for batch in batches:
            moved = {name: value.to(device) for name, value in batch.items()}
            for player, losses in model.training_losses(moved):
                optimizers[player].zero_grad()
                losses["total"].backward()
                optimizers[player].step()

    return steps


def our_loop(model: HarmonizationModel, batches: list[Batch], plan: RunPlan) -> Callable[[], None]:
    """Return a function that takes one step per batch as harmlib trains, its moving average of the weights included."""
    fabric = make_fabric(plan)
    state = prepare(model, plan, 1, fabric)

    def steps() -> None:
        for batch in batches:
            take_step(state, [to_device(batch, fabric)], fabric)

    return steps


def timed(steps: Callable[[], None]) -> float:
    """Return how long the steps took, the device's work included."""
    start = time.perf_counter()
    steps()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description="Training throughput against a plain PyTorch loop.")
    parser.add_argument("--method", default="sgmmh_om")
    parser.add_argument("--width", type=float, default=0.125)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    plan = RunPlan(arguments.method, "random", iterations=arguments.steps, batch_size=arguments.batch)
    batches = make_batches(arguments.steps, arguments.batch)
    first, second = (models.create(arguments.method, width=arguments.width) for _ in range(2))
    loops = {"plain": plain_loop(first, batches, make_fabric(plan).device), "harmlib": our_loop(second, batches, plan)}
    for steps in loops.values():
        steps()  # warms caches and the allocator
    times = {name: [] for name in loops}
    for _ in range(arguments.rounds):
        for name, steps in loops.items():
            times[name].append(timed(steps))
    rates = {name: arguments.steps * arguments.batch / statistics.median(values) for name, values in times.items()}

    device = str(make_fabric(plan).device)
    print(f"{arguments.method}, width {arguments.width}, batch {arguments.batch} at {SIZE}x{SIZE}, {device}")
    for name, rate in rates.items():
        print(f"  {name:10}{rate:8.1f} pictures a second   x{rate / rates['plain']:.2f}")
    write_json(RESULTS, {**vars(arguments), "device": device, "pictures_per_second": rates, "versions": package_versions()})


if __name__ == "__main__":
    main()
