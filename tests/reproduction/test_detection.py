"""Scores of a detector: values known by hand, and a sweep over a detector whose answers are known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from harmlib.errors import DataError, EmptyMaskError, MaskError
from harmlib.models.base import HarmonizationModel, Prediction
from reproduction.perceptual import detection

LEVEL = 119  # gray of lightness 50
SIDE = 16


class LightnessDetector(HarmonizationModel):
    """Answers by the level alone: negative below ``LEVEL``, positive above, more surely the farther away."""

    needs_mask = False
    working_size = SIDE

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        difference = 4 * (composite.mean(1) - LEVEL / 255)
        shifted = torch.stack([-difference, difference], 1).clamp(0, 1)
        return Prediction(composite, {"probabilities": torch.cat([shifted, 1 - shifted.sum(1, keepdim=True)], 1)})


@pytest.fixture
def gray() -> tuple[np.ndarray, np.ndarray]:
    """A gray picture, twice as large as the detector's, and the mask of its left half."""
    mask = np.zeros((2 * SIDE, 2 * SIDE), bool)
    mask[:, :SIDE] = True
    return np.full((2 * SIDE, 2 * SIDE, 3), LEVEL, np.uint8), mask


def test_soft_f1_of_known_probabilities() -> None:
    probability, truth = np.array([[0.8, 0.4], [0.6, 0.2]]), np.array([[True, True], [False, False]])

    assert detection.soft_f1(probability, truth) == pytest.approx(2 * 1.2 / (2.0 + 2))


@pytest.mark.parametrize(("probability", "expected"), [(1.0, 1.0), (0.0, 0.0)])
def test_soft_f1_of_certain_answers(probability: float, expected: float) -> None:
    truth = np.array([[True, False]])

    assert detection.soft_f1(probability * truth, truth) == expected


def test_soft_f1_needs_something_to_find() -> None:
    assert math.isnan(detection.soft_f1(np.full((2, 2), 0.3), np.zeros((2, 2), bool)))


def test_iou_of_known_masks() -> None:
    found, truth = np.array([True, True, False, False]), np.array([False, True, True, False])

    assert detection.iou(found, truth) == pytest.approx(1 / 3)
    assert math.isnan(detection.iou(found & truth & ~truth, np.zeros(4, bool)))


def test_roc_of_known_scores() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    probabilities = np.stack([scores, 1 - scores, 0 * scores])[None, :, None]  # (1, 3, 1, 4)
    labels = np.array([[[0, 1, 0, 2]]])

    curve = detection.roc(probabilities, labels, "negative")

    assert detection.area_under(curve) == pytest.approx(0.75)  # three of the four pairs are in order
    assert curve["true_positive_rate"].iloc[[0, -1]].tolist() == [0, 1]


def test_roc_of_a_sample_is_repeatable_and_close(generator: np.random.Generator) -> None:
    labels = generator.integers(0, 3, (2, 100, 100))
    probabilities = generator.dirichlet((1, 1, 1), (2, 100, 100)).transpose(0, 3, 1, 2)
    probabilities[:, 1] += 0.3 * (labels == 1)

    whole, first, again = (detection.roc(probabilities, labels, "positive", samples=n) for n in (20_000, 5000, 5000))

    assert first.equals(again)
    assert detection.area_under(first) == pytest.approx(detection.area_under(whole), abs=0.02)
    assert detection.area_under(whole) > 0.7


def test_roc_of_pixels_all_alike_is_refused() -> None:
    with pytest.raises(DataError, match="positive pixels and others"):
        detection.roc(np.full((1, 3, 2, 2), 1 / 3), np.full((1, 2, 2), 2), "positive")


