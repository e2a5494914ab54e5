"""The training loop: visible top to bottom, for every method; devices and precision are Lightning Fabric's.

A model yields its updates one by one (``training_losses``): a plain method yields once a batch, a GAN once per player in
its paper's order. The loop back-propagates, steps that player's optimizer and only then asks for the next.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer

from harmlib.data.datasets import Batch, VisitBatches, Visits, make_loader
from harmlib.errors import CheckpointError, HarmlibError, ParameterError
from harmlib.extras import needs
from harmlib.io.files import CHECKPOINT, MANIFEST, read_manifest, remove_partial, replacing, sha256, write_manifest, write_text
from harmlib.models import load, save_checkpoint
from harmlib.models.base import HarmonizationModel, TrainingRecipe
from harmlib.models.checkpoints import load_weights
from harmlib.progress import progress
from harmlib.training.parts import load_parts
from harmlib.training.plan import RunPlan
from harmlib.training.state import RESUME, Ema, TrainingState, make_optimizer

with needs("train"):
    from lightning_fabric import Fabric

logger = logging.getLogger(__name__)

BEST, HISTORY = "best.pt", "history.csv"
LOG_POINTS = 100  # rows of history.csv
VALIDATIONS = 10  # times a run is validated when a val split selects its checkpoint
PRECISIONS = ("32-true", "bf16-mixed")

Validate = Callable[[HarmonizationModel], float]
Watch = Callable[[list[dict[str, float]]], None]


class TrainingError(HarmlibError):
    """A run cannot go on: its loss is not a number any more."""


def train(
    model: HarmonizationModel,
    dataset: Visits,
    folder: str | os.PathLike[str],
    plan: RunPlan,
    *,
    seed: int,
    fabric: Fabric | None = None,
    validate: Validate | None = None,
    watch: Watch | None = None,
    **manifest: Any,
) -> Path:
    """Train a model, or finish a run that was interrupted; return its folder. A plan without iterations only loads the model's parts.

    The folder gets checkpoint.pt, history.csv and manifest.json; while the run is going, resume.pt holds its whole state
    and is written every ``plan.save_seconds``. A resumed run ends in the same weights as an unbroken one.

    plan: budget and schedule; what it leaves open is the model's own ``training_recipe``.
    validate: gives a model's error on the val split; the weights with the least error are kept instead of the last ones.
    watch: called with the history so far whenever it grows, for a live plot.
    manifest: further fields of the run's manifest.
    Raises CheckpointError when the folder holds a run with other settings, TrainingError when the loss diverges.
    """
    started, folder = time.time(), Path(folder)
    if is_trained(folder, plan, seed=seed):
        return folder
    fabric = fabric or make_fabric(plan)
    remove_partial(folder)
    state = prepare(model, plan, seed, fabric) if plan.iterations else TrainingState(model, {}, None, {})
    if not state.resume(folder):
        load_parts(model, folder.parent, plan.parts)
        if plan.start_from:
            start_from(model, folder.parent, plan.start_from)
    if plan.iterations:
        _run(state, dataset, folder, plan, seed, fabric, validate, watch)
    if fabric.is_global_zero:
        _finish(state, folder, plan, seed, started, fabric, manifest)
    fabric.barrier()
    return folder


def is_trained(folder: str | os.PathLike[str], plan: RunPlan, *, seed: int, **inputs: Any) -> bool:
    """Tell whether a folder holds the finished run of a plan.

    inputs: fields of the manifest that must agree too. Raises CheckpointError when the run there had other settings: it may have
    taken days, so nothing replaces it silently.
    """
    if not (Path(folder) / MANIFEST).exists():
        return False
    changed = changed_settings(folder, plan, seed=seed, **inputs)
    if changed:
        raise CheckpointError(f'"{folder}" was trained with another {", ".join(changed)}: remove the folder to train it again')
    return True


def changed_settings(folder: str | os.PathLike[str], plan: RunPlan, *, seed: int, **inputs: Any) -> list[str]:
    """Return the names of the settings in which a finished run differs from a plan; raises DataError for an unfinished one.

    A setting that is younger than the run had its default then.
    """
    found = {**_settings(RunPlan("", "", 0, 0)), **read_manifest(folder)}
    return sorted(key for key, value in {"seed": seed, **_settings(plan), **inputs}.items() if found.get(key) != value)


def make_fabric(plan: RunPlan, *, devices: int = 1, accelerator: str = "auto") -> Fabric:
    """Return the Fabric of a run; raises ParameterError for a precision that cannot be resumed exactly."""
    if plan.precision not in PRECISIONS:
        raise ParameterError(f'precision "{plan.precision}" is not supported: choose one of {", ".join(PRECISIONS)}')
    return Fabric(accelerator=accelerator, devices=devices, precision=plan.precision)  # type: ignore[arg-type]


def start_from(model: HarmonizationModel, runs: str | os.PathLike[str], name: str) -> None:
    """Give ``model`` the weights another run had kept at a step (``run@step``); what that run lacks stays fresh.

    Raises CheckpointError when that run or step is not there, or its weights are not this method's.
    """
    run, _, step = name.partition("@")
    path = Path(runs) / run / f"step-{step}.pt"
    if not path.exists():
        raise CheckpointError(f'the weights of run "{run}" at step {step} are not there: train it first, with keep: [{step}]')
    load_weights(model, load(path).state_dict(), f'"{path}"', partial=True)


def prepare(model: HarmonizationModel, plan: RunPlan, seed: int, fabric: Fabric) -> TrainingState:
    """Move the model, and build optimizers and moving average from plan and recipe."""
    recipe = recipe_of(model, plan)
    torch.manual_seed(seed + fabric.global_rank)
    fabric.to_device(model)
    model.to(memory_format=torch.channels_last)
    model.train()
    optimizers = {player: make_optimizer(parameters, recipe, player) for player, parameters in model.players().items()}
    ema = Ema(model, recipe.ema_decay) if recipe.ema_decay else None
    return TrainingState(model, optimizers, ema, {"method": model.name, "seed": seed, **_settings(plan)})


def recipe_of(model: HarmonizationModel, plan: RunPlan) -> TrainingRecipe:
    """Return the paper's recipe with the plan's rate and milestones, if it gives any; raises ParameterError where nothing is trained.

    A shorter run keeps the shape of the paper's schedule, because the rate depends on progress, not on iterations.
    """
    recipe = model.training_recipe
    if recipe is None:
        raise ParameterError(f'"{model.name}" has no parameters to train: score it directly')
    recipe = replace(recipe, learning_rate=plan.learning_rate or recipe.learning_rate)
    return replace(recipe, iterations=plan.iterations, milestones=plan.milestones) if plan.milestones else recipe


def _settings(plan: RunPlan) -> dict[str, Any]:
    """Return the settings that change a run's result, as JSON-able values."""
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(plan).items()}
    return {key: value for key, value in values.items() if key not in ("workers", "save_seconds")}


