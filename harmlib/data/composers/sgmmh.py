"""Sg-MMH's composites: several semantic regions of a photograph perturbed, each differently (Sg-MMH sec. 3.2)."""

from __future__ import annotations

import numpy as np

from harmlib.data.composers.base import NO_REGION, Composite, Recipe, Skipped, composer
from harmlib.data.composers.regions import object_labels
from harmlib.data.photos import Source
from harmlib.perturbations.sgmmh import apply_recipe, describe_recipe, draw_recipe
from harmlib.seeds import item_generator


@composer("sgmmh", describe=describe_recipe)
def compose_sgmmh(source: Source, photo_id: str, draw: int, seed: int, recipe: Recipe | None = None, *, space: str = "rgb") -> Composite:
    """Return a photograph with 0.2 n + 1 of its semantic regions perturbed, each differently (Sg-MMH sec. 3.2).

    space: "rgb", or "lab" for 8-bit LAB codes, in which noise, blur and JPEG then act on the LAB planes.

    Raises Skipped for a photograph without any labeled region, the paper's "images with no foreground".
    """
    photo = source.load(photo_id)
    labels = object_labels(photo, source.no_object)
    if not labels.any():
        raise Skipped(NO_REGION)
    recipe = recipe or draw_recipe(labels, item_generator(seed, photo_id, draw))
    result = apply_recipe(photo.image, labels, recipe, space=space)
    regions = np.where(result.mask, labels, 0).astype(np.uint8)
    return Composite(result.composite, result.target, result.mask.astype(bool), regions, recipe, degraded=bool(recipe["background"]))
