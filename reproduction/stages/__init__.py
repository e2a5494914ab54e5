"""The stages as functions of a profile and a paper: build, train, score. Notebooks 10, 20, 30 and the shell call these.

Each takes up what an interrupted run left, and writes under ``results/<profile>/``.
"""

from reproduction.stages.build import build_paper
from reproduction.stages.results import Results, device_kind, trained_plan
from reproduction.stages.score import PCM, score_paper
from reproduction.stages.train import train_paper, train_run, training_data, validation

__all__ = [
    "PCM",
    "Results",
    "build_paper",
    "device_kind",
    "score_paper",
    "train_paper",
    "train_run",
    "trained_plan",
    "training_data",
    "validation",
]
