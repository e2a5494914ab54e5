"""Checkpoint files: written by rename, read without trusting them, and compared name by name with the model.

Ours is a dictionary with "format", "method", "options", "weights", "ema" and the training state. The authors' are plain state
dicts, or dictionaries with "params" and "params_ema" (BasicSR).
"""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harmlib.errors import CheckpointError, DataError
from harmlib.io import files
from harmlib.io.arrays import check_archive
from harmlib.io.documents import check_shape
from harmlib.models.base import HarmonizationModel

FORMAT = 1
SHAPE = {"format": int, "method": str, "options": {str: object}, "weights": {str: Tensor}, "ema?": ({str: Tensor}, None)}
# Batch norm counts its batches; older files lack the counter and nothing here reads it.
COUNTER = "num_batches_tracked"
LARGEST_WEIGHT = 1e12  # beyond what any network learns, variances of bytes included
NAMES_SHOWN = 3
AGAIN = "fetch or train it again"
# Where training scripts nest a state dict, and the prefix of its names: BasicSR, Harmonizer, S2AM, ADFM and S²CRNet.
NESTS = {"params": "module.", "model": "module.model.", "state_dict": "module."}


def write(path: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    """Write a checkpoint dictionary by rename, stamped with the format."""
    # Through a stream: given a path, torch writes the temporary file's random name into the archive, and the bytes would differ.
    with files.replacing(path) as temporary, temporary.open("wb") as stream:
        torch.save({"format": FORMAT, **content}, stream)


def read(path: Path) -> dict[str, Any]:
    """Return the dictionary of one of our checkpoints.

    Raises CheckpointError for a missing, truncated, damaged or foreign file, and when the manifest beside it names another sha256.
    """
    content = read_file(path)
    try:
        check_shape(content, SHAPE, f'"{path}"')
    except DataError as error:
        reason = str(error).rpartition(":")[0].partition('" ')[2] or str(error)
        raise CheckpointError(
            f'"{path}" is no checkpoint of harmlib: weights published by authors load with load_public_checkpoint ({reason})'
        ) from error
    if content["format"] != FORMAT:
        raise CheckpointError(f'"{path}" has format {content["format"]}, this version reads {FORMAT}: train it again')
    _check_sha256(path)
    return {"ema": None, **content}


def read_file(path: Path) -> Any:
    """Return what a torch file holds, on the CPU; raises CheckpointError when it is missing, damaged or not only tensors."""
    if not path.is_file():
        raise CheckpointError(
            f'"{path}" does not exist: check the path, or train a run; weights that come with harmlib open with load_released'
        )
    try:
        _check_archive(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(f'"{path}" holds more than weights or is no torch file, and was not opened: {AGAIN}') from error
    except Exception as error:  # torch meets damage with whatever its first broken step raises
        reason = str(error).partition("\n")[0] or "it is empty"
        raise CheckpointError(f'"{path}" is truncated, damaged or no torch file ({reason}): {AGAIN}') from error


def load_weights(model: torch.nn.Module, weights: Mapping[str, Tensor], source: str, *, partial: bool = False) -> None:
    """Copy ``weights`` into a model; ``partial`` lets names that the file lacks keep their values.

    Raises CheckpointError, opened by ``source``, that names what is missing, unexpected, of a different shape or not finite.
    """
    own = model.state_dict()
    expected = {name: values for name, values in own.items() if name in weights} if partial else own
    compare(weights, expected, source)
    check_finite(weights, source)
    model.load_state_dict(dict(weights), strict=False)


def load_public(model: HarmonizationModel, path: Path) -> None:
    """Copy one published file into the part of the model whose names it shares most; errors as in ``load_weights``."""
    published = _state_dict(read_file(path), path)
    part, names = max(model.public_names.items(), key=lambda item: len(published.keys() & item[1].keys()))
    own = model.state_dict()
    expected = {public: own[name] for public, name in names.items()}
    compare(published, expected, f'"{path}"', f'the {part} of "{model.name}"')
    check_finite(published, f'"{path}"')
    model.load_state_dict({names[public]: values for public, values in published.items()}, strict=False)


def compare(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: str, part: str = "this model") -> None:
    """Raise CheckpointError, opened by ``source``, unless two state dicts agree in names, shapes and kinds; ``part`` is filled."""
    missing = [name for name in expected if name not in weights and not name.endswith(COUNTER)]
    unexpected = [name for name in weights if name not in expected]
    shapes = [
        f"{name} ({_shape(weights[name])} instead of {_shape(values)})"
        for name, values in expected.items()
        if name in weights and weights[name].shape != values.shape
    ]
    others = [name for name in expected if name in weights and not _is_plain(weights[name])]
    kinds = (
        ("has other kinds of values for", others),
        ("lacks", missing),
        ("has the unexpected", unexpected),
        ("has other shapes for", shapes),
    )
    differences = [f"it {kind} {_some(names)}" for kind, names in kinds if names]
    if differences:
        raise CheckpointError(f"{source} does not fit {part}: {'; '.join(differences)}")


def _is_plain(values: Tensor) -> bool:
    """Tell whether a tensor holds real numbers one by one, in memory, and not one of them in many places."""
    strided = values.layout == torch.strided and not values.is_quantized and not values.is_complex() and not values.is_meta
    return strided and values.untyped_storage().nbytes() >= values.numel() * values.element_size()


def check_finite(weights: Mapping[str, Tensor], source: str) -> None:
    """Raise CheckpointError when a weight is NaN, infinite or close to it: the pictures would silently come out black or gray."""
    broken = [name for name, values in weights.items() if not (values.isfinite() & (values.abs() < LARGEST_WEIGHT)).all()]
    if broken:
        raise CheckpointError(
            f"{source} has NaN, infinite or huge values in {_some(broken)}: the training diverged, or the file is damaged"
        )


def _state_dict(content: Any, path: Path) -> dict[str, Tensor]:
    """Return the state dict inside a published file, without the prefixes that training scripts add."""
    prefix = "module."
    for nest, nested_prefix in NESTS.items():
        if isinstance(content, dict) and isinstance(content.get(nest), dict):
            content, prefix = content[nest], nested_prefix
    if (
        not isinstance(content, dict)
        or not content
        or any(not isinstance(name, str) or not isinstance(value, Tensor) for name, value in content.items())
    ):
        raise CheckpointError(f'"{path}" is no state dict: expected a dictionary of tensors, or one under {" or ".join(NESTS)}')
    return {name.removeprefix(prefix): value for name, value in content.items()}


def _check_archive(path: Path) -> None:
    """Raise BadZipFile when a byte of a zipped torch file has changed, which torch itself does not notice, and for a compressed one.

    Torch compresses nothing, so its entries together are smaller than the file.
    """
    if not zipfile.is_zipfile(path):
        return  # the format before torch 1.6 has no check sums
    check_archive(path, path.stat().st_size)
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged:
        raise zipfile.BadZipFile(f"the check sum of {damaged} is wrong")


def _check_sha256(path: Path) -> None:
    """Raise CheckpointError when the manifest beside a checkpoint was written for other bytes."""
    if not (path.parent / files.MANIFEST).exists():
        return
    try:
        manifest = files.read_manifest(path.parent)
    except DataError as error:
        raise CheckpointError(str(error)) from error
    expected = manifest.get("outputs", {}).get(path.name)
    if expected is not None and expected != files.sha256(path):
        raise CheckpointError(f'"{path}" is not the file that its {files.MANIFEST} describes: remove the run and train it again')


def _shape(values: Tensor) -> str:
    """Return a shape as text, 64x3x4x4."""
    return "x".join(map(str, values.shape)) or "a number"


def _some(names: list[str]) -> str:
    """Return the first names of a list and how many follow."""
    rest = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + rest
