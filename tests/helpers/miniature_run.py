"""The least that goes through all stages: a benchmark of a folder of photographs, two runs of a few updates, a paper without exhibits."""

from __future__ import annotations

from pathlib import Path

import yaml
from miniature import write_folder_source


def write_run(folder: Path, *, draws: int = 10, **budget: object) -> Path:
    """Write the photographs and the profile into a folder, which is its DATA too; return the profile.

    draws: composites of every photograph, of one to test on four at most. budget: of both runs, in place of twelve updates of two
    composites, saved after each.
    """
    write_folder_source(folder / "mini", photos=9)
    common = {"iterations": 12, "batch_size": 2, "options": {"width": 1 / 16}, "save_seconds": 0, "runs": {"sgmmh_om": {"keep": [6]}}}
    benchmark = {"composer": "sgmmh", "title": "A", "dataset": "HScene", "sources": ["mini"]}
    benchmark["draws"] = {"train": draws, "test": min(draws, 4)}
    names = ["sgmmh_om", "sgmmh_omgan"]
    content = {
        "seed": 3,
        "sources": {"mini": {"kind": "folder", "folder": "mini", "options": {"no_object": 0}}},
        "benchmarks": {"a": benchmark},
        "runs": {"sgmmh_om": {"budget": "all"}, "sgmmh_omgan": {"budget": "all", "start_from": "sgmmh_om"}},
        "papers": {"sgmmh": {"benchmarks": ["a"], "runs": names, "protocols": {"sgmmh": None}, "notebooks": []}},
        "budgets": {"all": {**common, **budget}},
    }
    (folder / "kill.yaml").write_text(yaml.safe_dump(content))
    return folder / "kill.yaml"
