"""What FRIH's second stage costs over its baseline, by the number of submasks, in one run.

    python benchmarks/cascade.py [--width 1.0] [--batch 8] [--rounds 3]

Both networks see the same batch at 256x256 in evaluation mode, the submasks given, so that only the networks differ; they take turns for
some rounds, and the median of each counts. On the GPU where there is one, else on one thread. Prints a table and writes
``benchmarks/results/cascade.json``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from harmlib import models
from harmlib.io.files import package_versions, write_json

SIZE = 256
SUBMASKS = (1, 2, 4, 8)
RESULTS = Path(__file__).parent / "results" / "cascade.json"


def striped_labels(batch: int, count: int) -> Tensor:
    """Return label maps (B, 1, H, W) of ``count`` stripes in the middle of each picture, 0 around them."""
    stripes = torch.arange(SIZE // 2) * count // (SIZE // 2) + 1
    labels = torch.zeros(batch, 1, SIZE, SIZE, dtype=torch.uint8)
    labels[..., SIZE // 4 : -SIZE // 4, SIZE // 4 : -SIZE // 4] = stripes.to(torch.uint8)
    return labels


def passes(width: float, batch: int, device: torch.device) -> dict[str, Callable[[], None]]:
    """Return a pass of the baseline, and one of FRIH for every number of submasks."""
    generator = torch.Generator().manual_seed(1)
    composite = torch.rand((batch, 3, SIZE, SIZE), generator=generator).to(device)
    networks = {cascade: models.create("frih", width=width, cascade=cascade).to(device).eval() for cascade in ("none", "submasks")}

    def one_pass(cascade: str, labels: Tensor) -> Callable[[], None]:
        labels = labels.to(device)
        mask = (labels > 0).to(composite)

        def run() -> None:
            with torch.inference_mode():
                networks[cascade].run_stages(composite, mask, labels)
            if device.type == "cuda":
                torch.cuda.synchronize()

        return run

    split = {f"{count} submasks": one_pass("submasks", striped_labels(batch, count)) for count in SUBMASKS}
    return {"baseline": one_pass("none", striped_labels(batch, 1)), **split}


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description="The cost of FRIH's second stage over its baseline.")
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    calls = passes(arguments.width, arguments.batch, device)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for count in range(arguments.rounds + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if count:  # the first round warms up
                times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in times.items()}

    print(f"FRIH, width {arguments.width}, batch {arguments.batch} at {SIZE}x{SIZE}, {device}")
    for name, seconds in medians.items():
        print(f"  {name:14}{1000 * seconds:9.1f} ms   x{seconds / medians['baseline']:.2f}")
    write_json(RESULTS, {**vars(arguments), "device": str(device), "seconds": medians, "versions": package_versions()})


if __name__ == "__main__":
    main()
