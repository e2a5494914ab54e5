"""COCO-Exp: one object takes the luminance of an object of the same category in another photograph (no-reference paper, section 3.4).

Every photograph gives as many composites as the plan draws, each of one of its objects, all equally likely: as drawing a category by its
number of objects and then two of them, except that photographs with many objects do not come more often. Any source with class names will
do; benchmarks from other sources than COCO are titled "COCO-Exp-style".

Paper: annotated instances. Here: connected pieces of one class, because sources hold maps of classes: touching objects of one class are
one, and crowds are objects too.

A recipe (``regions``) also names the category and gives mean and deviation of L in the object, which replaying does not need:

    {..., "category": "cat", "luminance": {"before": [52.1, 14.9], "after": [70.3, 9.2]}}
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import lru_cache

import numpy as np

from harmlib.color import rgb_to_lab
from harmlib.data.composers.base import Composite, Recipe, Skipped, composer
from harmlib.data.composers.regions import NO_REFERENCE, Region, choose, describe_recipe, large_pieces, other_photos, recolor, replay
from harmlib.data.photos import Source
from harmlib.seeds import item_generator

SHARES = (400 / 256**2, 0.8)  # of the picture: at least 400 pixels at 256x256
SMALLEST_CHANGE = 1.0  # of L in the object, on average
ATTEMPTS = 10

NO_CATEGORIES = "regions without class names"
GRAY = "gray picture"
NO_OBJECT = "no object of 0.61 % to 80 %"
UNCHANGED = "L changed by less than 1"

OWN_PARTS = {"category": str, "luminance": {"before": [float], "after": [float]}}


@composer("coco_exp", describe=describe_recipe, online=False)
def compose_coco_exp(source: Source, photo_id: str, draw: int, seed: int, recipe: Recipe | None = None) -> Composite:
    """Return a photograph with mean and deviation of one object's L taken from an object of its category in another photograph.

    recipe: replayed whatever it leads to.
    Raises Skipped for a source without class names, a gray picture, one without an object of 0.61 % to 80 % of it, when no other
    photograph of the split has an object of the same category, and when ten draws all change L by less than 1 on average.
    """
    return _compose("reinhard_luminance", source, photo_id, draw, seed, recipe)


@composer("coco_exp_histogram", describe=describe_recipe, online=False)
def compose_coco_exp_histogram(source: Source, photo_id: str, draw: int, seed: int, recipe: Recipe | None = None) -> Composite:
    """Return the same with the whole distribution of L: from the same objects, unless a draw changed too little by one of the two."""
    return _compose("histogram_luminance", source, photo_id, draw, seed, recipe)


def _compose(transfer: str, source: Source, photo_id: str, draw: int, seed: int, recipe: Recipe | None) -> Composite:
    """Return a composite by one of the two transfers; raises Skipped as ``compose_coco_exp`` says."""
    photo = source.load(photo_id)
    if recipe is not None:
        return replay(source, photo, recipe, OWN_PARTS)
    if not source.classes:
        raise Skipped(NO_CATEGORIES)
    if _is_gray(photo.image):
        raise Skipped(GRAY)
    generator = item_generator(seed, photo_id, draw)
    for _ in range(ATTEMPTS):
        drawn = {**draw_objects(source, photo_id, generator), "transfer": transfer}
        composite = recolor(source, photo, drawn)
        before, after = (rgb_to_lab(picture[composite.mask])[:, 0] for picture in (composite.target, composite.image))
        if np.abs(after - before).mean() >= SMALLEST_CHANGE:
            return replace(composite, recipe={**drawn, "luminance": {"before": _moments(before), "after": _moments(after)}})
    raise Skipped(UNCHANGED)


def draw_objects(source: Source, photo_id: str, generator: np.random.Generator) -> Recipe:
    """Return what a recipe says of its two objects and their category.

    The whole split is searched for the category, photograph by photograph in random order, so rare ones are kept as well;
    a photograph counts once, however many such objects it has. An object whose category no other photograph has is not drawn.
    Raises Skipped without an object, and when no category of the photograph is in another one.
    """
    objects = find_objects(source, photo_id)
    if not objects:
        raise Skipped(NO_OBJECT)
    for index in generator.permutation(len(objects)):
        target = objects[index]
        for other in other_photos(source, photo_id, generator):
            same = [region for region in find_objects(source, other) if region.label == target.label]
            if same:
                reference = {"photo": other, **choose(same, generator).entry()}
                return {"foreground": target.entry(), "reference": reference, "category": source.classes[target.label]}
    raise Skipped(NO_REFERENCE)


@lru_cache(maxsize=2**17)
def find_objects(source: Source, photo_id: str) -> tuple[Region, ...]:
    """Return the connected pieces of classes that cover 0.61 % to 80 % of a photograph; none in a gray one.

    Remembered for every photograph, as many as COCO has, because an object of the same category is looked for in all.
    """
    photo = source.load(photo_id)
    if _is_gray(photo.image):
        return ()
    return tuple(itertools.chain.from_iterable(large_pieces(photo.labels, source.no_object, *SHARES).values()))


def _is_gray(image: np.ndarray) -> bool:
    """Tell whether a picture's three channels are equal."""
    return bool((image == image[..., :1]).all())


def _moments(luminance: np.ndarray) -> list[float]:
    """Return mean and population deviation as a recipe holds them."""
    return [round(float(luminance.mean()), 2), round(float(luminance.std()), 2)]
