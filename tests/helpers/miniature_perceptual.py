"""Artefacts of the no-reference paper in miniature: scores without pictures, for tests of its tables and claims."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from miniature import write_benchmark

from harmlib.data.benchmarks import BenchmarkPlan
from harmlib.evaluation.table import COLUMNS
from harmlib.io.files import write_manifest
from harmlib.metrics.protocols import METRICS
from harmlib.training.plan import RunPlan
from reproduction.kit.artefacts import named_scores
from reproduction.perceptual.artefacts import LABELS, PAPER, TRUE_MASK, TWO_STAGE, Artefacts
from reproduction.profiles import PaperPlan, Profile, SourcePlan
from reproduction.stages import Results
from reproduction.workspace import Workspace

# A dozen of each size, because fewer than ten photographs have no interval.
IMAGES = 36
RATIOS = (0.05, 0.15, 0.25)
BENCHMARKS = (
    BenchmarkPlan("exposure", "exposure", "shifts, mini", "exposure shifts", ("mini",), splits=("test",), draws={"test": 2}, scored=False),
    BenchmarkPlan("iharmony4-style", "iharmony4", "iHarmony4-style, mini", "iHarmony4", ("mini",)),
    BenchmarkPlan("coco-exp-style", "coco_exp", "COCO-Exp-style, mini", "COCO-Exp", ("mini",), models_of="iharmony4-style"),
)
METHODS = ("dih_m", "dih_nm", "ptc_att_dih", "ptc_dih", "ptc_dih_twostage")
# MSE in the paper's order.
ERRORS = {"composite": 100.0, "dih_m": 50.0, "ptc_dih": 60.0, "ptc_att_dih": 70.0, "dih_nm": 80.0, "ptc_dih_twostage": 55.0}


def score_rows(errors: Mapping[str, float], seed: int = 0) -> pd.DataFrame:
    """Scores of IMAGES composites on both benchmarks, each method about ``errors`` away from its target; objects of 5, 15 and 25 %."""
    generator = np.random.default_rng(seed)
    rows = []
    for benchmark in BENCHMARKS[1:]:
        for method, error in errors.items():
            for image in range(IMAGES):
                values = dict.fromkeys(METRICS, float("nan"))
                values["mse"] = error + generator.normal()
                values["psnr"] = 48 - 10 * np.log10(values["mse"])
                row = {"benchmark": benchmark.name, "subset": "mini", "split": "test", "method": method, "id": f"p{image}_1_1"}
                row |= {"protocol": PAPER, "height": 40, "width": 56, "foreground_ratio": RATIOS[image % len(RATIOS)]}
                rows.append({**row, **values})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def make_artefacts(folder: Path, scores: pd.DataFrame) -> Artefacts:
    """Artefacts whose benchmarks are composites.csv alone, with the budgets of its runs."""
    runs = (RunPlan("ptc", "exposure", 4, 2), *(RunPlan(method, "iharmony4-style", 4, 2) for method in METHODS))
    plan = PaperPlan(PAPER, BENCHMARKS, runs, {PAPER: ()}, ("70_perceptual_detector", "72_perceptual_no_mask"))
    results = Results(folder, "mini")
    for run in runs:
        write_manifest(results.run(run.name), started=time.time(), iterations=4, batch_size=2, options={"width": 0.125})
    names = scores["id"].unique()
    composites = pd.DataFrame({"id": names, "photo": names, "subset": "mini", "split": "test"})
    write_benchmark(results.benchmark("coco-exp-style"), composites)
    sources = {"mini": SourcePlan("mini", "folder")}
    workspace = Workspace(Profile("mini", 0, sources, {}), results, None)
    return Artefacts(workspace, LABELS, plan, "cpu", {}, named_scores(scores, BENCHMARKS, LABELS))


def titles(figure: Figure) -> list[str]:
    return [axis.get_title() for axis in figure.axes if axis.get_title()]


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(plt.Text))


def scores_of(true: dict[str, float], detected: dict[str, float]) -> pd.DataFrame:
    """Scores of both masks by id, PSNR to match, no LPIPS."""
    rows = [(TRUE_MASK, *item) for item in true.items()] + [(TWO_STAGE, *item) for item in detected.items()]
    table = pd.DataFrame(rows, columns=["method", "id", "mse"])
    psnr = [48.13 - 10 * np.log10(value + 1e-6) for value in table["mse"]]
    return table.assign(subset="mini", psnr=psnr, lpips=np.nan)
