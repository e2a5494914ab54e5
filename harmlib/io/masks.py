"""The one reader of masks, for Python, shell, folders, videos, scores, studies and the editor.

A mask tells how much every pixel is foreground. It may be

    gray levels         0 to 255, fractions allowed; 0 and 1 alone count as such, and so do True and False
    a cut-out           its alpha is the mask, whatever its colors are
    a palette picture   of gray colors, or of the two indices 0 and 1

Anything else looks like a map of labels or a photograph and is refused by a sentence that names what was found: only its owner can say
which values are the foreground.
"""

from __future__ import annotations

import logging
import os
from typing import Any

import numpy as np
from PIL import Image

from harmlib.errors import HarmlibError, MaskError
from harmlib.io import images

logger = logging.getLogger(__name__)

MASK_THRESHOLD = 128
# Where no gray lies beyond this, lower levels are labels (people's clothes have 59 classes, indoor scenes 40): a soft edge passes through
# all levels.
LABELS = 64
# A few levels in flat areas are labels too: soft edges are thin, or pass through all levels. The ends are left to a JPEG's ringing.
MIDDLE = slice(16, 240)
FEWEST = 3  # one or two flat levels may be meant, as glass is; two without any full foreground are not
# Channels of a gray picture that went through a video or a JPEG differ by less.
GRAY_TOLERANCE = 24
ROUNDING = 1e-4  # by so much a blurred or resized mask may leave [0, 1]
NAMED = 6  # values in a sentence
MANY = 256  # colors that no map of labels has, but a photograph
ADVICE = "save the one object that is meant as gray, white = foreground"


def read_mask(path: str | os.PathLike[str]) -> np.ndarray:
    """Return a mask as bool (H, W): levels of 128 and more are foreground; errors as in ``read_soft_mask``."""
    # PIL's convert("1") would dither gray values, hence the threshold.
    return read_soft_mask(path) >= MASK_THRESHOLD


def read_soft_mask(path: str | os.PathLike[str]) -> np.ndarray:
    """Return a mask as uint8 (H, W), 255 = foreground; raises ImageError as ``open_image`` does, MaskError for labels or a photograph."""
    return _levels(images.open_image(path), f'"{path}"')


def to_mask(mask: Any, composite: np.ndarray) -> np.ndarray:
    """Return a mask that was given as a PIL picture or an array, as float32 (H, W) in [0, 1].

    Arrays: (H, W) or (H, W, 1), bool, float in [0, 1], or integers of 0 and 1 or 0 to 255; uint8 (H, W, 3) or (H, W, 4) as pictures.
    Raises MaskError for anything else, also when its size is not that of the composite (H, W, 3).
    """
    name = "the mask"  # in sentences
    if isinstance(mask, Image.Image):
        try:
            mask = _levels(images.prepare(mask, name), name)
        except HarmlibError as error:
            raise MaskError(str(error)) from error
    if not isinstance(mask, np.ndarray):
        advice = "open it first" if isinstance(mask, (str, os.PathLike)) else "turn it into an array first"
        raise MaskError(f"{name} is a {type(mask).__name__}, expected a PIL picture or an array (H, W): {advice}")
    mask = np.asarray(mask)  # kinds of arrays with rules of their own (matrix) as plain ones
    if mask.ndim == 3 and mask.shape[2] == 1:
        mask = mask[..., 0]
    if mask.ndim == 3 and mask.shape[2] in (3, 4) and mask.dtype == np.uint8 and mask.size:
        mask = _levels(Image.fromarray(mask), name)
    if mask.ndim != 2:
        raise MaskError(f"{name} has shape {mask.shape}, expected (H, W)")
    images.check_same_size("the composite", mask, composite)
    if mask.dtype.kind not in "biuf":
        raise MaskError(f"{name} holds {mask.dtype}, expected bool, integers or floats")
    low, high = (float(extreme) for extreme in (mask.min(), mask.max()))
    integers = mask.dtype.kind in "iu"
    slack = 0 if integers else ROUNDING
    if not (low >= -slack and high <= (255 if integers else 1) + slack):  # catches NaN too
        raise MaskError(f"{name} spans {low:.7g} to {high:.7g}, expected 0 to 1, or 0 to 255 as integers")
    if integers:
        levels = scaled(mask.astype(np.uint8, copy=False), name).astype(np.float32)
        levels /= 255
        return levels
    return mask.astype(np.float32).clip(0, 1)


def scaled(levels: np.ndarray, name: str) -> np.ndarray:
    """Return levels, uint8 (H, W), on the scale where 255 is foreground; raises MaskError, naming the values, where they are labels."""
    found = np.flatnonzero(Image.fromarray(levels).histogram())
    if found.max() <= 1:
        return levels * np.uint8(255)
    between = found[(found > 0) & (found < 255)]
    if len(between) and (between.max() < LABELS or _flat_areas(levels, found)):
        raise MaskError(f"{name} holds the values {_in_words(found.tolist())}, which look like labels: {ADVICE}")
    return levels


def _flat_areas(levels: np.ndarray, found: np.ndarray) -> bool:
    """Tell whether the middle levels are a few of those found, and most of their pixels lie beside equal ones."""
    middle = (levels >= MIDDLE.start) & (levels < MIDDLE.stop)
    count = np.count_nonzero((found >= MIDDLE.start) & (found < MIDDLE.stop))
    if not FEWEST - (found.max() < MIDDLE.stop) <= count < LABELS:
        return False
    flat = (levels[:-1, :-1] == levels[1:, :-1]) & (levels[:-1, :-1] == levels[:-1, 1:])
    return bool(2 * np.count_nonzero(flat & middle[:-1, :-1]) > np.count_nonzero(middle))


def check_gray(pixels: np.ndarray, name: str) -> None:
    """Raise MaskError, naming colors, when pixels (H, W, 3), uint8, are not gray; small differences between channels are allowed."""
    colored = np.ptp(pixels, axis=2) > GRAY_TOLERANCE
    if colored.any():
        colors = np.unique(pixels[colored].reshape(-1, 3), axis=0)
        guess = " (is it the composite?)" if len(colors) >= MANY else ""
        raise MaskError(f"{name} has colors, such as {_in_words(map(tuple, colors.tolist()))}{guess}: {ADVICE}")


def _levels(image: Image.Image, name: str) -> np.ndarray:
    """Return the mask that a decoded picture holds, uint8 (H, W), 255 = foreground."""
    alpha = images.alpha_of(image)
    if alpha is not None and alpha.min() < alpha.max():
        logger.info("%s is a cut-out: its alpha is the mask", name)
        return scaled(alpha, name)
    if image.mode in ("1", "L", "LA"):
        return scaled(np.asarray(image.convert("L")), name)
    pixels = np.asarray(image.convert("RGB"))
    if image.mode == "P":
        indices = np.asarray(image)
        used = np.flatnonzero(image.histogram())
        colors = np.array(image.getpalette()).reshape(-1, 3)[used]
        if np.ptp(colors, axis=1).max() > GRAY_TOLERANCE:
            if used.max() > 1:
                raise MaskError(
                    f"{name} is a palette picture with the indices {_in_words(used.tolist())}, which look like labels: {ADVICE}"
                )
            logger.info("%s is a palette picture: index 1 is the foreground", name)
            return indices * np.uint8(255)
    check_gray(pixels, name)
    return scaled(np.ascontiguousarray(pixels[..., -1]), name)


def _in_words(values: Any) -> str:
    """Return the first values, and how many more there are."""
    values = list(values)
    more = f" and {len(values) - NAMED} more" if len(values) > NAMED else ""
    return ", ".join(str(value) for value in values[:NAMED]) + more
