from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from miniature import write_folder_source

from harmlib.data.benchmarks import BenchmarkPlan, build_benchmark
from harmlib.data.built import read_composites, replay
from harmlib.data.composers import iharmony4 as foregrounds
from harmlib.data.composers.base import Skipped, composes_online, describe_recipe, get_composer
from harmlib.data.composers.iharmony4 import Region, compose_iharmony4, draw_recipe, find_regions
from harmlib.data.pairs import load_pair, read_pairs
from harmlib.data.photos import Photo, Source
from harmlib.data.sources import open_source
from harmlib.errors import DataError, ParameterError
from harmlib.io.images import read_image, write_png
from harmlib.transfers import TRANSFERS

PLAN = BenchmarkPlan("mini", "iharmony4", "mini", "iHarmony4", ("mini",), ("train", "test"), {"train": 4, "test": 4})
SHAPE = (40, 50)
# The last transfer keeps the picture's gradients, which undoes nearly everything in pictures this small.
STATISTICAL = TRANSFERS[:3]


class MemorySource(Source):
    """Photographs in memory, all of one split unless told otherwise; remembers which were loaded."""

    kind = "memory"

    def __init__(self, photos, classes, test=()):
        self.name, self.no_object, self.classes, self._test = "memory", 0, classes, test
        self._photos, self.loaded = photos, []

    def splits(self):
        return ("train", "test") if self._test else ("train",)

    def ids(self, split):
        return [name for name in self._photos if (name in self._test) == (split == "test")]

    def load(self, photo_id):
        self.loaded.append(photo_id)
        return Photo(photo_id, *self._photos[photo_id], self.classes)

    def fingerprint(self):
        return "memory"


def picture(level, spread, seed=0):
    noise = np.random.default_rng(seed).normal(0, spread, (*SHAPE, 3))
    return np.clip(level + noise, 0, 255).astype(np.uint8)


