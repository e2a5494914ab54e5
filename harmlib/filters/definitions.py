"""The eight filters, as formulas (docs/methods/harmonizer.md).

Six are the paper's. The paper's ablation has eight and names neither of the other two: tint and hue are our choice, because they need no
neighborhood and the six cannot express them. All statistics are over the whole picture that a filter is handed, not over a foreground.

In the formulas I is the picture, x its argument, ε = 1e-6, and clip clamps to [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from harmlib.errors import ParameterError, ShapeError, check_choice

EPSILON = 1e-6
# Keeps the gradient of a power finite at 0; larger values swallow it in float32.
POWER_EPSILON = 1e-9
LEVELS = 256
# Argument 1 turns the hue by a right angle: 1.5 of the six sectors of HSV.
HUE_SECTORS = 1.5
CONTRAST_GRADIENTS = ("code", "straight_through")

# In execution order, half-widths of the uniform arguments that composites are made with; those of tint and hue are ours. Filters that read
# whole-picture statistics come first and work channel by channel, so that a fused form can compute the statistics from histograms.
RANGES = {
    "temperature": 0.3,
    "tint": 0.3,
    "brightness": 0.5,
    "contrast": 0.5,
    "saturation": 0.6,
    "hue": 0.1,
    "highlight": 0.4,
    "shadow": 0.4,
}
FILTERS = tuple(RANGES)
SIX = tuple(name for name in FILTERS if name not in ("tint", "hue"))


def apply_filter(name: str, image: Tensor, argument: Tensor, *, contrast_grad: str = "code") -> Tensor:
    """Return whole pictures after one filter, (B, 3, H, W) in [0, 1].

    image: (B, 3, H, W), RGB in [0, 1]. argument: (B,) in [-1, 1]; 0 leaves the picture as it is (saturation and contrast nearly).
    contrast_grad: "code", where contrast has no gradient above 0 because of its floor, or "straight_through", which takes that of
    the formula without floor.
    Raises ParameterError for an unknown filter or choice, ShapeError for any other shape.
    Source: Harmonizer sec. 3.2; the formulas are those of the authors' code.

    >>> gray = torch.full((1, 3, 1, 1), 0.5)
    >>> apply_filter("temperature", gray, torch.tensor([0.5])).flatten().round(decimals=3)
    tensor([0.7500, 0.5000, 0.3750])
    """
    if name not in FILTERS:
        raise ParameterError(f'there is no filter "{name}": choose from {", ".join(FILTERS)}')
    check_choice("contrast_grad", contrast_grad, CONTRAST_GRADIENTS)
    if image.ndim != 4 or image.shape[1] != 3 or argument.shape != image.shape[:1]:
        raise ShapeError(f"picture is {tuple(image.shape)}, argument {tuple(argument.shape)}: expected (B, 3, H, W) and (B,)")
    x = argument.view(-1, 1, 1, 1)
    if name == "contrast":
        return _contrast(image, x, straight_through=contrast_grad == "straight_through")
    return _FORMULAS[name](image, x)


def _temperature(image: Tensor, x: Tensor) -> Tensor:
    """x > 0 warms, x < 0 cools: the mean moves towards yellow or blue, the gains keep each channel's share of gray."""
    up, down = x.clamp(min=0), (-x).clamp(min=0)
    return _gray_world(image, torch.cat([down, 0.5 * x.abs(), up], 1))


def _tint(image: Tensor, x: Tensor) -> Tensor:
    """x > 0 turns towards green, x < 0 towards magenta: temperature's gains on the other axis."""
    up, down = 0.5 * x.clamp(min=0), (-x).clamp(min=0)
    return _gray_world(image, torch.cat([up, down, up], 1))


