"""FRIH's submasks and figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from miniature_frih import example_of, gains_table, two_colors

from harmlib import models
from reproduction.frih import curves, figures, gains, numbers, pictures, pipeline, submasks


@pytest.fixture(scope="module")
def narrow_frih() -> torch.nn.Module:
    """FRIH with fresh weights, as narrow as it gets."""
    torch.manual_seed(0)
    return models.create("frih", width=1 / 64, min_area=100).eval()


def test_two_distinct_colors_are_two_submasks_by_either_rule():
    table = submasks.measure([two_colors()], [0.1])

    assert table.groupby("min_area")["pixels"].apply(list).to_dict() == {1: [1200, 800], 100: [1200, 800]}
    assert table["center"].tolist()[:2] == ["1414c8", "c81414"]


def test_a_scrap_is_a_submask_as_printed_and_none_when_merged():
    table = submasks.per_image(submasks.measure([two_colors(scrap=12)], [0.1])).set_index("min_area")

    assert table["K"].to_dict() == {1: 3, 100: 2}
    assert table.loc[1, "largest"] == 0.6


def test_sweep_counts_scraps():
    row = submasks.sweep(submasks.measure([two_colors(scrap=12), two_colors()], [0.1])).iloc[0]

    assert row[["K", "n", "pixels"]].tolist() == [2.5, 2, 800]
    assert (row["below_10"], row["below_100"]) == (0, 0.2)


def test_regions_have_both_counts_and_the_spread_of_colors():
    example = two_colors(scrap=12)

    row = submasks.regions([example], submasks.measure([example], [0.05, 0.1])).iloc[0]

    assert row[["K_printed", "K_merged"]].tolist() == [3, 2]
    assert row["spread"] == pytest.approx(np.sqrt(2 * 0.24) * 180 / 255, rel=0.02)


def test_flattest_foregrounds_are_a_quarter_of_all():
    table = pd.DataFrame({"id": list("abcdefgh"), "spread": [8, 7, 1, 6, 5, 2, 4, 3]})

    assert submasks.flattest(table)["id"].tolist() == ["c", "f"]


def test_extremes_are_chosen_by_the_spread_of_colors():
    flat = example_of(np.full((30, 40, 3), 60, np.uint8), "flat_1_1")

    chosen = pictures.flattest_and_most_varied([two_colors(), flat], 1)

    assert [(example.id, example.rule) for example in chosen] == [("flat_1_1", "flattest"), ("colors0_1_1", "most varied")]


def test_single_example_is_not_shown_as_both_extremes():
    assert [example.rule for example in pictures.flattest_and_most_varied([two_colors()], 1)] == ["flattest"]


def test_sample_of_figure_3_is_the_nearest_to_four_submasks():
    flat = example_of(np.full((30, 40, 3), 60, np.uint8), "flat_1_1")

    assert pictures.nearest_to_four([flat, two_colors()], d_c=0.1, min_area=1).id == "colors0_1_1"


@pytest.mark.parametrize(("shape", "expected"), [((100, 200), (256, 512)), ((300, 200), (384, 256)), ((64, 64), (256, 256))])
def test_pictures_get_the_proportions_of_their_file_and_no_new_values(shape, expected):
    shown = replace(two_colors(), shape=shape).proportioned(np.arange(256)[None].repeat(256, 0))

    assert shown.shape == expected
    assert set(np.unique(shown)) == set(range(256))


def test_submasks_get_distinct_colors():
    labels = np.arange(121, dtype=np.uint8).reshape(11, 11) % 11

    shown = figures.colored_submasks(np.full((11, 11, 3), 200, np.uint8), labels)

    assert len({tuple(shown[labels == number][0]) for number in range(11)}) == 11


def test_figure_3_shows_every_submask_and_its_center():
    figure = figures.extraction_figure(two_colors(scrap=12), min_area=1, d_c=0.1)

    titles = [axis.get_title() for axis in figure.axes]
    assert [title for title in titles if title.endswith("px")] == ["1: 1,200 px", "2: 788 px", "3: 12 px"]
    assert [text.get_text() for text in figure.axes[3].texts] == ["1", "2", "3"]


def test_rules_figure_tells_sizes_and_circles_scraps():
    figure = figures.rules_figure([two_colors(scrap=12)])

    assert [axis.get_xlabel() for axis in figure.axes[1:]] == ["K = 3\n1200, 788, 12 px", "K = 2\n1200, 800 px"]
    assert [len(axis.collections) for axis in figure.axes] == [0, 1, 0]


def test_ten_sizes_are_broken_into_lines():
    stripes = np.zeros((60, 60, 3), np.uint8)
    for index in range(10):
        stripes[6 * index : 6 * index + 6] = (25 * index, 250 - 25 * index, 60 * (index % 5))

    words = figures.sizes_in_words(pictures.split(example_of(stripes, "stripes_1_1"), d_c=0.05))

    assert words.startswith("K = 10\n360, 360")
    assert max(map(len, words.splitlines())) <= figures.SIZES_LENGTH


def test_motivation_figure_enlarges_every_row(frih_artefacts):
    example = two_colors()
    rows = frih_artefacts.scores[frih_artefacts.scores["id"] == "p0_1_1"]
    results = dict.fromkeys(("frih_baseline", "frih"), example.composite)

    figure = figures.motivation_figure([figures.Compared(example, results, rows)])

    assert [axis.get_title() for axis in figure.axes[:5]] == ["composite", "mask", "Baseline", "FRIH", "real"]
    assert len(figure.axes) == 10
    assert figure.axes[2].get_xlabel().startswith("fMSE 4")


def test_pipeline_shows_a_row_per_submask(narrow_frih):
    figure = pipeline.pipeline_figure(narrow_frih, two_colors())

    titles = [axis.get_title() for axis in figure.axes]
    assert [title for title in titles if title.startswith(("submask", "refined"))] == ["submask 1", "refined 1", "submask 2", "refined 2"]


def test_fusion_figure_shows_seven_steps_that_double(narrow_frih):
    figure = pipeline.fusion_figure(narrow_frih, two_colors())

    assert [axis.get_xlabel().split("×")[1] for axis in figure.axes[1:8]] == ["4", "8", "16", "32", "64", "128", "256"]
    assert models.create("frih").cascade.head[0][0].in_channels == 352
    assert any("(352 at full width)" in text.get_text() for text in figure.axes[0].texts)


def test_features_are_read_without_leaving_hooks(narrow_frih):
    _, steps = pipeline.decoder_steps(narrow_frih, two_colors())

    assert [len(features) for features in steps] == 7 * [2]
    assert not any(block._forward_hooks for block in narrow_frih.cascade.decoder)


def test_sweep_figure_has_no_curve_of_ours_for_a_single_training(frih_artefacts):
    table = submasks.sweep(submasks.measure([two_colors(), two_colors(scrap=12)], submasks.cutoffs()))

    figure = curves.sweep_figure(table, numbers.quality_table(frih_artefacts, 5))

    assert [line.get_label() for line in figure.axes[0].get_lines()] == ["paper"]


def test_gains_figure_counts_the_images_of_every_group():
    table = gains_table(np.arange(6.0), np.array([1, 2, 2, 4, 7, 9]), np.full(6, 0.1))

    figure = curves.gains_figure(gains.by_regions(table), table)

    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1\nn = 1", "2\nn = 2", "4+\nn = 3"]
