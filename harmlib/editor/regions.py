"""The areas of a composite that can be edited on their own, and how the chosen one is shown.

They come from a given region map, else from the mask's connected parts, else, for a method without a mask, from where it acts: the
connected areas in which the predicted masks change the picture most.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from harmlib.errors import MaskError, ParameterError, ShapeError
from harmlib.inference.thumbnails import MASK_THRESHOLD
from harmlib.io.images import check_same_size, resize

# The id that is no region: edits of it reach every pixel, those of all regions included.
EVERYWHERE = 0
MOST_REGIONS = 12
# A given map may have more regions, as many as fit into a byte.
MOST_GIVEN = 255
# Smaller areas of a change are specks: half a per cent of the picture.
SMALLEST_SHARE = 0.005
# The least change, in 8-bit LAB codes, that counts as one: less is hardly seen.
LEAST_CHANGE = 2.0
# The change is smoothed before it is cut off, so that a textured area is not torn; pixels of the small picture.
SMOOTHING = 2.0
OUTLINE_COLOR = (230, 159, 0)  # orange of Okabe and Ito
OUTLINE_SHARE = 1 / 200  # of the picture's longer side
EIGHT_NEIGHBORS = 8


@dataclass(frozen=True, eq=False)
class Regions:
    """Areas by number.

    labels: uint8 (H, W), 0 = in no region, otherwise one more than the index of the region's id in ``ids``.
    ids: positive, as edits and recipes name them. origin: where the regions come from, in words.
    Raises ShapeError for other labels.
    """

    labels: np.ndarray
    ids: tuple[int, ...]
    origin: str

    def __post_init__(self) -> None:
        """Check that every label has an id."""
        if self.labels.ndim != 2 or self.labels.dtype != np.uint8 or self.labels.max(initial=0) > len(self.ids):
            raise ShapeError(f"the labels are {self.labels.dtype} {self.labels.shape} for {len(self.ids)} regions, expected uint8 (H, W)")

    def row(self, region: int) -> int:
        """Return the label of a region; raises ParameterError for an unknown one."""
        if region not in self.ids:
            known = ", ".join(map(str, self.ids)) or "there is none"
            raise ParameterError(f"there is no region {region}: choose {EVERYWHERE} for everywhere, or a region ({known})")
        return self.ids.index(region) + 1

    def area(self, region: int) -> np.ndarray:
        """Return a region's pixels, bool (H, W); all of them for EVERYWHERE."""
        return np.ones(self.labels.shape, bool) if region == EVERYWHERE else self.labels == self.row(region)

    def at(self, row: int, column: int) -> int:
        """Return the region of a pixel, EVERYWHERE where there is none; raises ParameterError for a pixel outside the picture."""
        height, width = self.labels.shape
        if not (0 <= row < height and 0 <= column < width):
            raise ParameterError(f"there is no pixel in row {row}, column {column} of a picture of {height}x{width}")
        label = int(self.labels[row, column])
        return self.ids[label - 1] if label else EVERYWHERE

    def resized(self, size: tuple[int, int]) -> Regions:
        """Return the same regions at a different size (height, width)."""
        return Regions(resize(self.labels, size, "nearest"), self.ids, self.origin)


def given_regions(labels: np.ndarray, composite: np.ndarray) -> Regions:
    """Return the regions of a map of ids (H, W), 0 = in no region; raises ShapeError, MaskError for a misfit or too many of them."""
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0:
        raise ShapeError(f"the regions are {labels.dtype} {labels.shape}, expected one id per pixel: integers (H, W), 0 = in no region")
    check_same_size("the composite", labels, composite)
    ids = np.unique(labels[labels > 0])
    if len(ids) > MOST_GIVEN:
        raise MaskError(f"the region map has {len(ids)} regions, the editor takes {MOST_GIVEN}: merge some")
    numbers = np.searchsorted(ids, labels) + 1
    return Regions(np.where(labels > 0, numbers, 0).astype(np.uint8), tuple(int(number) for number in ids), "given")


def mask_regions(mask: np.ndarray) -> Regions:
    """Return the connected parts of a mask, float32 (H, W), largest first; a soft border belongs to the part next to it."""
    from scipy.ndimage import distance_transform_edt

    core = mask >= MASK_THRESHOLD
    labels, count = _largest_parts(core, 1)
    fringe = (mask > 0) & ~core
    if count and fringe.any():
        nearest = distance_transform_edt(labels == 0, return_distances=False, return_indices=True)
        labels = np.where(fringe, labels[tuple(nearest)], labels)
    return Regions(labels, tuple(range(1, count + 1)), "connected parts of the mask")


def acting_regions(change: np.ndarray, size: tuple[int, int]) -> Regions:
    """Return the connected areas in which a method acts, largest first, at ``size`` (height, width).

    change: float32 (h, w), in 8-bit LAB codes. Acting is a change above Otsu's threshold, which separates much from little, and of
    LEAST_CHANGE at the least; where all changes are equal, no area stands out.
    """
    levels = cv2.GaussianBlur(change, (0, 0), SMOOTHING).clip(0, 255)
    cut, _ = cv2.threshold(levels.round().astype(np.uint8), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    labels, count = _largest_parts(levels > max(cut, LEAST_CHANGE), SMALLEST_SHARE * change.size)
    return Regions(resize(labels, size, "nearest"), tuple(range(1, count + 1)), "where the masks act")


def outlined(picture: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Return a picture, uint8 (H, W, 3), with a line around an area, bool (H, W), drawn inside it; none around the whole picture."""
    thickness = max(1, round(OUTLINE_SHARE * max(area.shape)))
    kernel = np.ones((2 * thickness + 1, 2 * thickness + 1), np.uint8)
    # Beyond the border counts as inside, so that a line runs only where two areas meet.
    inner = cv2.erode(area.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    marked = picture.copy()
    marked[area & (inner == 0)] = OUTLINE_COLOR
    return marked


def _largest_parts(core: np.ndarray, least: float) -> tuple[np.ndarray, int]:
    """Return the connected parts of at least ``least`` pixels as labels, uint8 (H, W), largest first, and their number."""
    count, parts, statistics, _ = cv2.connectedComponentsWithStats(core.astype(np.uint8), connectivity=EIGHT_NEIGHBORS)
    sizes = statistics[:, cv2.CC_STAT_AREA]
    order = [part for part in np.argsort(-sizes, kind="stable") if part != 0 and sizes[part] >= least][:MOST_REGIONS]
    table = np.zeros(count, np.uint8)
    table[order] = np.arange(1, len(order) + 1)
    return table[parts], len(order)