def two_halves(left, right):
    labels = np.full(SHAPE, right, dtype=np.uint8)
    labels[:, : SHAPE[1] // 2] = left
    return labels


def one_region_each(*pictures):
    """A source of photographs whose left half is region 1, the rest being no object."""
    return MemorySource({f"p{number}": (image, two_halves(1, 0)) for number, image in enumerate(pictures)}, {1: "thing"})


def compose_by(transfer, source):
    """The composite of photograph p0 by a transfer of choice."""
    draw = next(draw for draw in range(4) if draw_recipe(source, "p0", draw, 5)["transfer"] == transfer)
    return compose_iharmony4(source, "p0", draw, 5)


@pytest.fixture(scope="module")
def mini(tmp_path_factory):
    """Nine miniature photographs, softened: hard blocks of any color would clip in nearly every composite."""
    root = write_folder_source(tmp_path_factory.mktemp("source") / "mini", photos=9, size=(96, 128))
    for path in (root / "images").iterdir():
        soft = cv2.GaussianBlur(read_image(path), (0, 0), 8).astype(np.float32)
        write_png(path, (128 + 0.7 * (soft - 128)).astype(np.uint8))
    source = open_source("folder", root, no_object=0)
    source.name = "mini"
    return source


@pytest.fixture(scope="module")
def built(tmp_path_factory, mini):
    root = tmp_path_factory.mktemp("benchmark") / "built"
    build_benchmark(PLAN, {"mini": mini}, root, seed=5)
    return root


def recipes(root):
    return read_composites(root)["recipe"].map(json.loads)


def regions_of(labels, no_object=0):
    source = MemorySource({"p": (np.zeros((*labels.shape, 3), np.uint8), labels)}, {})
    source.no_object = no_object
    return find_regions(source, "p")


def test_a_foreground_is_one_connected_piece():
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[5:15, 20:30] = labels[25:35, 3:13] = 7
    labels[0, 0] = 7

    assert regions_of(labels) == (Region(7, (5, 20)), Region(7, (25, 3)))


def test_pieces_that_touch_at_a_corner_are_one():
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[5:10, 5:10] = labels[10:15, 10:15] = 7

    assert regions_of(labels) == (Region(7, (5, 5)),)


def test_a_scattered_region_is_taken_whole():
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[::4, ::4] = 7

    assert regions_of(labels) == (Region(7, None),)


def test_regions_below_one_percent_are_no_foreground():
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[0, :19] = 7
    labels[5, :20] = 8

    assert regions_of(labels) == (Region(8, (5, 0)),)


def test_zero_is_a_region_where_it_is_an_object():
    assert regions_of(two_halves(0, 11), no_object=11) == (Region(0, (0, 0)),)


def test_the_reference_is_another_photograph_of_the_split(mini):
    for split in mini.splits():
        for photo in mini.ids(split):
            if find_regions(mini, photo):
                other = draw_recipe(mini, photo, 0, 5)["reference"]["photo"]
                assert other != photo
                assert other in mini.ids(split)


def test_the_reference_is_of_the_same_class_where_there_is_one():
    photos = {f"p{number}": (picture(120, 20), two_halves(1, 2 + number % 2)) for number in range(12)}
    source = MemorySource(photos, {1: "sky", 2: "sea", 3: "sand"})

    drawn = [draw_recipe(source, photo, draw, 5) for photo in photos for draw in range(4)]

    assert {recipe["foreground"]["label"] for recipe in drawn} == {1, 2, 3}
    assert all(recipe["reference"]["label"] == recipe["foreground"]["label"] for recipe in drawn)


def test_any_region_serves_where_the_class_is_alone():
    photos = {"p0": (picture(120, 20), two_halves(1, 0)), "p1": (picture(120, 20), two_halves(2, 0))}
    source = MemorySource(photos, {1: "sky", 2: "sea"})

    assert draw_recipe(source, "p0", 0, 5)["reference"] == {"photo": "p1", "label": 2, "component": [0, 0]}


def test_ids_without_meaning_need_not_match():
    photos = {f"p{number}": (picture(120, 20), two_halves(1, 2)) for number in range(12)}
    source = MemorySource(photos, {})

    drawn = [draw_recipe(source, photo, draw, 5) for photo in photos for draw in range(4)]

    assert {recipe["reference"]["label"] == recipe["foreground"]["label"] for recipe in drawn} == {True, False}


def test_the_search_for_a_reference_loads_few_photographs():
    photos = {f"p{number}": (picture(120, 20), two_halves(1 if number == 0 else 2, 0)) for number in range(200)}
    source = MemorySource(photos, {1: "sky", 2: "sea"})

    draw_recipe(source, "p0", 0, 5)

    assert len(source.loaded) == 1 + foregrounds.LOOKED_THROUGH


def test_draws_differ_in_more_than_their_transfer(mini):
    drawn = [draw_recipe(mini, "p_0", draw, 5) for draw in range(4)]

    assert {recipe["transfer"] for recipe in drawn} == set(TRANSFERS)
    assert len({recipe["seed"] for recipe in drawn}) == 4


def test_the_first_draws_of_all_photographs_hold_all_transfers():
    photos = {f"p{number}": (picture(120, 20), two_halves(1, 2)) for number in range(40)}
    source = MemorySource(photos, {})

    assert {draw_recipe(source, photo, 0, 5)["transfer"] for photo in photos} == set(TRANSFERS)


def test_no_region_is_neglected():
    source = MemorySource({"p0": (picture(120, 20), np.zeros(SHAPE, dtype=np.uint8))}, {})

    with pytest.raises(Skipped, match=foregrounds.NO_FOREGROUND):
        compose_iharmony4(source, "p0", 0, 5)


def test_a_photograph_alone_in_its_split_has_no_reference():
    photos = {name: (picture(120, 20), two_halves(1, 0)) for name in ("p0", "p1", "p2")}
    source = MemorySource(photos, {1: "thing"}, test=("p2",))

    with pytest.raises(Skipped, match=foregrounds.NO_REFERENCE):
        compose_iharmony4(source, "p2", 0, 5)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (picture(100, 20), foregrounds.TOO_CLOSE),
        (picture(210, 5, seed=1), foregrounds.TOO_FAR),
        (picture(128, 90, seed=1), foregrounds.CLIPPED),
    ],
)
@pytest.mark.parametrize("transfer", STATISTICAL)
def test_a_change_that_is_too_small_or_too_large_is_neglected(reference, reason, transfer):
    source = one_region_each(picture(100, 20), reference)

    with pytest.raises(Skipped, match=reason):
        compose_by(transfer, source)


@pytest.mark.parametrize("transfer", STATISTICAL)
def test_a_plausible_change_is_kept(transfer):
    source = one_region_each(picture(100, 20), picture(130, 25, seed=1))

    composite = compose_by(transfer, source)

    assert np.array_equal(composite.image[~composite.mask], composite.target[~composite.mask])
    assert abs(composite.image[composite.mask].mean() - 130) < 5


def test_pixels_that_clipped_before_do_not_count():
    image = picture(100, 20)
    image[::2] = 255
    reference = picture(150, 20, seed=1)
    reference[::2] = 255

    assert compose_by("histogram", one_region_each(image, reference)).mask.any()


def test_a_recipe_is_replayed_whatever_it_leads_to():
    source = one_region_each(picture(100, 20), picture(100, 20, seed=1))

    composite = compose_iharmony4(source, "p0", 0, 5, draw_recipe(source, "p0", 0, 5))

    assert composite.mask.sum() == SHAPE[0] * SHAPE[1] // 2


