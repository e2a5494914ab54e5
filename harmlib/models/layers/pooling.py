"""Ways from a map of features to one vector per picture."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as functional
from torch import Tensor

GLOBAL = "global"
# A side without any area gets zeros.
AREA_EPSILON = 1e-6


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
