"""The small convolutional encoder and decoder of IIH, HT and D-HT (docs/methods/iih.md).

Pictures become features of a quarter of their height and width, and back.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from harmlib.models.layers.blocks import SLOPE, scaled_channels

# Channels at H, H/2 and H/4.
WIDTHS = (64, 128, 256)
NORM_EPSILON = 1e-5


class SampleNorm(nn.Module):
    """Norm over all values of a picture, with weights per channel: γ (x - mean) / (unbiased deviation + 1e-5) + β; γ starts uniform."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.rand(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Return the normalized features, same shape (B, C, H, W)."""
        dimensions = (1, 2, 3)
        centered = features - features.mean(dimensions, keepdim=True)
        normalized = centered / (features.std(dimensions, keepdim=True) + NORM_EPSILON)
        return normalized * self.gamma.view(1, -1, 1, 1) + self.beta.view(1, -1, 1, 1)


class ConvBlock(nn.Module):
    """Reflection padding, a convolution, a norm and an activation.

    padding: pixels on every side; norm: makes the norm from its channels.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        padding: int,
        stride: int = 1,
        norm: Callable[[int], nn.Module] = nn.Identity,
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, padding_mode="reflect")
        self.norm = norm(outputs)
        self.activation = activation or nn.LeakyReLU(SLOPE)

    def forward(self, features: Tensor) -> Tensor:
        """Return the block's features, (B, outputs, h, w)."""
        return self.activation(self.norm(self.conv(features)))


class PictureEncoder(nn.Sequential):
    """Picture and mask (B, 4, H, W) to features, by default (B, 256, H/4, W/4).

    width: factor on all channels, which stay multiples of 8; inputs: 3 without the mask; widths: channels at H, H/2 and so on;
    norm: makes the norms.
    """

    def __init__(
        self, *, width: float, inputs: int = 4, widths: Sequence[int] = WIDTHS, norm: Callable[[int], nn.Module] = nn.InstanceNorm2d
    ) -> None:
        channels = [scaled_channels(width, base) for base in widths]
        super().__init__(ConvBlock(inputs, channels[0], 7, padding=3, norm=norm))
        self.extend(ConvBlock(i, o, 4, padding=1, stride=2, norm=norm) for i, o in itertools.pairwise(channels))

    def silent_parameters(self) -> list[str]:
        """Return the names of the biases that instance norm, where there is one, cancels."""
        return [f"{name}.conv.bias" for name, block in self.named_children() if isinstance(block.norm, nn.InstanceNorm2d)]


class PictureDecoder(nn.Sequential):
    """Features (B, 256, H/4, W/4) to a picture (B, 3, H, W) in (-1, 1); width: as for ``PictureEncoder``."""

    def __init__(self, *, width: float) -> None:
        fine, middle, coarse = (scaled_channels(width, channels) for channels in WIDTHS)
        super().__init__(
            nn.Upsample(scale_factor=2),
            ConvBlock(coarse, middle, 5, padding=2, norm=SampleNorm),
            nn.Upsample(scale_factor=2),
            ConvBlock(middle, fine, 5, padding=2, norm=SampleNorm),
            ConvBlock(fine, 3, 7, padding=3, activation=nn.Tanh()),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return the picture, in full precision under autocast too: half is too coarse for 256 levels and their differences."""
        *blocks, last = self
        for block in blocks:
            features = block(features)
        kind = features.device.type
        with torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext():  # "meta" has none
            return last(features.to(next(last.parameters()).dtype))
