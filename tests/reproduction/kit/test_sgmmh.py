"""The exhibits of Sg-MMH on small inputs whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from miniature_sgmmh import METHOD_ERRORS, make_artefacts, region_rows, score_rows

from harmlib import models
from harmlib.data.photos import Photo
from harmlib.errors import DataError, ParameterError
from harmlib.models.layers.retoucher import OPERATORS
from reproduction.kit import charts, comparisons
from reproduction.profiles import load_profile
from reproduction.sgmmh import artefacts, directions, figures, numbers, pasted, pictures, pipeline
from reproduction.workspace import Workspace


@pytest.fixture(scope="module")
def good_artefacts(tmp_path_factory: pytest.TempPathFactory) -> artefacts.Artefacts:
    """Artefacts in which every method beats the one before it in the paper's table."""
    return make_artefacts(tmp_path_factory.mktemp("good"), score_rows(METHOD_ERRORS))


def example_of(composite: np.ndarray, target: np.ndarray, regions: np.ndarray, shape: tuple[int, int] = (256, 256)) -> pictures.Example:
    """An example without files."""
    return pictures.Example("p_1_1", "mini", composite, target, regions > 0, shape=shape, regions=regions)


@pytest.fixture
def example() -> pictures.Example:
    """A gray picture whose left and top right regions were darkened."""
    target = np.full((256, 256, 3), 160, np.uint8)
    regions = np.zeros((256, 256), np.uint8)
    regions[40:200, 20:100] = 3
    regions[10:90, 150:240] = 5
    composite = np.where(regions[..., None] > 0, 110, target).astype(np.uint8)
    return example_of(composite, target, regions)


@pytest.fixture(scope="module")
def narrow_gan() -> torch.nn.Module:
    """OMGAN with fresh weights, as narrow as it gets."""
    torch.manual_seed(0)
    return models.create("sgmmh_omgan", width=1 / 64).eval()


def test_scores_are_ordered_as_the_papers_table(good_artefacts):
    first = good_artefacts.scores.drop_duplicates(["dataset", "method"])

    assert first["method"].tolist() == 2 * list(artefacts.LABELS)
    assert first["dataset"].unique().tolist() == ["HScene", "HLIP"]


def test_counts_of_several_sources_are_summed_and_only_the_sum_meets_the_paper(good_artefacts):
    table = numbers.counts_table(good_artefacts).query("dataset == 'HScene'").set_index("subset")

    assert table.loc["All", ["source", "ours", "skipped", "paper"]].tolist() == [10, 8, 2, "2000"]
    assert table.loc["other", "paper"] == ""


def test_counts_of_a_single_source_meet_the_paper_without_a_sum(good_artefacts):
    table = numbers.counts_table(good_artefacts).query("dataset == 'HLIP'")

    assert table[["subset", "paper_source", "paper"]].to_numpy().tolist() == [["embedded-people", "10000", "9972"]]


def test_skipped_photographs_are_counted_once(good_artefacts):
    sentences = numbers.skip_sentences(numbers.counts_table(good_artefacts))

    assert "2 of 10 photographs skipped (no labeled region)" in sentences[0]


def test_quality_table_has_every_printed_cell_and_says_why_lpips_is_empty(good_artefacts):
    table = numbers.quality_table(good_artefacts)

    assert len(table) == 32
    assert (table.loc[table["metric"] == "LPIPS", "note"] != "").all()
    assert table.loc[table["metric"] != "LPIPS", "ours"].notna().all()


def test_clear_winner_is_marked_best(good_artefacts):
    table = numbers.quality_table(good_artefacts)

    assert set(table.loc[table["rank"] == "best", "method"]) == {"sgmmh_omgan"}


@pytest.mark.parametrize(
    ("low", "high", "lower_is_better", "expected"),
    [(-2, -1, True, "better"), (-2, -1, False, "worse"), (1, 2, True, "worse"), (1, 2, False, "better"), (-1, 1, True, comparisons.OPEN)],
)
def test_reading_follows_the_interval(low, high, lower_is_better, expected):
    assert comparisons.reading(low, high, lower_is_better=lower_is_better) == expected


def test_reading_without_an_interval_says_too_few():
    assert comparisons.reading(float("nan"), float("nan"), lower_is_better=True) == comparisons.TOO_FEW


