"""Everything a training run must remember to resume as if it had never stopped."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Adadelta, Adam, AdamW, Optimizer, RMSprop

from harmlib.errors import CheckpointError, HarmlibError, ParameterError
from harmlib.io.documents import check_shape
from harmlib.io.files import replacing
from harmlib.models.base import HarmonizationModel, TrainingRecipe
from harmlib.models.checkpoints import load_weights, read_file

RESUME = "resume.pt"
OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"adam": Adam, "adamw": AdamW, "adadelta": Adadelta, "rmsprop": RMSprop}
# What each remembers of a parameter, besides its step.
MOMENTS = {
    Adam: {"exp_avg", "exp_avg_sq"},
    AdamW: {"exp_avg", "exp_avg_sq"},
    Adadelta: {"square_avg", "acc_delta"},
    RMSprop: {"square_avg"},
}
SHAPE = {
    "plan": {str: object},
    "step": int,
    "history": [{str: float}],
    "best": (float, None),
    "seconds": float,
    "sums": {str: float},
    "model": {str: torch.Tensor},
    "optimizers": {str: dict},
    "ema": ({str: torch.Tensor}, None),
    "cpu_generator": torch.Tensor,
    "cuda_generators": [torch.Tensor],
}


class Ema:
    """Exponential moving average of a model's weights: after a step, average = decay * average + (1 - decay) * weights.

    Buffers (running statistics) are copied, not averaged.
    warmup: at step t the decay is at most (1 + t) / (10 + t), so that a short run soon forgets the random start.
    """

    def __init__(self, model: nn.Module, decay: float, *, warmup: bool = False) -> None:
        self.decay, self.warmup = decay, warmup
        self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self._averaged = {name for name, _ in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Update the average with the weights after a step, counted from 0."""
        decay = min(self.decay, (1 + step) / (10 + step)) if self.warmup else self.decay
        for name, value in model.state_dict().items():
            if name in self._averaged:
                self.weights[name].lerp_(value, 1 - decay)
            else:
                self.weights[name].copy_(value)


def rate_groups(model: nn.Module, parameters: list[nn.Parameter], rates: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return parameters in groups of one "factor" on the learning rate each.

    rates: module of the model -> factor; 1 for all others. Raises ParameterError for a module that has no parameters.
    """
    names = {parameter: name for name, parameter in model.named_parameters()}
    groups: dict[float, list[nn.Parameter]] = {}
    known = ", ".join(name for name, _ in model.named_children())
    for module in rates:
        if not any(name.startswith(f"{module}.") for name in names.values()):
            raise ParameterError(f'rates names "{module}", which has no parameters here: choose from {known}')
    for parameter in parameters:
        factor = next((factor for module, factor in rates.items() if names[parameter].startswith(f"{module}.")), 1.0)
        groups.setdefault(factor, []).append(parameter)
    return [{"params": members, "factor": factor} for factor, members in groups.items()]


def make_optimizer(groups: list[dict[str, Any]], recipe: TrainingRecipe, player: str = "model") -> Optimizer:
    """Return the optimizer of one player; groups: as from ``rate_groups``."""
    own = player in recipe.player_optimizers
    name = recipe.player_optimizers[player] if own else recipe.optimizer
    with_betas = {"betas": recipe.betas, "eps": recipe.eps} if name in ("adam", "adamw") else {}
    return OPTIMIZERS[name](groups, recipe.learning_rate, weight_decay=0.0 if own else recipe.weight_decay, **with_betas)


def _check_moments(optimizer: Optimizer, settings: list[dict[str, type]]) -> None:
    """Raise ValueError unless an optimizer has settings of the same kinds as before, and of each parameter all moments in its shape."""
    if _kinds(optimizer) != settings:
        raise ValueError("an optimizer has settings of other kinds")
    for weights, remembered in optimizer.state.items():
        if set(remembered) != {"step", *MOMENTS[type(optimizer)]}:
            raise ValueError(f"an optimizer remembers {', '.join(map(str, remembered))} of a parameter")
        for name, values in remembered.items():
            shape = torch.Size() if name == "step" else weights.shape
            if not isinstance(values, torch.Tensor) or values.shape != shape or not values.isfinite().all():
                raise ValueError(f"{name} of a parameter is not finite, or not of the shape {tuple(shape)}")


def _kinds(optimizer: Optimizer) -> list[dict[str, type]]:
    """Return the kinds of an optimizer's settings, group by group."""
    return [{name: type(value) for name, value in group.items()} for group in optimizer.param_groups]


class TrainingState:
    """The model, its optimizers, the step, the history, and the best validation error so far."""

    def __init__(self, model: HarmonizationModel, optimizers: dict[str, Optimizer], ema: Ema | None, plan: dict[str, Any]) -> None:
        self.model, self.optimizers, self.ema, self.plan = model, optimizers, ema, plan
        self.step = 0
        self.history: list[dict[str, float]] = []
        self.best: float | None = None
        self.seconds = 0.0
        self.sums: dict[str, float] = {}  # of the losses since the last row of the history

    def set_rate(self, rate: float) -> None:
        """Set every player's learning rate, times its groups' factors."""
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = rate * group["factor"]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``resume.pt`` by rename, generator states included."""
        content = {
            "plan": self.plan,
            "step": self.step,
            "history": self.history,
            "best": self.best,
            "seconds": self.seconds,
            "sums": self.sums,
            "model": self.model.state_dict(),
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "ema": self.ema.weights if self.ema else None,
            "cpu_generator": torch.get_rng_state(),
            "cuda_generators": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }
        with replacing(Path(folder) / RESUME) as temporary, temporary.open("wb") as stream:
            torch.save(content, stream)

    def resume(self, folder: str | os.PathLike[str]) -> bool:
        """Load ``resume.pt`` if it is there, and tell so; raises CheckpointError for a damaged one and for a run with other settings."""
        path = Path(folder) / RESUME
        if not path.exists():
            return False
        try:
            content = read_file(path)
            check_shape(content, SHAPE, f'"{path}"')
        except HarmlibError as error:
            raise CheckpointError(f"{str(error).rpartition(':')[0]}, so it cannot be resumed: remove it to start this run again") from error
        changed = sorted(key for key, value in self.plan.items() if repr(content["plan"].get(key)) != repr(value))
        if changed:
            raise CheckpointError(f'"{path}" belongs to a run with another {", ".join(changed)}: remove its folder to start again')
        load_weights(self.model, content["model"], f'"{path}"')
        try:
            self._take(content)
        except Exception as error:  # optimizers and generators meet another run's state with whatever their first broken step raises
            reason = textwrap.shorten(str(error), 120)  # torch tells of every backend that it has
            raise CheckpointError(f'"{path}" holds no state of this run ({reason}): remove it to start this run again') from error
        return True

    def _take(self, content: dict[str, Any]) -> None:
        """Restore every part from a saved state."""
        self.step, self.history, self.best = content["step"], content["history"], content["best"]
        self.seconds, self.sums = content["seconds"], content["sums"]
        for name, optimizer in self.optimizers.items():
            settings = _kinds(optimizer)
            optimizer.load_state_dict(content["optimizers"][name])
            _check_moments(optimizer, settings)
        if self.ema:
            for name, value in content["ema"].items():
                self.ema.weights[name].copy_(value)
        torch.set_rng_state(content["cpu_generator"])
        if content["cuda_generators"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(content["cuda_generators"])
