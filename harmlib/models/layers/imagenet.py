"""Backbones that start from ImageNet weights, which must already be on disk: nothing here downloads."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from harmlib.errors import CheckpointError
from harmlib.models import checkpoints


class Backbone(Protocol):
    """A network that knows where torchvision's weights belong."""

    def load_imagenet(self, weights: Mapping[str, Tensor]) -> None:
        """Take the weights of torchvision's state dict."""


def hub_path(file: str) -> Path:
    """Return where torch's hub cache keeps a file (TORCH_HOME moves it)."""
    return Path(torch.hub.get_dir()) / "checkpoints" / file


def read_weights(file: str, user: str, advice: str) -> Mapping[str, Tensor]:
    """Return the state dict of a file in torch's hub cache; raises CheckpointError when it is not there, or damaged.

    user, advice: what needs the weights, and what to do without them, for that sentence.
    """
    path = hub_path(file)
    if not path.is_file():
        raise CheckpointError(f"{user} needs the weights {file} in torch's hub cache, and they are not there: {advice}")
    return checkpoints.read_file(path)


def start_from_imagenet(backbone: Backbone, file: str | None, method: str) -> str:
    """Give a backbone the ImageNet weights and return "imagenet (torchvision)"; without their file warn and return "random".

    file: torchvision's name, in torch's hub cache, or None to start from random weights; method: whose backbone it is.
    Raises CheckpointError for a damaged file.
    """
    if file is None:
        return "random"
    path = hub_path(file)
    if not path.is_file():
        reason = f'the ImageNet weights {file} are not in torch\'s hub cache, so "{method}" starts from random weights'
        warnings.warn(f"{reason}: put the file there, or set pretrained to false", UserWarning, stacklevel=3)
        return "random"
    backbone.load_imagenet(checkpoints.read_file(path))
    return "imagenet (torchvision)"
