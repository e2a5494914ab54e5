"""Regions of photographs: found by class and size, written into recipes, and recolored after a region of another photograph.

A recipe of such a composite holds at least these parts, labels being the source's own ids, and a piece being told by its first pixel in
row order; composers add their own:

    {"foreground": {"label": 7, "component": [120, 33]}, "reference": {"photo": "0012", "label": 7, "component": null},
     "transfer": "reinhard"}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np

from harmlib.data.composers.base import Composite, Recipe
from harmlib.data.photos import Photo, Source
from harmlib.errors import DataError, ParameterError
from harmlib.io.documents import Shape, check_shape
from harmlib.progress import progress
from harmlib.threads import in_processes

NO_REFERENCE = "no reference"
CHUNK = 64  # photographs a job


# Shapes of a recipe's parts (``io.documents``).
REGION = {"label": int, "component": ([int], None)}
RECOLORING = {"foreground": REGION, "reference": {"photo": str, **REGION}, "transfer": str}


class Region(NamedTuple):
    """A labeled region of a photograph: the piece whose first pixel (row, column) is ``component``, or all of it for None."""

    label: int
    component: tuple[int, int] | None

    def entry(self) -> dict[str, Any]:
        """Return the region as a recipe holds it."""
        return {"label": self.label, "component": self.component and list(self.component)}


def object_labels(photo: Photo, no_object: int | None) -> np.ndarray:
    """Return the label map (H, W) with 0 = no object and every object id kept distinct from 0.

    Sg-MMH's code skips id 0 only, so sources that use 0 for an object are shifted by one.
    """
    labels = photo.labels
    if no_object == 0:
        return labels
    shifted = labels.astype(np.uint16) + 1
    if no_object is not None:
        shifted[labels == no_object] = 0
    return shifted.astype(np.uint8) if shifted.max() < 256 else shifted


def is_usable(source: Source, photo_id: str) -> bool:
    """Tell whether a photograph has a labeled region that could be perturbed."""
    return bool(object_labels(source.load(photo_id), source.no_object).any())


def count_usable(source: Source, photo_ids: Sequence[str], *, workers: int = 0) -> int:
    """Return how many photographs have such a region; ``workers`` processes share them, because each is decoded."""
    jobs = [(photo_ids[first : first + CHUNK],) for first in range(0, len(photo_ids), CHUNK)]
    with progress(total=len(photo_ids), desc=f"regions of {source.name}", unit="photograph") as bar:
        count = 0
        for _, usable in in_processes(_usable, jobs, workers=workers if len(jobs) > 1 else 0, common=(source,)):
            count += sum(usable)
            bar.update(len(usable))
        return count


def _usable(source: Source, photo_ids: Sequence[str]) -> list[bool]:
    """Tell of each photograph whether it is usable."""
    return [is_usable(source, photo_id) for photo_id in photo_ids]


def large_labels(labels: np.ndarray, no_object: int | None, smallest: float) -> list[int]:
    """Return the ids that cover the share ``smallest`` of a label map (H, W) or more, ascending, without ``no_object``."""
    counts = np.bincount(labels.ravel())
    large = np.flatnonzero(counts >= max(1, smallest * labels.size)).tolist()
    return [label for label in large if label != no_object]


def large_pieces(labels: np.ndarray, no_object: int | None, smallest: float, largest: float = 1.0) -> dict[int, list[Region]]:
    """Return the connected pieces (8 neighbors) that cover ``smallest`` to ``largest`` of the picture, for each of the ``large_labels``."""
    found = {}
    for label in large_labels(labels, no_object, smallest):
        _, pieces, statistics, _ = cv2.connectedComponentsWithStats((labels == label).view(np.uint8))
        areas = statistics[1:, cv2.CC_STAT_AREA]
        fitting = np.flatnonzero((areas >= smallest * labels.size) & (areas <= largest * labels.size)) + 1
        firsts = sorted(int(np.argmax(pieces.ravel() == piece)) for piece in fitting)
        found[label] = [Region(label, divmod(first, labels.shape[1])) for first in firsts]
    return found


def other_photos(source: Source, photo_id: str, generator: np.random.Generator) -> Iterator[str]:
    """Return the other photographs of the same split in random order."""
    split = _split_mates(source)[photo_id]
    return (split[index] for index in generator.permutation(len(split)) if split[index] != photo_id)


@lru_cache(maxsize=16)
def _split_mates(source: Source) -> dict[str, list[str]]:
    """Return the photographs of the same split for every photograph."""
    splits = [source.ids(split) for split in source.splits()]
    return {photo_id: ids for ids in splits for photo_id in ids}


def choose(regions: Sequence[Region], generator: np.random.Generator) -> Region:
    """Return one of the regions, each equally likely."""
    return regions[int(generator.integers(len(regions)))]


def check_parts(recipe: Mapping[str, Any], parts: Mapping[str, Shape]) -> None:
    """Raise ParameterError unless a recipe has exactly these parts, DataError unless each has its shape."""
    if set(recipe) != set(parts):
        raise ParameterError(f"a malformed recipe: it needs {', '.join(sorted(parts))}; draw it again")
    check_shape(recipe, dict(parts), "a malformed recipe", advice="draw it again")


def replay(source: Source, photo: Photo, recipe: Mapping[str, Any], own_parts: Mapping[str, Shape]) -> Composite:
    """Return the composite of a recipe that was kept; own_parts: of its composer. Errors as in ``check_parts`` and ``recolor``."""
    check_parts(recipe, {**RECOLORING, **own_parts})
    return recolor(source, photo, recipe)


def recolor(source: Source, photo: Photo, recipe: Mapping[str, Any]) -> Composite:
    """Return the composite that a recipe describes; its part "seed", if any, is for transfers that draw.

    Raises DataError for a photograph or a region that is not there, ParameterError for an unknown transfer.
    """
    from harmlib.transfers import transfer

    other = source.load(recipe["reference"]["photo"])
    mask, reference_mask = find_mask(photo, recipe["foreground"]), find_mask(other, recipe["reference"])
    image = transfer(recipe["transfer"], photo.image, mask, other.image, reference_mask, seed=recipe.get("seed", 0))
    return Composite(image, photo.image, mask, mask.astype(np.uint8), dict(recipe), degraded=False)


def find_mask(photo: Photo, region: Mapping[str, Any]) -> np.ndarray:
    """Return the mask, bool (H, W), of a recipe's region; raises DataError when the photograph does not have it."""
    mask: np.ndarray = photo.labels == region["label"]
    first = region["component"]
    if first is not None and len(first) != 2:
        raise DataError(f"a malformed recipe: {first} is no row and column of a pixel; draw it again")
    if first is not None:
        _, pieces = cv2.connectedComponents(mask.view(np.uint8))
        row, column = first
        mask &= np.isin(pieces, pieces[row : row + 1, column : column + 1])  # no piece at all outside of the picture
    if not mask.any():
        raise DataError(f'"{photo.id}" lacks the region {region["label"]} that the recipe names: use the photographs it was drawn for')
    return mask


def describe_recipe(recipe: Recipe, regions: Mapping[int, str]) -> str:
    """Return one line: what took its colors from what, and how; ``regions``: the source's names by id."""
    foreground, reference = (regions.get(recipe[part]["label"], f"region {recipe[part]['label']}") for part in ("foreground", "reference"))
    return f'{foreground}: {recipe["transfer"].replace("_", " ")} from {reference} of "{recipe["reference"]["photo"]}"'