def test_differences_are_paired_and_stand_beside_the_papers(good_artefacts):
    row = numbers.differences(good_artefacts).query("dataset == 'HLIP' and comparison == 'OM - RGB' and metric == 'mse'").iloc[0]

    assert row["ours"] == pytest.approx(-50, abs=1)
    assert row["paper"] == pytest.approx(48.02 - 75.45)
    assert row["reading"] == comparisons.BETTER


def test_sentence_tells_which_methods_beat_doing_nothing(tmp_path):
    failing = make_artefacts(tmp_path, score_rows({**METHOD_ERRORS, "sgmmh_rgb": 900.0}))

    sentence = numbers.against_nothing(numbers.differences(failing))[0]

    assert "RGB: worse than doing nothing" in sentence
    assert "OM, OMGAN: better than doing nothing" in sentence


def test_single_source_is_not_shown_twice(good_artefacts):
    assert set(comparisons.subset_table(good_artefacts.scores, numbers.METRICS)["subset"]) == {"embedded"}


def test_buckets_come_in_order_of_size(good_artefacts):
    table = comparisons.by_foreground(good_artefacts.scores)

    assert table["bucket"].unique().tolist() == ["5%-15%", "15%-100%"]


def test_foreground_sentence_names_every_bucket_with_n(good_artefacts):
    assert "5%-15% (n = 2): too few; 15%-100% (n = 10): better" in numbers.foreground_sentences(good_artefacts)[0]


@pytest.mark.parametrize(("shape", "expected"), [((100, 200), (256, 512)), ((300, 200), (384, 256)), ((64, 64), (256, 256))])
def test_pictures_get_the_proportions_of_their_file_and_no_new_values(example, shape, expected):
    shown = example_of(example.composite, example.real, example.regions, shape).proportioned(example.regions)

    assert shown.shape == expected
    assert set(np.unique(shown)) == {0, 3, 5}


def test_real_composite_has_no_target_to_ask_for(example):
    real = pictures.Example("x", "pack", example.composite, None, example.mask, regions=example.regions)

    with pytest.raises(DataError, match="real composite"):
        _ = real.real


def test_real_composite_is_none_without_the_pack(tmp_path):
    assert pictures.read_real_composite(tmp_path) is None


def test_real_composite_is_the_first_of_the_pack(shared):
    found = pictures.read_real_composite(shared / "data")

    assert found is not None
    assert (found.id, found.shape, found.composite.shape) == ("0019", (500, 800), (256, 256, 3))


def test_factor_one_edits_nothing(example, narrow_gan):
    prediction = pictures.predict(narrow_gan, example)

    np.testing.assert_array_equal(pictures.edited(example, prediction, scale={"add_L": 1}), pictures.picture(prediction))


def test_edit_stays_inside_the_foreground(example, narrow_gan):
    prediction = pictures.predict(narrow_gan, example)

    changed = (pictures.edited(example, prediction, scale={"add_L": 9}) != pictures.picture(prediction)).any(-1)

    assert changed[example.mask].any()
    assert not changed[~example.mask].any()


def test_as_many_shifts_as_factors_are_shown(example, narrow_gan):
    with pytest.raises(ParameterError, match="there are 2 factors and 3 shifts"):
        figures.edit_figure(example, pictures.predict(narrow_gan, example), [1, 2], [0, 8, 16])


def test_additive_maps_are_in_lab_codes(example, narrow_gan):
    prediction = pictures.predict(narrow_gan, example)
    masks = prediction["operator_masks"][0].numpy()

    maps = pictures.operator_maps(prediction)

    np.testing.assert_allclose(maps["add_a"], 127.5 * masks[OPERATORS.index("add_a")])
    np.testing.assert_allclose(maps["mul_a"], masks[OPERATORS.index("mul_a")])


def test_wanted_direction_is_up_where_a_region_was_darkened(example):
    nothing = np.zeros((256, 256, 3))

    rows = pd.DataFrame(directions.measure_regions(example, nothing + 4.0, nothing))

    lightness = rows[rows["channel"] == "L"]
    assert lightness["region"].tolist() == [3, 5]
    assert (lightness["wanted"] > 40).all()
    assert (lightness["add"] == 4.0).all()


def test_agreement_counts_signs_and_leaves_out_invisible_regions():
    signs = directions.agreement(region_rows([5, -5, 5, 0.5], [1, -1, -1, -1])).set_index("compared")

    assert signs.loc["add", "share"] == pytest.approx(2 / 3)
    assert signs.loc["add", "regions"] == 3
    assert signs.loc["done", "share"] == 1


