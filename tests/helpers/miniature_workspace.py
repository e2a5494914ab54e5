"""A finished workspace in miniature: benchmarks of embedded photographs, networks after a single update, and their scores."""

from __future__ import annotations

from pathlib import Path

import yaml

from harmlib.io.files import write_text
from reproduction.profiles import load_profile
from reproduction.stages import Results, build_benchmarks, score_papers, train_runs
from reproduction.workspace import Workspace


def write_profile(path: Path) -> Path:
    """Write the profile of the workspace: the papers of smoke, fewer runs of one update each."""

    def benchmark(composer: str, dataset: str, title: str, **more: object) -> dict:
        return {"composer": composer, "title": f"{title}, embedded", "dataset": dataset, "sources": ["embedded"], **more}

    pairs = ["iharmony4-style"]
    content = {
        "seed": 2021,
        "sources": {"embedded": {"kind": "embedded"}},
        "benchmarks": {
            "hscene-style": benchmark("sgmmh", "HScene", "HScene-style", draws={"test": 4}),
            "exposure": benchmark("exposure", "exposure", "exposure shifts", splits=["test"], draws={"test": 4}, scored=False),
            "iharmony4-style": benchmark("iharmony4", "iHarmony4", "iHarmony4-style", draws={"train": 1, "test": 8}),
        },
        "runs": {
            "sgmmh_om": {"budget": "all", "online": True},
            "harmonizer": {"budget": "all", "options": {"width": 0.25, "size": 64}},
            "ptc": {"budget": "all", "benchmarks": ["exposure"], "online": True, "options": {"size": 64}, "perturb_at": "64"},
            "dih_nm": {"budget": "all", "benchmarks": pairs},
        },
        "papers": {
            "sgmmh": {"benchmarks": ["hscene-style"], "runs": ["sgmmh_om"], "protocols": {"sgmmh": None}, "notebooks": ["40_sgmmh"]},
            "frih": {"benchmarks": pairs, "runs": [], "protocols": {"harmlib": None}, "notebooks": ["50_frih"]},
            "harmonizer": {
                "benchmarks": pairs,
                "runs": ["harmonizer"],
                "protocols": {"harmonizer_256": None},
                "weightless": ["composite", "reinhard_lab"],
                "notebooks": ["60_harmonizer"],
            },
            "perceptual": {
                "benchmarks": ["exposure", *pairs],
                "runs": ["ptc", "dih_nm"],
                "protocols": {"perceptual": ["composite", "dih_nm"]},
                "notebooks": ["70_perceptual_detector", "72_perceptual_no_mask"],
            },
            "baselines": {
                "benchmarks": pairs,
                "runs": ["harmonizer"],
                "protocols": {"harmlib": None},
                "weightless": ["composite", "reinhard_lab", "xiao_ma", "histogram"],
                "notebooks": ["55_baselines"],
            },
        },
        "budgets": {"all": {"iterations": 1, "batch_size": 1, "online": False, "options": {"width": 0.125}}},
    }
    write_text(path, yaml.safe_dump(content, sort_keys=False))
    return path


def finish_workspace(folder: Path) -> tuple[Path, Workspace]:
    """Build, train and score the profile below ``folder``, or take it as it stands there; return its file and the workspace."""
    profile_file = write_profile(folder / "mini.yaml")
    profile = load_profile(profile_file)
    results = Results(folder / "results", profile.name)
    build_benchmarks(profile, profile.papers, data=None, results=results, workers=0)
    train_runs(profile, profile.papers, data=None, results=results)
    score_papers(profile, profile.papers, results=results)
    return profile_file, Workspace(profile, results, None)
