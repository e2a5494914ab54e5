"""A finished workspace in miniature: benchmarks of embedded photographs, networks after a single update, and their scores."""

from __future__ import annotations

from pathlib import Path

import yaml

from harmlib.io.files import write_text
from reproduction.profiles import load_profile
from reproduction.stages import Results, build_paper, score_paper, train_paper
from reproduction.workspace import Workspace

TITLES = {"sgmmh": "HScene-style, embedded", "iharmony4": "iHarmony4-style, embedded", "exposure": "exposure shifts, embedded"}


def write_profile(path: Path) -> Path:
    """Write the profile of the workspace: the papers of smoke, fewer runs of one update each."""

    def benchmark(composer: str, **more: object) -> dict:
        return {"composer": composer, "title": TITLES[composer], "dataset": composer, "sources": ["embedded"], **more}

    budget = {"iterations": 1, "batch_size": 1, "online": False, "options": {"width": 0.125}}
    pairs = {"iharmony4-style": {**benchmark("iharmony4", draws={"train": 1, "test": 8}), "dataset": "iHarmony4"}}
    papers = {
        "sgmmh": {
            "protocols": {"sgmmh": None},
            "notebooks": ["40_sgmmh"],
            "benchmarks": {"hscene-style": {**benchmark("sgmmh", draws={"test": 4}), "dataset": "HScene"}},
            "runs": [{"method": "sgmmh_om", "online": True}],
            "budget": budget,
        },
        "frih": {"protocols": {"harmlib": None}, "notebooks": ["50_frih"], "benchmarks": pairs, "runs": [], "budget": budget},
        "harmonizer": {
            "protocols": {"harmonizer_256": None},
            "weightless": ["composite", "reinhard_lab"],
            "notebooks": ["60_harmonizer"],
            "benchmarks": pairs,
            "runs": [{"method": "harmonizer", "options": {"width": 0.25, "size": 64}}],
            "budget": budget,
        },
        "perceptual": {
            "protocols": {"perceptual": ["composite", "dih_nm"]},
            "notebooks": ["70_perceptual"],
            "benchmarks": {"exposure": benchmark("exposure", splits=["test"], draws={"test": 4}, scored=False), **pairs},
            "runs": [
                {"method": "ptc", "benchmark": "exposure", "online": True, "options": {"size": 64}, "perturb_at": "64"},
                {"method": "dih_nm", "benchmark": "iharmony4-style"},
            ],
            "budget": budget,
        },
        "baselines": {
            "protocols": {"harmlib": None},
            "weightless": ["composite", "reinhard_lab", "xiao_ma", "histogram"],
            "notebooks": ["55_baselines"],
            "benchmarks": pairs,
            "runs": [{"method": "harmonizer", "options": {"width": 0.25, "size": 64}}],
            "budget": budget,
        },
    }
    write_text(path, yaml.safe_dump({"seed": 2021, "sources": {"embedded": {"kind": "embedded"}}, "papers": papers}, sort_keys=False))
    return path


def finish_workspace(folder: Path) -> tuple[Path, Workspace]:
    """Build, train and score the profile below ``folder``, or take it as it stands there; return its file and the workspace."""
    profile_file = write_profile(folder / "mini.yaml")
    profile = load_profile(profile_file)
    results = Results(folder / "results", profile.name)
    for paper in profile.papers:
        build_paper(profile, paper, data=None, results=results, workers=0)
        train_paper(profile, paper, data=None, results=results)
        score_paper(profile, paper, results=results)
    return profile_file, Workspace(profile, results, None)
