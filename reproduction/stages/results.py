"""Where results stand, and which plan they are of."""

from __future__ import annotations

import os
from pathlib import Path

from harmlib.io.files import MANIFEST
from harmlib.training.plan import changed_settings
from reproduction.profiles import PaperPlan, Profile

Folder = str | os.PathLike[str]


class Results:
    """Where the artefacts of one profile stand below ``results/<profile>/``."""

    def __init__(self, root: Folder, profile: str) -> None:
        self.root = Path(root) / profile

    def benchmark(self, name: str) -> Path:
        """Return a benchmark's folder."""
        return self.root / "benchmarks" / name

    def run(self, name: str) -> Path:
        """Return a training run's folder."""
        return self.root / "runs" / name

    def scores(self, paper: str) -> Path:
        """Return the folder of a paper's scores."""
        return self.root / "scores" / paper

    @property
    def cache(self) -> Path:
        """Return the folder of resized photographs."""
        return self.root / "cache"

    @property
    def tables(self) -> Path:
        """Return the folder of tables."""
        return self.root / "tables"

    @property
    def figures(self) -> Path:
        """Return the folder of figures."""
        return self.root / "figures"


def device_kind() -> str:
    """Return "gpu" when torch finds one, else "cpu": the two kinds of budget a profile has."""
    import torch

    return "gpu" if torch.cuda.is_available() else "cpu"


def trained_plan(profile: Profile, paper: str, results: Results) -> PaperPlan:
    """Return a paper's plan for this device, or for the other kind when all runs of that plan are here already.

    So runs that a GPU machine trained can be scored and drawn on a laptop.
    """
    own = device_kind()
    for kind in (own, "cpu" if own == "gpu" else "gpu"):
        plan = profile.paper(paper, kind)
        runs = [(results.run(run.name), run) for run in plan.runs]
        if all((folder / MANIFEST).exists() and not changed_settings(folder, run, seed=profile.seed) for folder, run in runs):
            return plan
    return profile.paper(paper, own)
