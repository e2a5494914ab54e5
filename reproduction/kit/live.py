"""A loss plot that redraws itself in a notebook while a run trains."""

from __future__ import annotations

import time
from collections.abc import Callable

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from reproduction.kit.style import LINES, OKABE_ITO, PAGE_WIDTH

REDRAW_SECONDS = 5.0
NOT_A_LOSS = ("step", "seconds", "learning_rate")
VALIDATION = "val_"
# Least and largest loss of a panel further apart than this: ticks at powers of ten only.
WIDE = 100

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
    """Return the losses over the steps, one panel per run, with one legend below; the scale is logarithmic and says so.

    histories: title of a panel -> table with a column "step" and one column per loss, as ``history.csv`` has them.
    """
    columns = min(3, len(histories))
    rows = -(-len(histories) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(PAGE_WIDTH, 2.1 * rows), squeeze=False, layout="constrained")
    styles: dict[str, int] = {}  # loss -> its number, the same in all panels
    curves = {}
    for axis, (title, history) in zip(axes.flat, histories.items(), strict=False):
        for name in _losses(history):
            index, label = styles.setdefault(name, len(styles)), name.replace("_", " ")
            color, line = OKABE_ITO[index % len(OKABE_ITO)], LINES[index % len(LINES)]
            (curves[label],) = axis.plot(history["step"], history[name], line, color=color, label=label)
        axis.set(title=title, xlabel="step", ylabel="loss (log scale)", yscale="log")
        low, high = axis.get_ylim()
        axis.yaxis.set_major_locator(LogLocator(subs=(1,) if high > WIDE * low else (1, 2, 5)))
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    figure.legend(curves.values(), curves, loc="outside lower center", ncols=3)
    for axis in axes.flat[len(histories) :]:
        axis.set_visible(False)
    return figure


def _losses(history: pd.DataFrame) -> list[str]:
    """Return the columns that hold losses, without a total that only repeats its one part."""
    names = [str(name) for name in history if name not in NOT_A_LOSS and not str(name).startswith(VALIDATION)]
    parts = [name for name in names if not name.endswith("_total")]
    return parts + [name for name in names if name not in parts and not any(history[name].equals(history[part]) for part in parts)]
