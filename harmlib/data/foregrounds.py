"""iHarmony4-style composites: one foreground takes the colors of a region in another photograph (specs/iharmony4.md, Synthesis).

A foreground is a connected piece of a labeled region, or the whole region where it reaches 1 % of the picture and none of its pieces does.
A recipe holds everything that was drawn, labels being the source's own ids, and a piece being told by its first pixel in row order:

    {"foreground": {"label": 7, "component": [120, 33]}, "reference": {"photo": "0012", "label": 7, "component": null},
     "transfer": "reinhard", "seed": 123456}

iHarmony4 read: four transfers make HCOCO and HFlickr. Its filtering rules and its choice of references were not read; those here are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import cv2
import numpy as np

from harmlib.data.composers import Composite, Neglected, Recipe, composer
from harmlib.data.photos import Photo, Source
from harmlib.errors import DataError, ParameterError
from harmlib.seeds import item_generator, item_seed

SMALLEST_SHARE = 0.01  # of the picture
LOOKED_THROUGH = 40  # photographs, for one reference
MOST_CLIPPED = 0.1  # of the foreground
FMSE_RANGE = (50.0, 8000.0)
SEEDS = 2**32

NO_FOREGROUND = "no region of 1 %"
NO_REFERENCE = "no reference"
CLIPPED = "more than 10 % clipped"
TOO_CLOSE = "fMSE below 50"
TOO_FAR = "fMSE above 8000"

PARTS = {"foreground", "reference", "transfer", "seed"}


class Region(NamedTuple):
    """A labeled region of a photograph: the piece whose first pixel (row, column) is ``component``, or all of it for None."""

    label: int
    component: tuple[int, int] | None


def describe_recipe(recipe: Recipe, regions: Mapping[int, str]) -> str:
    """Return one line: what took its colors from what, and how; ``regions``: the source's names by id."""
    foreground, reference = (regions.get(recipe[part]["label"], f"region {recipe[part]['label']}") for part in ("foreground", "reference"))
    return f'{foreground}: {recipe["transfer"].replace("_", " ")} from {reference} of "{recipe["reference"]["photo"]}"'


@composer("iharmony4", describe=describe_recipe, online=False)
def compose_iharmony4(source: Source, photo_id: str, draw: int, seed: int, recipe: Recipe | None = None) -> Composite:
    """Return a photograph with one foreground recolored after a region of another photograph of its split.

    draw: four in a row are the four transfers, each with a foreground and a reference of its own; which one a photograph begins with is
    drawn, so that fewer draws hold all four too.
    recipe: replayed whatever it leads to; drawn ones must keep the rules below.

    Raises Neglected when no region, or no region of another photograph, reaches 1 % of its picture; when more than 10 % of the
    foreground clips (pixels with a channel at 0 or 255 that was another value before); and when the foreground's mean squared error,
    over three 8-bit channels, is below 50, where hardly anything changed, or above 8000, where little of the photograph is left.
    """
    photo = source.load(photo_id)
    if recipe is not None:
        return apply_recipe(source, photo, recipe)
    composite = apply_recipe(source, photo, draw_recipe(source, photo_id, draw, seed))
    _check_change(composite)
    return composite


def draw_recipe(source: Source, photo_id: str, draw: int, seed: int) -> Recipe:
    """Return a JSON-able recipe, drawn from (seed, photo, draw); raises Neglected without a foreground or a reference."""
    from harmlib.transfers import TRANSFERS

    generator = item_generator(seed, photo_id, draw)
    regions = find_regions(source, photo_id)
    if not regions:
        raise Neglected(NO_FOREGROUND)
    foreground = _choose(regions, generator)
    other, reference = _draw_reference(source, photo_id, foreground.label, generator)
    return {
        "foreground": _entry(foreground),
        "reference": {"photo": other, **_entry(reference)},
        "transfer": TRANSFERS[(draw + item_seed(seed, photo_id)) % len(TRANSFERS)],
        "seed": int(generator.integers(SEEDS)),
    }


def apply_recipe(source: Source, photo: Photo, recipe: Mapping[str, Any]) -> Composite:
    """Return the composite that a recipe describes.

    Raises DataError for a photograph or a region that is not there, ParameterError for a malformed recipe or an unknown transfer.
    """
    from harmlib.transfers import transfer

    if set(recipe) != PARTS:
        raise ParameterError(f"a malformed recipe: it needs {', '.join(sorted(PARTS))}; draw it again")
    other = source.load(recipe["reference"]["photo"])
    mask, reference_mask = _mask(photo, recipe["foreground"]), _mask(other, recipe["reference"])
    image = transfer(recipe["transfer"], photo.image, mask, other.image, reference_mask, seed=recipe["seed"])
    return Composite(image, photo.image, mask, mask.astype(np.uint8), dict(recipe), degraded=False)