@pytest.mark.parametrize("component", [None, [0, 0], [3, 45], [400, 1]])
def test_a_region_that_is_not_there_is_one_sentence(component):
    source = one_region_each(picture(100, 20), picture(130, 20))
    recipe = draw_recipe(source, "p0", 0, 5)
    recipe["foreground"] = {"label": 2 if component in (None, [0, 0]) else 1, "component": component}

    with pytest.raises(DataError, match=r'"p0" lacks the region \d that the recipe names'):
        compose_iharmony4(source, "p0", 0, 5, recipe)


def test_a_malformed_recipe_is_one_sentence():
    source = one_region_each(picture(100, 20), picture(130, 20))

    with pytest.raises(ParameterError, match="it needs foreground, reference, seed, transfer"):
        compose_iharmony4(source, "p0", 0, 5, {"regions": [], "background": []})


def test_the_composer_is_found_by_name_and_needs_a_disk():
    assert get_composer("iharmony4") is compose_iharmony4
    assert not composes_online("iharmony4")
    assert composes_online("sgmmh")


def test_a_recipe_in_words_names_both_regions():
    source = one_region_each(picture(100, 20), picture(130, 20))

    recipe = {**draw_recipe(source, "p0", 0, 5), "transfer": "xiao_ma"}

    assert describe_recipe("iharmony4", recipe, source.classes) == 'thing: xiao ma from thing of "p1"'


@pytest.mark.slow
def test_every_composite_is_made_or_counted(built, mini):
    counts = json.loads((built / "manifest.json").read_text())["counts"]["mini"]
    table = read_composites(built)

    for split in ("train", "test"):
        rows, count = table[table["split"] == split], counts[split]
        assert count["photographs"] == len(mini.ids(split))
        assert count["used"] == rows["photo"].nunique()
        assert count["composites"] == len(rows)
        assert count["composites"] + sum(count["skipped"].values()) == 4 * count["photographs"]
    assert counts["train"]["skipped"][foregrounds.NO_FOREGROUND] == 4


def test_splits_that_are_not_put_on_disk_are_not_counted(tmp_path, mini):
    plan = BenchmarkPlan("mini", "iharmony4", "mini", "iHarmony4", ("mini",), ("test",))

    assert list(build_benchmark(plan, {"mini": mini}, tmp_path / "built", seed=5)["counts"]["mini"]) == ["test"]


def test_all_four_transfers_are_used(built):
    assert set(recipes(built).map(lambda recipe: recipe["transfer"])) == set(TRANSFERS)


def test_the_tree_is_iharmony4s(built):
    pairs = read_pairs(built, "train")

    assert [pair.id for pair in pairs] == read_composites(built).query("split == 'train'")["id"].tolist()
    for pair in pairs:
        arrays = load_pair(pair)
        assert pair.real.stem == pair.id.rsplit("_", 2)[0]
        assert pair.mask.stem == pair.id.rsplit("_", 1)[0]
        assert np.array_equal(arrays["composite"][~arrays["mask"]], arrays["target"][~arrays["mask"]])


def test_fmse_follows_from_mse_and_foreground(built):
    table = read_composites(built)

    assert (table["mse"] / table["foreground_ratio"]).between(*foregrounds.FMSE_RANGE).all()


def test_recipes_replay_to_the_byte(built, mini):
    for pair in read_pairs(built, "test"):
        assert np.array_equal(replay(built, pair.id, mini).image, read_image(pair.composite))


def test_the_recipes_seed_reaches_the_transfer(mini):
    recipe = {**draw_recipe(mini, "p_0", 0, 5), "transfer": "idt"}

    one, other = (compose_iharmony4(mini, "p_0", 0, 5, {**recipe, "seed": seed}).image for seed in (1, 2))

    assert not np.array_equal(one, other)


def content(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.suffix in (".png", ".txt", ".csv")}


@pytest.mark.slow
def test_workers_do_not_change_a_byte(tmp_path, mini, built):
    build_benchmark(PLAN, {"mini": mini}, tmp_path / "parallel", seed=5, workers=2)

    assert content(tmp_path / "parallel") == content(built)


@pytest.mark.slow
def test_the_embedded_photographs_make_a_benchmark(tmp_path):
    source = open_source("embedded")
    plan = BenchmarkPlan("embedded", "iharmony4", "embedded", "iHarmony4", ("embedded",), draws={"train": 4, "test": 4})

    counts = build_benchmark(plan, {"embedded": source}, tmp_path / "built", seed=2021)["counts"]["embedded"]

    assert counts["train"]["composites"] >= 12
    assert counts["test"]["composites"] >= 4
