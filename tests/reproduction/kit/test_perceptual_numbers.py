"""Tables 1 to 3 of the no-reference paper on scores whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from miniature_perceptual import ERRORS, IMAGES, make_artefacts, score_rows

from harmlib.evaluation.statistics import SIZE_BUCKETS
from reproduction.kit.comparisons import BETTER, WORSE
from reproduction.kit.findings import AGREES, DIFFERS
from reproduction.papers import printed_difference
from reproduction.perceptual import artefacts, numbers
from reproduction.perceptual.artefacts import COCO_EXP, IHARMONY4


@pytest.fixture(scope="module")
def good_artefacts(tmp_path_factory) -> artefacts.Artefacts:
    """Artefacts in the paper's order: true mask, sequential, attention, no mask; all better than doing nothing."""
    return make_artefacts(tmp_path_factory.mktemp("good"), score_rows(ERRORS))


def test_table_1_compares_masks_of_one_trained_harmonizer(good_artefacts):
    table = numbers.two_stage_table(good_artefacts).set_index(["method", "metric"])

    assert table.loc[("dih_m", "MSE"), ["row", "paper", "n"]].tolist() == ["DIH", "19.55", IMAGES]
    assert table.loc[("ptc_dih_twostage", "MSE"), "rank"] == ""
    assert table.loc[("dih_m", "MSE"), "rank"] == "best"


def test_missing_lpips_says_why(good_artefacts):
    table = numbers.two_stage_table(good_artefacts)

    assert set(table.loc[table["metric"] == "LPIPS", "note"]) == {"LPIPS weights missing"}


def test_known_lpips_is_shown(tmp_path):
    scores = score_rows(ERRORS).assign(lpips=0.02)

    table = numbers.two_stage_table(make_artefacts(tmp_path, scores)).query("metric == 'LPIPS'")

    assert table[["ours", "note"]].to_numpy().tolist() == [[pytest.approx(0.02), ""]] * 2


def test_table_2_ranks_only_methods_without_mask(good_artefacts):
    table = numbers.quality_table(good_artefacts).query("metric == 'MSE' and dataset == 'COCO-Exp'").set_index("method")

    assert table.loc["ptc_dih", "rank"] == "best"
    assert table.loc[["dih_m", "composite", "ptc_dih_twostage"], "rank"].tolist() == 3 * [""]


def test_table_2_adds_doing_nothing_and_the_two_stage_system(good_artefacts):
    table = numbers.quality_table(good_artefacts)

    assert set(table.loc[table["paper"] == "", "row"]) == {"composite", "PTC+DIH"}


def test_table_3_has_every_printed_cell_on_both_data_sets(good_artefacts):
    table = numbers.size_table(good_artefacts)

    assert len(table) == 80
    assert table.groupby("dataset", sort=False)["subset_or_bucket"].unique().map(list).tolist() == 2 * [list(SIZE_BUCKETS)]


def test_empty_size_has_no_number_and_says_why(good_artefacts):
    table = numbers.size_table(good_artefacts).query("subset_or_bucket == '70-80%'")

    assert table["ours"].isna().all()
    assert set(table["note"]) == {"no image of this size"}
    assert set(table["n"]) == {0}


def test_object_of_80_percent_is_in_no_size(tmp_path):
    scores = score_rows(ERRORS).assign(foreground_ratio=0.8)

    assert numbers.size_table(make_artefacts(tmp_path, scores))["ours"].isna().all()


def test_relative_error_is_a_ratio_of_means_beside_the_papers(good_artefacts):
    table = numbers.relative_table(good_artefacts).set_index(["dataset", "subset_or_bucket", "method"])
    row = table.loc[(COCO_EXP, "0-10%", "ptc_dih")]

    assert row["ours"] == pytest.approx(ERRORS["ptc_dih"] / ERRORS["composite"], rel=0.02)
    assert row["paper"] == f"{82.35 / 86.11:.3f}"
    assert row["low"] < row["ours"] < row["high"]


def test_relative_error_of_a_single_image_has_no_interval(tmp_path):
    scores = score_rows(ERRORS)
    single = scores[scores["id"] == scores["id"].iloc[0]]

    row = numbers.relative_table(make_artefacts(tmp_path, single)).query("method == 'dih_m' and n == 1").iloc[0]

    assert row["ours"] == pytest.approx(ERRORS["dih_m"] / ERRORS["composite"], rel=0.1)
    assert np.isnan(row["low"])


def test_counts_stand_in_the_heads_of_sizes(good_artefacts):
    table = numbers.size_table(good_artefacts)

    heads = numbers.with_counts(table[table["dataset"] == IHARMONY4])["subset_or_bucket"].unique()

    assert heads[0] == f"0-10%, n = {IMAGES // 3}"
    assert heads[-1] == "70-80%, n = 0"


def test_counts_of_the_public_test_set_add_up():
    assert sum(numbers.IHARMONY4_COUNTS.values()) == 7404


