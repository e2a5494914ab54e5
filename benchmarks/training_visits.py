"""What one training visit of a picture costs every method at full width: pictures per second, and memory, on one thread or the GPU.

    python benchmarks/training_visits.py [--methods dih_m ptc_dih ...] [--batch 4] [--steps 5] [--out results/training.csv]

A visit is forward, backward and the step of every player, at 256x256, as ``harmlib.training`` takes it. Every method runs in a process
of its own, after one step that warms up and makes the optimizers' state; memory is what a further step takes at its highest beyond
weights and that state (on the GPU: the peak of a step, weights and state included). Weights and pictures are random: they do not change
the cost. Ratios are to the first method.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from inference_1080p import extra_mib
from training import make_batches, our_loop, timed

from harmlib import models
from harmlib.training.plan import RunPlan
from reproduction.kit.style import save_csv

PERCEPTUAL = ["dih_m", "dih_nm", "ptc_att_dih", "ptc_dih", "ptc"]
MEBIBYTE = 2**20


def measure(method: str, batch: int, steps: int) -> dict[str, Any]:
    """Return one method's row, measured in this process."""
    model = models.create(method)
    step = our_loop(model, make_batches(1, batch), RunPlan(method, "random", iterations=steps, batch_size=batch))
    step()
    seconds = statistics.median(timed(step) for _ in range(steps))
    weights = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    row = {"method": method, "pictures_per_second": batch / seconds, "trained_parameters": weights}
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        step()
        return {**row, "memory_mib": torch.cuda.max_memory_allocated() / MEBIBYTE}
    return {**row, "memory_mib": extra_mib(step)}


def in_own_process(method: str, batch: int, steps: int) -> dict[str, Any]:
    """Return one method's row, measured in a fresh process."""
    command = [sys.executable, str(Path(__file__).resolve()), "--job", method, "--batch", str(batch), "--steps", str(steps)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description="Cost of one training visit.")
    parser.add_argument("--methods", nargs="+", default=PERCEPTUAL)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--out", default=str(Path(__file__).parent / "results" / "training.csv"))
    parser.add_argument("--job", help=argparse.SUPPRESS)  # one method in a process of its own
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.job:
        print(json.dumps(measure(options.job, options.batch, options.steps)))
        return
    table = pd.DataFrame([in_own_process(method, options.batch, options.steps) for method in options.methods])
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU, one thread"
    table = table.assign(ratio=table["pictures_per_second"] / table["pictures_per_second"].iloc[0], batch=options.batch, device=device)
    print(table.to_string(index=False, float_format="%.3g"))
    save_csv(table, options.out)


if __name__ == "__main__":
    main()
