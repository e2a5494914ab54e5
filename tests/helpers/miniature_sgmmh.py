"""Artefacts of Sg-MMH in miniature: scores without pictures, for tests of its tables and claims."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd

from harmlib.evaluation.table import COLUMNS
from harmlib.io.files import write_manifest
from harmlib.metrics.protocols import METRICS
from reproduction.kit.artefacts import named_scores
from reproduction.profiles import load_profile
from reproduction.sgmmh import artefacts
from reproduction.stages import Results
from reproduction.workspace import Workspace

IMAGES = 12
METHOD_ERRORS = {"composite": 200.0, "sgmmh_rgb": 150.0, "sgmmh_om": 100.0, "sgmmh_omgan": 90.0}


def score_rows(errors: dict[str, float], *, noise: float = 1.0) -> pd.DataFrame:
    """Scores of IMAGES composites per benchmark of the smoke profile, each method ``errors`` away from its target."""
    generator = np.random.default_rng(0)
    rows = []
    for benchmark in ("hlip-style", "hscene-style"):
        for method in sorted(errors):
            for image in range(IMAGES):
                values = dict.fromkeys(METRICS, float("nan"))
                values["mse"] = errors[method] + noise * generator.normal()
                values["psnr"] = 48 - 10 * np.log10(values["mse"])
                values["ssim"] = 1 - values["mse"] / 1000
                row = {"benchmark": benchmark, "subset": "embedded", "split": "test", "method": method, "id": f"p{image}_1_1"}
                rows.append({**row, "protocol": "sgmmh", "height": 40, "width": 56, "foreground_ratio": (image % 10 + 1) / 10, **values})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def make_artefacts(folder: Path, scores: pd.DataFrame) -> artefacts.Artefacts:
    """Artefacts of the smoke profile without benchmarks on disk, with budgets and two sources in its first benchmark."""
    profile = load_profile("smoke")
    plan = profile.paper("sgmmh")
    results = Results(folder, "smoke")
    for run in plan.runs:
        write_manifest(results.run(run.name), started=time.time(), iterations=run.iterations, batch_size=4, options=dict(run.options))
    one = {"photographs": 5, "used": 4, "composites": 8, "skipped": {"no labeled region": 1}}
    counts = {"hscene-style": {"embedded": {"test": one}, "other": {"test": one}}, "hlip-style": {"embedded-people": {"test": one}}}
    manifests = {
        benchmark.name: {"dataset": benchmark.dataset, "title": benchmark.title, "counts": counts[benchmark.name]}
        for benchmark in plan.benchmarks
    }
    named = named_scores(scores, plan.benchmarks, artefacts.LABELS)
    return artefacts.Artefacts(Workspace(profile, results, None), artefacts.LABELS, plan, "cpu", manifests, named)


def region_rows(wanted: list[float], add: list[float]) -> pd.DataFrame:
    """One region per image, channel L."""
    ids = [f"i{index}" for index in range(len(wanted))]
    return pd.DataFrame({"data": "d", "id": ids, "region": 1, "channel": "L", "wanted": wanted, "add": add, "done": wanted})
