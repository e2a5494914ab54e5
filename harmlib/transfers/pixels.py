"""What all transfers share: rounding as MATLAB does, and the way through a picture block by block, so that its size costs no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

# What a block is computed from takes some 200 bytes a pixel. Up to this size a picture is one block, and sums are those of one sweep.
BLOCK_PIXELS = 1 << 20


def to_bytes(levels: np.ndarray) -> np.ndarray:
    """Return levels on the 0..255 scale as uint8: halves round up, the rest is clipped."""
    return np.clip(np.floor(levels + 0.5), 0, 255).astype(np.uint8)


def region_blocks(image: np.ndarray, region: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the pixels (n, 3) of a region, bool (H, W), of a picture (H, W, 3) in row order, those of BLOCK_PIXELS at a time."""
    pixels, chosen = image.reshape(-1, 3), region.reshape(-1)
    for block in _blocks(len(chosen)):
        if chosen[block].any():
            yield pixels[block][chosen[block]]


def recolored(image: np.ndarray, region: np.ndarray, recolor: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return a copy of the picture with its region as ``recolor`` makes it, uint8 (n, 3) from uint8 (n, 3), block by block."""
    result = image.copy()
    pixels, chosen = result.reshape(-1, 3), region.reshape(-1)
    for block in _blocks(len(chosen)):
        if chosen[block].any():
            pixels[block][chosen[block]] = recolor(pixels[block][chosen[block]])
    return result


def _blocks(count: int) -> Iterator[slice]:
    """Yield slices of BLOCK_PIXELS that cover ``count`` pixels."""
    return (slice(start, start + BLOCK_PIXELS) for start in range(0, count, BLOCK_PIXELS))
