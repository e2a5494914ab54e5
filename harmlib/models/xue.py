"""Xue et al.: contrast, luminance, color temperature and saturation of the foreground, one after another, matched to the background's.

Each is a number per pixel, summarized over a region by the mean of its highest (top), of its lowest (low) and of all values. Foreground
and background match when one of these agrees: the offset between the two is brought to zero (docs/methods/classical.md).

Not Xue et al.'s published setting: there random forests tell, for all but contrast, which of the three ought to agree, and their files
are not public. Here it is the one that differs least already, so that the foreground moves least. The method's title says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from harmlib.models.base import HarmonizationModel, Prediction
from harmlib.models.layers.temperature import measure_mired, to_mired_and_tint, to_xy
from harmlib.models.registry import register

MASK_THRESHOLD = 0.5
# Foregrounds with fewer pixels, of 256x256, stay as they are.
SMALLEST_FOREGROUND = 500
# In sides of the box around the foreground: how much of the foreground's edge and of the background's is left out, and the box's growth.
# Not known: which side, and how. Here: the shorter one, and Euclidean distances.
OWN_MARGIN = 0.03
OTHER_MARGIN = 0.15
GROWTH = 3
EXTREME = 1024  # top and low are means of one value in so many
BLUR = 1 / 1024  # of the picture's shorter side
CONTRAST_SIGMA = 1.5
SMALLEST_CONTRAST = 0.10
# Luminances between which colors count.
DARKEST = ((60 / 255 + 0.055) / 1.055) ** 2.4
BRIGHTEST = 0.88
EPSILON = 1 / (255 * 12.92)
# α of the contrast curve, below 0.5 for more contrast; the code takes the nearest of so many points on the curve.
STRAIGHT = 0.5
CURVES = (0.4, 0.45, STRAIGHT, 0.55, 0.6)
CURVE_POINTS = 1001
# What features call luminance, and the luminances of sRGB's primaries.
LUMINANCE = np.array([0.21, 0.72, 0.07])
CIE_LUMINANCE = np.array([0.212656, 0.715158, 0.0721856])
PRIMARIES = np.array([[0.64, 0.33, 0.03], [0.30, 0.60, 0.10], [0.15, 0.06, 0.79]])  # x, y and z of red, green and blue
RGB_TO_XYZ = (PRIMARIES / PRIMARIES[:, 1:2] * CIE_LUMINANCE[:, None]).T
XYZ_TO_RGB = np.linalg.inv(RGB_TO_XYZ)
# Keeps black's chromaticity finite, and that of colors shifted far beyond the table.
SMALLEST = 1e-6
# The distances of a color to all isotherms take 248 bytes: blocks of so many pixels.
BLOCK_PIXELS = 1 << 16


class Adjustment(NamedTuple):
    """What happens to a foreground, in this order; the defaults change nothing.

    curve, pivot: α of the contrast curve around a luminance; stops: linear RGB is multiplied by 2^stops; mired: shift of the color
    temperature, above zero warmer; saturation: HSV's in linear RGB is multiplied by 2^saturation.
    """

    curve: float = STRAIGHT
    pivot: float = 0.5
    stops: float = 0.0
    mired: float = 0.0
    saturation: float = 0.0


class Regions(NamedTuple):
    """Where foreground and background are compared, bool (H, W) each."""

    own: np.ndarray
    other: np.ndarray


@register("xue", paper="baselines", reference="Xue et al. 2012", trainable=False)
class Xue(HarmonizationModel):
    """Xue: contrast, luminance, temperature and saturation matched, zero-offset form without the forests.

    Finds the adjustment at 256x256 and makes it at any size.
    """

    def predict(self, composite: Tensor, mask: Tensor) -> Prediction:
        """Return the composite with an adjusted foreground; extras: adjustment (B, 5), the numbers of ``Adjustment``.

        Foregrounds below 500 pixels and full ones stay as they are.
        """
        found = [_find(image, region) for image, region in zip(composite, mask >= MASK_THRESHOLD, strict=True)]
        # In float64, so that the way to full size makes the very same adjustment.
        numbers = torch.tensor(found, dtype=torch.float64, device="cpu")
        return Prediction(_adjusted(composite, mask, found), {"adjustment": numbers})

    def upscale(self, prediction: Prediction, composite_full: Tensor, mask_full: Tensor) -> Tensor:
        """Return the full-size composite with the same adjustment of its foreground."""
        return _adjusted(composite_full, mask_full, [Adjustment(*numbers) for numbers in prediction["adjustment"].tolist()])


def _find(image: Tensor, region: Tensor) -> Adjustment:
    """Return the adjustment of one picture (3, H, W) for its foreground (1, H, W)."""
    foreground = region[0].cpu().numpy()
    if foreground.sum() < SMALLEST_FOREGROUND or foreground.all():
        return Adjustment()
    return match(image.permute(1, 2, 0).double().cpu().numpy(), foreground)


def _adjusted(composite: Tensor, mask: Tensor, adjustments: Sequence[Adjustment]) -> Tensor:
    """Return pictures (B, 3, H, W) with their foregrounds adjusted."""
    result = composite.clone()
    for image, region, adjustment in zip(result, mask[:, 0] >= MASK_THRESHOLD, adjustments, strict=True):
        colors = image[:, region].T.double().cpu().numpy()  # (N, 3)
        if len(colors) and adjustment != Adjustment():
            blocks = np.array_split(colors, -(-len(colors) // BLOCK_PIXELS))
            image[:, region] = torch.from_numpy(np.concatenate([adjust(block, adjustment) for block in blocks]).T).to(image)
    return result


def match(image: np.ndarray, foreground: np.ndarray) -> Adjustment:
    """Return the adjustment that matches the foreground, bool (H, W), neither empty nor full, to what surrounds it.

    image: sRGB in [0, 1], float (H, W, 3). Every step sees the picture as the steps before left it.
    """
    picture, regions = to_linear(image), find_regions(foreground)
    curve, pivot = _match_contrast(picture, foreground, regions)
    picture[foreground] = change_contrast(picture[foreground], curve, pivot)
    stops = zero_offset(np.log2(np.maximum(luminance(picture), EPSILON)), regions)
    picture[foreground] = change_luminance(picture[foreground], stops)
    mired = zero_offset(temperature(picture), _colored(picture, regions))
    picture[foreground] = change_temperature(picture[foreground], mired)
    return Adjustment(curve, pivot, stops, mired, zero_offset(log_saturation(picture), _colored(picture, regions)))


def adjust(colors: np.ndarray, adjustment: Adjustment) -> np.ndarray:
    """Return sRGB colors (N, 3) in [0, 1] after an adjustment, float64, clipped."""
    linear = change_contrast(to_linear(colors), adjustment.curve, adjustment.pivot)
    linear = change_luminance(linear, adjustment.stops)
    linear = change_temperature(linear, adjustment.mired)
    return from_linear(change_saturation(linear, adjustment.saturation)).clip(0, 1)


def find_regions(foreground: np.ndarray) -> Regions:
    """Return the foreground without its edge, and the background near it but not at its edge; all of one that vanishes."""
    from scipy.ndimage import distance_transform_edt

    rows, columns = (np.flatnonzero(foreground.any(axis)) for axis in (1, 0))
    height, width = (int(indices[-1] - indices[0]) + 1 for indices in (rows, columns))
    side, reach = min(height, width), (GROWTH - 1) // 2
    near = np.zeros_like(foreground)
    near[_grown(rows, reach * height), _grown(columns, reach * width)] = True
    own = distance_transform_edt(foreground) > OWN_MARGIN * side
    other = near & (distance_transform_edt(~foreground) > OTHER_MARGIN * side)
    return Regions(own if own.any() else foreground, other if other.any() else ~foreground)


def zero_offset(values: np.ndarray, regions: Regions) -> float:
    """Return the least shift of the foreground's values (H, W) that makes top, low or mean the background's; 0 without any values."""
    if not (regions.own.any() and regions.other.any()):
        return 0.0
    shifts = summarize(values[regions.other]) - summarize(values[regions.own])
    return float(shifts[np.abs(shifts).argmin()])


def summarize(values: np.ndarray) -> np.ndarray:
    """Return top, low and mean of values (N,), not empty."""
    count = max(1, len(values) // EXTREME)
    ordered = np.sort(values)
    return np.array([ordered[-count:].mean(), ordered[:count].mean(), ordered.mean()])


def luminance(picture: np.ndarray) -> np.ndarray:
    """Return Y (H, W) of linear RGB (H, W, 3), very slightly blurred."""
    return _blur(picture @ LUMINANCE, BLUR * min(picture.shape[:2]))


def local_contrast(light: np.ndarray) -> np.ndarray:
    """Return how far each luminance (H, W) is from its neighborhood's, relative to that."""
    neighborhood = _blur(light, CONTRAST_SIGMA)
    return np.abs(light - neighborhood) / np.maximum(neighborhood, EPSILON)


