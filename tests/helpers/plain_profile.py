"""A plain profile, and how tests change one value of it."""

from __future__ import annotations

import copy

import yaml

from reproduction.profiles import load_profile

PLAIN = {
    "seed": 1,
    "sources": {"embedded": {"kind": "embedded"}, "ccp": {"kind": "folder", "folder": "ccp"}},
    "benchmarks": {"a": {"composer": "sgmmh", "title": "A", "dataset": "HScene", "sources": ["embedded"]}},
    "runs": {
        "sgmmh_om": {"budget": "sgmmh"},
        "sgmmh_om_identity": {"method": "sgmmh_om", "budget": "sgmmh", "options": {"init": "identity"}, "start_from": "sgmmh_om@3"},
    },
    "papers": {
        "sgmmh": {
            "benchmarks": ["a"],
            "runs": ["sgmmh_om", "sgmmh_om_identity"],
            "protocols": {"sgmmh": None},
            "notebooks": ["40_sgmmh"],
        }
    },
    "budgets": {
        "sgmmh": {
            "cpu": {"iterations": 5, "batch_size": 2, "keep": [2, 3], "options": {"width": 0.5}},
            "gpu": {"iterations": 50, "batch_size": 4, "keep": [3]},
        }
    },
}


def write(folder, content):
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def changed(path, value, content=PLAIN):
    """The content with a value at a path such as ``papers.sgmmh.runs``."""
    content = copy.deepcopy(content)
    part, *keys = content, *path.split(".")
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    return content


def runs_of(folder, content, device="cpu"):
    """The runs of the one paper by name."""
    return {run.name: run for run in load_profile(write(folder, content)).paper("sgmmh", device).runs}
