"""Color transforms whose coefficients differ from pixel to pixel, as PCT-Net applies them (Guerreiro et al. 2023).

Every transform is linear in its coefficients θ: y = Θ h(x), where h are monomials of the color x and Θ is a table 3xF of coefficients.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as functional
from torch import Tensor

GRADIENT_EPSILON = 1e-6
Table = tuple[tuple[int | None, ...], ...]


@dataclass(frozen=True)
class Transform:
    """One transform.

    coefficients: how many a pixel has. monomials: h, each as the channels whose product it is, () for 1.
    table: for every output channel, which coefficient belongs to which monomial; None for 0.
    added: y = x + Θ h(x). clamped: y is clamped to [0, 1].
    """

    coefficients: int
    monomials: tuple[tuple[int, ...], ...]
    table: Table
    added: bool = False
    clamped: bool = True


LINEAR = ((0,), (1,), (2,))
CONSTANT = ((),)
QUADRATIC = (*LINEAR, (0, 1), (0, 2), (1, 2), (0, 0), (1, 1), (2, 2))
# [R, R, B, RB, RR, BR, R², B², R²]: an indexing slip in the authors' code, which never reads green.
CODED_QUADRATIC = ((0,), (0,), (2,), (0, 2), (0, 0), (0, 2), (0, 0), (2, 2), (0, 0))
FULL_TABLE: Table = tuple(tuple(range(row, row + 9)) for row in (0, 9, 18))
SYMMETRIC_TABLE: Table = ((0, 3, 5), (3, 1, 4), (5, 4, 2))

VIT_TRANSFORMS = {
    "affine": Transform(12, LINEAR + CONSTANT, ((0, 1, 2, 9), (3, 4, 5, 10), (6, 7, 8, 11))),
    "symmetric": Transform(6, LINEAR, SYMMETRIC_TABLE),
    "polynomial": Transform(27, QUADRATIC, FULL_TABLE),
    "polynomial_coded": Transform(27, CODED_QUADRATIC, FULL_TABLE),
    "identity": Transform(3, CONSTANT, ((0,), (1,), (2,)), clamped=False),
    "mul": Transform(3, LINEAR, ((0, None, None), (None, 1, None), (None, None, 2))),
    "add": Transform(3, CONSTANT, ((0,), (1,), (2,)), added=True),
}
# The authors' two networks differ in the symmetric matrix's offset and in what they clamp.
CNN_TRANSFORMS = {
    **VIT_TRANSFORMS,
    "symmetric": Transform(9, LINEAR + CONSTANT, tuple((*row, 6 + channel) for channel, row in enumerate(SYMMETRIC_TABLE))),
    "mul": replace(VIT_TRANSFORMS["mul"], clamped=False),
    "add": replace(VIT_TRANSFORMS["add"], clamped=False),
}


def apply_transform(transform: Transform, colors: Tensor, coefficients: Tensor) -> Tensor:
    """Return y, (B, 3, H, W); colors: x, (B, 3, H, W) on the network's scale; coefficients: θ, (B, P, H, W)."""
    monomials = [math.prod(colors[:, channel] for channel in channels) for channels in transform.monomials]  # (B, H, W) each, or 1
    rows = []
    for row in transform.table:
        terms = [coefficients[:, index] * monomial for index, monomial in zip(row, monomials, strict=True) if index is not None]
        rows.append(sum(terms[1:], terms[0]))
    transformed = torch.stack(rows, 1)
    if transform.added:
        transformed = transformed + colors
    return transformed.clamp(0, 1) if transform.clamped else transformed


def enlarge(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Return maps (B, C, h, w) at a different size (height, width): bicubic, a = -0.75, borders repeated, not clamped, not antialiased."""
    if maps.shape[2:] == size:
        return maps
    return functional.interpolate(maps, size=size, mode="bicubic", align_corners=False)


def unchanged(transform: Transform, mean: tuple[float, ...], std: tuple[float, ...]) -> list[float] | None:
    """Return the coefficients (P,) with which y is std x + mean, the color before it was normalized; None where there are none."""
    goal: dict[tuple[int, tuple[int, ...]], float] = {(channel, (channel,)): std[channel] - transform.added for channel in range(3)}
    goal |= {(channel, ()): mean[channel] for channel in range(3)}
    goal = {term: value for term, value in goal.items() if value}
    found = [0.0] * transform.coefficients
    for channel, row in enumerate(transform.table):
        for index, monomial in zip(row, transform.monomials, strict=True):
            if index is not None and (channel, monomial) in goal:
                found[index] = goal.pop((channel, monomial))
    return None if goal else found


def smoothness(maps: Tensor) -> Tensor:
    """Return the mean of sqrt(g_x² + g_y² + 1e-6) of maps (B, C, H, W), g by Sobel's kernels over 8, borders repeated; 1e-3 at least."""
    planes = functional.pad(maps.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate")
    across = maps.new_tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
    gradients = functional.conv2d(planes, torch.stack([across, across.T])[:, None])  # (B C, 2, H, W)
    return (gradients.square().sum(1) + GRADIENT_EPSILON).sqrt().mean()