def temperature(picture: np.ndarray) -> np.ndarray:
    """Return the color temperature (H, W) in mired of linear RGB (H, W, 3)."""
    return measure_mired(_to_xy_and_y(picture.reshape(-1, 3))[0]).reshape(picture.shape[:2])


def log_saturation(picture: np.ndarray) -> np.ndarray:
    """Return log2 of HSV's saturation (H, W) of linear RGB (H, W, 3)."""
    value = np.maximum(picture.max(-1), SMALLEST)
    return np.log2(np.maximum((value - picture.min(-1)) / value, EPSILON))


def change_contrast(colors: np.ndarray, curve: float, pivot: float) -> np.ndarray:
    """Return linear RGB (..., 3) with its luminance bent by the contrast curve."""
    if curve == STRAIGHT:
        return colors
    light = colors @ CIE_LUMINANCE
    return colors * (bend(light, curve, pivot) / np.maximum(light, SMALLEST))[..., None]


def bend(light: np.ndarray, curve: float, pivot: float) -> np.ndarray:
    """Return luminances in [0, 1] after the quadratic Bézier curve (0, 0), (α, 1 - α), (1, 1), on either side of the pivot."""
    t = np.linspace(0, 1, CURVE_POINTS)
    x, y = (2 * t * (1 - t) * weight + t**2 for weight in (curve, 1 - curve))
    span = np.where(light <= pivot, -pivot, 1 - pivot)
    nearest = np.searchsorted((x[1:] + x[:-1]) / 2, (light - pivot) / span)
    return pivot + span * y[nearest]


