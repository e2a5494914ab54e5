"""Pictures and figures of Harmonizer on small composites whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harmlib import models
from harmlib.data.pairs import Pair
from harmlib.filters import SIX
from harmlib.filters.fused import restore_picture
from harmlib.io.images import write_png
from harmlib.models.harmonizer import Harmonizer
from reproduction.harmonizer import failure, figures, flow
from reproduction.kit.selection import Sample

HEIGHT, WIDTH = 72, 96


@pytest.fixture(scope="module")
def model() -> Harmonizer:
    """Harmonizer with fresh weights, as narrow and small as it gets."""
    torch.manual_seed(0)
    return models.create("harmonizer", width=0.25, size=64).eval()


@pytest.fixture
def sample(generator: np.random.Generator) -> Sample:
    """A smooth photograph whose middle was darkened by the filters, at the argument -0.3 of brightness."""
    target = np.kron(generator.uniform(40, 215, (6, 8, 3)), np.ones((12, 12, 1))).astype(np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[18:54, 24:72] = True
    composite = restore_picture(target, mask.astype(np.float32), [-0.3], ("brightness",))
    return Sample("p_1_1", "mini", composite, target, mask)


def recolored(target: np.ndarray, mask: np.ndarray, order: list[int]) -> np.ndarray:
    """The target with the channels of its foreground in another order."""
    return np.where(mask[..., None], target[..., order], target)


@pytest.mark.parametrize(("level", "argument", "after"), figures.POINTS)
def test_shadow_curve_goes_through_the_papers_points(level, argument, after):
    assert figures.transfer_curve("shadow", argument, np.array([level]))[0] == pytest.approx(after, abs=1)


def test_opposite_arguments_do_not_undo_each_other():
    table = figures.shadow_table()

    assert (table["both"] - table["level"]).iloc[1:255].min() > 0


def test_shadow_figure_marks_both_points():
    axis = figures.shadow_figure(figures.shadow_table()).axes[0]

    assert [line.get_xydata().tolist() for line in axis.lines if line.get_marker() == "o"] == [[[204, 174]], [[174, 227]]]


def test_last_of_the_pictures_after_every_filter_is_the_result(sample, model):
    result, arguments = flow.harmonized_with_arguments(model, sample)

    pictures = flow.after_every_filter(sample, model, list(arguments.values()))

    assert list(arguments) == list(SIX)
    assert np.abs(pictures[-1].astype(int) - result).max() <= 1


def test_supervision_starts_and_ends_at_the_photograph_and_meets_in_the_composite(sample, model):
    supervision = flow.supervise(sample, model)

    np.testing.assert_array_equal(supervision.made[-1], sample.real)
    np.testing.assert_array_equal(supervision.made[0], supervision.restored[0])
    assert len(supervision.made) == len(supervision.restored) == len(SIX) + 1


def test_shares_of_the_dynamic_loss_sum_to_one(sample, model):
    assert sum(flow.supervise(sample, model).shares) == pytest.approx(1, abs=1e-5)


def test_supervision_repeats_itself(sample, model):
    assert flow.supervise(sample, model).losses == flow.supervise(sample, model).losses


def test_flow_shows_every_filter_with_its_argument(sample, model):
    titles = [axis.get_title() for axis in flow.flow_figure(sample, model).axes]

    assert titles[-6:] == [f"$I'_{index}$ {name}" for index, name in enumerate(SIX, 1)]


def test_supervision_figure_has_two_rows_and_a_loss_per_filter(sample, model):
    figure = flow.supervision_figure(flow.supervise(sample, model))

    assert len(figure.axes) == 1 + 2 * 7
    assert sum(text.get_text().startswith(r"$\ell") for text in figure.axes[0].texts) == len(SIX)


def test_three_frameworks_start_from_the_same_composite(sample, model):
    figure = flow.framework_figure(sample, models.create("reinhard_lab"), models.create("composite"), model)

    shown = [axis.images[0].get_array() for axis in figure.axes if axis.images]
    assert sum(np.array_equal(picture, sample.composite) for picture in shown) >= 3


def test_comparison_ends_with_the_real_photograph_and_measures_what_is_shown(sample, model):
    figure = figures.comparison_figure([sample], {"harmonizer": model})

    wrong = (sample.composite.astype(float) - sample.real)[sample.mask]
    assert [axis.get_title() for axis in figure.axes] == ["composite", "Harmonizer", "real"]
    assert figure.axes[0].get_xlabel() == f"fMSE {(wrong**2).mean():.1f}"
    assert figure.axes[2].get_xlabel() == ""


def test_real_composite_has_no_last_column(sample, model):
    real = Sample("x", "pack", sample.composite, None, sample.mask)

    figure = figures.comparison_figure([real], {"harmonizer": model})

    assert [axis.get_title() for axis in figure.axes] == ["composite", "Harmonizer"]
    assert not any(axis.get_xlabel() for axis in figure.axes)


def test_caption_tells_real_composites_from_test_composites(sample):
    real = Sample("x", "pack", sample.composite, None, sample.mask)

    assert "test composites" in figures.shown_sentence([sample])
    assert figures.shown_sentence([real]) == "1 from pack, longer side 96 to 96 pixels, which is no high resolution."


def test_large_picture_is_none_without_the_pack(tmp_path):
    assert figures.read_large_sample(None) is None
    assert figures.read_large_sample(tmp_path) is None


@pytest.mark.slow
def test_large_picture_is_the_genuine_one(shared):
    found = figures.read_large_sample(shared / "data")

    assert found is not None
    assert (found.id, found.mask.shape) == ("a0002_1_4", (4256, 2832))


def test_resizing_loses_detail_that_filters_keep(generator, model):
    target = generator.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    large = Sample("p", "mini", target // 2, target, np.ones((300, 400), bool))

    table = figures.large_table(large, figures.large_results(large, model)).set_index("picture")

    assert table.loc["resized", "sharpness"] < 0.5 * table.loc["filters", "sharpness"]
    assert table.loc["real", ["mse", "fmse", "sharpness"]].tolist() == [0, 0, 1]


def test_enlarged_square_has_most_contrast_within_the_foreground():
    picture = np.full((96, 128, 3), 100, np.uint8)
    picture[:16, :16] = 250  # outside of the foreground
    picture[40:56, 72:88] = 180
    mask = np.zeros((96, 128), bool)
    mask[32:, 32:] = True

    assert figures.detailed_box(Sample("p", "mini", picture, picture, mask), side=32) == (32, 64, 64, 96)


def test_hue_distance_goes_the_short_way_around_the_circle():
    one, near, far = (np.eye(failure.BINS)[index] for index in (0, failure.BINS - 2, failure.BINS // 2))

    assert failure.hue_distance(one, near) == pytest.approx(20)
    assert failure.hue_distance(one, far) == pytest.approx(180)
    assert failure.hue_distance(one, one) == 0


def test_grays_have_no_hue():
    gray = np.full((4, 4, 3), 90, np.uint8)

    assert failure.hue_histogram(gray, np.ones((4, 4), bool)).sum() == 0


def test_pure_colors_fall_into_their_own_bins():
    picture = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [0, 0, 255]]], np.uint8)

    shares = failure.hue_histogram(picture, np.ones((2, 2), bool))

    assert shares[[0, 12, 24]].tolist() == [0.25, 0.25, 0.5]


def test_strongest_hue_difference_is_found_among_colored_foregrounds(tmp_path, sample):
    target = sample.real.copy()
    target[sample.mask] = (200, 60, 40)
    gray = target.copy()
    gray[sample.mask] = 90
    composites = {"same": target, "gray": gray, "turned": recolored(target, sample.mask, [2, 0, 1])}
    pairs = []
    for name, composite in composites.items():
        paths = [tmp_path / f"{name}_{kind}.png" for kind in ("composite", "mask", "real")]
        for path, array in zip(paths, (composite, 255 * sample.mask.astype(np.uint8), target), strict=True):
            write_png(path, array)
        pairs.append(Pair(name, "mini", *paths))

    found, distance = failure.furthest_in_hue(pairs)

    assert found.id == "turned"
    assert distance > 90


def test_search_finds_the_way_back_of_a_filter(sample):
    arguments = failure.best_arguments(sample, ("brightness",))

    result = restore_picture(sample.composite, sample.mask.astype(np.float32), arguments, ("brightness",))
    assert np.abs(result.astype(int) - sample.real).max() <= 4
    assert arguments[0] == pytest.approx(0.3, abs=0.03)


@pytest.mark.slow
def test_failure_compares_what_the_network_did_with_what_filters_could_do(sample, model):
    result, _ = flow.harmonized_with_arguments(model, sample)

    explained = failure.explain_failure(sample, 12.0, result, steps=40)

    assert list(explained.pictures) == ["composite", "Harmonizer", "best six", "best eight", "real"]
    assert explained.errors["best six"] < 0.2 * explained.errors["composite"]
    assert explained.errors["real"] == 0
    assert "hue off by 12 degrees" in failure.failure_sentence(explained)


def test_failure_figure_shows_pictures_above_their_hues(sample):
    explained = failure.Failure(sample, 1.0, {"composite": sample.composite, "real": sample.real}, {"composite": 4.0, "real": 0.0})

    figure = failure.failure_figure(explained)

    assert [len(axis.images) for axis in figure.axes] == [1, 1, 0, 0]
    assert [len(axis.patches) for axis in figure.axes[2:]] == [failure.BINS, failure.BINS]