def test_sizes_are_counted_beyond_the_last_one_too(tmp_path):
    scores = score_rows(ERRORS)
    scores.loc[scores["id"] == "p0_1_1", "foreground_ratio"] = 0.9

    table = numbers.size_counts(make_artefacts(tmp_path, scores)).set_index("data")

    assert table.loc["COCO-Exp-style, mini", ["0-10%", "80% or more"]].tolist() == [IMAGES // 3 - 1, 1]


def test_orders_hold_in_the_papers_direction(good_artefacts):
    table = numbers.orders(good_artefacts).set_index(["dataset", "comparison", "metric"])
    row = table.loc[(COCO_EXP, "DIH-M - PTC-DIH", "mse")]

    assert row["paper"] == -13
    assert row[["reading", "verdict"]].tolist() == [BETTER, AGREES]


def test_order_that_the_paper_does_not_print_neither_holds_nor_fails(good_artefacts):
    table = numbers.orders(good_artefacts).set_index(["dataset", "comparison", "metric"])

    assert table.loc[(IHARMONY4, "PTC-DIH - composite", "mse"), ["reading", "verdict"]].tolist() == [BETTER, ""]


def test_reversed_order_does_not_hold(tmp_path):
    reversed_errors = {**ERRORS, "dih_m": ERRORS["dih_nm"], "dih_nm": ERRORS["dih_m"]}

    table = numbers.orders(make_artefacts(tmp_path, score_rows(reversed_errors))).set_index(["dataset", "comparison", "metric"])

    assert table.loc[(IHARMONY4, "PTC-att-DIH - DIH-NM", "mse"), "verdict"] == DIFFERS


@pytest.mark.parametrize(("dataset", "paper"), [(COCO_EXP, 3.1), (IHARMONY4, np.nan)])
def test_two_stage_difference_is_table_1s(dataset, paper):
    assert printed_difference(numbers.TABLES, "ptc_dih_twostage", "dih_m", "mse", dataset) == pytest.approx(paper, nan_ok=True)


def test_order_sentence_has_the_three_steps_of_table_2(good_artefacts):
    (first, _) = numbers.order_sentences(numbers.orders(good_artefacts))

    assert first.count("; agrees)") == 3
    assert first.endswith("The order as a whole: agrees.")


def test_small_objects_are_compared_with_doing_nothing(tmp_path):
    worse = {**ERRORS, "dih_nm": 2 * ERRORS["composite"]}

    table = numbers.small_objects(make_artefacts(tmp_path, score_rows(worse))).set_index(["dataset", "method"])

    assert table.loc[(COCO_EXP, "DIH-NM"), ["paper", "n", "worse", "reading"]].tolist() == [8.19, 12, 1, WORSE]
    assert table.loc[(COCO_EXP, "PTC-DIH"), ["paper", "worse", "reading"]].tolist() == [-3.76, 0, BETTER]


def test_no_small_object_is_no_comparison(tmp_path):
    study_of_large = make_artefacts(tmp_path, score_rows(ERRORS).assign(foreground_ratio=0.3))

    table = numbers.small_objects(study_of_large)

    assert set(table["reading"]) == {"no image of this size"}
    assert all("here no image of this size" in sentence for sentence in numbers.small_sentences(table))


def test_sentence_on_small_objects_names_the_papers_two_methods(good_artefacts):
    sentence = numbers.small_sentences(numbers.small_objects(good_artefacts))[0]

    assert "in the paper DIH-NM and PTC-att-DIH are worse" in sentence


def test_tables_name_profile_and_device(good_artefacts):
    for table in (numbers.two_stage_table(good_artefacts), numbers.quality_table(good_artefacts), numbers.relative_table(good_artefacts)):
        assert table[["profile", "device"]].drop_duplicates().to_numpy().tolist() == [["mini", "cpu"]]


def test_scores_are_sorted_by_size():
    table = pd.DataFrame({"foreground_ratio": [0.35, 0.05, 0.85, 0.25]})

    assert numbers.sized(table)["subset_or_bucket"].tolist() == ["0-10%", "20-30%", "30-40%"]


@pytest.mark.parametrize(
    ("columns", "kept"),
    [
        (["model_total"], ["model_total"]),
        (["model_coarse", "model_total"], ["model_coarse"]),
        (["generator_total", "generator_l1"], ["generator_total", "generator_l1"]),
        ([], []),
    ],
)
def test_history_keeps_a_total_that_is_all_there_is(good_artefacts, columns, kept):
    for run in good_artefacts.plan.runs:
        table = pd.DataFrame(columns=["step", "seconds", "learning_rate", *columns])
        table.to_csv(good_artefacts.workspace.results.run(run.name) / "history.csv", index=False)

    assert list(good_artefacts.histories()["dih_m-iharmony4-style"]) == ["step", "learning_rate", *kept]
