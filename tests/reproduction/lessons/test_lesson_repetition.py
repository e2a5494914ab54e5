"""Harmonizing again and again, with methods whose every pass is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harmlib import models
from harmlib.evaluation.intervals import Interval
from reproduction.lessons import figures, repetition


def test_every_pass_sees_the_one_before(affine):
    picture = np.full((8, 8, 3), 200, np.uint8)

    pictures = repetition.harmonize_again(affine(0.5, level=0.0), picture, np.ones((8, 8), bool), 3)

    assert [int(found[0, 0, 0]) for found in pictures] == [200, 100, 50, 25]


def test_errors_and_changes_are_measured_for_every_pass(affine, examples):
    records = repetition.measure_passes({"half": affine(0.5, level=0.0)}, examples[:1], 2)

    assert records["passes"].tolist() == [0, 1, 2]
    assert records["error"].iloc[0] == pytest.approx(100**2 / 4)
    assert np.isnan(records["change"].iloc[0])
    assert records["change"].iloc[1] == pytest.approx(repetition.squared_error(examples[0].composite, examples[0].composite // 2) ** 0.5)


def test_real_composites_have_changes_and_no_errors(affine, examples):
    unknown = [replace(example, target=None) for example in examples]

    table = repetition.pass_table(repetition.measure_passes({"half": affine(0.5)}, unknown, 2))

    assert table["quantity"].unique().tolist() == ["change"]


def test_doing_nothing_changes_nothing_and_says_so(examples):
    records = repetition.measure_passes({"composite": models.create("composite")}, examples, 3)

    row = repetition.behavior_table(records).iloc[0]

    assert row["pace"] == repetition.STILL
    assert row["best"] == 0
    assert row["way"] == "no clear difference"


def test_a_method_that_goes_half_the_way_settles(affine, examples):
    records = repetition.measure_passes({"half": affine(0.5, level=100 / 255)}, examples, 6)

    row = repetition.behavior_table(records).iloc[0]

    assert row["pace"] == repetition.SETTLES
    assert row["way"] == "comes closer"
    assert row["best"] >= 3


def test_a_method_that_brightens_by_a_little_goes_on_and_drifts(affine, examples):
    records = repetition.measure_passes({"brighter": affine(0.05, level=1.0)}, examples, 6)

    row = repetition.behavior_table(records).iloc[0]

    assert row["pace"] == repetition.GOES_ON
    assert row["way"] == "drifts away"


def test_reinhards_transfer_has_little_left_to_do():
    generator = np.random.default_rng(3)
    picture = generator.integers(80, 170, (40, 40, 3), dtype=np.uint8)
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    picture[mask] = picture[mask] // 2 + 20

    first, second = repetition.harmonize_again(models.create("reinhard_lab"), picture, mask, 2)[1:]

    assert repetition.squared_error(second, first) < 0.01 * repetition.squared_error(first, picture)


@pytest.mark.parametrize(
    ("interval", "word"),
    [
        (Interval(0.05, 0.02, 0.09, 9), repetition.SETTLES),
        (Interval(0.3, 0.2, 0.4, 9), repetition.SLOWS),
        (Interval(0.9, 0.6, 1.2, 9), repetition.GOES_ON),
        (Interval(0.1, 0.05, 0.2, 9), repetition.OPEN_PACE),
        (Interval(0.1, float("nan"), float("nan"), 1), repetition.OPEN_PACE),
        (Interval(float("nan"), float("nan"), float("nan"), 9), repetition.STILL),
    ],
)
def test_a_pace_needs_the_whole_interval(interval, word):
    assert repetition.pace(interval) == word


def test_sentences_name_every_method(affine, examples):
    both = {"half": affine(0.5, level=100 / 255), "brighter": affine(0.05, level=1.0)}

    sentences = repetition.behavior_sentences(repetition.behavior_table(repetition.measure_passes(both, examples, 6)))

    assert sentences[0] == "settles (below 10% of the first pass's change is left): half."
    assert any(sentence.startswith("drifts away") and "brighter" in sentence for sentence in sentences)


def test_the_view_shows_the_passes_that_are_asked_for(affine, examples):
    table = repetition.pass_table(repetition.measure_passes({"half": affine(0.5)}, examples, 4))

    assert list(repetition.pass_view(table, [0, 2, 4])) == [0, 2, 4]


def test_figures_name_methods_data_and_n(affine, examples):
    records = repetition.measure_passes({"half": affine(0.5), "darker": affine(0.05)}, examples, 2)

    figure = figures.pass_figure(repetition.pass_table(records), "mini, profile test")
    strip = figures.strip_figure({"half": affine(0.5)}, examples[0], [0, 1, 2])

    assert figure.get_suptitle() == "mini, profile test, n = 24"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["half", "darker"]
    assert [axis.get_title() for axis in strip.axes] == ["composite", "1 pass", "2 passes", "real"]