def _run(
    state: TrainingState,
    dataset: Visits,
    folder: Path,
    plan: RunPlan,
    seed: int,
    fabric: Fabric,
    validate: Validate | None,
    watch: Watch | None,
) -> None:
    """Take every step that is left, logging, validating and saving on the way."""
    first, last = state.step * plan.accumulate, plan.iterations * plan.accumulate
    batches = VisitBatches(
        len(dataset), plan.batch_size, seed=seed, first=first, last=last, rank=fabric.global_rank, devices=fabric.world_size
    )
    loader = iter(make_loader(dataset, batches, workers=plan.workers))
    recipe = recipe_of(state.model, plan)
    log_every, validate_every = math.ceil(plan.iterations / LOG_POINTS), math.ceil(plan.iterations / VALIDATIONS)
    sums: dict[str, torch.Tensor] = {}
    saved = clock = time.monotonic()
    for _ in progress(range(state.step, plan.iterations), initial=state.step, total=plan.iterations, desc=folder.name, unit="step"):
        rate = recipe.learning_rate * recipe.rate_factor(state.step / plan.iterations)
        set_rate(state, rate)
        losses = take_step(state, [to_device(next(loader), fabric) for _ in range(plan.accumulate)], fabric)
        sums = {name: sums.get(name, torch.zeros_like(value)) + value for name, value in losses.items()}
        if state.step % log_every == 0 or state.step == plan.iterations:
            now = time.monotonic()
            state.seconds, clock = state.seconds + now - clock, now
            _log(state, sums, log_every, rate)
            sums = {}
            if watch:
                watch(state.history)
        if validate and (state.step % validate_every == 0 or state.step == plan.iterations):
            _select(state, folder, validate)
        if state.step in plan.keep and fabric.is_global_zero:
            save_checkpoint(state.model, folder / f"step-{state.step}.pt")
        if not sums and fabric.is_global_zero and (time.monotonic() - saved >= plan.save_seconds or state.step == plan.iterations):
            state.save(folder)
            saved = time.monotonic()


