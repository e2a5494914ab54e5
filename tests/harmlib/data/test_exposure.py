"""Composers of exposure shifts: which region, how far, in which class, and the same to the byte again."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from harmlib.data.benchmarks import BenchmarkPlan, build_benchmark
from harmlib.data.built import replay
from harmlib.data.composers.base import NO_REGION, Skipped, describe_recipe, get_composer
from harmlib.data.composers.exposure import (
    compose_csv,
    compose_exposure,
    compose_lognormal,
    compose_uniform,
    draw_any,
    draw_class,
    find_regions,
)
from harmlib.data.composers.regions import Region, is_usable
from harmlib.data.composers.thresholds import CONSTANT, MAX_STOPS, NEGATIVE, NONE, POSITIVE, Thresholds, classify, lognormal_thresholds
from harmlib.data.datasets import OnlineComposites, ResizedSource
from harmlib.data.pairs import read_pairs
from harmlib.data.photos import Photo, Source
from harmlib.errors import DataError, ParameterError
from harmlib.io.images import read_image
from harmlib.perturbations.exposure import shift_exposure

SHAPE = (40, 50)
NAMES = ("exposure", "exposure_lognormal", "exposure_uniform")


class OnePhoto(Source):
    """A gray photograph "p0" with a label map of choice, 0 being no object."""

    kind = "memory"
    name, no_object, classes, folder = "memory", 0, {1: "sky", 2: "sea"}, None

    def __init__(self, labels: np.ndarray) -> None:
        self._labels = labels

    def splits(self) -> tuple[str, ...]:
        return ("train",)

    def ids(self, split: str) -> list[str]:
        return ["p0"]

    def load(self, photo_id: str) -> Photo:
        return Photo(photo_id, np.full((*self._labels.shape, 3), 119, np.uint8), self._labels, self.classes)

    def fingerprint(self) -> str:
        return "memory"


def rectangle(rows: slice, columns: slice, label: int = 1) -> np.ndarray:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[rows, columns] = label
    return labels


@pytest.fixture
def square() -> OnePhoto:
    """A photograph with one region, 10 % of it."""
    return OnePhoto(rectangle(slice(10, 30), slice(20, 30)))


def shifts(draw, thresholds: Thresholds = CONSTANT, count: int = 6000) -> np.ndarray:
    generator = np.random.default_rng(7)
    return np.array([draw(thresholds, generator) for _ in range(count)])


def test_the_three_classes_are_equally_frequent():
    classes = [classify(stops, CONSTANT) for stops in shifts(draw_class)]

    assert np.bincount(classes) / len(classes) == pytest.approx([1 / 3] * 3, abs=0.025)  # four standard errors


def test_classed_shifts_stay_between_a_tenth_and_ten_times():
    stops = shifts(draw_class)

    assert stops.min() >= -math.log2(10)
    assert stops.max() <= math.log2(10)


@pytest.mark.parametrize("thresholds", [CONSTANT, Thresholds(-0.9, 0.05)])
def test_seen_shifts_cluster_at_both_thresholds_alike(thresholds):
    stops = shifts(draw_class, thresholds)

    darker, brighter = stops[stops < thresholds.negative], stops[stops > thresholds.positive]

    # The median of z = (3^u - 1) / 2 lies at u = 1/2.
    for ways in (
        (thresholds.negative - darker) / (thresholds.negative + MAX_STOPS),
        (brighter - thresholds.positive) / (MAX_STOPS - thresholds.positive),
    ):
        assert np.median(ways) == pytest.approx((math.sqrt(3) - 1) / 2, abs=0.03)


def test_shifts_that_are_not_seen_are_uniform_between_the_thresholds():
    stops = shifts(draw_class, Thresholds(-0.4, 0.1))

    unseen = stops[(stops >= -0.4) & (stops <= 0.1)]

    assert np.quantile(unseen, [0.25, 0.5, 0.75]) == pytest.approx([-0.275, -0.15, -0.025], abs=0.025)


def test_any_shift_is_uniform_and_ignores_the_thresholds():
    stops = shifts(draw_any)

    assert np.quantile(stops, [0, 0.25, 0.5, 0.75, 1]) == pytest.approx(MAX_STOPS * np.array([-1, -0.5, 0, 0.5, 1]), abs=0.12)


@pytest.mark.parametrize("name", NAMES)
def test_recipes_replay_to_the_byte(folder_source, name):
    compose = get_composer(name)

    drawn = compose(folder_source, "p_0", 3, 5)
    again = compose(folder_source, "p_0", 0, 0, json.loads(json.dumps(drawn.recipe)))

    assert all(np.array_equal(getattr(drawn, part), getattr(again, part)) for part in ("image", "target", "mask", "regions"))
    assert (again.recipe, again.stops) == (drawn.recipe, drawn.stops)


def test_a_draw_repeats_and_the_next_differs(folder_source):
    first, again, other = (compose_exposure(folder_source, "p_0", draw, 5).recipe for draw in (1, 1, 2))

    assert first == again != other


@pytest.mark.parametrize(("stops", "region"), [(-0.5, NEGATIVE + 1), (0.5, POSITIVE + 1), (-0.1, NONE + 1), (0.1, NONE + 1)])
def test_regions_tell_the_class_and_nothing_outside_the_mask(square, stops, region):
    recipe = {**compose_exposure(square, "p0", 0, 5).recipe, "stops": stops}

    composite = compose_exposure(square, "p0", 0, 5, recipe)

    assert np.array_equal(composite.regions, composite.mask * region)
    assert composite.stops == stops


def test_the_region_is_shifted_by_the_stops(square):
    recipe = {"region": {"label": 1, "component": [10, 20]}, "edge": 0, "thresholds": [-0.2, 0.2], "stops": -1.0}

    composite = compose_exposure(square, "p0", 0, 5, recipe)

    assert np.array_equal(composite.mask, square.load("p0").labels == 1)
    assert np.array_equal(composite.image, shift_exposure(composite.target, composite.mask, -1.0))


@pytest.mark.parametrize(
    ("edge", "pixels", "touched"), [(-2, 16 * 6, 16 * 6), (-1, 18 * 8, 18 * 8), (0, 200, 200), (1, 196, 22 * 12), (2, 188, 24 * 14)]
)
def test_edges_are_eroded_or_feathered_by_pixels(square, edge, pixels, touched):
    # Feathering rounds the corners off: of 9 pixels around one, 4 are inside; of 25 around it and its neighbors, 9 and 12.
    recipe = {"region": {"label": 1, "component": [10, 20]}, "edge": edge, "thresholds": [-0.2, 0.2], "stops": 3.0}

    composite = compose_exposure(square, "p0", 0, 5, recipe)

    assert composite.mask.sum() == pixels
    assert (composite.image != composite.target).any(2).sum() == touched


@pytest.mark.parametrize("edge", [-1, 2])
def test_a_region_too_thin_for_its_edge_keeps_it(edge):
    source = OnePhoto(rectangle(slice(5, 6), slice(0, 50)))
    recipe = {"region": {"label": 1, "component": None}, "edge": edge, "thresholds": [-0.2, 0.2], "stops": 3.0}

    composite = compose_exposure(source, "p0", 0, 5, recipe)

    assert np.array_equal(composite.mask, source.load("p0").labels == 1)


def test_every_edge_is_drawn(square):
    assert {compose_exposure(square, "p0", draw, 5).recipe["edge"] for draw in range(60)} == {-2, -1, 0, 1, 2}


def test_pieces_of_1_to_60_percent_are_regions():
    labels = rectangle(slice(0, 24), slice(0, 50), 1)  # exactly 60 %
    labels[30:32, 0:10] = 1
    labels[36:38, 0:10] = 2
    labels[36:38, 20:29] = 2  # 0.9 %

    assert find_regions(OnePhoto(labels), "p0") == (Region(1, (0, 0)), Region(1, (30, 0)), Region(2, (36, 0)))


def test_a_scattered_region_is_taken_whole():
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[::4, ::4] = 1

    assert find_regions(OnePhoto(labels), "p0") == (Region(1, None),)


@pytest.mark.parametrize(
    "labels",
    [
        rectangle(slice(0, 25), slice(0, 50)),
        rectangle(slice(0, 3), slice(0, 6)),
        np.where(rectangle(slice(0, 4), slice(0, 4)) > 0, 1, rectangle(slice(5, 40), slice(0, 50), 2)),  # 0.8 % beside 87.5 %
        np.where(rectangle(slice(0, 1), slice(0, 1)) > 0, 2, rectangle(slice(1, 30), slice(0, 42))),  # one pixel beside 60.9 %
    ],
    ids=["too large", "too small", "small is nearer", "large is nearer"],
)
def test_without_a_region_of_that_size_the_nearest_serves(labels):
    source = OnePhoto(labels.astype(np.uint8))

    assert is_usable(source, "p0")
    assert find_regions(source, "p0") == (Region(1, None),)


def test_no_labeled_region_is_neglected_as_is_usable_tells():
    source = OnePhoto(np.zeros(SHAPE, dtype=np.uint8))

    assert not is_usable(source, "p0")
    with pytest.raises(Skipped, match=NO_REGION):
        compose_exposure(source, "p0", 0, 5)


def test_lognormal_composites_keep_their_photographs_thresholds(folder_source):
    recipes = [
        compose_lognormal(folder_source, photo, draw, seed).recipe for photo, draw, seed in (("p_0", 0, 1), ("p_0", 3, 2), ("p_3", 0, 1))
    ]

    assert [recipe["thresholds"] for recipe in recipes] == [list(lognormal_thresholds(photo)) for photo in ("p_0", "p_0", "p_3")]


def test_uniform_composites_reach_beyond_the_classes(square):
    stops = [compose_uniform(square, "p0", draw, 5).stops for draw in range(40)]

    assert np.mean(np.abs(stops) > 1) > 0.5  # 70 % of them, 32 % of the classes'


@pytest.fixture
def measured(square, tmp_path) -> OnePhoto:
    """The photograph in a folder with thresholds of its own."""
    (tmp_path / "thresholds.csv").write_text("image,negative_threshold,positive_threshold\np0.png,0.5,2\n")
    square.folder = tmp_path
    return square


def test_measured_thresholds_stand_beside_the_photographs(measured):
    assert compose_csv(measured, "p0", 0, 5).recipe["thresholds"] == [-1.0, 1.0]


def test_a_photograph_without_measured_thresholds_is_one_sentence(measured):
    with pytest.raises(DataError, match=r'thresholds\.csv" has no line for the photograph "p1": add one'):
        compose_csv(measured, "p1", 0, 5)


def test_a_source_without_a_folder_has_no_measured_thresholds(square):
    with pytest.raises(DataError, match=r'"memory" has no folder for a thresholds\.csv: use the composer exposure or exposure_lognormal'):
        compose_csv(square, "p0", 0, 5)


@pytest.mark.parametrize("recipe", [{}, {"region": {"label": 1, "component": None}, "stops": 1.0}])
def test_a_malformed_recipe_is_one_sentence(square, recipe):
    with pytest.raises(ParameterError, match="a malformed recipe: it needs edge, region, stops, thresholds"):
        compose_exposure(square, "p0", 0, 5, recipe)


def test_a_recipe_for_another_photograph_is_one_sentence(square):
    recipe = {**compose_exposure(square, "p0", 0, 5).recipe, "region": {"label": 9, "component": None}}

    with pytest.raises(DataError, match='"p0" lacks the region 9'):
        compose_exposure(square, "p0", 0, 5, recipe)


@pytest.mark.parametrize(
    ("label", "edge", "stops", "words"),
    [
        (1, -2, -0.61, "sky, eroded by 2 px: 0.61 stops darker, beyond the threshold of 0.21"),
        (2, 1, 0.1, "sea, feathered by 1 px: 0.10 stops brighter, within the threshold of 0.20"),
        (9, 0, 2.0, "region 9: 2.00 stops brighter, beyond the threshold of 0.20"),
    ],
)
def test_a_recipe_in_words(square, label, edge, stops, words):
    recipe = {"region": {"label": label, "component": None}, "edge": edge, "thresholds": [-0.21, 0.2], "stops": stops}

    assert describe_recipe("exposure", recipe, square.classes) == words


def test_training_entries_bring_regions_and_stops(folder_source):
    entry = OnlineComposites([folder_source], "exposure", seed=1, size=32)[0, 0]

    inside, outside = entry["mask"] == 1, entry["mask"] == 0  # resized bilinearly, so that the edge is between
    assert entry["stops"].shape == ()
    assert entry["regions"][inside].unique().tolist() == [classify(entry["stops"].item(), CONSTANT) + 1]
    assert not entry["regions"][outside].any()


def test_entries_are_the_same_whenever_and_by_whomever_they_are_made(folder_source, tmp_path):
    def dataset(cache: str) -> OnlineComposites:
        return OnlineComposites([ResizedSource(folder_source, "train", tmp_path / cache, size=32)], "exposure_lognormal", seed=1, size=32)

    resumed = dataset("a")[2, 7]
    find_regions.cache_clear()
    unbroken = [dataset("b")[index, visit] for visit in range(8) for index in range(3)][-1]

    assert all(torch.equal(resumed[part], unbroken[part]) for part in ("composite", "target", "mask", "regions", "stops"))


def test_a_benchmark_is_built_and_replayed(folder_source, tmp_path: Path):
    plan = BenchmarkPlan("mini", "exposure", "mini", "PTC", ("mini",), ("test",), {"test": 2})

    counts = build_benchmark(plan, {"mini": folder_source}, tmp_path / "built", seed=5)["counts"]["mini"]

    pairs = read_pairs(tmp_path / "built", "test")
    assert counts["test"]["composites"] == len(pairs) == 2 * len(folder_source.ids("test"))
    for pair in pairs:
        assert np.array_equal(replay(tmp_path / "built", pair.id, folder_source).image, read_image(pair.composite))