@pytest.mark.parametrize(
    ("stops", "probability", "expected"),
    [
        ([0, 0.1, 0.2, 0.3], [0.0, 0.1, 0.4, 0.8], 0.225),
        ([-0.3, -0.2, -0.1, 0], [0.8, 0.4, 0.1, 0.0], 0.225),
        ([0, 0.1, 0.2, 0.3], [0.0, 0.6, 0.2, 0.9], 0.1 * 0.5 / 0.6),
        ([0.1, 0.2], [0.7, 0.9], 0.1),
        ([0, 0.1], [0.2, 0.5], 0.1),
    ],
    ids=["positive", "negative", "first crossing", "from the first step", "just reached"],
)
def test_predicted_threshold_is_interpolated(stops: list[float], probability: list[float], expected: float) -> None:
    assert detection.predicted_threshold(stops, probability) == pytest.approx(expected)


def test_a_threshold_that_is_never_reached_is_not_a_number() -> None:
    assert math.isnan(detection.predicted_threshold([0, 0.5, 1], [0.1, 0.2, 0.49]))


def test_each_direction_has_its_own_threshold() -> None:
    table = pd.DataFrame({"stops": [-1, -0.5, 0, 0.5, 1], "negative": [0.9, 0.3, 0.1, 0, 0], "positive": [0, 0, 0.1, 0.2, 0.4]})

    thresholds = detection.predicted_thresholds(table)

    assert thresholds["negative"] == pytest.approx(0.5 + 0.5 * 0.2 / 0.6)
    assert math.isnan(thresholds["positive"])


def test_sweep_shifts_the_object_and_nothing_else(gray: tuple[np.ndarray, np.ndarray]) -> None:
    table = detection.sweep(LightnessDetector(), *gray)

    assert table["stops"].tolist() == pytest.approx(np.linspace(-1, 1, 21))
    assert table["negative"].is_monotonic_decreasing
    assert table["positive"].is_monotonic_increasing
    unshifted = table[table["stops"] == 0].iloc[0]
    assert (unshifted["negative"], unshifted["positive"]) == (0, 0)
    assert math.isnan(unshifted["f1"])


def test_sweep_measures_inside_the_object(gray: tuple[np.ndarray, np.ndarray]) -> None:
    table = detection.sweep(LightnessDetector(), *gray, stops=[-1, 1])

    # L 50 becomes 25 and 100: gray levels 59 and 255 (CIELAB, D65).
    assert table["negative"].tolist() == pytest.approx([4 * (LEVEL - 59) / 255, 0], abs=0.02)
    assert table["positive"].tolist() == [0, 1]
    p = table["negative"][0]
    assert table["f1"].tolist() == pytest.approx([2 * p / (p + 1), 1])


def test_sweep_leaves_the_picture_alone(gray: tuple[np.ndarray, np.ndarray]) -> None:
    image, mask = gray

    detection.sweep(LightnessDetector(), image, mask, stops=[1])

    assert (image == LEVEL).all()


def test_sweep_of_an_object_that_vanishes_is_refused(gray: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(EmptyMaskError, match=f"no pixel at {SIDE}x{SIDE}"):
        detection.sweep(LightnessDetector(), gray[0], np.zeros_like(gray[1]))


def test_sweep_of_a_misfit_mask_is_refused(gray: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(MaskError, match="32x16"):
        detection.sweep(LightnessDetector(), gray[0], gray[1][:, :16])


def test_psychometric_table_counts_by_size_and_shift() -> None:
    sweeps = pd.DataFrame(
        {
            "foreground_ratio": [0.05, 0.05, 0.05, 0.07, 0.07, 0.07, 0.25],
            "stops": [-1.0, 0.0, 1.0, -1.0, 0.0, 1.0, 1.0],
            "negative": [0.6, 0.2, 0.9, 0.4, 0.6, 0.1, 0.0],
            "positive": [0.9, 0.1, 0.5, 0.1, 0.0, 0.3, 0.8],
        }
    )

    table = detection.psychometric_table(sweeps)

    assert table["size"].tolist() == ["0-10%"] * 3 + ["20-30%"]
    assert table["n"].tolist() == [2, 2, 2, 1]
    assert table["negative"].tolist() == pytest.approx([0.5, 0.4, 0.5, 0.0])
    assert table["positive"].tolist() == pytest.approx([0.5, 0.05, 0.4, 0.8])
    assert table["detected"].tolist() == [0.5, 0.5, 0.5, 1.0]
