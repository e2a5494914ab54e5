"""Alternative texts say what is in a figure."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from reproduction.kit.alternatives import LONGEST, alternative_text
from reproduction.kit.style import sentence_figure


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_a_chart_says_its_panels_axes_and_curves():
    figure, (left, right) = plt.subplots(1, 2)
    left.plot([0, 1], label="FRIH")
    left.set(title="loss", xlabel="step", ylabel="L1")
    left.legend()
    right.set(title="time", xlabel="seconds")
    figure.suptitle("smoke")

    assert alternative_text(figure) == "A chart: smoke; loss, x step, y L1 (FRIH); time, x seconds"


def test_a_grid_counts_its_pictures_and_says_what_they_are():
    figure, axes = plt.subplots(1, 2)
    for axis, name in zip(axes, ("composite", "real\nphotograph"), strict=True):
        axis.imshow(np.zeros((2, 2)))
        axis.set(title=name)

    assert alternative_text(figure) == "2 pictures: composite; real photograph"


def test_a_hidden_panel_is_not_told():
    figure, axes = plt.subplots(1, 2)
    axes[0].set(title="seen")
    axes[1].set(title="unseen", visible=False)

    assert alternative_text(figure) == "A chart: seen"


def test_a_figure_of_a_sentence_says_the_sentence():
    assert alternative_text(sentence_figure("none of 7 objects was found")) == "none of 7 objects was found"


def test_a_long_text_ends_in_sight():
    figure, axis = plt.subplots()
    axis.set(title="word " * 200)

    text = alternative_text(figure)
    assert len(text) <= LONGEST
    assert text.endswith("…")


def test_a_figure_without_words_has_a_text_too():
    assert alternative_text(plt.subplots()[0]) == "A chart."
