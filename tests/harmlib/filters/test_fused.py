"""The fused filters against ``restore``, step by step, over the whole range of arguments."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from authors import assert_agrees, authors

from harmlib.errors import ImageError, MaskError, ParameterError, RangeError, ShapeError
from harmlib.filters import FILTERS, RANGES, SIX, apply_filter, restore
from harmlib.filters.fused import BLOCK_PIXELS, restore_picture, restore_tensor

ROOT = Path(__file__).resolve().parents[3]
HEIGHT, WIDTH = 24, 32
EXTREMES = (-1, -0.9, -0.5, 0, 0.003, 0.5, 0.9, 0.995, 1)
SELECTIONS = [SIX, FILTERS, ("brightness", "shadow"), ("tint", "contrast", "hue", "highlight"), ("saturation", "hue")]
# The float path on the 0..1 scale: a quarter of what a level would allow.
TOLERANCE = 1e-3
# One filter on the same picture: the mean's last bit, times contrast's 254.
STEP_TOLERANCE = 1e-4
# Share of values that may differ by more than a level when all arguments are extreme.
NOISE_SHARE = 1e-3


def make_pictures() -> dict[str, np.ndarray]:
    """Return pictures of several kinds, uint8 (H, W, 3)."""
    rng = np.random.default_rng(2022)
    ramp = np.tile(np.arange(256), (4, 1))
    pictures = {
        "noise": rng.integers(0, 256, (HEIGHT, WIDTH, 3)),
        "cells": np.kron(rng.integers(0, 256, (3, 4, 3)), np.ones((8, 8, 1))),
        "gray ramp": np.stack([ramp, ramp, ramp], 2),
        "color ramps": np.stack([ramp, ramp[:, ::-1], np.roll(ramp, 85, 1)], 2),
        "nearly white": rng.integers(250, 256, (HEIGHT, WIDTH, 3)),
        "nearly black": rng.integers(0, 4, (HEIGHT, WIDTH, 3)),
        "black": np.zeros((4, 4, 3)),
        "white": np.full((4, 4, 3), 255),
        "one pixel": np.array([[[200, 90, 20]]]),
    }
    return {name: picture.astype(np.uint8) for name, picture in pictures.items()}


PICTURES = make_pictures()


@pytest.fixture(params=PICTURES)
def picture(request):
    return PICTURES[request.param]


@pytest.fixture
def noise():
    return PICTURES["noise"]


def whole(picture):
    return np.ones(picture.shape[:2], np.float32)


def to_planes(picture):
    return np.ascontiguousarray(picture.transpose(2, 0, 1)).astype(np.float32) / np.float32(255)


def step_by_step(picture, mask, arguments, filters):
    """Return the last picture of ``restore``, float32 (3, H, W)."""
    composite, soft_mask = torch.from_numpy(to_planes(picture))[None], torch.from_numpy(mask)[None, None]
    return restore(composite, soft_mask, torch.tensor([arguments], dtype=torch.float32), filters)[-1][0].numpy()


def levels_apart(result, expected):
    """Return by how many levels a picture (H, W, 3) and rounded planes (3, H, W) differ."""
    return np.abs(result.transpose(2, 0, 1).astype(int) - np.rint(255 * expected).astype(int))


def draw_extremes(rng, filters):
    return [float(rng.choice(EXTREMES)) for _ in filters]


@pytest.mark.parametrize("filters", SELECTIONS)
def test_arguments_of_training_agree_to_a_level(picture, filters, generator):
    for _ in range(10):
        arguments = [generator.uniform(-1, 1) * RANGES[name] for name in filters]

        result = restore_picture(picture, whole(picture), arguments, filters)

        assert levels_apart(result, step_by_step(picture, whole(picture), arguments, filters)).max() <= 1


@pytest.mark.parametrize("filters", SELECTIONS)
def test_tensors_agree_at_the_arguments_of_training(picture, filters, generator):
    for _ in range(10):
        arguments = [generator.uniform(-1, 1) * RANGES[name] for name in filters]

        result = restore_tensor(to_planes(picture), whole(picture), arguments, filters)

        assert np.abs(result - step_by_step(picture, whole(picture), arguments, filters)).max() <= TOLERANCE


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_alone_agrees_at_every_argument(picture, name):
    for argument in (*EXTREMES, *np.linspace(-1, 1, 12)):
        expected = step_by_step(picture, whole(picture), [argument], (name,))

        assert levels_apart(restore_picture(picture, whole(picture), [argument], (name,)), expected).max() <= 1
        assert np.abs(restore_tensor(to_planes(picture), whole(picture), [argument], (name,)) - expected).max() <= STEP_TOLERANCE


def test_each_filter_continues_the_chain_before_it_at_extreme_arguments(picture, generator):
    planes, mask = to_planes(picture), whole(picture)
    for _ in range(25):
        arguments = draw_extremes(generator, FILTERS)
        chain = [planes, *(restore_tensor(planes, mask, arguments[:n], FILTERS[:n]) for n in range(1, 9))]

        for name, argument, before, after in zip(FILTERS, arguments, chain, chain[1:], strict=False):
            expected = apply_filter(name, torch.from_numpy(before)[None], torch.tensor([argument], dtype=torch.float32))[0].numpy()

            assert np.abs(after - expected).max() <= STEP_TOLERANCE, (name, arguments)


def test_pictures_and_tensors_agree_at_extreme_arguments(picture, generator):
    planes, mask = to_planes(picture), whole(picture)
    for _ in range(50):
        arguments = draw_extremes(generator, FILTERS)

        result = restore_picture(picture, mask, arguments, FILTERS)

        assert levels_apart(result, restore_tensor(planes, mask, arguments, FILTERS)).max() <= 1, arguments


# torch sums its means in float32. Where a whole chain is extreme (saturation multiplies nearly gray by up to 1e6, shadow turns 1e-7 into
# 50 levels), their last bits decide a few pixels; in the step-by-step form itself these pixels change when the others are shuffled.
def test_whole_chains_agree_at_extreme_arguments_up_to_the_rounding_of_means(generator):
    apart = []
    for name in ("noise", "cells", "gray ramp", "color ramps", "nearly white", "nearly black", "black", "white"):
        picture = PICTURES[name]
        for filters in SELECTIONS * 10:
            arguments = draw_extremes(generator, filters)
            result = restore_picture(picture, whole(picture), arguments, filters)
            apart.append(levels_apart(result, step_by_step(picture, whole(picture), arguments, filters)).ravel())

    assert (np.concatenate(apart) > 1).mean() <= NOISE_SHARE


def test_golden_pictures_of_the_authors():
    golden = authors("harmonizer")
    pairs = list(zip(golden["syn/composite"], golden["syn/mask"][:, 0], golden["syn/theta"].T, strict=True))

    results = [[restore_tensor(picture, mask, theta[:n], SIX[:n]) for picture, mask, theta in pairs] for n in range(1, 1 + len(SIX))]

    assert_agrees(np.array(results), golden["syn/restored"], rtol=1e-5, atol=2e-5)


def test_soft_masks_blend(picture, generator):
    mask = generator.random(picture.shape[:2]).astype(np.float32)
    arguments = [0.2, -0.3, 0.1, 0.4, -0.2, 0.3]

    expected = step_by_step(picture, mask, arguments, SIX)

    assert levels_apart(restore_picture(picture, mask, arguments), expected).max() <= 1
    assert np.abs(restore_tensor(to_planes(picture), mask, arguments) - expected).max() <= TOLERANCE


def test_background_is_untouched(noise):
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[4:9, 5:20] = 1

    assert np.array_equal(restore_picture(noise, mask, [1] * 8, FILTERS)[mask == 0], noise[mask == 0])
    assert np.array_equal(restore_tensor(to_planes(noise), mask, [1] * 8, FILTERS)[:, mask == 0], to_planes(noise)[:, mask == 0])


def test_shape_of_the_mask_does_not_change_the_foreground(generator):
    picture = generator.integers(0, 256, (150, 170, 3)).astype(np.uint8)
    scattered = (generator.random((150, 170)) < 0.4).astype(np.float32)
    arguments = [0.3, 0.2, -0.4, 0.5, 0.6, -0.7, -0.8, 0.9]
    assert picture[..., 0].size > 2 * BLOCK_PIXELS

    for run, composite in ((restore_picture, picture), (lambda *given: restore_tensor(*given).transpose(1, 2, 0), to_planes(picture))):
        expected = run(composite, whole(picture), arguments, FILTERS)

        assert np.array_equal(run(composite, scattered, arguments, FILTERS)[scattered == 1], expected[scattered == 1])


def test_empty_mask_returns_a_copy(noise):
    result = restore_picture(noise, np.zeros((HEIGHT, WIDTH), np.float32), [0.5] * 6)

    assert np.array_equal(result, noise)
    assert not np.shares_memory(result, noise)


def test_inputs_stay_as_they_are(noise):
    planes = to_planes(noise)
    before = noise.copy(), planes.copy()

    restore_picture(noise, whole(noise), [0.5] * 6)
    restore_tensor(planes, whole(noise), [0.5] * 6)

    assert np.array_equal(noise, before[0])
    assert np.array_equal(planes, before[1])


def test_views_and_read_only_arrays_are_taken(noise, generator):
    mask = generator.random((WIDTH, HEIGHT)).astype(np.float32).T
    flipped = noise[:, ::-1]
    for array in (mask, flipped):
        array.flags.writeable = False

    result = restore_picture(flipped, mask, [0.2] * 6)

    assert np.array_equal(result, restore_picture(flipped.copy(), mask.copy(), [0.2] * 6))


def test_planes_may_be_a_view(noise):
    view = noise.transpose(2, 0, 1) / np.float32(255)
    assert not view.flags.c_contiguous

    assert np.array_equal(restore_tensor(view, whole(noise), [0.2] * 6), restore_tensor(view.copy("C"), whole(noise), [0.2] * 6))


def test_arguments_beyond_one_count_as_one(noise):
    result = restore_picture(noise, whole(noise), [3, -3, 7, -np.inf, 2, -2])

    assert np.array_equal(result, restore_picture(noise, whole(noise), [1, -1, 1, -1, 1, -1]))


@pytest.mark.parametrize("given", [(HEIGHT, WIDTH), (HEIGHT, WIDTH, 4), (0, WIDTH, 3)])
def test_pictures_of_another_shape_are_refused(given):
    with pytest.raises(ShapeError, match=r"the composite has shape \(.*\), expected \(H, W, 3\)"):
        restore_picture(np.zeros(given, np.uint8), np.zeros(given[:2], np.float32), [0] * 6)


def test_planes_of_another_shape_are_refused(noise):
    with pytest.raises(ShapeError, match=r"expected \(3, H, W\)"):
        restore_tensor(noise.astype(np.float32) / 255, whole(noise), [0] * 6)


def test_pictures_of_another_type_are_refused(noise):
    with pytest.raises(ImageError, match="holds float64, expected uint8"):
        restore_picture(noise / 255, whole(noise), [0] * 6)


def test_planes_of_another_type_are_refused(noise):
    with pytest.raises(ImageError, match="holds float64, expected float32"):
        restore_tensor(to_planes(noise).astype(np.float64), whole(noise), [0] * 6)


@pytest.mark.parametrize("value", [-0.1, 255, np.nan])
def test_planes_outside_the_range_are_refused(noise, value):
    planes = to_planes(noise)
    planes[1, 2, 3] = value

    with pytest.raises(RangeError, match=r"the composite spans .* expected 0 to 1"):
        restore_tensor(planes, whole(noise), [0] * 6)


@pytest.mark.parametrize("mask", [np.ones((HEIGHT, WIDTH - 1)), np.ones((HEIGHT, WIDTH, 1)), np.full((HEIGHT, WIDTH), 255)])
def test_misfit_masks_are_refused(noise, mask):
    with pytest.raises(MaskError, match="mask"):
        restore_picture(noise, mask, [0] * 6)


def test_wrong_number_of_arguments_is_refused(noise):
    with pytest.raises(ShapeError, match=r"arguments are \(5,\), expected \(6,\)"):
        restore_picture(noise, whole(noise), [0] * 5)


def test_arguments_that_are_not_a_number_are_refused(noise):
    with pytest.raises(ParameterError, match="NaN is no argument"):
        restore_picture(noise, whole(noise), [0, 0, float("nan"), 0, 0, 0])


def test_filters_out_of_order_are_refused(noise):
    with pytest.raises(ParameterError, match="in this order"):
        restore_picture(noise, whole(noise), [0, 0], ("shadow", "brightness"))


@pytest.mark.slow
def test_works_where_compiled_code_cannot_be_kept(tmp_path):
    checkout = tmp_path / "a check out"
    shutil.copytree(ROOT / "harmlib", checkout / "harmlib", ignore=shutil.ignore_patterns("__pycache__"))
    (checkout / "harmlib" / "filters" / "__pycache__").touch()
    (tmp_path / "home").touch()
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(checkout)}
    environment.pop("NUMBA_CACHE_DIR", None)
    code = (
        "import numpy, harmlib; from harmlib.filters.fused import restore_picture; "
        "restore_picture(numpy.zeros((2, 2, 3), numpy.uint8), numpy.ones((2, 2)), [0] * 6); print(harmlib.__file__)"
    )

    run = subprocess.run([sys.executable, "-c", code], cwd=checkout, env=environment, capture_output=True, text=True, check=False)

    assert run.stdout.strip() == str(checkout / "harmlib" / "__init__.py"), run.stderr
