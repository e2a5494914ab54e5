"""The training loop: visible top to bottom, for every method; devices and precision are Lightning Fabric's.

A model yields its updates one by one (``training_losses``): a plain method yields once a batch, a GAN once per player in
its paper's order. The loop back-propagates, steps that player's optimizer and only then asks for the next.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer

from harmlib.data.datasets import Batch, VisitBatches, Visits
from harmlib.data.loading import load_batches
from harmlib.errors import HarmlibError, ParameterError, check_choice
from harmlib.extras import needs
from harmlib.io.files import CHECKPOINT, remove_partial, replacing, sha256, write_manifest, write_text
from harmlib.io.locks import alone
from harmlib.models import save_checkpoint
from harmlib.models.base import HarmonizationModel
from harmlib.progress import progress
from harmlib.threads import worker_deaths_told
from harmlib.training.norms import recompute_statistics
from harmlib.training.parts import load_parts, start_from
from harmlib.training.plan import HISTORY, RunPlan, is_trained, recipe_of, settings
from harmlib.training.state import RESUME, Ema, TrainingState, make_optimizer, rate_groups

with needs("train"):
    from lightning_fabric import Fabric

logger = logging.getLogger(__name__)

BEST, LAST = "best.pt", "last.pt"
LOG_POINTS = 100  # rows of history.csv
PRECISIONS = ("32-true", "bf16-mixed")

# Gives named errors of a model; "val_error" is the one that selects.
Validate = Callable[[HarmonizationModel], dict[str, float]]
Watch = Callable[[list[dict[str, float]]], None]


class TrainingError(HarmlibError):
    """A run cannot continue: its loss is no longer a number."""


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
    and is written every ``plan.save_seconds``, whatever is logged. A resumed run ends in the same weights as an unbroken one.

    plan: budget and schedule; what it leaves open is the model's own ``training_recipe``.
    validate: gives a model's errors on the val split, which go into history.csv; unless the plan selects the last weights, those with
    the lowest "val_error" become checkpoint.pt, and the last ones are kept beside it.
    watch: called with the history so far whenever it grows, for a live plot.
    manifest: further fields of the run's manifest.
    Raises CheckpointError when the folder holds a run with other settings, TrainingError when the loss diverges, BusyError while another
    process trains it, WorkerError when a loader process was killed.
    """
    started, folder = time.time(), Path(folder)
    if is_trained(folder, plan, seed=seed):
        return folder
    fabric = fabric or make_fabric(plan)
    # Of the processes of one run, the first writes.
    with alone(folder, f'another process is training "{folder}"') if fabric.is_global_zero else nullcontext():
        if is_trained(folder, plan, seed=seed):
            return folder
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


def make_fabric(plan: RunPlan, *, devices: int = 1, accelerator: str = "auto") -> Fabric:
    """Return the Fabric of a run; raises ParameterError for a precision that cannot be resumed exactly, or more devices than there are."""
    if accelerator == "auto" and devices > max(1, torch.cuda.device_count()):
        raise ParameterError(f"{devices} devices were asked for, and there are {torch.cuda.device_count()} GPUs: ask for fewer")
    check_choice("precision", plan.precision, PRECISIONS)
    return Fabric(accelerator=accelerator, devices=devices, precision=plan.precision)  # type: ignore[arg-type]


def prepare(model: HarmonizationModel, plan: RunPlan, seed: int, fabric: Fabric) -> TrainingState:
    """Move the model, and build optimizers and moving average from plan and recipe."""
    recipe = recipe_of(model, plan)
    torch.manual_seed(seed + fabric.global_rank)
    fabric.to_device(model)
    model.to(memory_format=torch.channels_last)
    model.train()
    groups = {player: rate_groups(model, parameters, plan.rates) for player, parameters in model.players().items()}
    optimizers = {player: make_optimizer(groups[player], recipe, player) for player in groups}
    decay = plan.average or recipe.ema_decay
    ema = Ema(model, decay, warmup=plan.average is not None) if decay else None
    return TrainingState(model, optimizers, ema, {"method": model.name, "seed": seed, **settings(plan)})


@worker_deaths_told()
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
    parts = plan.parts_on_each(fabric.world_size)
    batches = VisitBatches(
        len(dataset),
        plan.batch_size,
        seed=seed,
        first=state.step,
        last=plan.iterations,
        rank=fabric.global_rank,
        devices=fabric.world_size,
        parts=parts,
    )
    loader = load_batches(dataset, batches, workers=plan.workers)
    recipe = recipe_of(state.model, plan)
    log_every, validate_every = math.ceil(plan.iterations / LOG_POINTS), math.ceil(plan.iterations / plan.validations)
    saved = clock = time.monotonic()
    for _ in progress(range(state.step, plan.iterations), initial=state.step, total=plan.iterations, desc=folder.name, unit="step"):
        rate = recipe.learning_rate * recipe.rate_factor(state.step / plan.iterations)
        state.set_rate(rate)
        losses = take_step(state, [to_device(next(loader), fabric) for _ in range(parts)], fabric)
        if not all(map(math.isfinite, losses.values())):
            raise TrainingError(f"the loss became {losses} at step {state.step}: lower the learning rate or use precision 32-true")
        state.sums = {name: state.sums.get(name, 0.0) + value for name, value in losses.items()}
        now = time.monotonic()
        state.seconds, clock = state.seconds + now - clock, now
        ended = state.step == plan.iterations
        if state.step % log_every == 0 or ended:
            _log(state, log_every, rate)
            if watch:
                watch(state.history)
        # One device judges and writes; the others wait for it at the next update.
        if validate and fabric.is_global_zero and (state.step % validate_every == 0 or ended):
            with _as_kept(state, dataset, plan, seed, fabric):
                _select(state, folder, validate)
        if state.step in plan.keep and fabric.is_global_zero:
            save_checkpoint(state.model, folder / f"step-{state.step}.pt")
        if fabric.is_global_zero and (time.monotonic() - saved >= plan.save_seconds or ended):
            state.save(folder)
            saved = time.monotonic()
    if fabric.is_global_zero:
        with _as_kept(state, dataset, plan, seed, fabric):
            # Weights that the plan averages are the run's own; a paper's moving average stands beside them.
            beside = state.ema.weights if state.ema and not plan.average else None
            save_checkpoint(state.model, folder / LAST, step=state.step, ema=beside)


