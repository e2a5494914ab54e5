"""COCO-Exp's rules on photographs of a few objects, and a benchmark built from them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from harmlib.color import rgb_to_lab
from harmlib.data.benchmarks import BenchmarkPlan, build_benchmark
from harmlib.data.built import read_composites, replay
from harmlib.data.composers import coco_exp
from harmlib.data.composers.base import Skipped, composes_online, describe_recipe, get_composer
from harmlib.data.composers.coco_exp import compose_coco_exp, compose_coco_exp_histogram, find_objects
from harmlib.data.composers.regions import NO_REFERENCE, Region
from harmlib.data.pairs import read_pairs
from harmlib.data.photos import Source
from harmlib.data.sources import open_source
from harmlib.errors import ParameterError
from harmlib.io.images import read_image, write_png

SHAPE = (40, 50)
CLASSES = {1: "cat", 2: "dog", 3: "kite"}
composers = pytest.mark.parametrize("compose", [compose_coco_exp, compose_coco_exp_histogram])


def picture(level: int, seed: int = 0) -> np.ndarray:
    return np.clip(level + np.random.default_rng(seed).normal(0, 15, (*SHAPE, 3)), 0, 255).astype(np.uint8)


def halves(left: int, right: int = 0) -> np.ndarray:
    labels = np.full(SHAPE, right, dtype=np.uint8)
    labels[:, : SHAPE[1] // 2] = left
    return labels


def write_source(root: Path, photos: dict[str, tuple[np.ndarray, np.ndarray]], classes=CLASSES, test: tuple[str, ...] = ()) -> Source:
    """Photographs and their label maps in the folder layout; those not named in ``test`` are to train on."""
    for photo, (image, labels) in photos.items():
        write_png(root / "images" / f"{photo}.png", image)
        write_png(root / "labels" / f"{photo}.png", labels)
    rows = [f"{photo},images/{photo}.png,labels/{photo}.png,{'test' if photo in test else 'train'}" for photo in photos]
    (root / "index.csv").write_text("\n".join(["id,image,label,split", *rows]))
    (root / "classes.csv").write_text("\n".join(["id,name", *(f"{number},{name}" for number, name in classes.items())]))
    return open_source("folder", root, no_object=0)


@pytest.fixture
def pets(tmp_path: Path) -> Source:
    """Six photographs in two splits, each with a cat and a dog."""
    photos = {f"p{number}": (picture(60 + 30 * number, number), halves(1, 2)) for number in range(6)}
    return write_source(tmp_path / "pets", photos, test=("p4", "p5"))


def objects_of(tmp_path: Path, labels: np.ndarray) -> tuple[Region, ...]:
    image = np.random.default_rng(0).integers(0, 256, (*labels.shape, 3)).astype(np.uint8)
    return find_objects(write_source(tmp_path, {"p": (image, labels)}), "p")


def test_an_object_needs_400_pixels_at_256x256(tmp_path):
    labels = np.zeros((256, 256), dtype=np.uint8)
    labels[10:30, 10:30] = 1
    labels[50:70, 10:30] = 2
    labels[50, 10] = 0

    assert objects_of(tmp_path, labels) == (Region(1, (10, 10)),)


def test_an_object_covers_at_most_80_percent(tmp_path):
    most, more = np.zeros(SHAPE, dtype=np.uint8), np.zeros(SHAPE, dtype=np.uint8)
    most[:32] = more[:33] = 1

    assert [len(objects_of(tmp_path / name, labels)) for name, labels in (("most", most), ("more", more))] == [1, 0]


def test_every_connected_piece_is_an_object(tmp_path):
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[5:15, 20:30] = labels[25:35, 3:13] = 2

    assert objects_of(tmp_path, labels) == (Region(2, (5, 20)), Region(2, (25, 3)))


def test_scattered_pixels_are_no_object(tmp_path):
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[::4, ::4] = 1

    assert objects_of(tmp_path, labels) == ()


@pytest.mark.parametrize("draw", range(4))
def test_both_objects_are_of_one_category_in_two_photographs_of_the_split(pets, draw):
    for split in pets.splits():
        for photo in pets.ids(split):
            recipe = compose_coco_exp(pets, photo, draw, 5).recipe
            assert recipe["foreground"]["label"] == recipe["reference"]["label"]
            assert recipe["reference"]["photo"] in set(pets.ids(split)) - {photo}


def test_all_objects_of_a_photograph_are_drawn(pets):
    assert {compose_coco_exp(pets, "p0", draw, 5).recipe["category"] for draw in range(10)} == {"cat", "dog"}


def test_a_rare_category_finds_its_only_other_photograph(tmp_path):
    photos = {f"p{number}": (picture(120), halves(2)) for number in range(120)}
    photos |= {name: (picture(level), halves(3)) for name, level in (("kite1", 60), ("kite2", 160))}
    source = write_source(tmp_path, photos)

    assert {compose_coco_exp(source, "kite1", draw, 5).recipe["reference"]["photo"] for draw in range(5)} == {"kite2"}


def test_an_object_whose_category_is_alone_is_not_drawn(tmp_path):
    source = write_source(tmp_path, {"p0": (picture(60), halves(1, 2)), "p1": (picture(150), halves(2))})

    assert {compose_coco_exp(source, "p0", draw, 5).recipe["category"] for draw in range(10)} == {"dog"}


@composers
def test_only_the_object_changes(pets, compose):
    composite = compose(pets, "p0", 0, 5)

    assert np.array_equal(composite.image[~composite.mask], composite.target[~composite.mask])
    assert composite.mask.sum() == SHAPE[0] * SHAPE[1] // 2


@composers
def test_the_object_takes_the_luminance_of_the_reference(pets, compose):
    composite = compose(pets, "p1", 0, 5)
    reference = composite.recipe["reference"]
    other = pets.load(reference["photo"])

    own = rgb_to_lab(composite.image[composite.mask])[:, 0].mean()

    assert own == pytest.approx(rgb_to_lab(other.image[other.labels == reference["label"]])[:, 0].mean(), abs=0.5)


def test_both_transfers_draw_the_same_objects(pets):
    one, other = (compose(pets, "p1", 3, 5).recipe for compose in (compose_coco_exp, compose_coco_exp_histogram))

    assert (one["foreground"], one["reference"]) == (other["foreground"], other["reference"])
    assert (one["transfer"], other["transfer"]) == ("reinhard_luminance", "histogram_luminance")


def test_the_recipe_tells_luminance_before_and_after(pets):
    composite = compose_coco_exp(pets, "p0", 0, 5)

    for when, image in (("before", composite.target), ("after", composite.image)):
        luminance = rgb_to_lab(image[composite.mask])[:, 0]
        assert composite.recipe["luminance"][when] == pytest.approx([luminance.mean(), luminance.std()], abs=0.005)


def test_a_source_without_class_names_is_neglected(tmp_path):
    source = write_source(tmp_path, {f"p{number}": (picture(60 + 60 * number), halves(1)) for number in range(2)}, classes={})

    with pytest.raises(Skipped, match=coco_exp.NO_CATEGORIES):
        compose_coco_exp(source, "p0", 0, 5)


def test_a_gray_photograph_is_neglected(tmp_path):
    gray = np.repeat(picture(60)[..., :1], 3, axis=2)
    source = write_source(tmp_path, {"gray": (gray, halves(1)), "p": (picture(150), halves(1))})

    with pytest.raises(Skipped, match=coco_exp.GRAY):
        compose_coco_exp(source, "gray", 0, 5)


def test_a_gray_photograph_is_no_reference(tmp_path):
    gray = np.repeat(picture(60)[..., :1], 3, axis=2)
    source = write_source(tmp_path, {"gray": (gray, halves(1)), "p": (picture(150), halves(1))})

    with pytest.raises(Skipped, match=NO_REFERENCE):
        compose_coco_exp(source, "p", 0, 5)


def test_a_photograph_without_objects_is_neglected(tmp_path):
    source = write_source(tmp_path, {"empty": (picture(60), halves(0)), "p": (picture(150), halves(1))})

    with pytest.raises(Skipped, match=coco_exp.NO_OBJECT):
        compose_coco_exp(source, "empty", 0, 5)


def test_a_change_that_cannot_be_seen_is_neglected(tmp_path):
    source = write_source(tmp_path, {"p0": (picture(100), halves(1)), "p1": (picture(100), halves(1))})

    with pytest.raises(Skipped, match=coco_exp.UNCHANGED):
        compose_coco_exp(source, "p0", 0, 5)


def test_objects_are_drawn_again_after_a_change_that_cannot_be_seen(tmp_path):
    photos = {"p0": (picture(100), halves(1)), "same": (picture(100), halves(1)), "other": (picture(150), halves(1))}
    source = write_source(tmp_path, photos)

    assert {compose_coco_exp(source, "p0", draw, 5).recipe["reference"]["photo"] for draw in range(10)} == {"other"}


@composers
def test_a_recipe_is_replayed_to_the_byte(pets, compose):
    made = compose(pets, "p2", 1, 5)

    again = compose(pets, "p2", 1, 5, json.loads(json.dumps(made.recipe)))

    assert np.array_equal(again.image, made.image)
    assert again.recipe == made.recipe


def test_a_recipe_is_replayed_whatever_it_leads_to(pets):
    recipe = compose_coco_exp(pets, "p0", 0, 5).recipe
    recipe["reference"] = {"photo": "p0", **recipe["foreground"]}

    composite = compose_coco_exp(pets, "p0", 0, 5, recipe)

    assert np.array_equal(composite.image, composite.target)


def test_a_malformed_recipe_is_one_sentence(pets):
    with pytest.raises(ParameterError, match="it needs category, foreground, luminance, reference, transfer; draw it again"):
        compose_coco_exp(pets, "p0", 0, 5, {"regions": [], "background": []})


def test_a_recipe_in_words_names_both_objects(pets):
    recipe = compose_coco_exp(pets, "p4", 0, 5).recipe

    words = describe_recipe("coco_exp", recipe, pets.classes)

    assert words == f'{recipe["category"]}: reinhard luminance from {recipe["category"]} of "p5"'


def test_the_composers_are_found_by_name_and_need_a_disk():
    assert get_composer("coco_exp") is compose_coco_exp
    assert get_composer("coco_exp_histogram") is compose_coco_exp_histogram
    assert not composes_online("coco_exp")
    assert not composes_online("coco_exp_histogram")


def test_a_benchmark_counts_and_replays(tmp_path, pets):
    plan = BenchmarkPlan("pets", "coco_exp", "pets", "COCO-Exp", ("pets",), ("train", "test"), {"train": 2, "test": 1})

    counts = build_benchmark(plan, {"pets": pets}, tmp_path / "built", seed=5)["counts"]["pets"]

    assert [counts[split]["composites"] for split in ("train", "test")] == [8, 2]
    assert len(read_composites(tmp_path / "built")) == 10
    for pair in read_pairs(tmp_path / "built", "train"):
        assert np.array_equal(replay(tmp_path / "built", pair.id, pets).image, read_image(pair.composite))