def test_correlation_is_pearsons(generator):
    wanted = generator.normal(size=30)
    add = 0.5 * wanted + generator.normal(size=30)

    interval = directions.correlation(region_rows(list(wanted), list(add)), "add")

    assert interval.mean == pytest.approx(np.corrcoef(wanted, add)[0, 1])
    assert interval.low < interval.mean < interval.high


def test_two_images_have_a_correlation_without_an_interval():
    found = directions.correlation(region_rows([1, 2], [1, 2]), "add")

    assert found.mean == pytest.approx(1)
    assert np.isnan(found.low)


def test_regions_get_distinct_colors(example):
    shown = figures.colored_regions(example.composite, example.regions)

    assert len({tuple(shown[example.regions == region][0]) for region in (0, 3, 5)}) == 3


def test_every_region_is_boxed_in_every_picture(example, narrow_gan):
    scores = pd.DataFrame({"method": ["composite", "sgmmh_omgan"], "mse": [1.0, 2.0], "psnr": [3.0, 4.0]})
    compared = figures.Compared(example, {"sgmmh_omgan": pictures.predict(narrow_gan, example)}, scores, "first")

    figure = figures.comparison_figure([compared])

    assert [len(axis.patches) for axis in figure.axes] == [2, 2, 2]


def test_pipeline_shows_six_masks_and_a_map_of_patches(example, narrow_gan):
    figure = pipeline.pipeline_figure(narrow_gan, example)

    titles = [axis.get_title() for axis in figure.axes]
    assert [title for title in titles if "_" not in title and title.startswith(("add", "mul"))] == [
        "add L", "mul L − 1", "add a", "mul a − 1", "add b", "mul b − 1",
    ]  # fmt: skip
    assert pipeline.patch_scores(narrow_gan, example).shape == (30, 30)


def test_people_are_pasted_in_the_papers_three_settings(good_artefacts):
    made = pasted.paste_people(good_artefacts)

    assert [entry.setting for entry in made] == list(pasted.SETTINGS)
    for entry in made:
        assert entry.masks[0].any()
        assert entry.masks[1].any()
        assert not (entry.masks[0] & entry.masks[1]).any()
        np.testing.assert_array_equal(entry.composite[~entry.union], entry.background[~entry.union])


def test_only_the_last_setting_leaves_the_foregrounds_as_they_were(good_artefacts):
    lit, _, photographed = pasted.paste_people(good_artefacts)

    assert lit.composite[lit.masks[0]].mean() < photographed.composite[photographed.masks[0]].mean()
    assert lit.composite[lit.masks[1]].mean() > photographed.composite[photographed.masks[1]].mean()


def test_nobody_is_pasted_without_photographs(good_artefacts):
    profile = load_profile("small")
    elsewhere = artefacts.Artefacts(
        Workspace(profile, good_artefacts.workspace.results, None), {}, profile.paper("sgmmh"), "cpu", {}, good_artefacts.scores
    )

    assert pasted.paste_people(elsewhere) == []


def test_person_is_what_is_not_named_otherwise():
    labels = np.array([[0, 1], [2, 3]], np.uint8)
    photo = Photo("p", np.zeros((2, 2, 3), np.uint8), labels, {1: "skin", 2: "wall", 3: "clothing"})

    assert pasted.labeled_person(photo, 0).tolist() == [[False, True], [False, True]]


def test_figure_4_shows_the_papers_columns(good_artefacts, narrow_gan):
    entry = pasted.paste_people(good_artefacts)[0]
    rainnet = models.create("rainnet", width=1 / 64).eval()

    figure = pasted.pasted_figure([entry], {"rainnet": rainnet}, narrow_gan)

    titles = [axis.get_title() for axis in figure.subfigs[0].axes if axis.get_title()]
    first = ["background", "foreground 1", "foreground 2", "union mask", "composite"]
    assert titles == [*first, "RainNet, mask", "OMGAN, no mask"]


def test_foreground_figure_has_a_panel_per_benchmark(good_artefacts):
    figure = charts.foreground_figure(comparisons.by_foreground(good_artefacts.scores), artefacts.LABELS, axis_label="share")

    assert [axis.get_title() for axis in figure.axes] == ["HScene-style, embedded", "HLIP-style, embedded"]
