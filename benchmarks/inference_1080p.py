"""Time, memory and arithmetic of one harmonized frame at 1080p and 4K, for every method, on one thread (and on the GPU, if any).

    python benchmarks/inference_1080p.py [--methods harmonizer composite ...] [--frames 5] [--out results/inference.csv]

Batch 1, the foreground is the left half: methods that compare it with the background have nothing to do without one. Two parts are timed
together: a method's prediction at its working size, and its way to full size. PCT-Net's way to full size is timed alone too, compiled and
on tensors, with the whole frame as foreground. Harmonizer's filters are timed alone too, beside a plain step-by-step form of the same
filters (brightness as clip(alpha I), every filter on the whole float picture): the ratios compare like with like, because both forms take
turns in one process. Every row runs in a process of its own, whose peak memory counts from the moment before a frame (Linux). Weights are
random, from one seed: they do not change the cost, but for Zhu, whose search they may end sooner or later.

gmacs: billions of multiply-accumulates of one prediction at the working size, which both sizes of frames share; what it leaves out says
``reproduction.baselines.costs.multiply_accumulates``. Empty for methods without parameters. parameters, checkpoint_mb: of what
harmonizes, without discriminators.
"""

from __future__ import annotations

import argparse
import ctypes
import io
import json
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
from harmlib.inference.pictures import harmonize
from harmlib.inference.render import render_picture
from harmlib.io.images import resize, to_array, to_tensor
from harmlib.models.base import HarmonizationModel
from harmlib.models.pctnet import PctNet
from harmlib.threads import one_algebra_thread
from reproduction.baselines.costs import multiply_accumulates
from reproduction.kit.names import VARIANTS, parameters_of
from reproduction.kit.style import save_csv

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
UPSCALED = "to full size"
COLUMNS = ("method", "part", "size", "device", "milliseconds", "ratio", "memory_mib", "gmacs", "parameters", "checkpoint_mb")
# Variants with options of their own cost something of their own.
METHODS = [*models.list_models(), *(name for name, (_, options) in VARIANTS.items() if options)]
SEED = 1  # of the random weights
SIDE = 256  # at which methods that have no working size are counted