@lru_cache(maxsize=2**16)
def find_regions(source: Source, photo_id: str) -> tuple[Region, ...]:
    """Return what may be a foreground or a reference: all pieces of 1 % of the picture, and regions that reach it only as a whole.

    Remembered for every photograph, because a reference is looked for in many.
    """
    labels = source.load(photo_id).labels
    counts = np.bincount(labels.ravel())
    regions: list[Region] = []
    for label in np.flatnonzero(counts >= max(1, SMALLEST_SHARE * labels.size)).tolist():
        if label != source.no_object:
            pieces = [Region(label, first) for first in _first_pixels(labels == label)]
            regions += pieces or [Region(label, None)]
    return tuple(regions)


def _first_pixels(mask: np.ndarray) -> list[tuple[int, int]]:
    """Return the first pixel in row order of every connected piece (8 neighbors) that reaches 1 % of the picture, in that order."""
    _, pieces, statistics, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8))
    large = np.flatnonzero(statistics[1:, cv2.CC_STAT_AREA] >= SMALLEST_SHARE * mask.size) + 1
    firsts = sorted(int(np.argmax(pieces.ravel() == piece)) for piece in large)
    return [divmod(first, mask.shape[1]) for first in firsts]


def _draw_reference(source: Source, photo_id: str, label: int, generator: np.random.Generator) -> tuple[str, Region]:
    """Return another photograph of the split, and one of its regions: of class ``label`` if possible, else any.

    Looks through up to 40 photographs in random order for the class; ids without meaning match at once. Without a match the first
    photograph with any region serves. Raises Neglected when there is none.
    """
    split = _split_mates(source)[photo_id]
    others = (split[place] for place in generator.permutation(len(split)) if split[place] != photo_id)
    spare: tuple[str, Region] | None = None
    for other in islice(others, LOOKED_THROUGH):
        regions = find_regions(source, other)
        same = [region for region in regions if region.label == label or not source.classes]
        if same:
            return other, _choose(same, generator)
        if regions and spare is None:
            spare = other, _choose(regions, generator)
    if spare is None:
        raise Neglected(NO_REFERENCE)
    return spare


@lru_cache(maxsize=16)
def _split_mates(source: Source) -> dict[str, list[str]]:
    """Return the photographs of the same split for every photograph."""
    splits = [source.ids(split) for split in source.splits()]
    return {photo_id: ids for ids in splits for photo_id in ids}


def _choose(regions: Sequence[Region], generator: np.random.Generator) -> Region:
    """Return one of the regions, all alike."""
    return regions[int(generator.integers(len(regions)))]


def _entry(region: Region) -> dict[str, Any]:
    """Return a region as it stands in a recipe."""
    return {"label": region.label, "component": region.component and list(region.component)}


def _mask(photo: Photo, entry: Mapping[str, Any]) -> np.ndarray:
    """Return the mask, bool (H, W), of a recipe's region; raises DataError when the photograph does not have it."""
    mask: np.ndarray = photo.labels == entry["label"]
    first = entry["component"]
    if first is not None:
        _, pieces = cv2.connectedComponents(mask.view(np.uint8))
        row, column = first
        mask &= np.isin(pieces, pieces[row : row + 1, column : column + 1])  # no piece at all outside of the picture
    if not mask.any():
        raise DataError(f'"{photo.id}" lacks the region {entry["label"]} that the recipe names: use the photographs it was drawn for')
    return mask


def _check_change(composite: Composite) -> None:
    """Raise Neglected when the foreground clips or changed too little or too much."""
    before, after = composite.target[composite.mask], composite.image[composite.mask]  # (N, 3)
    clipped = ((after == 0) | (after == 255)) & (after != before)
    if clipped.any(axis=1).mean() > MOST_CLIPPED:
        raise Neglected(CLIPPED)
    fmse = np.mean((after.astype(np.float32) - before) ** 2, dtype=np.float64)
    if fmse < FMSE_RANGE[0]:
        raise Neglected(TOO_CLOSE)
    if fmse > FMSE_RANGE[1]:
        raise Neglected(TOO_FAR)