def set_rate(state: TrainingState, rate: float) -> None:
    """Set every player's learning rate."""
    for optimizer in state.optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = rate


def take_step(state: TrainingState, batches: list[Batch], fabric: Fabric) -> dict[str, torch.Tensor]:
    """Update every player once, with gradients averaged over ``batches`` and devices; return the losses by "player_name".

    With several batches (gradient accumulation) every player steps at the last one.
    """
    logged: dict[str, torch.Tensor] = {}
    for count, batch in enumerate(batches, start=1):
        with fabric.autocast():
            updates = state.model.training_losses(batch)
            for player, losses in updates:
                fabric.backward(losses["total"] / len(batches))
                if count == len(batches):
                    _update(state.optimizers[player], fabric)
                for name, value in losses.items():
                    logged[f"{player}_{name}"] = logged.get(
                        f"{player}_{name}", torch.zeros((), device=value.device)
                    ) + value.detach().float() / len(batches)
    if state.ema:
        state.ema.update(state.model)
    state.step += 1
    return logged


def _update(optimizer: Optimizer, fabric: Fabric) -> None:
    """Average one player's gradients over the devices, step and clear them."""
    if fabric.world_size > 1:
        for parameter in (parameter for group in optimizer.param_groups for parameter in group["params"] if parameter.grad is not None):
            parameter.grad = fabric.all_reduce(parameter.grad, reduce_op="mean")
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def to_device(batch: Batch, fabric: Fabric) -> Batch:
    """Move a batch's tensors, pictures in the channels-last layout of the model."""
    moved: Batch = fabric.to_device(batch)
    return {
        key: value.contiguous(memory_format=torch.channels_last) if torch.is_tensor(value) and value.ndim == 4 else value
        for key, value in moved.items()
    }


def _log(state: TrainingState, sums: dict[str, torch.Tensor], steps: int, rate: float) -> None:
    """Add the mean losses since the last row to the history; raises TrainingError when one is not finite."""
    taken = (state.step - 1) % steps + 1
    row = {name: value.item() / taken for name, value in sums.items()}
    if not all(math.isfinite(value) for value in row.values()):
        raise TrainingError(f"the loss became {row} near step {state.step}: lower the learning rate or use precision 32-true")
    state.history.append({"step": state.step, "seconds": round(state.seconds, 3), "learning_rate": rate, **row})


def _select(state: TrainingState, folder: Path, validate: Validate) -> None:
    """Validate, note the error in the history, and keep the weights if they are the best so far."""
    state.model.eval()
    error = validate(state.model)
    state.model.train()
    state.history[-1]["val_error"] = error
    if state.best is None or error < state.best:
        state.best = error
        save_checkpoint(state.model, folder / BEST, step=state.step, val_error=error)


def _finish(state: TrainingState, folder: Path, plan: RunPlan, seed: int, started: float, fabric: Fabric, manifest: dict[str, Any]) -> None:
    """Write the run's three files and remove what only a run in progress needs."""
    import pandas as pd

    history = pd.DataFrame(state.history or None, columns=None if state.history else ["step", "seconds", "learning_rate"])
    write_text(folder / HISTORY, history.to_csv(index=False, lineterminator="\n"))
    if (folder / BEST).exists():
        with replacing(folder / CHECKPOINT) as temporary:
            temporary.write_bytes((folder / BEST).read_bytes())
    else:
        save_checkpoint(state.model, folder / CHECKPOINT, step=state.step, ema=state.ema.weights if state.ema else None)
    parameters = sum(parameter.numel() for parameter in state.model.parameters())
    write_manifest(
        folder,
        started=started,
        run=folder.name,
        seed=seed,
        **_settings(plan),
        parameters=parameters,
        device=str(fabric.device),
        training_seconds=round(state.seconds, 1),
        selected_val_error=state.best,
        outputs={CHECKPOINT: sha256(folder / CHECKPOINT)},
        **manifest,
    )
    for name in (RESUME, BEST):
        (folder / name).unlink(missing_ok=True)
