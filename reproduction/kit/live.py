"""A loss plot that redraws itself in a notebook while a run trains."""

from __future__ import annotations

import time
from collections.abc import Callable

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure

from reproduction.kit.style import LINES, OKABE_ITO, PAGE_WIDTH

REDRAW_SECONDS = 5.0
NOT_A_LOSS = ("step", "seconds", "learning_rate")
VALIDATION = "val_"

History = list[dict[str, float]]


def live_losses(run: str) -> Callable[[History], None]:
    """Return a function that shows a run's history and redraws it, at most every five seconds, whenever it is called."""
    handle = display(f"{run}: the plot appears with the first losses", display_id=True)
    last = 0.0

    def redraw(history: History) -> None:
        nonlocal last
        if time.monotonic() - last < REDRAW_SECONDS and last:
            return
        figure = plot_losses({run: pd.DataFrame(history)})
        handle.update(figure)
        plt.close(figure)
        last = time.monotonic()

    return redraw


def plot_losses(histories: dict[str, pd.DataFrame]) -> Figure:
    """Return the losses over the steps, one panel per run; the scale is logarithmic and says so.

    histories: run -> table with a column "step" and one column per loss, as ``history.csv`` has them.
    """
    columns = min(3, len(histories))
    rows = -(-len(histories) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(PAGE_WIDTH, 2.1 * rows), squeeze=False, layout="constrained")
    for axis, (run, history) in zip(axes.flat, histories.items(), strict=False):
        for index, name in enumerate(_losses(history)):
            label = name.replace("_", " ")
            axis.plot(history["step"], history[name], LINES[index % len(LINES)], color=OKABE_ITO[index % len(OKABE_ITO)], label=label)
        axis.set(title=run, xlabel="step", ylabel="loss (log scale)", yscale="log")
        # Room for the legend above the curves.
        axis.set_ylim(top=3 ** len(axis.get_lines()) * axis.get_ylim()[1])
        axis.legend(fontsize=6, loc="upper right")
    for axis in axes.flat[len(histories) :]:
        axis.set_visible(False)
    return figure


def _losses(history: pd.DataFrame) -> list[str]:
    """Return the columns that hold losses, without a total that only repeats its one part."""
    names = [str(name) for name in history if name not in NOT_A_LOSS and not str(name).startswith(VALIDATION)]
    parts = [name for name in names if not name.endswith("_total")]
    return parts + [name for name in names if name not in parts and not any(history[name].equals(history[part]) for part in parts)]
