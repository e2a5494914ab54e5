"""How one composite is made from one photograph: a composer per family of benchmarks.

A composer is a function ``(source, photo_id, draw, seed, recipe=None, **options) -> Composite``. It derives every random choice
from (seed, photo id, draw), so neither workers nor interruptions change what it makes; given a recipe it draws nothing
and replays that. It raises ``Neglected`` with the reason when no composite can be made; the builder counts these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from harmlib.data.photos import Photo, Source
from harmlib.errors import ParameterError
from harmlib.seeds import item_generator


class Neglected(Exception):  # noqa: N818 (it is a decision of the benchmark's rules, not an error)
    """A composite that the rules of a benchmark leave out; the message is the reason that gets counted."""


@dataclass(frozen=True)
class Composite:
    """One composite with everything needed to explain it.

    image, target: uint8 RGB (H, W, 3), or 8-bit LAB codes where the composer was asked for them.
    mask: bool (H, W), the union of the perturbed regions; regions: uint8 (H, W), their ids, 0 elsewhere
    (a single foreground is region 1).
    recipe: JSON-able, replays the composite.
    degraded: the target is not the photograph itself but a degraded copy of it.
    stops: the exposure shift of the regions, for composers that make nothing else; detectors learn from it.
    """

    image: np.ndarray
    target: np.ndarray
    mask: np.ndarray
    regions: np.ndarray
    recipe: dict[str, Any]
    degraded: bool
    stops: float | None = None


NO_REGION = "no labeled region"
# The composer of a benchmark that somebody else composed.
PUBLISHED = "published"
Recipe = dict[str, Any]
Composer = Callable[..., Composite]
Describer = Callable[[Recipe, Mapping[int, str]], str]


class _Entry(NamedTuple):
    """A registered composer with what else is known of it."""

    function: Composer
    describe: Describer
    online: bool


_COMPOSERS: dict[str, _Entry] = {}


def composer(name: str, *, describe: Describer, online: bool = True) -> Callable[[Composer], Composer]:
    """Register a composer under ``name``; raises ParameterError if the name is taken.

    describe: returns a recipe in words, given the regions' names by id.
    online: it neglects only photographs that ``is_usable`` tells beforehand, so a training may draw new composites at every visit.
    """

    def add(function: Composer) -> Composer:
        if name in _COMPOSERS:
            raise ParameterError(f'composer "{name}" is registered twice')
        _COMPOSERS[name] = _Entry(function, describe, online)
        return function

    return add


def get_composer(name: str) -> Composer:
    """Return the composer ``name``; raises ParameterError that lists the known ones."""
    return _find(name).function


def composes_online(name: str) -> bool:
    """Tell whether a training may draw new composites at every visit; raises ParameterError for an unknown composer."""
    return _find(name).online


def describe_recipe(name: str, recipe: Recipe, regions: Mapping[int, str]) -> str:
    """Return a recipe of the composer ``name`` in words; raises ParameterError for an unknown composer.

    regions: region id -> name, as the composer counts ids; a region without one is called by its id.
    """
    if name == PUBLISHED:
        return "published without a recipe"
    return _find(name).describe(recipe, regions)


def _find(name: str) -> _Entry:
    """Return a composer's entry; raises ParameterError that lists the known ones."""
    import harmlib.data.coco_exp
    import harmlib.data.exposure
    import harmlib.data.foregrounds  # noqa: F401 (they register themselves, and need this module first)

    if name not in _COMPOSERS:
        raise ParameterError(f'there is no composer "{name}": choose one of {", ".join(sorted(_COMPOSERS))}')
    return _COMPOSERS[name]


def object_labels(photo: Photo, no_object: int | None) -> np.ndarray:
    """Return the label map (H, W) with 0 = no object and every object id kept apart from 0.

    Sg-MMH skips id 0 only (specs/sgmmh.md section 1), so sources that use 0 for an object are shifted by one.
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


def _describe_sgmmh(recipe: Recipe, regions: Mapping[int, str]) -> str:
    """Return what happens to each region, a line each."""
    from harmlib.perturbations import sgmmh

    return sgmmh.describe_recipe(recipe, regions)


@composer("sgmmh", describe=_describe_sgmmh)
def compose_sgmmh(source: Source, photo_id: str, draw: int, seed: int, recipe: Recipe | None = None, *, space: str = "rgb") -> Composite:
    """Return a photograph with 0.2 n + 1 of its semantic regions perturbed, each differently (Sg-MMH sec. 3.2).

    space: "rgb", or "lab" for 8-bit LAB codes, in which noise, blur and JPEG then act on the LAB planes.

    Raises Neglected for a photograph without any labeled region, the paper's "images with no foreground".
    """
    from harmlib.perturbations.sgmmh import apply_recipe, draw_recipe

    photo = source.load(photo_id)
    labels = object_labels(photo, source.no_object)
    if not labels.any():
        raise Neglected(NO_REGION)
    recipe = recipe or draw_recipe(labels, item_generator(seed, photo_id, draw))
    result = apply_recipe(photo.image, labels, recipe, space=space)
    regions = np.where(result.mask, labels, 0).astype(np.uint8)
    return Composite(result.composite, result.target, result.mask.astype(bool), regions, recipe, degraded=bool(recipe["background"]))
