"""A miniature of FRIH's artefacts: scores that were never measured, and composites of few colors."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd

from harmlib.data.benchmarks import BenchmarkPlan
from harmlib.evaluation.table import COLUMNS
from harmlib.io.files import write_manifest
from harmlib.metrics.protocols import METRICS
from harmlib.training.plan import RunPlan
from reproduction.frih import artefacts, pictures
from reproduction.kit.artefacts import named_scores
from reproduction.profiles import PaperPlan, Profile
from reproduction.stages import Results
from reproduction.workspace import Workspace

IMAGES = 12

BENCHMARK = BenchmarkPlan("iharmony4-style", "iharmony4", "iHarmony4-style, mini", "iHarmony4", ("mini",))

FMSE = {"composite": 900.0, "frih_baseline": 400.0, "frih_globalmask": 380.0, "frih_submask": 250.0, "frih": 200.0}


def score_rows(errors: dict[str, float], subsets: tuple[str, ...] = ("mini",)) -> pd.DataFrame:
    """Scores of IMAGES composites per sub-dataset, each method about ``errors`` away from its target in fMSE."""
    generator = np.random.default_rng(0)
    rows = []
    for method in sorted(errors):
        for subset in subsets:
            for image in range(IMAGES):
                ratio = (image + 1) / 40
                values = dict.fromkeys(METRICS, float("nan"))
                values["fmse"] = errors[method] + generator.normal()
                values["mse"] = ratio * values["fmse"]
                values["psnr"] = 48 - 10 * np.log10(values["mse"])
                row = {"benchmark": BENCHMARK.name, "subset": subset, "split": "test", "method": method, "id": f"p{image}_1_1"}
                rows.append({**row, "protocol": "harmlib", "height": 40, "width": 56, "foreground_ratio": ratio, **values})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def make_artefacts(folder: Path, scores: pd.DataFrame) -> artefacts.Artefacts:
    """Artefacts without a benchmark on disk, with the budgets of the four networks."""
    runs = tuple(RunPlan("frih", BENCHMARK.name, 4, 2, label=label) for label in ("", "baseline", "globalmask", "submask"))
    plan = PaperPlan("frih", (BENCHMARK,), runs, {"harmlib": ()}, ("50_frih",))
    results = Results(folder, "mini")
    for run in runs:
        write_manifest(results.run(run.name), started=time.time(), iterations=4, batch_size=2, options={"width": 0.125})
    workspace = Workspace(Profile("mini", 0, {}, {}), results, None)
    return artefacts.Artefacts(workspace, artefacts.LABELS, plan, "cpu", {}, named_scores(scores, plan.benchmarks, artefacts.LABELS))


def example_of(foreground: np.ndarray, name: str) -> pictures.Example:
    """An example on a gray picture whose foreground (h, w, 3) lies at its upper left corner."""
    composite = np.full((256, 256, 3), 128, np.uint8)
    mask = np.zeros((256, 256), dtype=bool)
    height, width = foreground.shape[:2]
    composite[:height, :width] = foreground
    mask[:height, :width] = True
    return pictures.Example(name, "mini", composite, np.full_like(composite, 90), mask, "first", (256, 256))


def two_colors(scrap: int = 0) -> pictures.Example:
    """A foreground of 20x40 red and 30x40 blue pixels, of which ``scrap`` are dark red."""
    foreground = np.full((50, 40, 3), (200, 20, 20), np.uint8)
    foreground[20:] = (20, 20, 200)
    foreground[0, :scrap] = (140, 10, 10)
    return example_of(foreground, f"colors{scrap}_1_1")


def gains_table(gain: np.ndarray, count: np.ndarray, ratio: np.ndarray) -> pd.DataFrame:
    """Gains of one step."""
    names = [f"p{image}_1_1" for image in range(len(gain))]
    known = {"step": "a → b", "subset": "mini", "id": names}
    return pd.DataFrame({**known, "gain": gain, "K_merged": count, "K_printed": count, "spread": ratio, "foreground_ratio": ratio})
