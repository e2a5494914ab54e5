"""How one composite is made from one photograph: a composer per family of benchmarks.

A composer is a function ``(source, photo_id, draw, seed, recipe=None, **options) -> Composite``. It derives every random choice
from (seed, photo id, draw), so neither workers nor interruptions change what it makes; given a recipe it draws nothing
and replays that. It raises ``Skipped`` with the reason when no composite can be made; the builder counts these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from harmlib.registry import Registry


class Skipped(Exception):  # noqa: N818 (it is a decision of the benchmark's rules, not an error)
    """A composite that the rules of a benchmark leave out; the message is the reason that is counted."""


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


COMPOSERS: Registry[_Entry] = Registry("composer", "harmlib.data.composers")


def composer(name: str, *, describe: Describer, online: bool = True) -> Callable[[Composer], Composer]:
    """Register a composer under ``name``; raises ParameterError if the name is taken.

    describe: returns a recipe in words, given the regions' names by id.
    online: it skips only photographs that ``is_usable`` rules out beforehand, so that training may draw new composites at every visit.
    """

    def add(function: Composer) -> Composer:
        COMPOSERS.add(name, _Entry(function, describe, online))
        return function

    return add


def get_composer(name: str) -> Composer:
    """Return the composer ``name``; raises ParameterError that lists the known ones."""
    return COMPOSERS.get(name).function


def composes_online(name: str) -> bool:
    """Tell whether training may draw new composites at every visit; raises ParameterError for an unknown composer."""
    return COMPOSERS.get(name).online


def describe_recipe(name: str, recipe: Recipe, regions: Mapping[int, str]) -> str:
    """Return a recipe of the composer ``name`` in words; raises ParameterError for an unknown composer.

    regions: region id -> name, as the composer counts ids; a region without one is called by its id.
    """
    if name == PUBLISHED:
        return "published without a recipe"
    return COMPOSERS.get(name).describe(recipe, regions)
