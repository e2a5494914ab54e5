"""Composites drawn once at training size: replayable, the same for any number of workers, and whole after a kill."""

from __future__ import annotations

import numpy as np
import pytest

from harmlib.data.composers.base import get_composer
from harmlib.data.datasets import ResizedSource
from harmlib.data.packed import PairResizer
from harmlib.data.photos import Photo
from harmlib.data.pool import CompositePool, PooledPairs
from harmlib.errors import DataError

SIZE = 48


@pytest.fixture
def photos(folder_source, tmp_path):
    return ResizedSource(folder_source, "train", tmp_path / "cache", size=SIZE)


def make(photos, tmp_path, **changes):
    settings = {"draws": 4, "seed": 3, "cache": tmp_path / "pool", **changes}
    return CompositePool(photos, "iharmony4", **settings)


def test_a_composite_is_what_its_recipe_says(photos, tmp_path):
    pool = make(photos, tmp_path)

    for photo_id in pool.ids:
        for visit, recipe in enumerate(pool.recipes(photo_id)):
            replayed = get_composer("iharmony4")(photos, photo_id, 0, 0, recipe)
            arrays = pool.read(photo_id, visit)
            assert np.array_equal(arrays["composite"], replayed.image)
            assert np.array_equal(arrays["target"], replayed.target)
            assert np.array_equal(arrays["mask"], replayed.mask)


def test_every_draw_is_counted(photos, tmp_path):
    pool = make(photos, tmp_path)

    assert sum(pool.counts.values()) == 4 * len(photos.ids("train"))
    assert pool.counts["composites"] == sum(len(pool.recipes(photo_id)) for photo_id in pool.ids)


def test_visits_take_the_draws_in_turn(photos, tmp_path):
    pool = make(photos, tmp_path)
    photo_id = max(pool.ids, key=lambda name: len(pool.recipes(name)))
    number = len(pool.recipes(photo_id))

    first, second, again = (pool.read(photo_id, visit)["composite"] for visit in (0, 1, number))

    assert number > 1
    assert not np.array_equal(first, second)
    assert np.array_equal(first, again)


@pytest.mark.slow
def test_a_pool_that_lost_a_file_makes_the_same_again(photos, tmp_path):
    pool = make(photos, tmp_path)
    files = sorted(pool.folder.iterdir())
    before = [path.read_bytes() for path in files]
    files[0].unlink()

    make(photos, tmp_path, workers=2)

    assert [path.read_bytes() for path in sorted(pool.folder.iterdir())] == before


def test_other_settings_have_a_folder_of_their_own(photos, tmp_path):
    assert make(photos, tmp_path).folder != make(photos, tmp_path, seed=4).folder


class Plain(ResizedSource):
    """Photographs without any color, in which no transfer changes enough."""

    def load(self, photo_id):
        return Photo(photo_id, np.full((SIZE, SIZE, 3), 128, np.uint8), super().load(photo_id).labels)


def test_a_source_without_a_composite_is_refused(folder_source, tmp_path):
    plain = Plain(folder_source, "train", tmp_path / "cache", size=SIZE)

    with pytest.raises(DataError, match='leaves out every composite of "mini"'):
        make(plain, tmp_path)


def test_training_takes_every_photograph_once_an_epoch(photos, tmp_path):
    pool = make(photos, tmp_path)
    pairs = PooledPairs([pool, pool], PairResizer(32, antialias=True, soft_masks=False), seed=1, augmentations=["flip"])

    entry = pairs[len(pool.ids), 2]

    assert len(pairs) == 2 * len(pool.ids)
    assert entry["id"] == f"mini/{pool.ids[0]}"
    assert entry["composite"].shape == (3, 32, 32)
    assert set(entry["mask"].unique().tolist()) <= {0.0, 1.0}
