from __future__ import annotations

import numpy as np
import pytest

from harmlib.data.photos import Photo
from harmlib.data.sources import open_source
from harmlib.data.sources.embedded import LABELS, PHOTOS
from harmlib.errors import DataError, ParameterError
from harmlib.io.images import read_labels

# Spots (row, column) read off the photographs by eye, so that a shifted, mirrored or renumbered label map is noticed.
SPOTS: dict[str, dict[tuple[int, int], str | None]] = {
    "astronaut": {
        (40, 230): "hair",
        (130, 220): "skin",
        (100, 20): "flag",
        (400, 100): "clothing",
        (440, 400): "helmet",
        (150, 420): "rocket",
    },
    "chelsea": {(115, 170): "eye", (135, 320): "eye", (240, 265): "nose", (30, 360): "ear", (200, 150): "fur", (200, 420): None},
    "china": {(80, 210): "roof", (145, 220): "building", (50, 500): "sky", (270, 420): "water", (350, 450): "tree", (225, 350): "shore"},
    "coffee": {(150, 290): "coffee", (50, 290): "cup", (275, 365): "spoon", (220, 440): "saucer", (300, 560): "table", (30, 30): None},
    "flower": {(220, 307): "flower center", (300, 250): "petals", (150, 50): "leaf", (410, 600): "bud", (50, 500): None},
    "grace_hopper": {(110, 260): "hat", (250, 260): "skin", (290, 180): "hair", (395, 305): "shirt", (100, 450): "wall", (80, 70): "flag"},
    "motorcycle_left": {(190, 380): "motorcycle body", (185, 200): "motorcycle seat", (430, 650): "motorcycle wheel", (50, 230): "door"},
    "motorcycle_right": {(190, 330): "motorcycle body", (185, 150): "motorcycle seat", (430, 590): "motorcycle wheel", (50, 230): "door"},
    "rocket": {(200, 322): "rocket", (415, 300): "platform", (200, 50): "tower", (200, 450): "tower", (60, 320): "sky"},
}


@pytest.fixture(scope="module")
def embedded():
    return open_source("embedded")


@pytest.mark.parametrize("photo", PHOTOS)
def test_every_label_map_has_the_size_of_its_photograph(embedded, photo):
    loaded = embedded.load(photo)

    assert loaded.labels.shape == loaded.image.shape[:2]
    assert loaded.image.dtype == loaded.labels.dtype == np.uint8


@pytest.mark.parametrize("photo", PHOTOS)
def test_every_region_id_is_a_class(embedded, photo):
    ids = set(np.unique(read_labels(LABELS / f"{photo}.png"))) - {embedded.no_object}

    assert ids <= set(embedded.classes)


@pytest.mark.parametrize("photo", PHOTOS)
def test_every_photograph_has_four_to_eight_regions(embedded, photo):
    ids = set(np.unique(embedded.load(photo).labels)) - {embedded.no_object}

    assert 4 <= len(ids) <= 8


@pytest.mark.parametrize("photo", PHOTOS)
def test_at_least_three_regions_exceed_one_percent_of_the_frame(embedded, photo):
    ids, counts = np.unique(embedded.load(photo).labels, return_counts=True)
    large = (counts > 0.01 * counts.sum()) & (ids != embedded.no_object)

    assert large.sum() >= 3


def test_every_class_is_used_and_named_once(embedded):
    used = set().union(*(np.unique(embedded.load(photo).labels) for photo in PHOTOS))

    assert used - {embedded.no_object} == set(embedded.classes)
    assert len(set(embedded.classes.values())) == len(embedded.classes)


@pytest.mark.parametrize("photo", PHOTOS)
def test_objects_are_labeled_where_they_are_seen(embedded, photo):
    loaded = embedded.load(photo)

    assert {spot: loaded.classes.get(int(loaded.labels[spot])) for spot in SPOTS[photo]} == SPOTS[photo]


def border_strength(labels, edges):
    """The mean edge strength of a picture below the region borders."""
    return edges[np.hypot(*np.gradient(labels.astype(int))) > 0].mean()


@pytest.mark.parametrize("photo", PHOTOS)
def test_region_borders_follow_edges_of_the_photograph(embedded, photo):
    loaded = embedded.load(photo)
    edges = np.hypot(*np.gradient(loaded.image.mean(2)))

    # The mirrored map shows what borders of the same shape reach by chance.
    assert border_strength(loaded.labels, edges) > 1.25 * border_strength(loaded.labels[:, ::-1], edges)


def test_splits_are_disjoint_and_cover_all_photographs(embedded):
    train, test = embedded.ids("train"), embedded.ids("test")

    assert sorted(train + test) == sorted(PHOTOS)
    assert (len(train), len(test)) == (6, 3)


def test_both_views_of_the_motorcycle_are_on_the_same_side(embedded):
    assert {"motorcycle_left", "motorcycle_right"} <= set(embedded.ids("train"))


def test_two_openings_are_the_same(embedded):
    again = open_source("embedded")

    assert again.fingerprint() == embedded.fingerprint()
    assert [again.ids(split) for split in again.splits()] == [embedded.ids(split) for split in embedded.splits()]
    assert np.array_equal(again.load("rocket").labels, embedded.load("rocket").labels)


def test_only_keeps_the_named_photographs():
    people = open_source("embedded", only=["grace_hopper", "astronaut"])

    assert {split: people.ids(split) for split in people.splits()} == {"train": ["astronaut"], "test": ["grace_hopper"]}


def test_test_names_the_test_split():
    assert open_source("embedded", test=["coffee"]).ids("test") == ["coffee"]


@pytest.mark.parametrize("options", [{"only": ["nobody"]}, {"test": ["nobody"]}, {"only": ["rocket"], "test": ["nobody"]}])
def test_an_option_that_names_no_photograph_is_one_sentence(options):
    with pytest.raises(ParameterError, match='of source "embedded" names "nobody": choose from'):
        open_source("embedded", **options)


def test_an_unknown_split_is_one_sentence(embedded):
    with pytest.raises(ParameterError, match='source "embedded" has no split "val": choose from train, test'):
        embedded.ids("val")


def test_an_unknown_photograph_is_one_sentence(embedded):
    with pytest.raises(DataError, match=r'source "embedded" has no photograph "nobody": choose from .*astronaut'):
        embedded.load("nobody")


def test_a_photo_refuses_a_label_map_of_another_size():
    with pytest.raises(DataError, match='label map of "x" is 4x5, its picture 4x6'):
        Photo("x", np.zeros((4, 6, 3), np.uint8), np.zeros((4, 5), np.uint8))