@contextmanager
def _as_kept(state: TrainingState, dataset: Visits, plan: RunPlan, seed: int, fabric: Fabric) -> Iterator[None]:
    """Give the model the weights and statistics that would be kept now, in evaluation mode; afterwards training goes on as before."""
    model = state.model
    live = {name: value.clone() for name, value in model.state_dict().items()}
    if plan.average and state.ema:
        model.load_state_dict(state.ema.weights)
    if plan.norm_batches:
        batches = VisitBatches(len(dataset), plan.batch_size, seed=seed, first=0, last=plan.norm_batches)
        with fabric.autocast():
            recompute_statistics(model, (to_device(batch, fabric) for batch in load_batches(dataset, batches, workers=0)))
    model.eval()
    yield
    model.load_state_dict(live)
    model.train()


def take_step(state: TrainingState, batches: list[Batch], fabric: Fabric) -> dict[str, float]:
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
        state.ema.update(state.model, state.step)
    state.step += 1
    return dict(zip(logged, torch.stack(list(logged.values())).tolist(), strict=True))


def _update(optimizer: Optimizer, fabric: Fabric) -> None:
    """Average one player's gradients over the devices, step and clear them."""
    if fabric.world_size > 1:
        gradients = [parameter.grad for group in optimizer.param_groups for parameter in group["params"] if parameter.grad is not None]
        # In one piece: a message for every tensor would cost more than the gradients.
        flat = fabric.all_reduce(torch.cat([gradient.flatten() for gradient in gradients]), reduce_op="mean")
        assert torch.is_tensor(flat)  # as what was given
        for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def to_device(batch: Batch, fabric: Fabric) -> Batch:
    """Move a batch's tensors, pictures in the channels-last layout of the model."""
    moved: Batch = fabric.to_device(batch)
    return {
        key: value.contiguous(memory_format=torch.channels_last) if torch.is_tensor(value) and value.ndim == 4 else value
        for key, value in moved.items()
    }


def _log(state: TrainingState, steps: int, rate: float) -> None:
    """Add the mean losses since the last row to the history."""
    taken = (state.step - 1) % steps + 1
    row = {name: value / taken for name, value in state.sums.items()}
    state.history.append({"step": state.step, "seconds": round(state.seconds, 3), "learning_rate": rate, **row})
    state.sums = {}


def _select(state: TrainingState, folder: Path, validate: Validate) -> None:
    """Validate, note the errors in the history, and keep the weights if they are the best so far."""
    errors = validate(state.model)
    state.history[-1].update(errors)
    error = errors["val_error"]
    if state.best is None or error < state.best:
        state.best = error
        save_checkpoint(state.model, folder / BEST, step=state.step, val_error=error)


def _finish(state: TrainingState, folder: Path, plan: RunPlan, seed: int, started: float, fabric: Fabric, manifest: dict[str, Any]) -> None:
    """Write the run's three files and remove what only a run in progress needs."""
    import pandas as pd

    history = pd.DataFrame(state.history or None, columns=None if state.history else ["step", "seconds", "learning_rate"])
    write_text(folder / HISTORY, history.to_csv(index=False, lineterminator="\n"))
    if plan.iterations:
        selected = plan.select == "best" and (folder / BEST).exists()
        with replacing(folder / CHECKPOINT) as temporary:
            temporary.write_bytes((folder / (BEST if selected else LAST)).read_bytes())
    else:
        selected = False
        save_checkpoint(state.model, folder / CHECKPOINT, step=0)
    parameters = sum(parameter.numel() for parameter in state.model.parameters())
    write_manifest(
        folder,
        started=started,
        run=folder.name,
        seed=seed,
        **settings(plan),
        parameters=parameters,
        device=str(fabric.device),
        devices=fabric.world_size,
        threads=torch.get_num_threads(),
        training_seconds=round(state.seconds, 1),
        selected_val_error=state.best,
        outputs={CHECKPOINT: sha256(folder / CHECKPOINT)},
        **manifest,
    )
    for name in (RESUME, BEST) if selected else (RESUME, BEST, LAST):
        (folder / name).unlink(missing_ok=True)
