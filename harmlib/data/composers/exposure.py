"""Exposure shifts of one region, what detectors of visible shifts learn from (docs/methods/perceptual.md).

A region is a connected piece of 1 to 60 % of the picture, or a labeled region of that size whose pieces are all below 1 %; where a
photograph has neither, the labeled region whose size comes nearest. Its edge is eroded or feathered by up to 2 pixels.

``exposure`` draws one of three equally likely classes: a shift that people see as darker, one that they see as brighter, and one between
the two thresholds, which are the study's medians. ``exposure_lognormal`` does so with a pair of thresholds for each photograph, from the
study's fit; ``exposure_csv`` with the pairs in ``thresholds.csv`` beside the photographs (``harmlib.data.composers.thresholds``).
``exposure_uniform`` draws any shift, for the self-supervised step that may come before.

    {"region": {"label": 7, "component": [120, 33]}, "edge": -2, "thresholds": [-0.215, 0.205], "stops": -0.61}

edge: pixels, below 0 eroded, above 0 feathered. stops: the shift.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import cv2
import numpy as np

from harmlib.data.composers.base import NO_REGION, Composite, Recipe, Skipped, composer
from harmlib.data.composers.iharmony4 import SMALLEST_SHARE
from harmlib.data.composers.regions import REGION, Region, check_parts, choose, find_mask, large_labels, large_pieces
from harmlib.data.composers.thresholds import (
    CONSTANT,
    FILE,
    MAX_STOPS,
    NEGATIVE,
    NONE,
    Thresholds,
    classify,
    lognormal_thresholds,
    read_thresholds,
)
from harmlib.data.photos import Photo, Source
from harmlib.errors import DataError
from harmlib.perturbations import check_numbers
from harmlib.perturbations.exposure import shift_exposure
from harmlib.seeds import item_generator

LARGEST_SHARE = 0.6
MAX_EDGE = 2  # pixels
PARTS = {"region": REGION, "edge": int, "thresholds": [float], "stops": float}

Draw = Callable[[Thresholds, np.random.Generator], float]


def draw_class(thresholds: Thresholds, generator: np.random.Generator) -> float:
    """Return a shift in stops, of one of the three classes, each equally likely.

    Between the thresholds all shifts are equally likely; beyond them a shift lies z = (3^u - 1) / 2 of the way from the threshold to
    log2 10, which favors barely visible ones. The released code draws darkening from the far end instead, so that only
    brightening clusters at its threshold. Here: both do.
    """
    shifted, (negative, positive) = generator.integers(3), thresholds
    if shifted == NONE:
        return float(generator.uniform(negative, positive))
    threshold, end = (negative, -MAX_STOPS) if shifted == NEGATIVE else (positive, MAX_STOPS)
    z = (3 ** (1 - generator.random()) - 1) / 2  # in (0, 1]: the threshold itself is not seen
    return float(threshold + z * (end - threshold))


def draw_any(thresholds: Thresholds, generator: np.random.Generator) -> float:
    """Return a shift, uniform from log2 0.1 to log2 10 stops, whatever the thresholds."""
    return float(generator.uniform(-MAX_STOPS, MAX_STOPS))


def describe_recipe(recipe: Recipe, regions: Mapping[int, str]) -> str:
    """Return one line: which region went how far, and whether that is seen; ``regions``: the source's names by id."""
    label, edge, stops = recipe["region"]["label"], recipe["edge"], recipe["stops"]
    thresholds = Thresholds(*recipe["thresholds"])
    treated = f", {'eroded' if edge < 0 else 'feathered'} by {abs(edge)} px" if edge else ""
    threshold, direction = (thresholds.negative, "darker") if stops < 0 else (thresholds.positive, "brighter")
    side = "within" if classify(stops, thresholds) == NONE else "beyond"
    shift = f"{abs(stops):.2f} stops {direction}, {side} the threshold of {abs(threshold):.2f}"
    return f"{regions.get(label, f'region {label}')}{treated}: {shift}"


@composer("exposure", describe=describe_recipe)
def compose_exposure(source: Source, photo_id: str, draw: int, seed: int, recipe: Recipe | None = None) -> Composite:
    """Return a photograph with one region of one of three classes, thresholds being the study's medians.

    Its regions are 1 where people see it darker, 2 brighter, 3 no change. The mask is where the region prevails over its feathering.
    Raises Skipped for a photograph without any labeled region.
    """
    return _compose(source, photo_id, recipe, lambda: draw_recipe(source, photo_id, draw, seed, CONSTANT))


@composer("exposure_lognormal", describe=describe_recipe)
def compose_lognormal(source: Source, photo_id: str, draw: int, seed: int, recipe: Recipe | None = None) -> Composite:
    """Return what ``compose_exposure`` does, with the photograph's own thresholds, drawn from the study's fit."""
    return _compose(source, photo_id, recipe, lambda: draw_recipe(source, photo_id, draw, seed, lognormal_thresholds(photo_id)))