def _gray_world(image: Tensor, shift: Tensor) -> Tensor:
    """Return clip(I_c (g' / (m'_c + ε) + 1 - g / (m_c + ε))), g the gray mean of the channel means m, m' = m + shift (B, 3, 1, 1)."""
    mean = image.mean((2, 3), keepdim=True)  # (B, 3, 1, 1)
    moved = mean + shift
    gain = moved.mean(1, keepdim=True) / (moved + EPSILON) + 1 - mean.mean(1, keepdim=True) / (mean + EPSILON)
    return (image * gain).clamp(0, 1)


def _brightness(image: Tensor, x: Tensor) -> Tensor:
    """Return clip(α I), α = 1 / (1 - x + ε) or 1 + x. The code scales V in HSV, which is the same and 30 times as slow."""
    alpha = torch.where(x >= 0, 1 / (1 - x + EPSILON), 1 + x)
    return (image * alpha).clamp(0, 1)


def _contrast(image: Tensor, x: Tensor, *, straight_through: bool) -> Tensor:
    """Return clip(I + (I - t) k), t the mean of all pixels and channels, k = x or 255 / (256 - floor(255 x)) - 1."""
    stretch = (LEVELS - 1) / (LEVELS - ((LEVELS - 1) * x).floor()) - 1
    if straight_through:
        smooth = (LEVELS - 1) / (LEVELS - (LEVELS - 1) * x) - 1
        stretch = smooth + (stretch - smooth).detach()
    k = torch.where(x > 0, stretch, x)
    t = image.mean((1, 2, 3), keepdim=True)
    return (image + (image - t) * k).clamp(0, 1)


def _saturation(image: Tensor, x: Tensor) -> Tensor:
    """x < 0 mixes with the lightness L; x > 0 moves away from it, at most until the saturation s would exceed 1."""
    high, low = image.amax(1, keepdim=True), image.amin(1, keepdim=True)
    lightness = (high + low) / 2
    spread = torch.where(lightness < 0.5, high + low, 2 - high - low)
    s = (high - low) / (spread + EPSILON)
    a = torch.where(x + s > 1, s, 1 - x)
    gain = torch.where(x >= 0, 1 / (a + EPSILON), 1 + x)
    return (lightness + (image - lightness) * gain).clamp(0, 1)


def _hue(image: Tensor, x: Tensor) -> Tensor:
    """Turn the hue by x right angles in HSV; value V and chroma C stay."""
    value, largest = image.max(1, keepdim=True)
    chroma = value - image.amin(1, keepdim=True)
    red, green, blue = image.split(1, 1)
    scale = 1 / chroma.clamp(min=EPSILON)
    elsewhere = torch.where(largest == 1, 2 + (blue - red) * scale, 4 + (red - green) * scale)
    sector = torch.where(largest == 0, (green - blue) * scale, elsewhere)
    turned = sector + HUE_SECTORS * x
    offsets = torch.tensor([5.0, 3.0, 1.0], dtype=image.dtype, device=image.device).view(1, 3, 1, 1)
    k = (offsets + turned) % 6  # (B, 3, H, W)
    return value - chroma * torch.minimum(k, 4 - k).clamp(0, 1)


def _highlight(image: Tensor, x: Tensor) -> Tensor:
    """Return clip(1 - clip((1 - I)^(1 + x))): x > 0 lifts the bright end, x < 0 lowers it."""
    return (1 - ((1 - image + POWER_EPSILON) ** (1 + x)).clamp(0, 1)).clamp(0, 1)


def _shadow(image: Tensor, x: Tensor) -> Tensor:
    """Return clip(I^(1 - x)): x > 0 lifts the dark end, x < 0 lowers it. Not undone by -x (Harmonizer Fig. 4)."""
    return ((image + POWER_EPSILON) ** (1 - x)).clamp(0, 1)


_FORMULAS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "temperature": _temperature,
    "tint": _tint,
    "brightness": _brightness,
    "saturation": _saturation,
    "hue": _hue,
    "highlight": _highlight,
    "shadow": _shadow,
}
