"""The last picture of ``filters.restore``, about ten times as fast and in little memory, without gradients.

The filters up to contrast work channel by channel, with statistics of the whole picture: of an 8-bit picture they need its 256 levels only,
and its histograms. The others work pixel by pixel, and run where the mask is not zero, block after block, so that no whole picture
is kept between two filters. The means are exact, those of ``restore`` are sums in float32: extreme arguments can make that visible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np

from harmlib.errors import ImageError, MaskError, ParameterError, RangeError, ShapeError
from harmlib.filters import kernels
from harmlib.filters.chain import check_filters
from harmlib.filters.definitions import EPSILON, LEVELS, SIX
from harmlib.io.images import check_same_size

# Three channels of this many float32 stay in the processor's cache.
BLOCK_PIXELS = 1 << 13
PIXEL_FILTERS = {
    "saturation": kernels.saturate,
    "hue": kernels.turn_hue,
    "highlight": kernels.highlight,
    "shadow": kernels.shadow,
}
# Filters and their arguments, float32, in the order in which they run.
Chain = list[tuple[str, float]]


def restore_picture(composite: np.ndarray, mask: np.ndarray, arguments: Sequence[float], filters: Sequence[str] = SIX) -> np.ndarray:
    """Return the harmonized picture, uint8 (H, W, 3), rounded; where the mask is 0 the composite's bytes stay.

    composite: (H, W, 3), uint8 RGB. mask: (H, W) in [0, 1], fractions blend. arguments: one per filter, clamped to [-1, 1].
    filters: any selection of FILTERS in their order.
    Raises ImageError for a picture of a different type, ShapeError for another shape or a wrong number of arguments, MaskError for a misfit
    mask, ParameterError for a wrong choice of filters or an argument that is NaN.
    """
    if composite.ndim != 3 or composite.shape[2] != 3 or not composite.size:
        raise ShapeError(f"the composite has shape {composite.shape}, expected (H, W, 3)")
    if composite.dtype != np.uint8:
        raise ImageError(f"the composite holds {composite.dtype}, expected uint8, 0 to 255")
    weights, chain = _read_mask(mask, composite), _read_arguments(arguments, filters)
    levels = np.array(composite, order="C").reshape(-1, 3)
    counts = kernels.count_levels(levels)

    def means(steps: np.ndarray) -> np.ndarray:
        return (_tables(steps) * counts).sum(1) / len(levels)

    tables = _tables(_steps(chain, means))
    colors, indices = np.empty((3, BLOCK_PIXELS), np.float32), np.empty(BLOCK_PIXELS, np.intp)
    for start, stop in _spans(len(levels)):
        count = kernels.find_touched(weights, start, stop, indices)
        kernels.gather_levels(levels, tables, indices, count, colors)
        _filter_pixels(colors, count, chain)
        kernels.scatter_levels(colors, weights, indices, count, levels)
    return levels.reshape(composite.shape)


def restore_tensor(composite: np.ndarray, mask: np.ndarray, arguments: Sequence[float], filters: Sequence[str] = SIX) -> np.ndarray:
    """Return the harmonized picture, float32 (3, H, W) in [0, 1]; where the mask is 0 the composite's values stay.

    composite: (3, H, W), float32 RGB in [0, 1]. Everything else as in ``restore_picture``; raises RangeError for values outside too.
    """
    if composite.ndim != 3 or composite.shape[0] != 3 or not composite.size:
        raise ShapeError(f"the composite has shape {composite.shape}, expected (3, H, W)")
    if composite.dtype != np.float32:
        raise ImageError(f"the composite holds {composite.dtype}, expected float32, 0 to 1")
    weights, chain = _read_mask(mask, composite[0]), _read_arguments(arguments, filters)
    low, high = composite.min(), composite.max()
    if not (low >= 0 and high <= 1):  # catches NaN too
        raise RangeError(f"the composite spans {low:g} to {high:g}, expected 0 to 1")
    planes = np.array(composite, order="C").reshape(3, -1)
    steps = _steps(chain, partial(_plane_means, planes))
    colors, indices = np.empty((3, BLOCK_PIXELS), np.float32), np.empty(BLOCK_PIXELS, np.intp)
    for start, stop in _spans(planes.shape[1]):
        count = kernels.find_touched(weights, start, stop, indices)
        kernels.gather_planes(planes, indices, count, colors)
        kernels.adjust(colors, count, steps)
        _filter_pixels(colors, count, chain)
        kernels.scatter_planes(colors, weights, indices, count, planes)
    return planes.reshape(composite.shape)


def _filter_pixels(colors: np.ndarray, count: int, chain: Chain) -> None:
    """Run the filters after contrast on the first ``count`` colors (3, n), in place."""
    for name, x in chain:
        if name in PIXEL_FILTERS:
            PIXEL_FILTERS[name](colors, count, x)


def _plane_means(planes: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the channel means (3,), float64, of planes (3, N) after the steps."""
    colors, totals = np.empty((3, BLOCK_PIXELS), np.float32), np.zeros(3)
    for start, stop in _spans(planes.shape[1]):
        colors[:, : stop - start] = planes[:, start:stop]
        kernels.adjust(colors, stop - start, steps)
        kernels.add_colors(colors, stop - start, totals)
    return totals / planes.shape[1]


