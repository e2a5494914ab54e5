"""The eight looks with a radial gradient, on the packed pixels of a region.

pilgram centers its gradients on the picture it is given, so packed pixels need the gradient of their own picture: it is made once per
picture size by pilgram and looked up pixel by pixel. Everything else is pointwise and runs on the packed row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image
from pilgram import css, util
from pilgram.css import blending

from harmlib.perturbations import Positions

Color = tuple[int, int, int] | tuple[int, int, int, float]
# The eight looks use ten gradients, 16 bytes a pixel; photographs come in two orientations.
CACHED_GRADIENTS = 20


class Gradients:
    """pilgram's radial gradients, read at the positions of packed pixels."""

    def __init__(self, positions: Positions) -> None:
        height, width = positions.size
        self._size, self._index = (width, height), positions.index

    def mask(self, **shape: Any) -> Image.Image:
        """Return ``radial_gradient_mask`` (options length, scale, center) at the positions."""
        return self._pack(_full_mask(self._size, **shape))

    def colors(self, colors: tuple[Color, ...], stops: tuple[float, ...]) -> Image.Image:
        """Return ``radial_gradient`` from the center outwards at the positions."""
        return self._pack(_full_colors(self._size, colors, stops))

    def _pack(self, full: np.ndarray) -> Image.Image:
        """Return the positions' values as a picture of one row."""
        return Image.fromarray(full.take(self._index, axis=0)[None])


@lru_cache(CACHED_GRADIENTS)
def _full_mask(size: tuple[int, int], **shape: Any) -> np.ndarray:
    """Return a gradient mask of a (width, height) picture, (H * W,)."""
    return np.asarray(util.radial_gradient_mask(size, **shape)).reshape(-1)


@lru_cache(CACHED_GRADIENTS)
def _full_colors(size: tuple[int, int], colors: tuple[Any, ...], stops: tuple[float, ...]) -> np.ndarray:
    """Return a color gradient of a (width, height) picture, (H * W, 3)."""
    return np.asarray(util.radial_gradient(size, colors, stops)).reshape(-1, 3)


def _overlay(pixels: Image.Image, color: Color) -> Image.Image:
    """Return the pixels overlaid with one color, the fourth number being its opacity."""
    return blending.overlay(pixels, util.fill(pixels.size, color))


def _multiply(pixels: Image.Image, color: Color) -> Image.Image:
    """Return the pixels multiplied by one color, the fourth number being its opacity."""
    return blending.multiply(pixels, util.fill(pixels.size, color))


def _brooklyn(pixels: Image.Image, gradients: Gradients) -> Image.Image:
    """Return two overlays, the gray one taking over outwards."""
    inner, outer = _overlay(pixels, (168, 223, 193, 0.4)), _overlay(pixels, (196, 183, 200))
    toned = Image.composite(inner, outer, gradients.mask(length=0.7))
    return css.brightness(css.contrast(toned, 0.9), 1.1)


def _earlybird(pixels: Image.Image, gradients: Gradients) -> Image.Image:
    """Return a brown light overlaid, dark outwards."""
    light = gradients.colors(((208, 186, 142), (54, 3, 9), (29, 2, 16)), (0.2, 0.85, 1))
    return css.sepia(css.contrast(blending.overlay(pixels, light), 0.9), 0.2)


def _hudson(pixels: Image.Image, gradients: Gradients) -> Image.Image:
    """Return half a blue light multiplied in, dark outwards."""
    light = gradients.colors(((166, 177, 255), (52, 33, 52)), (0.5, 1))
    toned = Image.blend(pixels, blending.multiply(pixels, light), 0.5)
    return css.saturate(css.contrast(css.brightness(toned, 1.2), 0.9), 1.1)


def _lofi(pixels: Image.Image, gradients: Gradients) -> Image.Image:
    """Return dark corners, strong contrast."""
    dark = _multiply(pixels, (34, 34, 34))
    toned = Image.composite(pixels, dark, gradients.mask(length=0.7, scale=1.5))
    return css.contrast(css.saturate(toned, 1.1), 1.5)


def _mayfair(pixels: Image.Image, gradients: Gradients) -> Image.Image:
    """Return a bright pink spot left and above the center."""
    center = (0.4, 0.4)
    white, pink, dark = (_overlay(pixels, color) for color in ((255, 255, 255, 0.8), (255, 200, 200, 0.6), (17, 17, 17)))
    inner = Image.composite(white, pink, gradients.mask(scale=0.3, center=center))
    spot = Image.composite(inner, dark, gradients.mask(length=0.3, scale=0.6, center=center))
    return css.saturate(css.contrast(Image.blend(pixels, spot, 0.4), 1.1), 1.1)


def _rise(pixels: Image.Image, gradients: Gradients) -> Image.Image:
    """Return a warm frame with a glow inside."""
    inner, outer = _multiply(pixels, (236, 205, 169, 0.15)), _multiply(pixels, (50, 30, 7, 0.4))
    framed = Image.composite(inner, outer, gradients.mask(length=0.55))
    glow = Image.composite(_overlay(framed, (232, 197, 152, 0.8)), framed, gradients.mask(scale=0.9))
    toned = css.sepia(css.brightness(Image.blend(framed, glow, 0.6), 1.05), 0.2)
    return css.saturate(css.contrast(toned, 0.9), 0.9)


def _willow(pixels: Image.Image, gradients: Gradients) -> Image.Image:
    """Return one pale color, dark outwards."""
    light = gradients.colors(((212, 169, 175), (0, 0, 0)), (0.55, 1.5))
    tinted = blending.color(blending.overlay(pixels, light), util.fill(pixels.size, (216, 205, 203)))
    return css.brightness(css.contrast(css.grayscale(tinted, 0.5), 0.95), 0.9)


def _xpro2(pixels: Image.Image, gradients: Gradients) -> Image.Image:
    """Return a color burn, weaker and bluer outwards."""
    vignette = gradients.mask(length=0.4, scale=1.1)
    blue = Image.blend(pixels, util.fill(pixels.size, (43, 42, 161)), 0.6)
    source = Image.composite(util.fill(pixels.size, (230, 231, 224)), blue, vignette)
    burned = blending.color_burn(pixels, source)
    toned = Image.composite(burned, Image.blend(pixels, burned, 0.6), vignette)
    return css.sepia(toned, 0.3)


RADIAL_FILTERS: dict[str, Callable[[Image.Image, Gradients], Image.Image]] = {
    "brooklyn": _brooklyn,
    "earlybird": _earlybird,
    "hudson": _hudson,
    "lofi": _lofi,
    "mayfair": _mayfair,
    "rise": _rise,
    "willow": _willow,
    "xpro2": _xpro2,
}
