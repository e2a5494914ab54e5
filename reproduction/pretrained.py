"""The weights that a profile's runs start from, looked for before hours of work."""

from __future__ import annotations

from collections.abc import Iterable

from harmlib import models
from harmlib.errors import CheckpointError
from harmlib.io.files import MANIFEST
from harmlib.training.plan import RunPlan
from reproduction.stages import Results


def check_pretrained(runs: Iterable[RunPlan], results: Results) -> None:
    """Raise CheckpointError when a run that is not trained yet would start from ImageNet weights that are not on this machine."""
    waiting = [run for run in runs if run.options.get("pretrained") and not (results.run(run.name) / MANIFEST).exists()]
    if not waiting:
        return
    # It brings torch, whose import takes longer than all else that a command does before its first stage.
    from harmlib.models.layers.imagenet import hub_path

    missing: dict[str, list[str]] = {}
    known: dict[str, str | None] = {}
    for run in waiting:
        key = f"{run.method} {sorted(run.options.items())}"
        if key not in known:
            known[key] = models.create(run.method, **run.options).imagenet_file
        file = known[key]
        if file and not hub_path(file).is_file():
            missing.setdefault(file, []).append(run.name)
    if missing:
        files = "; ".join(f"{file} for {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}" for file, names in missing.items())
        raise CheckpointError(
            f'"{hub_path("").parent}" lacks ImageNet weights ({files}): fetch them as data/README.md says, or give --without-pretrained '
            "to train from random weights, from which the printed numbers are out of reach"
        )
