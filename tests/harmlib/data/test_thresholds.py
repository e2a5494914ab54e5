"""Thresholds: classes against golden labels, the log-normal fit's figures, and tables of an own study."""

from __future__ import annotations

import math

import numpy as np
import pytest
from authors import assert_equals, authors

from harmlib.data.composers.thresholds import (
    CONSTANT,
    NEGATIVE,
    NONE,
    POSITIVE,
    Thresholds,
    classify,
    lognormal_thresholds,
    read_thresholds,
)
from harmlib.errors import DataError

HEADER = "image,negative_threshold,positive_threshold\n"


@pytest.fixture(scope="module")
def pairs() -> np.ndarray:
    """The log-normal pairs of 20,000 photographs, (N, 2)."""
    return np.array([lognormal_thresholds(f"photo {number}") for number in range(20_000)])


def test_classes_equal_the_golden_labels():
    golden = authors("perceptual_ops")
    stops, mask, labels = golden["stops"], golden["mask"], golden["labels_thr_m0215_p0205"]

    classes = [classify(step, Thresholds(-0.2151, 0.2049)) for step in stops]

    expected = np.full(labels.shape, np.eye(3)[NONE])
    expected[:, mask] = np.eye(3)[classes][:, None]
    assert_equals(expected, labels)


@pytest.mark.parametrize(("stops", "label"), [(-0.3, NEGATIVE), (-0.215, NONE), (0.0, NONE), (0.205, NONE), (0.21, POSITIVE)])
def test_a_shift_is_seen_beyond_its_threshold(stops, label):
    assert classify(stops, CONSTANT) == label


@pytest.mark.parametrize(("side", "mean", "deviation"), [(0, -1.501, 0.456), (1, -1.612, 0.515)])
def test_lognormal_magnitudes_have_the_fits_mean_and_deviation(pairs, side, mean, deviation):
    logarithms = np.log(np.abs(pairs[:, side]))

    assert logarithms.mean() == pytest.approx(mean, abs=4 * deviation / 20_000**0.5)
    assert logarithms.std() == pytest.approx(deviation, rel=0.02)


def test_lognormal_magnitudes_are_correlated_as_in_the_study(pairs):
    assert np.corrcoef(np.log(np.abs(pairs)), rowvar=False)[0, 1] == pytest.approx(0.31, abs=0.025)


def test_lognormal_percentiles_are_near_the_studys(pairs):
    quantiles = np.quantile(pairs, [0.05, 0.5, 0.95], axis=0).T

    # The study's fit (docs/methods/perceptual.md); its own 300 photographs err by some hundredths.
    assert quantiles == pytest.approx(np.array([[-0.475, -0.215, -0.108], [0.086, 0.205, 0.423]]), abs=0.05)


def test_lognormal_signs_are_those_of_darker_and_brighter(pairs):
    assert (pairs * [-1, 1] > 0).all()


def test_a_photograph_keeps_its_lognormal_pair():
    assert lognormal_thresholds("p_0") == lognormal_thresholds("p_0") != lognormal_thresholds("p_1")


def test_a_table_of_multipliers_is_read_in_stops(tmp_path):
    (tmp_path / "t.csv").write_text(HEADER + "p_0,0.5,2\np.1.jpg, 0.845 ,1.174\n")

    thresholds = read_thresholds(tmp_path / "t.csv")

    assert thresholds == {"p_0": (-1.0, 1.0), "p.1": (math.log2(0.845), math.log2(1.174))}


@pytest.mark.parametrize("line", ["p_0,1.1,1.2", "p_0,0.8,0.9", "p_0,0.05,1.2", "p_0,0.8,11"])
def test_multipliers_out_of_range_are_one_sentence(tmp_path, line):
    (tmp_path / "t.csv").write_text(f"{HEADER}good,0.8,1.2\n{line}\n")

    with pytest.raises(DataError, match=r't\.csv" has no valid thresholds in line 3: give image, negative_threshold, positive_threshold'):
        read_thresholds(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("p_0,0.8", "has 2 fields, expected 3"),
        ("p_0,0.8,much", "positive_threshold is 'much', expected a finite number"),
        ("p_0,nan,1.2", "negative_threshold is 'nan', expected a finite number"),
    ],
)
def test_a_bad_line_of_a_table_is_one_sentence(tmp_path, line, found):
    (tmp_path / "t.csv").write_text(f"{HEADER}good,0.8,1.2\n{line}\n")

    with pytest.raises(DataError, match=rf't\.csv" line 3:? {found}'):
        read_thresholds(tmp_path / "t.csv")


@pytest.mark.parametrize(("line", "sentence"), [(",0.8,1.2", "image is empty"), ("good.png,0.8,1.2", '"good" once too often')])
def test_a_missing_or_repeated_name_is_one_sentence(tmp_path, line, sentence):
    (tmp_path / "t.csv").write_text(f"{HEADER}good,0.8,1.2\n{line}\n")

    with pytest.raises(DataError, match=sentence):
        read_thresholds(tmp_path / "t.csv")


def test_a_table_without_a_column_is_one_sentence(tmp_path):
    (tmp_path / "t.csv").write_text("image,negative_threshold\np_0,0.8\n")

    with pytest.raises(DataError, match="line 1 lacks the column positive_threshold"):
        read_thresholds(tmp_path / "t.csv")


def test_a_missing_table_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r't\.csv" does not exist'):
        read_thresholds(tmp_path / "t.csv")
