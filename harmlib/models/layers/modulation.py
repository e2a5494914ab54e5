"""ADFM's network: a U-Net whose foreground features take the spread of the background features they attend to (docs/methods/adfm.md)."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.models.layers.blocks import Block, scaled_channels
from harmlib.models.layers.separated import sampled_mask

# Channels and stride of the convolutions down, which of them give the skip connections, and channels of those up.
DOWNS = ((64, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1), (256, 1))
SKIPS = (1, 3, 7)
UPS = (128, 32, 16)
SIZE_MULTIPLE = 8
# Mean of the pictures, in [0, 1]; a constant of the authors' code.
MEAN = 0.4462414
REDUCTION = 8
VARIANCE_EPSILON = 1e-5


class PositionAttention(nn.Module):
    """Every position asks all positions: softmax over them of query · key, without scaling, weighs their values."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels // REDUCTION, 1)
        self.key = nn.Conv2d(channels, channels // REDUCTION, 1)
        self.value = nn.Conv2d(channels, channels, 1)

    def forward(self, asking: Tensor, asked: Tensor) -> Tensor:
        """Return the attended features, (B, C, h, w), for two such tensors."""
        queries, keys, values = (x.flatten(2) for x in (self.query(asking), self.key(asked), self.value(asked)))
        weights = torch.softmax(queries.transpose(1, 2) @ keys, 2)  # (B, hw, hw)
        return (values @ weights.transpose(1, 2)).view_as(asking)


class FeatureModulation(nn.Module):
    """x + γ1 A(x, x), then x + γ2 f std(a) / std(f), with f, b the features inside and outside the mask and a = A(f, b).

    γ1 and γ2 start at 0, so that the block starts as the identity. Positions outside the mask stay in the softmax, with features 0.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma1 = nn.Parameter(torch.zeros(1))
        self.gamma2 = nn.Parameter(torch.zeros(1))
        self.own = PositionAttention(channels)
        self.background = PositionAttention(channels)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return features of the same shape, (B, C, h, w); mask: (B, 1, H, W), the picture's own."""
        features = features + self.gamma1 * self.own(features, features)
        inside = sampled_mask(mask, features)
        foreground, background = inside * features, (1 - inside) * features
        attended = self.background(foreground, background)
        return features + self.gamma2 * foreground * (spread(attended) / spread(foreground))

    def silent_parameters(self) -> list[str]:
        """Return the names of the parameters that get no gradient.

        The bias of a key is the same for all positions, and softmax cancels it; the spread cancels that of the value. Where a γ is 0, as
        at the start, its attention does not count.
        """
        idle = [name for name, gamma in (("own.", self.gamma1), ("background.", self.gamma2)) if not gamma.any()]
        names = (name for name, _ in self.named_parameters())
        return [name for name in names if name.startswith(tuple(idle)) or name.endswith("key.bias") or name == "background.value.bias"]


def spread(features: Tensor) -> Tensor:
    """Return sqrt(var + 1e-5) of every channel over all positions, (B, C, 1, 1); the variance is the unbiased one."""
    return (features.var((2, 3), keepdim=True) + VARIANCE_EPSILON).sqrt()


class ModulationUNet(nn.Module):
    """Three halvings, the modulation at the bottom, and three doublings of the features concatenated with a skip connection.

    width: factor on all channels, which stay multiples of 8.
    """

    def __init__(self, *, width: float) -> None:
        super().__init__()
        channels = [scaled_channels(width, count) for count, _ in DOWNS]
        strides = [stride for _, stride in DOWNS]
        self.downs = nn.ModuleList(_block(i, o, stride) for i, o, stride in zip([4, *channels[:-1]], channels, strides, strict=True))
        self.modulation = FeatureModulation(channels[-1])
        ups = [scaled_channels(width, count) for count in UPS]
        joined = [channels[level] + below for level, below in zip(SKIPS[::-1], [channels[-1], *ups[:-1]], strict=True)]
        self.ups = nn.ModuleList(_block(i, o, 1) for i, o in zip(joined, ups, strict=True))
        self.head = nn.Conv2d(ups[-1], 3, 3, padding=1)

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the raw output (B, 3, H, W); image in [0, 1], (B, 3, H, W), mask: (B, 1, H, W), H and W multiples of 8."""
        features, encoded = torch.cat([image - MEAN, mask], 1), []
        for down in self.downs:
            features = down(features)
            encoded.append(features)
        features = self.modulation(features, mask)  # (B, 256, H/8, W/8)
        for up, level in zip(self.ups, SKIPS[::-1], strict=True):
            joined = torch.cat([features, encoded[level]], 1)
            features = up(functional.interpolate(joined, scale_factor=2, mode="bilinear", align_corners=True))
        return self.head(features)


def _block(inputs: int, outputs: int, stride: int) -> Block:
    """Return a convolution 3x3 with bias, batch norm and ReLU."""
    return Block(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1), activation=nn.ReLU)
