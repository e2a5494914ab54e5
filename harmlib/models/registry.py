"""The only list of methods: classes, or functions that make a model, found in the files of this folder when first asked for.

    @register("adfm", paper="baselines", reference="Hao et al. 2020")
    class ADFM(HarmonizationModel):
        \"\"\"ADFM: U-Net with attention-based deep feature modulation.\"\"\"

        def __init__(self, *, width: float = 1.0) -> None: ...

The first line of the docstring is the method's title, the keyword-only arguments are the method's options.
"""

from __future__ import annotations

import fnmatch
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from harmlib.errors import CheckpointError, HarmlibError, ParameterError
from harmlib.io.files import CHECKPOINT
from harmlib.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from harmlib.models.base import HarmonizationModel

# Bytes of a float32 weight.
BYTES = 4
LARGEST_OPTION = 10_000  # beyond any width or number of layers
LARGEST_SIZE = 2048  # pixels that a method works at; memory grows with the square
Factory = TypeVar("Factory", bound=Callable[..., "HarmonizationModel"])


@dataclass(frozen=True)
class ModelInfo:
    """What the registry knows of a method without building it.

    title: what it is, opening with the system's name. options: keyword -> default.
    paper: the paper whose exhibits need it, "baselines" for those that several compare with, empty for the composite itself, the baseline
    of all.
    reference: its authors and their year. needs_mask: it cannot work without one; trainable: it is trained.
    detects: it answers with a map of what it sees, and its picture is the composite.
    editable: it predicts operator masks or filter arguments, which ``harmlib.editor`` changes.
    public_options: those that differ in the authors' published weights.
    weights: the page on which the authors publish them, empty where none is known.
    """

    name: str
    title: str
    options: Mapping[str, Any]
    paper: str
    reference: str = ""
    needs_mask: bool = True
    trainable: bool = True
    detects: bool = False
    editable: bool = False
    public_options: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""

    @property
    def system(self) -> str:
        """What tables call the method."""
        return self.title.partition(":")[0]


METHODS: Registry[tuple[ModelInfo, Callable[..., HarmonizationModel]]] = Registry("method", "harmlib.models")


def register(name: str, **facts: Any) -> Callable[[Factory], Factory]:
    """Return the decorator that adds a class or a function under ``name``; raises ParameterError when the name is taken.

    facts: ``paper``, and what else of ``ModelInfo`` differs from its default.
    """

    def add(factory: Factory) -> Factory:
        title = (inspect.getdoc(factory) or name).splitlines()[0].removesuffix(".")
        keywords = [each for each in inspect.signature(factory).parameters.values() if each.kind is each.KEYWORD_ONLY]
        options = {keyword.name: keyword.default for keyword in keywords}
        METHODS.add(name, (ModelInfo(name, title, options, **facts), factory))
        return factory

    return add


def list_models(pattern: str = "*") -> list[str]:
    """Return the names of all methods that match a shell pattern, sorted.

    >>> list_models("sgmmh_*")
    ['sgmmh_om', 'sgmmh_omgan', 'sgmmh_rgb']
    """
    return fnmatch.filter(METHODS.names(), pattern)


def describe(name: str) -> ModelInfo:
    """Return what is known of a method; raises ParameterError with the closest names for an unknown one.

    >>> info = describe("dovenet")
    >>> info.system, info.reference, info.needs_mask, info.options["norm"]
    ('DoveNet', 'Cong et al. 2020', True, 'instance')
    """
    return METHODS.get(name)[0]


def parameters(method: str, **options: Any) -> int:
    """Return how many parameters a method has, at full width by default; a discriminator, which harmonizes nothing, is left out.

    >>> parameters("dovenet"), parameters("dovenet", width=1 / 16)
    (54755587, 214867)
    """
    from harmlib.models.base import judges_only

    with without_values():
        model = create(method, **options)
    return sum(weights.numel() for name, weights in model.named_parameters() if not judges_only(name))


def create(name: str, **options: Any) -> HarmonizationModel:
    """Return a method with fresh weights, drawn from torch's global generator.

    Raises ParameterError for an unknown method, option or value.

    >>> model = create("dovenet", width=1 / 16)
    >>> model.name, model.working_size, model.options["width"]
    ('dovenet', 256, 0.0625)
    """
    info, factory = METHODS.get(name)
    unknown = sorted(set(options) - set(info.options))
    if unknown:
        raise ParameterError(f'"{name}" has no option "{unknown[0]}": choose from {", ".join(info.options) or "none, it has no options"}')
    model = factory(**options)
    model.name = name
    model.options = {**info.options, **options}
    return model


