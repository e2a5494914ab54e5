"""S2AM's attention, which sees the mask at the size of the features, and the U-Net around it (docs/methods/s2am.md)."""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.models.layers import names
from harmlib.models.layers.blocks import Block
from harmlib.models.layers.gates import ChannelGate
from harmlib.models.layers.ssam import SpatialAttention, gaussian_kernel
from harmlib.models.layers.unet import GATED_LEVELS, LEVELS, AttentionUNet

BLUR_SIDE = 5
# Paper: σ = 1. Here: the authors' code, which leaves out the 2 of 2σ² under the square.
BLUR_SIGMA = math.sqrt(2)
# Hidden units of the narrowest gate, that of S2ASC on 64 channels.
SMALLEST_HIDDEN = 4
# Opening of our names inside an attention block -> the authors'.
ATTENTION_NAMES = (
    (r"background\.weights", "background_attention.fc"),
    (r"foreground\.weights", "spliced_attention.fc"),
    (r"mix\.weights", "mixed_attention.fc"),
    (r"learner\.0\.0", "connection.rconv1"),
    (r"learner\.0\.1", "connection.rbn1"),
    (r"learner\.1\.0", "connection.rconv2"),
    (r"learner\.1\.1", "connection.rbn2"),
    (r"blur", "gaussianMask.weight"),
)


def sampled_mask(mask: Tensor, features: Tensor) -> Tensor:
    """Return the mask at the size of ``features``, (B, 1, h, w) in {0, 1}.

    mask: (B, 1, H, W) in [0, 1], H = s h and W = s w for a whole s of 2 or more. A cell of s x s pixels is foreground if its top left 2x2
    pixels are so by more than half. Paper: average pooling. Here: the authors' code, whose window is 2x2 at every scale.
    """
    stride = mask.shape[2] // features.shape[2]
    return functional.avg_pool2d(mask, 2, stride).round()


class SeparatedAttention(SpatialAttention):
    """S2AM on features of any scale: (B, C, h, w) and the picture's own mask (B, 1, H, W)."""

    def __init__(self, channels: int) -> None:
        learner = nn.Sequential(
            Block(nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False)),
            Block(nn.Conv2d(2 * channels, channels, 3, padding=1, bias=False)),
        )
        gate = functools.partial(ChannelGate, smallest_hidden=SMALLEST_HIDDEN)
        super().__init__(channels, learner=learner, blur=gaussian_kernel(BLUR_SIDE, BLUR_SIGMA), gate=gate)

    def soften(self, mask: Tensor, features: Tensor) -> Tensor:
        """Return the mask at the size of the features, blurred; the borders are reflected."""
        padding = (BLUR_SIDE // 2,) * 4
        return functional.conv2d(functional.pad(sampled_mask(mask, features), padding, mode="reflect"), self.blur)


class SeparatedUNet(AttentionUNet):
    """DoveNet's U-Net with S2AM in place of its gates and without dropout: a picture and its mask to (B, 3, H, W).

    width: factor on the 64 base channels. on_skips: S2AM sees the skip connections (S2ASC), not the concatenations (S2AD).
    """

    def __init__(self, *, width: float, on_skips: bool) -> None:
        share = 2 if on_skips else 1
        super().__init__(4, 3, width=width, norm="batch", gate=lambda channels: SeparatedAttention(channels // share))
        self.on_skips = on_skips

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """Return the raw output, unbounded; image: (B, 3, H, W), mask: (B, 1, H, W), H and W multiples of 256."""
        bottom, skips = self.encode(torch.cat([image, mask], 1))
        return self.decode(bottom, skips, mask)

    def decode(self, features: Tensor, skips: list[Tensor], mask: Tensor) -> Tensor:  # type: ignore[override]
        """Return the raw output from the deepest features, the skips of ``encode`` and the mask."""
        for level in range(LEVELS - 1, 0, -1):
            features = self.up_norms[level](self.ups[level](functional.relu(features)))
            skip, attention = skips[level - 1], self.gates[level]
            if level not in GATED_LEVELS:
                features = torch.cat([skip, features], 1)
            elif self.on_skips:
                features = torch.cat([attention(skip, mask), features], 1)
            else:
                features = attention(torch.cat([skip, features], 1), mask)  # (B, 2 C_(l-1), H/2^l, W/2^l)
        return self.ups[0](functional.relu(features))

    def public_names(self, prefix: str = "") -> dict[str, str]:  # type: ignore[override]
        """Return the authors' name of each tensor -> ours, ``prefix`` in front of ours."""
        return names.public_names(self, _table(), prefix)


def _table() -> names.Table:
    """Return the patterns of all levels: each is the "sub" of the one above."""
    table = []
    for level in range(LEVELS):
        nest = "model.model" + ".sub.model" * level
        # The first module of a way is its activation, which the outermost way down does not have.
        modules = {"downs": "down.1" if level else "down.0", "down_norms": "down.2", "ups": "up.1", "up_norms": "up.2"}
        table += [(rf"{kind}\.{level}", f"{nest}.{module}") for kind, module in modules.items()]
        table += [(rf"gates\.{level}\.{ours}", f"{nest}.attention.{theirs}") for ours, theirs in ATTENTION_NAMES]
    return table
