"""Where results stand, and which plan they are of."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from harmlib.errors import DataError
from harmlib.io.files import CHECKPOINT, MANIFEST
from harmlib.training.plan import RunPlan, changed_settings
from reproduction.profiles import PARTS, PaperPlan, Profile, repeat_of, unique_runs

Folder = str | os.PathLike[str]


class Results:
    """Where the artefacts of one profile stand below ``results/<profile>/``.

    score_parts: what the papers' scores are put together from. cache: resized photographs.
    """

    def __init__(self, root: Folder, profile: str) -> None:
        self.root = Path(root) / profile
        self.tables, self.figures, self.cache = (self.root / name for name in ("tables", "figures", "cache"))
        self.score_parts = self.scores(PARTS)

    def benchmark(self, name: str) -> Path:
        """Return a benchmark's folder."""
        return self.root / "benchmarks" / name

    def run(self, name: str) -> Path:
        """Return a training run's folder."""
        return self.root / "runs" / name

    def scores(self, paper: str) -> Path:
        """Return the folder of a paper's scores."""
        return self.root / "scores" / paper


def check_finished(folder: Path, notebook: str, profile: Profile, paper: str) -> None:
    """Raise DataError, with the command and the notebook that make it, unless what a paper needs is finished."""
    if (folder / MANIFEST).exists():
        return
    data = " DATA=folder" if any(source.folder for source in profile.sources.values()) else ""
    raise DataError(
        f'"{folder.parent.name}/{folder.name}" of profile "{profile.name}" is missing or unfinished: '
        f"make it with make reproduce PROFILE={profile.name}{data} PAPER={paper}, or with notebook {notebook}"
    )


def device_kind() -> str:
    """Return "gpu" when torch finds one, else "cpu": the two kinds of budget a profile has."""
    import torch

    return "gpu" if torch.cuda.is_available() else "cpu"


def trained_plans(profile: Profile, papers: Iterable[str], results: Results) -> list[PaperPlan]:
    """Return the plans of some papers for this device, or for the other kind when all runs of those plans are here already.

    So runs that a GPU machine trained can be scored and drawn on a laptop.
    """
    own = device_kind()
    for kind in (own, "cpu" if own == "gpu" else "gpu"):
        plans = [profile.paper(paper, kind) for paper in papers]
        runs = [(results.run(run.name), run) for run in unique_runs(plans).values()]
        if all((folder / MANIFEST).exists() and not changed_settings(folder, run, seed=profile.reseeded(run).seed) for folder, run in runs):
            return plans
    return [profile.paper(paper, own) for paper in papers]


def finished_runs(profile: Profile, results: Results, benchmark: str = "") -> dict[str, RunPlan]:
    """Return name in tables -> finished run of any paper, in planned order; no repeats.

    benchmark: of several runs of one name the one trained on it; else the first.
    """
    found: dict[str, RunPlan] = {}
    for run in unique_runs(profile.paper(paper, device_kind()) for paper in profile.papers).values():
        finished = not repeat_of(run) and all((results.run(run.name) / file).exists() for file in (MANIFEST, CHECKPOINT))
        if finished and (run.scored_as not in found or run.benchmark == benchmark):
            found[run.scored_as] = run
    return found