def frame(size: str) -> np.ndarray:
    """Return a smooth uint8 picture with all levels, (H, W, 3)."""
    height, width = SIZES[size]
    rows, columns = np.mgrid[:height, :width]
    planes = (rows * 255 // height, columns * 255 // width, (rows + columns) * 255 // (height + width))
    return np.dstack(planes).astype(np.uint8)


def left_half(height: int, width: int) -> np.ndarray:
    """Return a mask of the left half, bool (H, W)."""
    mask = np.zeros((height, width), dtype=bool)
    mask[:, : width // 2] = True
    return mask


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


def extra_mib(call: Callable[[], Any]) -> float:
    """Return by how many MiB a call raises the process's memory at its highest (Linux: the kernel's own peak, set back before)."""
    ctypes.CDLL(None).malloc_trim(0)  # memory that is free already would hide what the call takes
    Path("/proc/self/clear_refs").write_text("5")
    before = memory_mib("VmRSS")
    call()
    return memory_mib("VmHWM") - before


def memory_mib(field: str) -> float:
    """Return a field of this process's status, MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def filter_calls(size: str, filters: tuple[str, ...]) -> dict[str, Callable[[], Any]]:
    """Return the three forms of the filters on one frame."""
    from harmlib.filters.fused import restore_picture, restore_tensor

    picture = frame(size)
    planes = to_tensor(picture)
    arguments = [ARGUMENTS[name] for name in filters]
    mask = left_half(*SIZES[size]).astype(np.float32)
    region, values = torch.from_numpy(mask)[None, None], torch.tensor([arguments])
    return {
        "8-bit": lambda: restore_picture(picture, mask, arguments, filters),
        "float": lambda: restore_tensor(planes.numpy(), mask, arguments, filters),
        "step by step": lambda: restore(planes[None], region, values, filters)[-1],
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
    return [{"method": selection, "part": form, "memory_mib": extra_mib(call)}]


def plain_frame(model: HarmonizationModel, picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return Harmonizer's frame the plain way: float tensors of the full size, filters step by step."""
    with torch.inference_mode():
        composite, region = to_tensor(picture)[None], torch.from_numpy(mask).float()[None, None]
        return to_array(restore(composite, region, model.predict_arguments(composite, region), model.filters)[-1][0])


def upscaling_calls(model: PctNet, picture: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Return both forms of PCT-Net's way to full size, from one prediction."""
    small, whole = to_tensor(resize(picture, (SIDE, SIDE), "bilinear"))[None], np.ones(picture.shape[:2], np.float32)
    with torch.inference_mode():
        prediction = model(small, torch.ones(1, 1, SIDE, SIDE))

    def plain() -> np.ndarray:
        with torch.inference_mode():
            return HarmonizationModel.upscale_picture(model, prediction, picture, whole)

    return {UPSCALED: lambda: model.upscale_picture(prediction, picture, whole), f"{UPSCALED}, on tensors": plain}


def measure_method(size: str, name: str, frames: int) -> list[dict[str, Any]]:
    """Return the row of one method: a frame through ``harmonize``; for Harmonizer and PCT-Net their plain forms too."""
    torch.manual_seed(SEED)
    method, options = VARIANTS.get(name, (name, {}))
    model = models.create(method, **options).eval()
    picture, mask = frame(size), left_half(*SIZES[size])
    frame_of = harmonize if model.harmonizes else render_picture  # a detector hands the picture through
    calls = {"frame": lambda: frame_of(model, picture, mask)}
    if name == "harmonizer":
        calls["frame, step by step"] = lambda: plain_frame(model, picture, mask)
    if isinstance(model, PctNet):
        calls |= upscaling_calls(model, picture)
    frame_of(model, picture[:SIDE, :SIDE].copy(), left_half(SIDE, SIDE))  # loads and compiles
    rows = [{"method": name, "part": part, "memory_mib": extra_mib(call)} for part, call in calls.items()]
    times = timed(calls, frames)
    for row in rows:
        if row["part"].startswith(UPSCALED):
            row["ratio"] = times[row["part"]] / times[f"{UPSCALED}, on tensors"]
    sizes = {"parameters": parameters_of(name), "checkpoint_mb": checkpoint_mb(model), "gmacs": gmacs(model, picture)}
    return [{**row, **sizes, "milliseconds": times[row["part"]]} for row in rows]


def gmacs(model: HarmonizationModel, picture: np.ndarray) -> float | None:
    """Return the billions of multiply-accumulates of a prediction; None without parameters."""
    if not list(model.parameters()):
        return None
    side = model.working_size or SIDE
    composite = to_tensor(resize(picture, (side, side), "bilinear"))[None]
    mask = to_tensor(left_half(side, side))[None] if model.needs_mask else None
    return multiply_accumulates(model, composite, mask) / 1e9


def checkpoint_mb(model: HarmonizationModel) -> float:
    """Return the megabytes of the saved weights of what harmonizes; 0 without any."""
    weights = {name: value for name, value in model.state_dict().items() if not name.startswith("discriminator.")}
    stream = io.BytesIO()
    torch.save(weights, stream)
    return len(stream.getvalue()) / 1e6 if weights else 0.0


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
    plain = merged[merged["part"] == "frame, step by step"].set_index("size")["milliseconds"]
    whole = merged["part"].str.startswith("frame")
    merged.loc[whole, "ratio"] = merged.loc[whole, "milliseconds"] / merged.loc[whole, "size"].map(plain)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU, one thread"
    return merged.assign(device=device)[list(COLUMNS)]


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description="Time and memory of one frame at 1080p and 4K.")
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--out", default=str(Path(__file__).parent / "results" / "inference.csv"))
    parser.add_argument("--job", help=argparse.SUPPRESS)  # one measurement in a process of its own
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.job:
        job, *arguments = json.loads(options.job)
        with one_algebra_thread():
            rows = JOBS[job](*arguments)
        print(json.dumps(rows))
        return
    table = measure(options.methods, options.frames)
    print(table.to_string(index=False, float_format="%.3g", na_rep=""))
    print("ratio: of the plain form's time; a method's frame's of Harmonizer's frame with filters step by step")
    save_csv(table, options.out)


if __name__ == "__main__":
    main()
