"""The stages as functions of a profile and its papers: build, train, score. Notebooks 10, 20, 30 and the shell call these.

Each resumes what was interrupted, and writes under ``results/<profile>/``.
"""

from reproduction.stages.build import build_benchmarks
from reproduction.stages.results import Results, check_finished, device_kind, finished_runs, trained_plans
from reproduction.stages.score import score_papers
from reproduction.stages.train import train_run, train_runs, training_data, validation

__all__ = [
    "Results",
    "build_benchmarks",
    "check_finished",
    "device_kind",
    "finished_runs",
    "score_papers",
    "train_run",
    "train_runs",
    "trained_plans",
    "training_data",
    "validation",
]
