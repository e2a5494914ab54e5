"""Channel attention: a small network reads statistics of every channel and weighs the channels (S2AM, iDIH and iSSAM)."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

REDUCTION = 16
SMALLEST_HIDDEN = 8


class ChannelGate(nn.Module):
    """x times sigmoid(Linear(ReLU(Linear(statistics of x)))), per channel; the statistics are mean and maximum over the pixels."""

    statistics = 2

    def __init__(self, channels: int, *, smallest_hidden: int = SMALLEST_HIDDEN) -> None:
        super().__init__()
        hidden = max(channels // REDUCTION, smallest_hidden)
        self.weights = nn.Sequential(nn.Linear(self.statistics * channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))

    def forward(self, features: Tensor) -> Tensor:
        """Return the weighed features, same shape (B, C, H, W)."""
        return self.weigh(features, [features.mean((2, 3)), features.amax((2, 3))])

    def weigh(self, features: Tensor, statistics: list[Tensor]) -> Tensor:
        """Return the features times the weights for statistics (B, C) each."""
        return torch.sigmoid(self.weights(torch.cat(statistics, 1)))[..., None, None] * features


class MaskedGate(ChannelGate):
    """The gate of iDIH's attention variant: it reads the maxima inside and outside the mask, and the mean."""

    statistics = 3

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """Return the weighed features, (B, C, h, w); mask: (B, 1, H, W) of any size."""
        small = functional.interpolate(mask, size=features.shape[2:], mode="bilinear", align_corners=True)
        inside, outside = (features * region for region in (small, 1 - small))
        return self.weigh(features, [inside.amax((2, 3)), outside.amax((2, 3)), features.mean((2, 3))])
