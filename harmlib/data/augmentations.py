"""Random changes of a training pair that keep it a pair: composite, real photograph and mask are changed in the same way.

A method names those of its paper in ``HarmonizationModel.augmentations``; they are applied in that order: with a crop among them at the
pictures' own size, else at the training size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from harmlib.errors import ParameterError

Arrays = dict[str, np.ndarray]

# iDIH's random resized crop: share of the area, and width over height.
CROP_AREA = (0.5, 1.0)
CROP_ASPECT = (3 / 4, 4 / 3)
# ADFM's square crop: 256 pixels of a shorter side of 420 to 512.
SQUARE_CROP, SHORTER_SIDE = 256, (420, 512)
# PCT-Net's crop: share of the height, and of the width; one in twenty may show no foreground.
SIDE_SHARE = (0.7, 1.0)
EMPTY_SHARE = 0.05
ZOOM = (1.1, 1.5)  # of the detector of exposure shifts
# Ours: the factors by which the whole pair may become grayer or more colorful, and its gamma lower or higher.
SATURATION, GAMMA = 2.0, 1.25
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
# A crop that cuts the foreground away is drawn again; after so many tries the whole picture is kept.
CROP_TRIES = 10


def augment(arrays: Mapping[str, np.ndarray], names: Sequence[str], generator: np.random.Generator) -> Arrays:
    """Return the arrays after the named augmentations.

    arrays: (H, W) or (H, W, C), equal in height and width; "mask" is among them, not 0 = foreground.
    names: keys of AUGMENTATIONS. Sizes may change; nothing is resized.
    Raises ParameterError for an unknown name.
    """
    changed = dict(arrays)
    for name in names:
        if name not in AUGMENTATIONS:
            raise ParameterError(f'there is no augmentation "{name}": choose from {", ".join(AUGMENTATIONS)}')
        changed = AUGMENTATIONS[name](changed, generator)
    return changed


def crops(names: Sequence[str]) -> bool:
    """Tell whether one of the named augmentations is a crop."""
    return any(name in CROPS for name in names)


def _flip(arrays: Arrays, generator: np.random.Generator, *, axis: int) -> Arrays:
    """Mirror along an axis, half of the time."""
    if generator.random() < 0.5:
        return arrays
    return {name: np.flip(array, axis) for name, array in arrays.items()}


def _zoom(arrays: Arrays, generator: np.random.Generator) -> Arrays:
    """Cut out a box of the picture's shape, 1 / 1.1 to 1 / 1.5 of its sides, half of the time (the no-reference paper's detector)."""
    height, width = arrays["mask"].shape[:2]
    if generator.random() < 0.5:
        return arrays
    factor = generator.uniform(*ZOOM)
    return _cut(arrays, max(1, round(height / factor)), max(1, round(width / factor)), generator)


def _rotate90(arrays: Arrays, generator: np.random.Generator) -> Arrays:
    """Turn by 90, 180 or 270 degrees, half of the time, as Harmonizer does."""
    turns = int(generator.integers(1, 4))
    if generator.random() < 0.5:
        return arrays
    return {name: np.rot90(array, turns) for name, array in arrays.items()}


def _random_crop(arrays: Arrays, generator: np.random.Generator) -> Arrays:
    """Cut out a box of half to all of the area that still has foreground (iDIH's random resized crop)."""
    height, width = arrays["mask"].shape[:2]
    for _ in range(CROP_TRIES):
        area = generator.uniform(*CROP_AREA) * height * width
        aspect = np.exp(generator.uniform(*np.log(CROP_ASPECT)))
        crop_height, crop_width = min(height, round(np.sqrt(area / aspect))), min(width, round(np.sqrt(area * aspect)))
        cut = _cut(arrays, crop_height, crop_width, generator)
        if cut["mask"].any():
            return cut
    return arrays


def _square_crop(arrays: Arrays, generator: np.random.Generator) -> Arrays:
    """Cut out a square, half to 0.61 of the shorter side, with or without foreground (ADFM resizes first, then crops)."""
    height, width = arrays["mask"].shape[:2]
    side = max(1, round(min(height, width) * SQUARE_CROP / generator.integers(SHORTER_SIDE[0], SHORTER_SIDE[1] + 1)))
    return _cut(arrays, side, side, generator)


def _side_crop(arrays: Arrays, generator: np.random.Generator) -> Arrays:
    """Cut out a box of 0.7 to all of the height and, independently, of the width, nearly always with more than one pixel of foreground."""
    height, width = arrays["mask"].shape[:2]
    for _ in range(CROP_TRIES):
        crop_height, crop_width = (max(1, int(generator.uniform(*SIDE_SHARE) * side)) for side in (height, width))
        cut = _cut(arrays, crop_height, crop_width, generator)
        if generator.random() < EMPTY_SHARE or cut["mask"].sum() > 1:
            return cut
    return arrays


def _cut(arrays: Arrays, height: int, width: int, generator: np.random.Generator) -> Arrays:
    """Return a box of this size, anywhere in the picture with equal chances."""
    top, left = (generator.integers(0, whole - side + 1) for whole, side in zip(arrays["mask"].shape, (height, width), strict=False))
    return {name: array[top : top + height, left : left + width] for name, array in arrays.items()}


def _color_jitter(arrays: Arrays, generator: np.random.Generator) -> Arrays:
    """Change saturation and gamma of composite and real photograph alike: how colorful a foreground is alone tells nothing then."""
    saturation, gamma = (np.float32(limit ** generator.uniform(-1, 1)) for limit in (SATURATION, GAMMA))

    def recolored(picture: np.ndarray) -> np.ndarray:
        levels = picture.astype(np.float32) / 255
        gray = (levels @ LUMA)[..., None]
        return ((gray + saturation * (levels - gray)).clip(0, 1) ** gamma * 255).round().astype(np.uint8)

    return {name: recolored(array) if array.ndim == 3 else array for name, array in arrays.items()}


AUGMENTATIONS: dict[str, Callable[[Arrays, np.random.Generator], Arrays]] = {
    "flip": partial(_flip, axis=1),
    "flip_vertical": partial(_flip, axis=0),
    "zoom": _zoom,
    "rotate90": _rotate90,
    "random_crop": _random_crop,
    "square_crop": _square_crop,
    "side_crop": _side_crop,
    "color_jitter": _color_jitter,
}
CROPS = ("zoom", "random_crop", "square_crop", "side_crop")
