from __future__ import annotations

import pandas as pd

from reproduction.kit import live
from reproduction.kit.live import REDRAW_SECONDS, plot_losses

PLAIN = pd.DataFrame(
    {"step": [1, 2], "seconds": [0, 1], "learning_rate": [1, 1], "model_total": [3.0, 2.0], "model_charbonnier": [3.0, 2.0]}
)
GAN = pd.DataFrame(
    {
        "step": [1],
        "generator_total": [1.5],
        "generator_charbonnier": [1.0],
        "discriminator_total": [0.7],
        "val_error": [9.0],
        "val_ccp": [9.0],
    }
)


def lines(axis):
    return [line.get_label() for line in axis.get_lines()]


def test_a_total_that_repeats_its_one_part_is_drawn_once():
    figure = plot_losses({"om": PLAIN})

    assert lines(figure.axes[0]) == ["model charbonnier"]


def test_every_loss_of_a_gan_is_drawn_and_nothing_else():
    figure = plot_losses({"gan": GAN})

    assert set(lines(figure.axes[0])) == {"generator charbonnier", "generator total", "discriminator total"}


def test_panels_without_a_run_stay_hidden():
    figure = plot_losses(dict.fromkeys("abcd", PLAIN))

    assert [axis.get_visible() for axis in figure.axes] == [True] * 4 + [False] * 2


def test_a_loss_looks_the_same_in_every_panel_and_stands_once_in_the_legend():
    figure = plot_losses({"om": PLAIN, "gan": GAN, "again": PLAIN})

    first, second, third = figure.axes
    assert first.get_lines()[0].get_color() == third.get_lines()[0].get_color()
    assert first.get_lines()[0].get_color() not in {line.get_color() for line in second.get_lines()}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [*lines(first), *lines(second)]


def test_steps_are_whole_numbers():
    figure = plot_losses({"om": PLAIN})

    assert all(float(tick).is_integer() for tick in figure.axes[0].get_xticks())


class Display:
    """A cell's output: the moments at which it changed. Drawing takes a second."""

    def __init__(self):
        self.now, self.changed = 100.0, []

    def update(self, figure):
        self.changed.append(self.now)
        self.now += 1


def test_short_runs_are_not_drawn_and_long_ones_now_and_then(monkeypatch):
    output = Display()
    monkeypatch.setattr(live, "display", lambda words, display_id: output)
    monkeypatch.setattr(live.time, "monotonic", lambda: output.now)

    watch = live.live_losses("om")
    while output.now < 140:
        watch([{"step": 1, "model_total": 1.0}])
        output.now += 1

    assert output.changed == [100 + REDRAW_SECONDS, 100 + REDRAW_SECONDS + 1 + live.REST]