def _spans(pixels: int) -> Iterator[tuple[int, int]]:
    """Yield start and stop of each block."""
    return ((start, min(start + BLOCK_PIXELS, pixels)) for start in range(0, pixels, BLOCK_PIXELS))


def _tables(steps: np.ndarray) -> np.ndarray:
    """Return the color (3, 256) of each level of each channel after the steps."""
    colors = np.tile(np.arange(LEVELS, dtype=np.float32) / np.float32(LEVELS - 1), (3, 1))
    kernels.adjust(colors, LEVELS, steps)
    return colors


def _steps(chain: Chain, means: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return the filters up to contrast as steps (m, 5), float32: the gains of R, G and B, then t and k.

    means: tells the channel means (3,), float64, of the whole picture after the steps so far.
    """
    steps = np.empty((0, 5), np.float32)
    for name, x in chain:
        if name in PIXEL_FILTERS:
            continue
        gain: Iterable[float] = (1, 1, 1)
        center, stretch = 0.0, 0.0
        if name == "brightness":
            gain = 3 * [1 / (1 - x + EPSILON) if x >= 0 else 1 + x]
        elif name == "contrast":
            center = means(steps).mean()
            stretch = x if x <= 0 else (LEVELS - 1) / (LEVELS - np.floor((LEVELS - 1) * x)) - 1
        else:
            up, down = max(x, 0), max(-x, 0)
            mean = means(steps).astype(np.float32)
            moved = mean + np.array([down, abs(x) / 2, up] if name == "temperature" else [up / 2, down, up / 2], np.float32)
            gain = moved.mean() / (moved + EPSILON) + 1 - mean.mean() / (mean + EPSILON)
        steps = np.vstack([steps, np.array([*gain, center, stretch], np.float32)])
    return steps


def _read_arguments(arguments: Sequence[float], filters: Sequence[str]) -> Chain:
    """Return the filters with their arguments, clamped to [-1, 1]; raises ShapeError and ParameterError."""
    names, values = check_filters(filters), np.asarray(arguments, np.float32)
    if values.shape != (len(names),):
        raise ShapeError(f"arguments are {values.shape}, expected {(len(names),)}: one per filter")
    if np.isnan(values).any():
        raise ParameterError(f"the arguments of {', '.join(names)} are {values.tolist()}: NaN is no argument")
    return list(zip(names, values.clip(-1, 1), strict=True))


def _read_mask(mask: np.ndarray, composite: np.ndarray) -> np.ndarray:
    """Return the mask (H, W) as float32 (H W,); raises MaskError unless it fits the composite (H, W, ...) and lies in [0, 1]."""
    if mask.ndim != 2:
        raise MaskError(f"the mask has shape {mask.shape}, expected (H, W)")
    check_same_size("the composite", mask, composite)
    weights = np.ascontiguousarray(mask, np.float32).reshape(-1)
    if not (weights.min() >= 0 and weights.max() <= 1):  # catches NaN too
        raise MaskError(f"the mask spans {weights.min():g} to {weights.max():g}, expected 0 to 1")
    return weights
