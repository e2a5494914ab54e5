"""The charts of the no-reference paper: distributions, differences, and the detector's curves, on numbers whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from miniature_perceptual import ERRORS, IMAGES, make_artefacts, score_rows, scores_of, texts, titles

from reproduction.perceptual import curves, distributions, numbers


def test_differences_are_detected_minus_true_and_missing_values_are_left_out():
    table = distributions.paired(scores_of({"a_1_1": 10, "b_1_1": 0}, {"a_1_1": 25, "b_1_1": 4})).set_index(["metric", "id"])

    assert table["difference"].loc["mse"].to_dict() == {"a_1_1": 15, "b_1_1": 4}
    assert list(table.loc["psnr"].index) == ["a_1_1"]
    assert "lpips" not in table.index


def random_scores(count: int, lpips: float = np.nan) -> pd.DataFrame:
    draws = np.random.default_rng(0).gamma(2, 20, (2, count))
    true, detected = ({f"p{index}_1_1": value for index, value in enumerate(row)} for row in draws)
    return scores_of(true, detected).assign(lpips=lpips * np.random.default_rng(1).random(2 * count))


def test_histograms_share_their_bins_and_end_at_the_99th_percentile():
    scores = random_scores(400)

    bins = distributions.bins_table(distributions.paired(scores)).query("metric == 'mse'")

    assert bins["right"].iloc[-1] == pytest.approx(np.percentile(scores["mse"], 99))
    assert bins[["C_s", "C_p"]].to_numpy().sum() == 800 - 8


def test_zero_is_an_edge_of_the_differences_bins():
    table = distributions.paired(random_scores(300))

    bins = distributions.difference_bins(table).query("metric == 'mse'")

    below = bins.loc[bins["right"] <= 1e-9, "images"].sum()
    kept = table.query(f"metric == 'mse' and abs(difference) <= {bins['right'].max()}")["difference"]
    assert below == (kept < 0).sum()


def test_shares_on_both_sides_of_zero():
    table = distributions.paired(scores_of({f"{name}_1_1": 10 for name in "abcd"}, {"a_1_1": 5, "b_1_1": 11, "c_1_1": 12, "d_1_1": 10}))

    row = distributions.differential_table(table).set_index("metric").loc["mse"]

    assert row[["n", "mean", "median", "below", "above"]].tolist() == [4, -0.5, 0.5, 0.25, 0.5]


@pytest.mark.parametrize("draw", [distributions.distribution_figure, distributions.differential_figure])
@pytest.mark.parametrize(("lpips", "missing"), [(np.nan, 1), (0.1, 0)])
def test_both_figures_have_no_panel_without_images(draw, lpips, missing):
    figure = draw(distributions.paired(random_scores(40, lpips)))

    assert len(figure.axes) == 3 - missing
    assert texts(figure).count("LPIPS weights missing") == missing


def test_figure_4_draws_the_means_as_lines():
    table = distributions.paired(random_scores(40))

    axis = distributions.distribution_figure(table).axes[0]

    means = table.loc[table["metric"] == "mse", ["C_s", "C_p"]].mean()
    assert [line.get_xdata()[0] for line in axis.lines] == pytest.approx(means.tolist())


def test_figure_5_says_which_mask_is_better_on_which_side():
    axes = distributions.differential_figure(distributions.paired(random_scores(40))).axes

    sides = [[text.get_text().splitlines()[1] for text in axis.texts] for axis in axes[:2]]
    assert sides == [["$C_p$ better", "$C_s$ better"], ["$C_s$ better", "$C_p$ better"]]


def test_roc_tells_areas_and_a_direction_without_pixels():
    curve = pd.DataFrame({"false_positive_rate": [0, 0.5, 1], "true_positive_rate": [0, 1, 1]})

    figure = curves.roc_figure({"positive": curve}, title="7 composites")

    assert titles(figure) == ["7 composites"]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
        "chance", "negative: no such pixels", "positive, area 0.750",
    ]  # fmt: skip


def test_psychometric_curves_have_n_and_leave_out_sizes_without_objects():
    table = pd.DataFrame({"size": "10-20%", "stops": [-1.0, 0.0, 1.0], "n": 4, "detected": [1.0, 0.25, 0.5]})

    figure = curves.psychometric_figure(table)

    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["10-20% (n = 4)"]
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xydata(), [[-1, 1], [0, 0.25], [1, 0.5]])


def test_f1_is_averaged_over_objects_by_direction():
    sweeps = pd.DataFrame({"id": ["p", "p", "p", "q", "q", "q"], "stops": [-1.0, 0.0, 1.0] * 2, "f1": [0.2, np.nan, 0.6, 0.4, np.nan, 0.8]})

    table = curves.f1_table(sweeps)

    assert table[["stops", "direction", "mean", "n"]].to_numpy().tolist() == [
        [-1, "negative", pytest.approx(0.3), 2], [1, "positive", pytest.approx(0.7), 2],
    ]  # fmt: skip
    assert titles(curves.f1_figure(sweeps)) == ["n = 2 objects at every shift"]


@pytest.mark.parametrize(("factor", "scale"), [(1, "linear"), (9, "log")])
def test_relative_errors_have_n_under_every_size_on_both_benchmarks(tmp_path, factor, scale):
    errors = {method: error * (1 if method == "composite" else factor) for method, error in ERRORS.items()}

    figure = curves.size_figure(numbers.relative_table(make_artefacts(tmp_path, score_rows(errors))))

    assert titles(figure) == ["iHarmony4-style, mini", "COCO-Exp-style, mini"]
    ticks = [label.get_text() for label in figure.axes[1].get_xticklabels()]
    assert ticks[:2] == [f"0-10%\nn = {IMAGES // 3}", f"10-20%\nn = {IMAGES // 3}"]
    assert ticks[-1] == "70-80%\nn = 0"
    assert {axis.get_yscale() for axis in figure.axes} == {scale}
