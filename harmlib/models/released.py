"""Which weights a name means, and the weights that come with the package.

A released file holds what harmonizes, parameters in half precision; its card tells the method, its options, the file's sha256, and what a
user should know: photographs and licenses, budget, scores.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harmlib.errors import CheckpointError, DataError, ParameterError
from harmlib.io import files
from harmlib.io.documents import check_shape, read_json
from harmlib.models.registry import build, create, describe, load, load_public_checkpoint

if TYPE_CHECKING:
    from torch import Tensor

    from harmlib.models.base import HarmonizationModel

logger = logging.getLogger(__name__)

RELEASED = Path(__file__).resolve().parents[1] / "weights"
WEIGHTS, CARD = ".safetensors", ".json"
REQUIRED = {"method": str, "options": dict, "sha256": str}
# What a method with a mask is offered when there are no weights.
WEIGHTLESS = "reinhard_lab"


def resolve(
    model: HarmonizationModel | str, weights: str | os.PathLike[str] | None = None, *, released: str | os.PathLike[str] = RELEASED
) -> HarmonizationModel:
    """Return the model that a name means, in evaluation mode: with the given weights, else the released ones; a model is returned as it is.

    weights: a run folder, ``checkpoint.pt``, a released ``.safetensors`` file, or a file published by the method's authors.
    released: the folder of the released weights. Methods without parameters need none. The log tells what was used.
    Raises ParameterError for an unknown name or weights beside a model, CheckpointError for weights that are missing, damaged, not finite
    or of another method.
    """
    if not isinstance(model, str):
        from harmlib.models.base import HarmonizationModel

        if not isinstance(model, HarmonizationModel):
            raise ParameterError(
                f'the model is a {type(model).__name__}, not one of harmlib: give the name of a method, such as "{WEIGHTLESS}", or a model'
            )
        if weights is not None:
            raise ParameterError(f'weights were given beside a model of "{model.name}": give its name, or the model alone')
        return model
    if weights is not None:
        return load_file(weights, model)
    if model in list_released(released):
        return load_released(model, released=released)
    info = describe(model)
    if not info.trainable:
        made = create(model).eval()
        if next(made.parameters(), None) is None:
            return made
    other = f', or use "{WEIGHTLESS}", a statistics transfer that needs none' if info.needs_mask else ""
    raise CheckpointError(
        f'there are no released weights of "{model}": train a run (README.md) and give its folder as weights, or its authors\' file{other}'
    )


def load_file(path: str | os.PathLike[str], name: str | None = None) -> HarmonizationModel:
    """Return the model of a run folder or a weights file in evaluation mode; errors as in ``resolve``.

    name: the method it has to be; None: the one that the file names, which files published by authors do not.
    """
    file = Path(path)
    if file.suffix == WEIGHTS:
        model = load_released(file.stem, released=file.parent)
    elif file.is_dir() or _is_ours(file):
        model = load(file)
    elif name is None:
        raise CheckpointError(f'"{file}" is no checkpoint of harmlib: if its authors published these weights, name the method too')
    else:
        model = load_public_checkpoint(name, file)
    if name not in (None, model.name):
        raise CheckpointError(f'"{file}" holds the method "{model.name}", not "{name}": leave the name out, or give other weights')
    logger.info("%s uses the weights %s", model.name, file)
    return model


def _is_ours(path: Path) -> bool:
    """Tell whether a torch file is one of our checkpoints; raises CheckpointError when it cannot be read."""
    from harmlib.models import checkpoints

    content = checkpoints.read_file(path)
    return isinstance(content, dict) and "format" in content


def list_released(released: str | os.PathLike[str] = RELEASED) -> list[str]:
    """Return the names of the released weights, sorted."""
    return sorted(card.stem for card in Path(released).glob(f"*{CARD}"))


def read_card(name: str, *, released: str | os.PathLike[str] = RELEASED) -> dict[str, Any]:
    """Return the model card of released weights; raises CheckpointError for an unknown name or a damaged card."""
    path = Path(released) / f"{name}{CARD}"
    if not path.exists():
        there = ", ".join(list_released(released)) or "none yet"
        raise CheckpointError(f'there are no released weights "{name}": choose from {there}')
    try:
        card = read_json(path, advice="install harmlib again")
        check_shape(card, REQUIRED, f'"{path}" is no model card', advice="install harmlib again")
    except DataError as error:
        raise CheckpointError(str(error)) from error
    return card


def load_released(name: str, *, released: str | os.PathLike[str] = RELEASED) -> HarmonizationModel:
    """Return a method with released weights, float32, in evaluation mode; parts that only train it, such as a discriminator, are fresh.

    Raises CheckpointError for an unknown name, and for a file that is missing, damaged, not finite or not the one its card describes.

    >>> load_released("pctnet").options["width"]
    0.5
    """
    from safetensors.torch import load as load_tensors

    from harmlib.models import checkpoints

    card, path = read_card(name, released=released), Path(released) / f"{name}{WEIGHTS}"
    if not path.exists():
        raise CheckpointError(f'"{path}" is missing beside its card: install harmlib again')
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != card["sha256"]:
        raise CheckpointError(f'"{path}" is not the file that its card describes: install harmlib again, or fetch the file again')
    try:
        weights = load_tensors(data)
    except Exception as error:  # safetensors meets damage with errors of its own
        raise CheckpointError(f'"{path}" is damaged ({error}): install harmlib again, or fetch the file again') from error
    model = build(card["method"], card["options"], f'"{path}"', lambda empty: checkpoints.compare(weights, _kept(empty), f'"{path}"'))
    checkpoints.load_weights(model, weights, f'"{path}"', partial=True)
    logger.info("%s uses the released weights %s", model.name, name)
    return model.eval()


def write_released(model: HarmonizationModel, name: str, about: Mapping[str, Any], *, released: str | os.PathLike[str] = RELEASED) -> Path:
    """Write what harmonizes of a model, and its card, last; return the file of the weights.

    name: letters, digits, "-" and "_". about: what the card says in addition to method, options, sha256, bytes and precision.
    Raises ParameterError for another name, CheckpointError for weights that half precision cannot hold.
    """
    from safetensors.torch import save as save_tensors

    from harmlib.models import checkpoints

    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ParameterError(f'the name is "{name}": use letters, digits, "-" and "_"')
    parameters = {key for key, _ in model.named_parameters()}
    # Buffers are few and delicate: variances may be too small or too large for half precision, and counters are integers.
    tensors = {key: (values.half() if key in parameters else values).contiguous() for key, values in _kept(model).items()}
    checkpoints.check_finite(tensors, f'"{name}" in half precision')
    data, path = save_tensors(tensors), Path(released) / f"{name}{WEIGHTS}"
    with files.replacing(path) as temporary:
        temporary.write_bytes(data)
    found = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "precision": "float16"}
    files.write_json(Path(released) / f"{name}{CARD}", {"method": model.name, "options": dict(model.options), **found, **about})
    return path


def _kept(model: HarmonizationModel) -> dict[str, Tensor]:
    """Return the state of what harmonizes: all but the discriminators."""
    from harmlib.models.base import judges_only

    return {key: values for key, values in model.state_dict().items() if not judges_only(key)}
