"""Weights that other runs trained: parts of a method, such as a frozen detector in front of a harmonizer, or a whole start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from harmlib.errors import CheckpointError
from harmlib.models import load
from harmlib.models.base import HarmonizationModel
from harmlib.models.checkpoints import load_weights


def load_parts(model: HarmonizationModel, runs: str | os.PathLike[str], parts: Mapping[str, str]) -> None:
    """Give modules of ``model`` the weights of finished runs.

    runs: the folder of all runs. parts: module -> ``run``, or ``run:module`` for a module of that run's method.
    Raises CheckpointError for a run or a module that is not there, and for weights of other names or shapes.
    """
    for name, source in parts.items():
        run, _, module = source.partition(":")
        weights = _module(load(Path(runs) / run), module, f'the method of run "{run}"').state_dict()
        load_weights(_module(model, name, f'"{model.name}"'), weights, f'"{source}"')


def start_from(model: HarmonizationModel, runs: str | os.PathLike[str], name: str) -> None:
    """Give ``model`` the weights another run had kept at a step (``run@step``); what that run lacks stays fresh.

    Raises CheckpointError when that run or step is not there, or its weights are not this method's.
    """
    run, _, step = name.partition("@")
    path = Path(runs) / run / f"step-{step}.pt"
    if not path.exists():
        raise CheckpointError(f'the weights of run "{run}" at step {step} are not there: train it first, with keep: [{step}]')
    load_weights(model, load(path).state_dict(), f'"{path}"', partial=True)


def _module(model: HarmonizationModel, name: str, owner: str) -> nn.Module:
    """Return a module by its name, the whole model for an empty one; raises CheckpointError, with the owner's name, if there is none."""
    try:
        return model.get_submodule(name)
    except AttributeError as error:
        known = ", ".join(child for child, _ in model.named_children())
        raise CheckpointError(f'{owner} has no module "{name}": choose from {known}') from error
