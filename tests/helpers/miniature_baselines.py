"""The baselines, FRIH and Harmonizer as if they were scored: files without pictures, for tests of what stands beside what."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from harmlib.evaluation.table import COLUMNS
from harmlib.io.files import fingerprint, write_manifest
from harmlib.metrics.protocols import METRICS
from reproduction.baselines import artefacts
from reproduction.profiles import PaperPlan, load_profile
from reproduction.stages import Results
from reproduction.workspace import Workspace

IMAGES = 12
WORST = 100.0


def make_workspace(folder: Path) -> Workspace:
    """The smoke profile with benchmarks and runs that are manifests alone."""
    profile, results = load_profile("smoke"), Results(folder, "smoke")
    for paper in ("frih", "harmonizer", "baselines"):
        plan = profile.paper(paper)
        for benchmark in plan.benchmarks:
            write_manifest(
                results.benchmark(benchmark.name), started=time.time(), title=benchmark.title, dataset=benchmark.dataset, counts={}
            )
        for run in plan.runs:
            own = {"iterations": run.iterations, "batch_size": run.batch_size, "options": dict(run.options)}
            write_manifest(results.run(run.name), started=time.time(), **own)
    return Workspace(profile, results, None)


def score(workspace: Workspace, paper: str, errors: Mapping[str, float] | None = None, images: int = IMAGES) -> None:
    """Write the scores of a paper: each method as far from its targets as ``errors`` says, or as its name does; alike in all papers."""
    plan = workspace.profile.paper(paper)
    rows = [
        row
        for protocol, methods in plan.protocols.items()
        for method in methods or _all_methods(plan)
        for row in _rows(protocol, method, (errors or {}).get(method), images)
    ]
    folder = workspace.results.scores(paper)
    folder.mkdir(parents=True)
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(folder / "scores.csv", index=False)
    write_manifest(folder, started=time.time(), device="cpu")


def _all_methods(plan: PaperPlan) -> list[str]:
    """What a protocol without names scores."""
    return [*plan.weightless, *(run.scored_as for run in plan.runs)]


def _rows(protocol: str, method: str, error: float | None, images: int) -> list[dict[str, object]]:
    """The scores of one method, the same whichever paper asks."""
    generator = np.random.default_rng(int(fingerprint([protocol, method])[:8], 16))
    mean = generator.uniform(20, WORST) if error is None else error
    rows = []
    for image in range(images):
        values = dict.fromkeys(METRICS, float("nan"))
        values["mse"] = mean + generator.uniform(-1, 1)
        values["fmse"], values["psnr"] = 10 * values["mse"], 48 - 10 * np.log10(values["mse"])
        row = {"benchmark": "iharmony4-style", "subset": "embedded", "split": "test", "method": method, "id": f"p{image}_1_1"}
        rows.append({**row, "protocol": protocol, "height": 40, "width": 60, "foreground_ratio": (image + 1) / 40, **values})
    return rows


def ranked_artefacts(folder: Path, errors: Mapping[str, float] | None = None, images: int = IMAGES) -> artefacts.Artefacts:
    """The baselines as they are ranked."""
    workspace = make_workspace(folder)
    score(workspace, "baselines", errors, images)
    return artefacts.ranked(artefacts.open_artefacts(workspace))