def change_luminance(colors: np.ndarray, stops: float) -> np.ndarray:
    """Return linear RGB (..., 3), brighter by stops."""
    return colors * 2**stops


def change_temperature(colors: np.ndarray, mired: float) -> np.ndarray:
    """Return linear RGB (N, 3), warmer by so many mired; tint and luminance stay, negative light does not."""
    if mired == 0:
        return colors
    xy, light = _to_xy_and_y(colors)
    own, tint = to_mired_and_tint(xy)
    x, y = to_xy(own + mired, tint).T
    y = np.maximum(y, SMALLEST)
    xyz = np.stack([x, y, 1 - x - y], -1) * (light / y)[:, None]
    return np.maximum(xyz @ XYZ_TO_RGB.T, 0)


def change_saturation(colors: np.ndarray, saturation: float) -> np.ndarray:
    """Return linear RGB (..., 3) with HSV's saturation multiplied by 2^saturation, not clipped."""
    value = colors.max(-1, keepdims=True)
    return value - (value - colors) * 2**saturation


def to_linear(colors: np.ndarray) -> np.ndarray:
    """Return linear RGB, float64, of sRGB in [0, 1]."""
    colors = colors.astype(np.float64)
    return np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)


def from_linear(linear: np.ndarray) -> np.ndarray:
    """Return sRGB of linear RGB; values below 0 and above 1 stay beyond."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)


def _match_contrast(picture: np.ndarray, foreground: np.ndarray, regions: Regions) -> tuple[float, float]:
    """Return the contrast curve that brings top contrast closest to the background's, and its pivot: the foreground's mean luminance."""
    pivot = float(np.clip((picture[foreground] @ CIE_LUMINANCE).mean(), EPSILON, 1 - EPSILON))
    wanted = _top_contrast(picture, regions.other)
    distances = []
    for curve in CURVES:
        bent = picture.copy()
        bent[foreground] = change_contrast(picture[foreground], curve, pivot)
        distances.append(abs(_top_contrast(bent, regions.own) - wanted))
    return CURVES[int(np.argmin(distances))], pivot


def _top_contrast(picture: np.ndarray, region: np.ndarray) -> float:
    """Return the top of a region's local contrast, or the smallest that counts."""
    values = local_contrast(luminance(picture))[region]
    visible = values[values > SMALLEST_CONTRAST]
    return float(summarize(visible)[0]) if visible.size else SMALLEST_CONTRAST


def _colored(picture: np.ndarray, regions: Regions) -> Regions:
    """Return the parts of the regions that are neither too dark nor too bright to have a color."""
    light = luminance(picture)
    return Regions(*(region & (light > DARKEST) & (light < BRIGHTEST) for region in regions))


def _to_xy_and_y(colors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return chromaticity (N, 2) and luminance (N,) of linear RGB (N, 3)."""
    xyz = colors @ RGB_TO_XYZ.T
    return xyz[:, :2] / np.maximum(xyz.sum(1, keepdims=True), SMALLEST), xyz[:, 1]


def _grown(indices: np.ndarray, margin: int) -> slice:
    """Return the span of ascending indices with a margin on both sides."""
    return slice(max(0, int(indices[0]) - margin), int(indices[-1]) + margin + 1)


def _blur(light: np.ndarray, sigma: float) -> np.ndarray:
    """Return luminances (H, W) under a Gaussian of MATLAB's extent, edges repeated."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(light, sigma, mode="nearest", radius=int(np.ceil(2 * sigma)))
