"""RAIN, region-aware adaptive instance normalization: the foreground takes the background's statistics (docs/methods/rainnet.md)."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

EPSILON = 1e-5


class RegionAwareNorm(nn.Module):
    """Normalizes both regions by their own statistics, scales the foreground like the background, then each by its γ and β.

    Paper: style transfer, then an affine map. Here: a map with 1 + γ, so that it starts as the identity, as in the authors' code.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.foreground_gamma = nn.Parameter(torch.zeros(channels))
        self.foreground_beta = nn.Parameter(torch.zeros(channels))
        self.background_gamma = nn.Parameter(torch.zeros(channels))
        self.background_beta = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return the normalized features (B, C, h, w); mask: (B, 1, H, W), 1 = foreground, reduced by nearest neighbor."""
        region = functional.interpolate(mask, size=features.shape[2:], mode="nearest")
        front_mean, front_deviation = region_statistics(features, region)
        back_mean, back_deviation = region_statistics(features, 1 - region)
        foreground = (features - front_mean) / front_deviation * back_deviation + back_mean
        background = (features - back_mean) / back_deviation
        foreground = _affine(foreground, self.foreground_gamma, self.foreground_beta)
        background = _affine(background, self.background_gamma, self.background_beta)
        return foreground * region + background * (1 - region)


def region_statistics(features: Tensor, region: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation of every channel inside a region, (B, C, 1, 1) each; an empty one has 0 and sqrt(1e-5).

    features: (B, C, h, w); region: (B, 1, h, w) in [0, 1]. 1e-5 is added to the number of pixels and to the variance.
    """
    count = region.sum((2, 3), keepdim=True) + EPSILON
    mean = (features * region).sum((2, 3), keepdim=True) / count
    variance = ((features - mean).square() * region).sum((2, 3), keepdim=True) / count
    return mean, (variance + EPSILON).sqrt()


def _affine(features: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """Return features · (1 + γ) + β."""
    return features * (1 + gamma.view(1, -1, 1, 1)) + beta.view(1, -1, 1, 1)
