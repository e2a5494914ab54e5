"""Figures of user studies say who answered, and draw what their tables hold."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from harmlib import models
from reproduction.exhibits_userstudy import figures, filters, numbers, outputs, votes, widths
from reproduction.kit.selection import Sample
from reproduction.userstudy.simulated import choice_study, color_difference, filter_study, ranking_study


@pytest.fixture(scope="module")
def scored() -> list[numbers.Scored]:
    """Two small simulated studies."""
    studies = [ranking_study(row, participants=3, items=4, seed=1) for row in ("image", "video")]
    return [numbers.score_study(records, draws=50, seed=0) for records in studies]


@pytest.fixture
def sample(generator: np.random.Generator) -> Sample:
    """A photograph whose middle is too dark."""
    target = np.kron(generator.uniform(60, 200, (6, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    mask = np.zeros((48, 64), bool)
    mask[12:36, 16:48] = True
    return Sample("p_1_1", "mini", np.where(mask[..., None], target // 2, target), target, mask)


def titles(figure: plt.Figure) -> list[str]:
    return [axis.get_title() for axis in figure.axes if axis.get_title()]


def test_every_panel_of_simulated_scores_says_so(scored) -> None:
    figure = figures.score_figure(numbers.score_table(scored))

    assert titles(figure) == ["Simulated: image\n3 simulated raters, 4 composites", "Simulated: video\n3 simulated raters, 4 clips"]


def test_scores_of_people_are_not_called_simulated(scored) -> None:
    table = numbers.score_table(scored[:1]).assign(raters="people", data="3 people, 4 composites")

    figure = figures.score_figure(table)

    assert titles(figure) == ["image\n3 people, 4 composites"]
    assert not any("imulated" in text.get_text() for text in figure.legends[0].get_texts())


def test_win_matrix_has_a_number_for_every_pair(scored) -> None:
    figure = figures.win_figure(numbers.win_table(scored))

    assert [len(axis.texts) for axis in figure.axes] == [7 * 6, 6 * 5]
    assert all(title.startswith("Simulated: ") for title in titles(figure))


def test_share_figure_draws_the_papers_votes_beside_the_simulated_ones() -> None:
    figure = figures.share_figure(votes.table3(choice_study(participants=4, seed=1), draws=50, seed=0))

    assert titles(figure) == ["Simulated: all sets", "Simulated: by scenario"]
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["the paper's printed votes, Wilson", "simulated raters, bootstrap"]


def test_filters_are_sorted_by_importance_with_a_bell_above_every_box() -> None:
    records = filter_study(participants=5, seed=1)
    table = filters.range_table(records, draws=50, seed=0)

    figure = filters.range_figure(records, table)

    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == table.sort_values("importance", ascending=False)["filter"].tolist()
    assert sum(len(line.get_xdata()) == 401 for line in figure.axes[1].lines) == len(table)
    assert titles(figure) == ["Simulated: importance", "Simulated: arguments"]


def test_table_of_filters_has_the_released_ranges() -> None:
    table = filters.range_table(filter_study(participants=3, seed=1), draws=50, seed=0).set_index("filter")

    assert table["released_range"][["brightness", "contrast", "saturation", "temperature", "highlight", "shadow"]].tolist() == [
        0.5, 0.5, 0.6, 0.3, 0.4, 0.4,
    ]  # fmt: skip
    assert set(table["raters"]) == {"simulated"}


def test_width_figure_has_a_line_per_design_in_both_panels() -> None:
    table = widths.width_table(seed=0, raters=(3, 6), repetitions=1, draws=20)

    figure = figures.width_figure(table)

    drawn = [sum(len(line.get_xdata()) == 2 and line.get_marker() != "None" for line in axis.lines) for axis in figure.axes]
    assert drawn == [4, 4]
    assert titles(figure) == ["Simulated: how wide", "Simulated: what they tell apart"]


def test_results_are_measured_as_raters_see_them(sample) -> None:
    errors = outputs.measure([sample], {"harmonizer": models.create("composite")}).set_index("method")

    expected = color_difference(sample.composite, sample.real, sample.mask)
    assert errors["color_difference"].tolist() == pytest.approx([expected, expected])
    difference = (sample.composite.astype(float) - sample.real)[sample.mask]
    assert errors.loc["composite", "fmse"] == pytest.approx((difference**2).mean(), rel=1e-4)


def test_output_figure_shows_every_method_over_both_errors(sample) -> None:
    brighter = Sample("q_1_1", "mini", sample.real // 2 + 60, sample.real, sample.mask)
    methods = {"harmonizer": models.create("composite"), "ht": models.create("reinhard_lab")}
    errors = outputs.measure([sample, brighter], methods)
    study = numbers.score_study(outputs.preferences(errors, raters=3, seed=0), draws=50, seed=0)

    figure = figures.output_figure(outputs.error_table(errors, study, {}))

    assert [len(axis.containers) for axis in figure.axes] == [3, 3]
    assert figure.get_suptitle() == "Simulated: preferences from real outputs, 2 test composites"
