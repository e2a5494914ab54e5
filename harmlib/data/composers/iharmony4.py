"""iHarmony4-style composites: one foreground takes the colors of a region in another photograph (docs/methods/composites.md).

A foreground is a connected piece of a labeled region, or the whole region where it reaches 1 % of the picture and none of its pieces does.
A recipe (``regions``) holds everything that was drawn, the seed of a transfer that draws included.

From iHarmony4: the four transfers of HCOCO and HFlickr. Its filtering rules and its choice of references we have not read; these are ours.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import islice

import numpy as np

from harmlib.data.composers.base import Composite, Recipe, Skipped, composer
from harmlib.data.composers.regions import NO_REFERENCE, Region, choose, describe_recipe, large_pieces, other_photos, recolor, replay
from harmlib.data.photos import Source
from harmlib.seeds import item_generator, item_seed

SMALLEST_SHARE = 0.01  # of the picture
LOOKED_THROUGH = 40  # photographs, for one reference
MOST_CLIPPED = 0.1  # of the foreground
FMSE_RANGE = (50.0, 8000.0)
SEEDS = 2**32

NO_FOREGROUND = "no region of 1 %"
CLIPPED = "more than 10 % clipped"
TOO_CLOSE = "fMSE below 50"
TOO_FAR = "fMSE above 8000"

OWN_PARTS = {"seed": int}


@composer("iharmony4", describe=describe_recipe, online=False)
def compose_iharmony4(source: Source, photo_id: str, draw: int, seed: int, recipe: Recipe | None = None) -> Composite:
    """Return a photograph with one foreground recolored after a region of another photograph of its split.

    draw: four in a row are the four transfers, each with a foreground and a reference of its own; which comes first is drawn for each
    photograph, so that all four occur with fewer draws too.
    recipe: replayed whatever it leads to; drawn ones must keep the rules below.

    Raises Skipped when no region, or no region of another photograph, reaches 1 % of its picture; when more than 10 % of the
    foreground clips (pixels with a channel at 0 or 255 that was another value before); and when the foreground's mean squared error,
    over three 8-bit channels, is below 50, where hardly anything changed, or above 8000, where little of the photograph is left.
    """
    photo = source.load(photo_id)
    if recipe is not None:
        return replay(source, photo, recipe, OWN_PARTS)
    composite = recolor(source, photo, draw_recipe(source, photo_id, draw, seed))
    _check_change(composite)
    return composite


def draw_recipe(source: Source, photo_id: str, draw: int, seed: int) -> Recipe:
    """Return a JSON-able recipe, drawn from (seed, photo, draw); raises Skipped without a foreground or a reference."""
    from harmlib.transfers import TRANSFERS

    generator = item_generator(seed, photo_id, draw)
    regions = find_regions(source, photo_id)
    if not regions:
        raise Skipped(NO_FOREGROUND)
    foreground = choose(regions, generator)
    other, reference = _draw_reference(source, photo_id, foreground.label, generator)
    return {
        "foreground": foreground.entry(),
        "reference": {"photo": other, **reference.entry()},
        "transfer": TRANSFERS[(draw + item_seed(seed, photo_id)) % len(TRANSFERS)],
        "seed": int(generator.integers(SEEDS)),
    }


@lru_cache(maxsize=2**16)
def find_regions(source: Source, photo_id: str) -> tuple[Region, ...]:
    """Return what may be a foreground or a reference: all pieces of 1 % of the picture, and regions that reach it only as a whole.

    Remembered for every photograph, because a reference is looked for in many.
    """
    pieces = large_pieces(source.load(photo_id).labels, source.no_object, SMALLEST_SHARE)
    return tuple(region for label, found in pieces.items() for region in found or [Region(label, None)])


def _draw_reference(source: Source, photo_id: str, label: int, generator: np.random.Generator) -> tuple[str, Region]:
    """Return another photograph of the split, and one of its regions: of class ``label`` if possible, else any.

    Looks through up to 40 photographs in random order for the class; ids without meaning match at once. Without a match the first
    photograph with any region serves. Raises Skipped when there is none.
    """
    spare: tuple[str, Region] | None = None
    for other in islice(other_photos(source, photo_id, generator), LOOKED_THROUGH):
        regions = find_regions(source, other)
        same = [region for region in regions if region.label == label or not source.classes]
        if same:
            return other, choose(same, generator)
        if regions and spare is None:
            spare = other, choose(regions, generator)
    if spare is None:
        raise Skipped(NO_REFERENCE)
    return spare


def _check_change(composite: Composite) -> None:
    """Raise Skipped when the foreground clips or changed too little or too much."""
    before, after = composite.target[composite.mask], composite.image[composite.mask]  # (N, 3)
    clipped = ((after == 0) | (after == 255)) & (after != before)
    if clipped.any(axis=1).mean() > MOST_CLIPPED:
        raise Skipped(CLIPPED)
    fmse = np.mean((after.astype(np.float32) - before) ** 2, dtype=np.float64)
    if fmse < FMSE_RANGE[0]:
        raise Skipped(TOO_CLOSE)
    if fmse > FMSE_RANGE[1]:
        raise Skipped(TOO_FAR)
