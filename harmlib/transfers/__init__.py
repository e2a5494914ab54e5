"""Color transfers: the foreground of one picture takes over the colors of a region in another.

The four with which HCOCO and HFlickr of iHarmony4 were made (docs/methods/classical.md), one per file, and beside them the two that
change luminance only, for COCO-Exp (docs/methods/composites.md).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harmlib.errors import EmptyMaskError, MaskError, ParameterError, ShapeError
from harmlib.transfers.histogram import transfer_histogram
from harmlib.transfers.luminance import transfer_histogram_luminance, transfer_reinhard_luminance
from harmlib.transfers.pitie import draw_rotations, transfer_idt
from harmlib.transfers.reinhard import transfer_reinhard_lalphabeta
from harmlib.transfers.xiao_ma import transfer_xiao_ma

# iHarmony4's composites are numbered in this order.
TRANSFERS = ("reinhard", "xiao_ma", "histogram", "idt")
LUMINANCE_TRANSFERS = ("reinhard_luminance", "histogram_luminance")
_WITHOUT_SEED: dict[str, Callable[..., np.ndarray]] = {
    "reinhard": transfer_reinhard_lalphabeta,
    "xiao_ma": transfer_xiao_ma,
    "histogram": transfer_histogram,
    "reinhard_luminance": transfer_reinhard_luminance,
    "histogram_luminance": transfer_histogram_luminance,
}


def transfer(
    name: str, image: np.ndarray, mask: np.ndarray, reference: np.ndarray, reference_mask: np.ndarray, *, seed: int = 0
) -> np.ndarray:
    """Return the picture with its foreground recolored after a region of the reference.

    name: one of TRANSFERS or LUMINANCE_TRANSFERS.
    image, reference: uint8 RGB (H, W, 3), sizes may differ. mask, reference_mask: bool (H, W), not empty.
    seed: for the random axes of "idt"; the others draw nothing.
    Returns uint8 RGB (H, W, 3), the background unchanged.
    Raises ParameterError for an unknown transfer, ShapeError for anything but 8-bit RGB, MaskError for a mask that does not fit,
    EmptyMaskError for an empty one.

    >>> image, mask = np.full((4, 4, 3), 90, np.uint8), np.eye(4, dtype=bool)
    >>> image[mask] = 200
    >>> transfer("reinhard", image, mask, image, ~mask)[0, :2].tolist()
    [[90, 90, 90], [90, 90, 90]]
    """
    _check_region("picture", image, mask)
    _check_region("reference", reference, reference_mask)
    pictures = image, mask, reference, reference_mask
    if name == "idt":
        if seed < 0:
            raise ParameterError(f"the seed is {seed}: give a whole number from 0")
        return transfer_idt(*pictures, rotations=draw_rotations(np.random.default_rng(seed)))
    if name not in _WITHOUT_SEED:
        raise ParameterError(f'there is no transfer "{name}": choose from {", ".join(TRANSFERS + LUMINANCE_TRANSFERS)}')
    return _WITHOUT_SEED[name](*pictures)


def _check_region(name: str, image: np.ndarray, mask: np.ndarray) -> None:
    """Raise an error unless the picture is 8-bit RGB and its mask a region of it; ``name`` is that of the picture."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ShapeError(f"the {name} is {image.dtype} of shape {image.shape}, expected uint8 RGB (H, W, 3)")
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise MaskError(f"the mask of the {name} is {mask.dtype} of shape {mask.shape}, expected bool (H, W): threshold it at 128")
    if mask.shape != image.shape[:2]:
        found, expected = ("x".join(map(str, shape)) for shape in (mask.shape, image.shape[:2]))
        raise MaskError(f"the mask of the {name} is {found}, the {name} {expected}: resize the mask")
    if not mask.any():
        raise EmptyMaskError(f"the mask of the {name} is empty: mark the region whose colors are meant")
