"""Time and memory of one harmonized frame at 1080p and 4K, for every method, on one thread (and on the GPU where there is one).

    python benchmarks/inference_1080p.py [--methods harmonizer composite ...] [--frames 5] [--out results/inference.csv]

Batch 1, the foreground is the whole frame. Two parts are timed together: a method's prediction at its working size, and its way to full
size. Harmonizer's filters are timed alone too, beside a plain step-by-step form of the same filters (brightness as clip(alpha I), every
filter on the whole float picture): the ratios compare like with like, because both forms take turns in one process. Every row runs in a
process of its own, whose peak memory counts from the moment before the first frame. Weights are random: they do not change the cost.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from harmlib import models
from harmlib.filters import FILTERS, SIX, restore
from harmlib.images import to_tensor
from harmlib.inference import harmonize
from harmlib.reporting.style import save_csv

SIZES = {"1080p": (1080, 1920), "4K": (2160, 3840)}
# Mild arguments, none of them zero, so that no filter can be left out.
ARGUMENTS = dict(zip(FILTERS, (0.1, 0.1, -0.2, 0.2, 0.3, 0.1, -0.2, 0.2), strict=True))
SELECTIONS = {
    "2 filters": ("brightness", "contrast"),
    "4 filters": ("temperature", "brightness", "contrast", "saturation"),
    "6 filters": SIX,
    "8 filters": FILTERS,
}
FORMS = ("8-bit", "float", "step by step")
MEMORY_OF = ("6 filters", "8 filters")
COLUMNS = ("method", "part", "size", "device", "milliseconds", "ratio", "memory_mib", "parameters", "checkpoint_mb")


def frame(size: str) -> np.ndarray:
    """Return a smooth uint8 picture with all levels, (H, W, 3)."""
    height, width = SIZES[size]
    rows, columns = np.mgrid[:height, :width]
    planes = (rows * 255 // height, columns * 255 // width, (rows + columns) * 255 // (height + width))
    return np.dstack(planes).astype(np.uint8)


def timed(calls: dict[str, Callable[[], Any]], frames: int) -> dict[str, float]:
    """Return the median milliseconds of each call; they take turns, after one round that warms up."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for count in range(frames + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if count:
                times[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def peak_mib() -> float:
    """Return the highest memory this process has had so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def filter_calls(size: str, filters: tuple[str, ...]) -> dict[str, Callable[[], Any]]:
    """Return the three forms of the filters on one whole frame."""
    from harmlib.filters.fused import restore_picture, restore_tensor

    picture = frame(size)
    planes = to_tensor(picture)
    arguments = [ARGUMENTS[name] for name in filters]
    mask = np.ones(picture.shape[:2], dtype=np.float32)
    whole, values = torch.ones(1, 1, *picture.shape[:2]), torch.tensor([arguments])
    return {
        "8-bit": lambda: restore_picture(picture, mask, arguments, filters),
        "float": lambda: restore_tensor(planes.numpy(), mask, arguments, filters),
        "step by step": lambda: restore(planes[None], whole, values, filters)[-1],
    }


def measure_filters(size: str, selection: str, frames: int) -> list[dict[str, Any]]:
    """Return a row per form: time, its share of the step-by-step form's, and the peak memory of the quick form alone."""
    calls = filter_calls(size, SELECTIONS[selection])
    times = timed(calls, frames)
    plain = times["step by step"]
    return [{"method": selection, "part": name, "milliseconds": value, "ratio": value / plain} for name, value in times.items()]


def measure_memory(size: str, selection: str, form: str) -> list[dict[str, Any]]:
    """Return the peak memory of one form above the loaded process."""
    filter_calls("1080p", SELECTIONS[selection])[form]()  # compiles what is compiled, loads what is loaded
    call = filter_calls(size, SELECTIONS[selection])[form]
    before = peak_mib()
    call()
    return [{"method": selection, "part": form, "memory_mib": peak_mib() - before}]


def measure_method(size: str, name: str, frames: int) -> list[dict[str, Any]]:
    """Return the row of one method: a whole frame through ``harmonize``."""
    model = models.create(name).eval()
    if torch.cuda.is_available():
        model = model.cuda()
    picture, mask = frame(size), np.ones(SIZES[size], dtype=np.uint8)
    small = picture[:256, :256].copy()
    harmonize(model, small, mask[:256, :256])
    before = peak_mib()
    times = timed({"frame": lambda: harmonize(model, picture, mask)}, frames)
    stream = io.BytesIO()
    torch.save(model.state_dict(), stream)
    row = {"method": name, "part": "frame", "milliseconds": times["frame"], "memory_mib": peak_mib() - before}
    count = sum(parameter.numel() for parameter in model.parameters())
    return [{**row, "parameters": count, "checkpoint_mb": len(stream.getvalue()) / 1e6 if count else 0.0}]


JOBS = {"filters": measure_filters, "memory": measure_memory, "method": measure_method}


def in_own_process(job: str, *arguments: Any) -> list[dict[str, Any]]:
    """Return what a job gives in a fresh process, with the size it was asked for."""
    command = [sys.executable, str(Path(__file__).resolve()), "--job", json.dumps([job, *arguments])]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [{**row, "size": arguments[0]} for row in json.loads(answer.splitlines()[-1])]


def measure(methods: list[str], frames: int) -> pd.DataFrame:
    """Return all rows, one process after the other."""
    rows: list[dict[str, Any]] = []
    for size in SIZES:
        for selection in SELECTIONS:
            rows += in_own_process("filters", size, selection, frames)
        for selection in MEMORY_OF:
            for form in FORMS:
                rows += in_own_process("memory", size, selection, form)
        for name in methods:
            rows += in_own_process("method", size, name, frames)
    table = pd.DataFrame(rows).reindex(columns=list(COLUMNS))
    # Time and memory of one form come from two processes.
    merged = table.groupby(["method", "part", "size"], sort=False, as_index=False).first()
    plain = merged[(merged["method"] == "6 filters") & (merged["part"] == "step by step")].set_index("size")["milliseconds"]
    whole = merged["part"] == "frame"
    merged.loc[whole, "ratio"] = merged.loc[whole, "milliseconds"] / merged.loc[whole, "size"].map(plain)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU, one thread"
    return merged.assign(device=device)[list(COLUMNS)]


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description="Time and memory of one frame at 1080p and 4K.")
    parser.add_argument("--methods", nargs="+", default=models.list_models())
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--out", default=str(Path(__file__).parent / "results" / "inference.csv"))
    parser.add_argument("--job", help=argparse.SUPPRESS)  # one measurement in a process of its own
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.job:
        job, *arguments = json.loads(options.job)
        print(json.dumps(JOBS[job](*arguments)))
        return
    table = measure(options.methods, options.frames)
    print(table.to_string(index=False, float_format="%.3g", na_rep=""))
    print("ratio: of the step-by-step form's time; of a method's whole frame, of the step-by-step form of six filters")
    save_csv(table, options.out)


if __name__ == "__main__":
    main()