@contextmanager
def without_values() -> Iterator[None]:
    """Build models that have shapes and take no memory: their weights hold no values (torch's meta device)."""
    import torch
    from torch.overrides import TorchFunctionMode

    # To fill what holds no values, torch would import its compiler, which takes a second.
    fillers = (torch.Tensor.normal_, torch.nn.init.normal_, torch.nn.functional.normalize)

    class Unfilled(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
            given = kwargs or {}
            return next(iter((*args, *given.values()))) if func in fillers else func(*args, **given)

    with torch.device("meta"), Unfilled():
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Build a model whose weights come from a file: in float32 on the CPU; torch's defaults and generator stay as they are."""
    import torch

    dtype = torch.get_default_dtype()
    with torch.device("cpu"), torch.random.fork_rng(devices=[]):
        try:
            torch.set_default_dtype(torch.float32)
            yield
        finally:
            torch.set_default_dtype(dtype)


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

    For weights that come with harmlib see ``load_released``, for the authors' files ``load_public_checkpoint``.

    Raises CheckpointError for a missing, truncated, damaged or foreign file, and for one of another method or version.
    """
    from harmlib.models import checkpoints

    file = Path(path)
    file = file / CHECKPOINT if file.is_dir() else file
    content = checkpoints.read(file)
    if ema and content["ema"] is None:
        raise CheckpointError(f'"{file}" keeps no averaged weights: load it without ema')
    weights = {**content["weights"], **(content["ema"] if ema else {})}
    model = build(
        content["method"], content["options"], f'"{file}"', lambda empty: checkpoints.compare(weights, empty.state_dict(), f'"{file}"')
    )
    checkpoints.load_weights(model, weights, f'"{file}"')
    return model.eval()


def build(method: str, options: Mapping[str, Any], source: str, fits: Callable[[HarmonizationModel], None]) -> HarmonizationModel:
    """Return a method as a file describes it, with fresh weights; ``source`` opens the sentences.

    fits: raises CheckpointError for weights of another model; it is called before any memory is allocated.
    Raises CheckpointError for a method or an option that this version does not have, or that cannot be.
    """
    numbers = [value for option in options.values() for value in (option if isinstance(option, (list, tuple)) else [option])]
    if any(isinstance(number, (int, float)) and not -LARGEST_OPTION <= number <= LARGEST_OPTION for number in numbers):
        raise CheckpointError(f"{source} has options beyond {LARGEST_OPTION:,}, which no method has: fetch or train it again")
    if isinstance(options.get("size"), int) and options["size"] > LARGEST_SIZE:
        raise CheckpointError(f"{source} works at {options['size']} pixels, more than {LARGEST_SIZE}: fetch or train it again")
    try:
        with undisturbed():
            with without_values():
                fits(create(method, **options))
            return create(method, **options)
    except CheckpointError:
        raise
    except HarmlibError as error:
        raise CheckpointError(f"{source} was written by another version of harmlib ({error}): fetch or train it again") from error
    except Exception as error:  # a method meets options that it cannot have with whatever its first broken step raises
        raise CheckpointError(f'{source} has options that "{method}" cannot have ({error}): fetch or train it again') from error


def load_public_checkpoint(name: str, *paths: str | os.PathLike[str], **options: Any) -> HarmonizationModel:
    """Return a method with the authors' published weights, in evaluation mode.

    paths: one file per part (generator, discriminator, ...); a part without a file keeps fresh weights, but one file is needed.
    options: as for ``create``; ``describe(name).public_options`` holds what the published weights need.
    Raises CheckpointError that names what differs: missing, unexpected, or of a different shape.
    """
    from harmlib.models import checkpoints

    with undisturbed():
        model = create(name, **{**describe(name).public_options, **options})
    if not model.public_names:
        raise CheckpointError(f'no public weights of "{name}" are known: train it, or load a run of your own')
    if not paths:
        raise CheckpointError(f'no file was given for "{name}": give the one that its authors published, or call create for fresh weights')
    for path in paths:
        checkpoints.load_public(model, Path(path))
    return model.eval()
