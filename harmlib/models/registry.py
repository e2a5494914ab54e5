"""The only list of methods: factories by name, found in the files of this folder when first asked for.

    @register("dovenet", paper="baselines", needs_mask=True)
    def dovenet(*, width: float = 1.0) -> HarmonizationModel: ...

A factory's first docstring line is the method's title, its keyword-only arguments are the method's options.
"""

from __future__ import annotations

import difflib
import fnmatch
import importlib
import inspect
import os
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harmlib.errors import CheckpointError, ParameterError
from harmlib.io.files import CHECKPOINT

if TYPE_CHECKING:
    from torch import Tensor

    from harmlib.models.base import HarmonizationModel

# Bytes of a float32 weight.
BYTES = 4
# How a title ends.
REFERENCE = re.compile(r"^(?P<system>.*) \((?P<reference>[^()]*\d{4})\)\.$")
Factory = Callable[..., "HarmonizationModel"]


@dataclass(frozen=True)
class ModelInfo:
    """What the registry knows of a method without building it.

    paper: the paper it belongs to; needs_mask: it cannot work without one; trainable: it is trained.
    title: what it is, with authors and year of its paper in brackets at the end.
    options: keyword -> default; public_options: those that differ in the authors' published weights.
    weights: the page on which the authors publish them, empty where none is known.
    """

    name: str
    paper: str
    needs_mask: bool
    trainable: bool
    title: str
    options: Mapping[str, Any] = field(default_factory=dict)
    public_options: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""


_FACTORIES: dict[str, tuple[ModelInfo, Factory]] = {}


def register(
    name: str,
    *,
    paper: str,
    needs_mask: bool,
    trainable: bool = True,
    public_options: Mapping[str, Any] | None = None,
    weights: str = "",
) -> Callable[[Factory], Factory]:
    """Return the decorator that adds a factory under ``name``; raises ParameterError when the name is taken."""

    def add(factory: Factory) -> Factory:
        if name in _FACTORIES:
            raise ParameterError(f'the method "{name}" is registered twice: give one of the two another name')
        title = (inspect.getdoc(factory) or name).splitlines()[0]
        options = {key: parameter.default for key, parameter in inspect.signature(factory).parameters.items()}
        _FACTORIES[name] = (ModelInfo(name, paper, needs_mask, trainable, title, options, dict(public_options or {}), weights), factory)
        return factory

    return add


def list_models(pattern: str = "*") -> list[str]:
    """Return the names of all methods that match a shell pattern, sorted."""
    _discover()
    return sorted(fnmatch.filter(_FACTORIES, pattern))


def describe(name: str) -> ModelInfo:
    """Return what is known of a method; raises ParameterError for an unknown one."""
    return _find(name)[0]


def parameters(method: str, **options: Any) -> int:
    """Return how many parameters a method has, at full width by default; a discriminator, which harmonizes nothing, is left out."""
    import torch

    with torch.device("meta"):
        model = create(method, **options)
    judges = {id(weights) for player, group in model.players().items() if player == "discriminator" for weights in group}
    return sum(weights.numel() for weights in model.parameters() if id(weights) not in judges)


def create(name: str, **options: Any) -> HarmonizationModel:
    """Return a method with fresh weights, drawn from torch's global generator.

    Raises ParameterError for an unknown method, option or value.
    """
    info, factory = _find(name)
    unknown = sorted(set(options) - set(info.options))
    if unknown:
        raise ParameterError(f'"{name}" has no option "{unknown[0]}": choose from {", ".join(info.options) or "none, it has no options"}')
    model = factory(**options)
    model.name = name
    model.options = {**info.options, **options}
    return model


def save_checkpoint(
    model: HarmonizationModel, path: str | os.PathLike[str], *, ema: Mapping[str, Tensor] | None = None, **training_state: Any
) -> None:
    """Write ``checkpoint.pt`` by rename: the method, its options, its weights, and the training state to resume from.

    ema: moving average of the weights, or None; training_state: tensors, numbers, strings and containers of them only.
    """
    from harmlib.models import checkpoints

    state = {"method": model.name, "options": dict(model.options), "weights": model.state_dict(), "ema": ema}
    checkpoints.write(path, {**training_state, **state})


def load(path: str | os.PathLike[str], *, ema: bool = False) -> HarmonizationModel:
    """Return the model of a run folder or ``checkpoint.pt`` in evaluation mode; ``ema`` takes the averaged weights.

    Raises CheckpointError for a missing, truncated, damaged or foreign file, and for one of another method or version.
    """
    from harmlib.models import checkpoints

    file = Path(path)
    file = file / CHECKPOINT if file.is_dir() else file
    content = checkpoints.read(file)
    if ema and content["ema"] is None:
        raise CheckpointError(f'"{file}" keeps no averaged weights: load it without ema')
    try:
        model = create(content["method"], **content["options"])
    except ParameterError as error:
        raise CheckpointError(f'"{file}" was written by another version of harmlib ({error}): train it again') from error
    weights = {**content["weights"], **(content["ema"] if ema else {})}
    checkpoints.load_weights(model, weights, f'"{file}"')
    return model.eval()


def load_public_checkpoint(name: str, *paths: str | os.PathLike[str], **options: Any) -> HarmonizationModel:
    """Return a method with the authors' published weights, in evaluation mode.

    paths: one file per part (generator, discriminator, ...); a part without a file keeps fresh weights.
    options: as for ``create``; what the published weights need stands in ``describe(name).public_options``.
    Raises CheckpointError that names what differs: missing, unexpected, or of another shape.
    """
    from harmlib.models import checkpoints

    model = create(name, **{**describe(name).public_options, **options})
    if not model.public_names:
        raise CheckpointError(f'no public weights of "{name}" are known: train it, or load a run of your own')
    for path in paths:
        checkpoints.load_public(model, Path(path))
    return model.eval()


def _find(name: str) -> tuple[ModelInfo, Factory]:
    """Return a method's entry; raises ParameterError with the closest names for an unknown one."""
    _discover()
    if name not in _FACTORIES:
        close = difflib.get_close_matches(name, _FACTORIES) or sorted(_FACTORIES)
        raise ParameterError(f'there is no method "{name}": choose from {", ".join(close)}')
    return _FACTORIES[name]


def _discover() -> None:
    """Import every file of this folder once, so that their decorators run."""
    package = importlib.import_module("harmlib.models")
    for module in pkgutil.iter_modules(package.__path__):
        if not module.ispkg:
            importlib.import_module(f"harmlib.models.{module.name}")
