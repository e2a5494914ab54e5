"""The attention U-Net of DoveNet, which Sg-MMH, BargainNet and RainNet build on (docs/methods/dovenet.md).

Level l goes from size H/2^l to H/2^(l+1) and back. Down: LeakyReLU, convolution, norm. Up: ReLU, up-sampling, norm, dropout,
concatenation [skip, up], gate. Everything is a flat list indexed by level; the authors nest one module in the other.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.errors import check_choice
from harmlib.models.layers.blocks import SLOPE, scaled_width

LEVELS = 8
SIZE_MULTIPLE = 2**LEVELS
# Channels after each down convolution, in units of the base width.
GROWTH = (1, 2, 4, 8, 8, 8, 8, 8)
GATED_LEVELS = (1, 2, 3)
DROPOUT_LEVELS = (4, 5, 6)


class Gate(nn.Module):
    """The attention of DoveNet: sigmoid(conv 1x1(y)) * y."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return the gated features, same shape."""
        return torch.sigmoid(self.conv(features)) * features


class PictureBatchNorm(nn.BatchNorm2d):
    """Batch norm that uses each picture's own statistics in evaluation mode, as the authors' test scripts do at batch size 1."""

    def forward(self, features: Tensor) -> Tensor:
        """Return the normalized features, same shape."""
        if self.training:
            return super().forward(features)
        return functional.instance_norm(features, weight=self.weight, bias=self.bias, eps=self.eps)


NORMS: dict[str, Callable[[int], nn.Module]] = {
    "instance": nn.InstanceNorm2d,
    "batch": nn.BatchNorm2d,
    "picture_batch": PictureBatchNorm,
}


def make_norm(norm: str, channels: int) -> nn.Module:
    """Return a norm layer by name: instance (no weights, no running statistics), batch or picture_batch."""
    check_choice("norm", norm, NORMS)
    return NORMS[norm](channels)


class AttentionUNet(nn.Module):
    """U-Net with gated skip connections at levels 1 to 3 and dropout 0.5 at levels 4 to 6.

    width: factor on the 64 base channels; norm: instance, batch or picture_batch.
    upsample: transposed, DoveNet's convolution 4x4, or nearest, Sg-MMH's doubling and convolution 3x3.
    up_norm: makes the decoder's norms from their channels, called with the features and the mask; None: as ``norm``, without a mask.
    gate: makes the attention of levels 1 to 3 from its channels.
    Input (B, in_channels, H, W) with H and W multiples of 256; output (B, out_channels, H, W), no final activation.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        width: float = 1.0,
        norm: str = "instance",
        upsample: str = "transposed",
        up_norm: Callable[[int], nn.Module] | None = None,
        gate: Callable[[int], nn.Module] = Gate,
    ) -> None:
        super().__init__()
        base = scaled_width(width)
        channels = [base * growth for growth in GROWTH]
        bias = norm == "instance" and up_norm is None  # the other norms bring their own
        make_up_norm = up_norm or functools.partial(make_norm, norm)
        sources = [in_channels, *channels[:-1]]
        self.downs = nn.ModuleList(nn.Conv2d(i, o, 4, stride=2, padding=1, bias=bias) for i, o in zip(sources, channels, strict=True))
        # The first level is the bare convolution and the last one is 1x1 at 256: neither has a norm.
        self.down_norms = nn.ModuleList(
            make_norm(norm, channels[level]) if 0 < level < LEVELS - 1 else nn.Identity() for level in range(LEVELS)
        )
        self.ups = nn.ModuleList()
        for level in range(LEVELS):
            # All but the deepest level get [skip, up] of the level below, twice the channels.
            inputs = channels[level] * (1 if level == LEVELS - 1 else 2)
            outputs = channels[level - 1] if level else out_channels
            if upsample == "nearest":
                conv = nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect")  # always with bias
                self.ups.append(nn.Sequential(OrderedDict(doubled=nn.Upsample(scale_factor=2), conv2d=conv)))
            else:
                self.ups.append(nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=bias or level == 0))
        self.up_norms = nn.ModuleList(make_up_norm(channels[level - 1]) if level else nn.Identity() for level in range(LEVELS))
        self.gates = nn.ModuleList(gate(2 * channels[level - 1]) if level in GATED_LEVELS else nn.Identity() for level in range(LEVELS))
        self.dropout = nn.Dropout(0.5)

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the raw output, (B, out_channels, H, W); mask: (B, 1, H, W), where the decoder's norms take one."""
        bottom, skips = self.encode(inputs)
        return self.decode(bottom, skips, mask)

    def encode(self, inputs: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the deepest features and the skips of levels 1 to 7 (index 0 is level 1)."""
        skips = []
        features = self.downs[0](inputs)  # (B, 64, H/2, W/2)
        for level in range(1, LEVELS):
            # The authors' LeakyReLU works in place on the tensor that is later concatenated, so the skip is the activated one.
            features = functional.leaky_relu(features, SLOPE)
            skips.append(features)
            features = self.down_norms[level](self.downs[level](features))  # (B, C_l, H/2^(l+1), W/2^(l+1))
        return features, skips

    def decode(self, features: Tensor, skips: list[Tensor], mask: Tensor | None = None) -> Tensor:
        """Return the raw output from the deepest features and the skips of ``encode``; mask: as for ``forward``."""
        regions = () if mask is None else (mask,)
        for level in range(LEVELS - 1, 0, -1):
            features = self.up_norms[level](self.ups[level](functional.relu(features)), *regions)
            if level in DROPOUT_LEVELS:
                features = self.dropout(features)
            features = self.gates[level](torch.cat([skips[level - 1], features], 1))  # (B, 2 C_(l-1), H/2^l, W/2^l)
        return self.ups[0](functional.relu(features))

    def silent_parameters(self) -> list[str]:
        """Return the names of the biases that get no gradient because a norm right behind them cancels every constant."""
        norms = {"downs": self.down_norms, "ups": self.up_norms}
        found = []
        for name, _ in self.named_parameters():
            kind, level, rest = name.split(".", 2)
            if kind in norms and rest.endswith("bias") and not isinstance(norms[kind][int(level)], nn.Identity):
                found.append(name)
        return found

    def public_names(self, prefix: str = "", public_module: Callable[[str, int], str] | None = None) -> dict[str, str]:
        """Return the authors' name of each tensor -> ours, ``prefix`` in front of ours.

        public_module: names a layer from its kind (downs, down_norms, ups, up_norms, gates) and level; None: as DoveNet's authors do.
        """
        public_module = public_module or _nested_module
        names = {}
        for name in self.state_dict():
            kind, level, rest = name.split(".", 2)
            names[f"{public_module(kind, int(level))}.{rest.removeprefix('conv.')}"] = prefix + name
        return names


def _nested_module(kind: str, level: int) -> str:
    """Return the name of one layer in DoveNet's files: each level is nested in the one above, as its fourth module."""
    if level == 0:
        return {"downs": "model.model.0", "ups": "model.model.3"}[kind]
    nest = "model.model.1" + ".model.3" * (level - 1)
    if kind == "gates":
        return f"{nest}.attention.0"
    deepest = {"downs": 1, "ups": 3, "up_norms": 4}
    positions = deepest if level == LEVELS - 1 else {"downs": 1, "down_norms": 2, "ups": 5, "up_norms": 6}
    return f"{nest}.model.{positions[kind]}"