@composer("exposure_csv", describe=describe_recipe)
def compose_csv(source: Source, photo_id: str, draw: int, seed: int, recipe: Recipe | None = None) -> Composite:
    """Return what ``compose_exposure`` does, with the thresholds of ``thresholds.csv`` in the source's folder.

    Raises DataError when that file is missing or lacks the photograph, else as ``compose_exposure`` does.
    """
    return _compose(source, photo_id, recipe, lambda: draw_recipe(source, photo_id, draw, seed, _look_up(source, photo_id)))


@composer("exposure_uniform", describe=describe_recipe)
def compose_uniform(source: Source, photo_id: str, draw: int, seed: int, recipe: Recipe | None = None) -> Composite:
    """Return a photograph with one region shifted by anything from log2 0.1 to log2 10 stops, else as ``compose_exposure`` does."""
    return _compose(source, photo_id, recipe, lambda: draw_recipe(source, photo_id, draw, seed, CONSTANT, draw_stops=draw_any))


def _compose(source: Source, photo_id: str, recipe: Recipe | None, draw: Callable[[], Recipe]) -> Composite:
    """Return the composite of a recipe, or of one that is drawn."""
    return apply_recipe(source.load(photo_id), draw() if recipe is None else recipe)


def draw_recipe(source: Source, photo_id: str, draw: int, seed: int, thresholds: Thresholds, *, draw_stops: Draw = draw_class) -> Recipe:
    """Return a JSON-able recipe, drawn from (seed, photo, draw); raises Skipped without any labeled region."""
    generator = item_generator(seed, photo_id, draw)
    return {
        "region": choose(find_regions(source, photo_id), generator).entry(),
        "edge": int(generator.integers(-MAX_EDGE, MAX_EDGE + 1)),
        "thresholds": list(thresholds),
        "stops": draw_stops(thresholds, generator),
    }


def apply_recipe(photo: Photo, recipe: Recipe) -> Composite:
    """Return the composite of a recipe; raises DataError for a region that is not there, ParameterError for a malformed recipe."""
    check_parts(recipe, PARTS)
    check_numbers("the edge of a recipe", [recipe["edge"]], -MAX_EDGE, MAX_EDGE)
    check_numbers("the shift of a recipe", [recipe["stops"]], -MAX_STOPS, MAX_STOPS)
    if len(recipe["thresholds"]) != len(CONSTANT):
        raise DataError("a malformed recipe: it needs a negative and a positive threshold; draw it again")
    weights = _treat_edge(find_mask(photo, recipe["region"]), recipe["edge"])
    image = shift_exposure(photo.image, weights, recipe["stops"])
    mask = weights >= 0.5
    regions = mask * np.uint8(1 + classify(recipe["stops"], Thresholds(*recipe["thresholds"])))
    return Composite(image, photo.image, mask, regions, dict(recipe), degraded=False, stops=recipe["stops"])


@lru_cache(maxsize=2**16)
def find_regions(source: Source, photo_id: str) -> tuple[Region, ...]:
    """Return what may be shifted, remembered for every photograph; raises Skipped without any labeled region."""
    labels = source.load(photo_id).labels
    shares = np.bincount(labels.ravel()) / labels.size  # by id
    regions: list[Region] = []
    for label, pieces in large_pieces(labels, source.no_object, SMALLEST_SHARE, LARGEST_SHARE).items():
        regions += pieces or ([Region(label, None)] if shares[label] <= LARGEST_SHARE else [])
    if regions:
        return tuple(regions)
    others = large_labels(labels, source.no_object, 0)
    if not others:
        raise Skipped(NO_REGION)
    nearest = min(others, key=lambda label: max(SMALLEST_SHARE - shares[label], shares[label] - LARGEST_SHARE))
    return (Region(nearest, None),)


def _treat_edge(mask: np.ndarray, edge: int) -> np.ndarray:
    """Return a mask's weights, float32 (H, W), eroded by -edge or feathered by edge pixels; one too thin for that keeps its edge."""
    side = 2 * abs(edge) + 1
    if edge < 0:
        weights = cv2.erode(mask.view(np.uint8), np.ones((side, side), np.uint8)).astype(np.float32)
    else:  # sums are exact, a normalized filter's weights need not add up to 1
        weights = cv2.boxFilter(mask.view(np.uint8), cv2.CV_32F, (side, side), normalize=False) / np.float32(side**2)
    return weights if (weights >= 0.5).any() else mask.astype(np.float32)


def _look_up(source: Source, photo_id: str) -> Thresholds:
    """Return a photograph's line of the source's thresholds.csv."""
    folder = source.folder
    if folder is None:
        raise DataError(f'"{source.name}" has no folder for a {FILE}: use the composer exposure or exposure_lognormal')
    thresholds = read_thresholds(folder / FILE)
    if photo_id not in thresholds:
        raise DataError(f'"{folder / FILE}" has no line for the photograph "{photo_id}": add one, or use the composer exposure_lognormal')
    return thresholds[photo_id]
