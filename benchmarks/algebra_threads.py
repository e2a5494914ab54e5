"""What a busy linear algebra costs training: updates with OpenBLAS on one thread, as harmlib trains, against its own choice, in one run.

    python benchmarks/algebra_threads.py [--methods dovenet frih ...] [--width 0.25] [--batch 8] [--steps 10] [--rounds 3]

Trains on the smoke profile's composites as they come from disk, loading included: that is where the algebra runs between two updates. Both
settings take turns for some rounds, with one model and one stream of batches, and the median of each counts. Torch has all cores.
Prints a table and writes ``benchmarks/results/algebra_threads.json``. On a machine of one core there is nothing to see.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from training import timed

from harmlib import models
from harmlib.data.datasets import VisitBatches
from harmlib.data.loading import load_batches
from harmlib.io.files import package_versions, write_json
from harmlib.threads import one_algebra_thread
from harmlib.training.loop import make_fabric, prepare, take_step, to_device
from harmlib.training.plan import RunPlan
from reproduction.profiles import load_profile
from reproduction.stages import Results, build_benchmarks, training_data

BENCHMARK = "iharmony4-style"
SETTINGS = {"OpenBLAS's own": nullcontext, "one": one_algebra_thread}
RESULTS = Path(__file__).parent / "results" / "algebra_threads.json"


def updates(method: str, results: Results, width: float, batch: int, steps: int, rounds: int) -> Callable[[], None]:
    """Return what takes the next ``steps`` updates of one training run."""
    profile = load_profile("smoke")
    plan = RunPlan(method, BENCHMARK, iterations=steps * rounds, batch_size=batch, online=False)
    benchmark = next(entry for entry in profile.paper("baselines").benchmarks if entry.name == BENCHMARK)
    model = models.create(method, width=width)
    dataset = training_data(plan, benchmark, profile, model, data=None, results=results)
    loader = load_batches(dataset, VisitBatches(len(dataset), batch, seed=1, first=0, last=plan.iterations), workers=0)
    fabric = make_fabric(plan)
    state = prepare(model, plan, 1, fabric)

    def run() -> None:
        for _ in range(steps):
            take_step(state, [to_device(next(loader), fabric)], fabric)

    return run


def measure(method: str, results: Results, options: argparse.Namespace) -> dict[str, float]:
    """Return the median seconds of each setting; a round of each warms up."""
    run = updates(method, results, options.width, options.batch, options.steps, len(SETTINGS) * (options.rounds + 1))
    times: dict[str, list[float]] = {name: [] for name in SETTINGS}
    for count in range(options.rounds + 1):
        for name, setting in SETTINGS.items():
            with setting():
                seconds = timed(run)
            if count:
                times[name].append(seconds)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description="Training with OpenBLAS on one thread against its own choice.")
    parser.add_argument("--methods", nargs="+", default=["dovenet", "rainnet", "issam", "frih"])
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        results = Results(folder, "smoke")
        build_benchmarks(load_profile("smoke"), ["baselines"], data=None, results=results)
        for method in options.methods:
            seconds[method] = measure(method, results, options)
            own, one = seconds[method].values()
            print(f"{method:12} {own:7.1f} s with OpenBLAS's own choice {one:7.1f} s with one thread   x{one / own:.2f}")
    write_json(RESULTS, {**vars(options), "cores": os.cpu_count(), "seconds": seconds, "versions": package_versions()})


if __name__ == "__main__":
    main()
