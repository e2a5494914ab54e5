"""What all transfers share: rounding as MATLAB does, and putting new colors into a picture."""

from __future__ import annotations

import numpy as np


def to_bytes(levels: np.ndarray) -> np.ndarray:
    """Return levels on the 0..255 scale as uint8: halves round up, the rest is clipped."""
    return np.clip(np.floor(levels + 0.5), 0, 255).astype(np.uint8)


def recolored(image: np.ndarray, mask: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Return a copy of the picture with ``colors``, uint8 (N, 3), at the N pixels of the mask in row order."""
    result = image.copy()
    result[mask] = colors
    return result
