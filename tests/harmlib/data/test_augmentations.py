"""Random changes of a training pair, alike for its pictures and its mask."""

from __future__ import annotations

import numpy as np
import pytest

from harmlib.data.augmentations import AUGMENTATIONS, CROPS, augment, crops
from harmlib.errors import ParameterError


@pytest.fixture
def arrays():
    """A pair whose pictures tell where each pixel came from."""
    rows, columns = np.mgrid[:30, :40].astype(np.uint8)
    composite = np.dstack([rows, columns, rows])
    mask = np.zeros((30, 40), dtype=bool)
    mask[2:6, 30:38] = True
    return {"composite": composite, "target": composite.copy(), "mask": mask}


def changed(arrays, name, count=40):
    return [augment(arrays, [name], np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize("name", [name for name in AUGMENTATIONS if name != "color_jitter"])
def test_pictures_and_mask_stay_aligned(arrays, name):
    for result in changed(arrays, name):
        assert np.array_equal(result["composite"], result["target"])
        rows, columns = (result["composite"][..., channel][result["mask"]] for channel in (0, 1))
        assert ((rows >= 2) & (rows < 6) & (columns >= 30) & (columns < 38)).all()


@pytest.mark.parametrize("name", ["flip", "flip_vertical", "rotate90"])
def test_every_pixel_is_kept_and_half_the_pairs_change(arrays, name):
    results = changed(arrays, name, 200)

    assert all(np.array_equal(np.sort(r["composite"], None), np.sort(arrays["composite"], None)) for r in results)
    unchanged = sum(r["composite"] is arrays["composite"] for r in results)
    assert 70 < unchanged < 130


def test_rotations_turn_by_all_three_angles(arrays):
    corners = {tuple(r["composite"][0, 0, :2]) for r in changed(arrays, "rotate90")}

    assert corners == {(0, 0), (0, 39), (29, 39), (29, 0)}


def test_crops_keep_half_the_area_and_some_foreground(arrays):
    results = changed(arrays, "random_crop", 100)

    areas = np.array([r["mask"].size for r in results]) / arrays["mask"].size
    assert areas.min() > 0.45
    assert np.unique(areas).size > 20
    assert all(r["mask"].any() for r in results)


def test_zooms_show_a_part_of_the_picture_s_shape_half_of_the_time(arrays):
    shapes = [r["mask"].shape for r in changed(arrays, "zoom", 200)]

    zoomed = np.array([shape for shape in shapes if shape != (30, 40)])
    assert 70 < len(zoomed) < 130
    factors = np.array([30, 40]) / zoomed
    assert factors.min() > 1.05
    assert factors.max() < 1.56
    assert np.abs(factors[:, 0] - factors[:, 1]).max() < 0.06


def test_square_crops_have_half_to_three_fifths_of_the_shorter_side(arrays):
    shapes = {r["mask"].shape for r in changed(arrays, "square_crop", 100)}

    assert all(height == width for height, width in shapes)
    assert {height for height, _ in shapes} == {15, 16, 17, 18}


def test_side_crops_shorten_both_sides_apart_and_rarely_lose_the_foreground(arrays):
    results = changed(arrays, "side_crop", 400)

    heights, widths = np.array([r["mask"].shape for r in results]).T
    assert (heights.min(), heights.max(), widths.min(), widths.max()) == (21, 29, 28, 39)
    assert abs(np.corrcoef(heights, widths)[0, 1]) < 0.2
    assert 0 < sum(r["mask"].sum() <= 1 for r in results) < 0.05 * 400


def test_a_foreground_that_every_crop_misses_keeps_the_picture(arrays):
    empty = {**arrays, "mask": np.zeros_like(arrays["mask"])}

    assert augment(empty, ["random_crop"], np.random.default_rng(0))["composite"].shape == (30, 40, 3)


def test_the_generator_decides(arrays):
    first, again = (augment(arrays, list(AUGMENTATIONS), np.random.default_rng(8)) for _ in range(2))

    assert np.array_equal(first["composite"], again["composite"])


def test_unknown_augmentation_is_refused(arrays):
    with pytest.raises(ParameterError, match='no augmentation "blur": choose from flip, flip_vertical, zoom, rotate90'):
        augment(arrays, ["blur"], np.random.default_rng(0))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_what_crops_is_known(arrays, name):
    cut = any(result["mask"].size < arrays["mask"].size for result in changed(arrays, name))

    assert crops([name]) == (name in CROPS) == cut


def test_color_jitter_changes_both_pictures_alike_and_no_place(generator):
    composite, target = generator.integers(0, 256, (2, 30, 40, 3), dtype=np.uint8)
    mask = target[..., 0] > 128

    def spread(picture):
        return np.ptp(picture.astype(int), axis=2).mean()

    for result in changed({"composite": composite, "target": target, "mask": mask}, "color_jitter"):
        both = augment({"composite": target, "target": target, "mask": mask}, ["color_jitter"], np.random.default_rng(0))
        assert np.array_equal(both["composite"], both["target"])
        assert np.array_equal(result["mask"], mask)
        ratios = [spread(result[name]) / spread(given) for name, given in (("composite", composite), ("target", target))]
        assert ratios[0] == pytest.approx(ratios[1], rel=0.05)
    grays = {"composite": np.full((4, 4, 3), 90, np.uint8), "mask": mask[:4, :4]}
    assert all(np.ptp(result["composite"], axis=2).max() == 0 for result in changed(grays, "color_jitter"))
