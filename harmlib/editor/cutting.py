"""A mask from a box around an object: GrabCut, which tells the colors inside from those outside (Rother et al. 2004)."""

from __future__ import annotations

import cv2
import numpy as np

from harmlib.errors import ImageError, MaskError
from harmlib.io.images import resize, shrink

# The longer side on which GrabCut works, in pixels: its time grows with the area, its borders hardly change.
WORKING_SIZE = 384
ROUNDS = 5
SEED = 0  # of the color clusters that it starts from


def cut_out(picture: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """Return the object inside a box as a mask, bool (H, W).

    picture: uint8 RGB (H, W, 3). box: top, left, bottom, right as shares of height and width, 0 to 1; outside is background.
    Raises ImageError for another array; MaskError for a box that is empty, leaves no background, or in which nothing differs from outside.

    >>> picture = np.full((40, 60, 3), 200, np.uint8)
    >>> picture[10:30, 20:40] = 30
    >>> cut_out(picture, (0.1, 0.2, 0.9, 0.8))[[20, 5], [30, 5]]
    array([ True, False])
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise ImageError(f"the picture is {picture.dtype} {picture.shape}, expected uint8 RGB (H, W, 3)")
    height, width = picture.shape[:2]
    small = shrink(picture, WORKING_SIZE)
    size = small.shape[:2]
    top, left, bottom, right = (round(share * length) for share, length in zip(box, (*size, *size), strict=True))
    if not (0 <= top < bottom <= size[0] and 0 <= left < right <= size[1]):
        raise MaskError(f"the box {box} is empty or leaves the picture: give top < bottom and left < right, from 0 to 1")
    if (bottom - top, right - left) == size:
        raise MaskError("the box is the whole picture, so nothing tells what the background is: draw it around the object")
    marks = np.full(size, cv2.GC_BGD, np.uint8)
    marks[top:bottom, left:right] = cv2.GC_PR_FGD
    cv2.setRNGSeed(SEED)
    colors, unused = cv2.cvtColor(small, cv2.COLOR_RGB2BGR), (0, 0, 0, 0)
    cv2.grabCut(colors, marks, unused, np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)
    if not found.any():
        raise MaskError("nothing inside the box differs from what is outside: draw it closer around the object")
    return resize(found, (height, width), "nearest")
