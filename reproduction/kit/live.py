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
REST = 20  # a pause is at least this many times as long as the drawing before it
# Inches: of a panel with its words, of those beside, below and above it, of a line of the legend, and of the page's right margin.
PANEL_HEIGHT, BESIDE, BELOW, ABOVE, ENTRY, MARGIN = 2.1, 0.62, 0.48, 0.26, 0.22, 0.15
TITLE_SIZE = 7  # three fit side by side
LEGEND_COLUMNS = 3
NOT_A_LOSS = ("step", "seconds", "learning_rate")
VALIDATION = "val_"
# Least and largest loss of a panel further apart than this: ticks at powers of ten only.
WIDE = 100

History = list[dict[str, float]]


def live_losses(run: str) -> Callable[[History], None]:
    """Return a function that shows a run's history when it is called: after five seconds first, so short runs are not drawn, then again.

    The pauses last five seconds, or twenty times as long as the drawing where that is longer.
    """
    handle = display(f"{run}: a plot appears here after {REDRAW_SECONDS:.0f} seconds", display_id=True)
    due = time.monotonic() + REDRAW_SECONDS

    def redraw(history: History) -> None:
        nonlocal due
        started = time.monotonic()
        if started < due:
            return
        figure = plot_losses({run: pd.DataFrame(history)})
        handle.update(figure)
        plt.close(figure)
        ended = time.monotonic()
        due = ended + max(REDRAW_SECONDS, REST * (ended - started))

    return redraw


def plot_losses(histories: dict[str, pd.DataFrame]) -> Figure:
    """Return the losses over the steps, one panel per run, with one legend below; the scale is logarithmic and says so.

    histories: title of a panel -> table with a column "step" and one column per loss, as ``history.csv`` has them.
    """
    columns = min(3, len(histories))
    rows = -(-len(histories) // columns)
    styles = {name: index for index, name in enumerate(dict.fromkeys(name for history in histories.values() for name in _losses(history)))}
    below = ENTRY * (1 + -(-len(styles) // LEGEND_COLUMNS))
    height = PANEL_HEIGHT * rows + below
    figure, axes = plt.subplots(rows, columns, figsize=(PAGE_WIDTH, height), squeeze=False)
    # Room for the words; matplotlib's own search for it lays forty panels out again and again.
    panel = (PAGE_WIDTH - MARGIN - BESIDE * columns) / columns
    figure.subplots_adjust(left=BESIDE / PAGE_WIDTH, right=1 - MARGIN / PAGE_WIDTH, wspace=BESIDE / panel)
    figure.subplots_adjust(bottom=(BELOW + below) / height, top=1 - ABOVE / height, hspace=(BELOW + ABOVE) / (PANEL_HEIGHT - BELOW - ABOVE))
    for axis in axes[:, 0]:
        axis.set_ylabel("loss (log scale)")
    curves = {}
    for axis, (title, history) in zip(axes.flat, histories.items(), strict=False):
        for name in _losses(history):
            index, label = styles[name], name.replace("_", " ")
            color, line = OKABE_ITO[index % len(OKABE_ITO)], LINES[index % len(LINES)]
            (curves[label],) = axis.plot(history["step"], history[name], line, color=color, label=label)
        axis.set(xlabel="step", yscale="log")
        axis.set_title(title, fontsize=TITLE_SIZE)
        low, high = axis.get_ylim()
        axis.yaxis.set_major_locator(LogLocator(subs=(1,) if high > WIDE * low else (1, 2, 5)))
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    figure.legend(curves.values(), curves, loc="lower center", ncols=LEGEND_COLUMNS)
    for axis in axes.flat[len(histories) :]:
        axis.set_visible(False)
    return figure


def _losses(history: pd.DataFrame) -> list[str]:
    """Return the columns that hold losses, without a total that only repeats its one part."""
    names = [str(name) for name in history if name not in NOT_A_LOSS and not str(name).startswith(VALIDATION)]
    parts = [name for name in names if not name.endswith("_total")]
    return parts + [name for name in names if name not in parts and not any(history[name].equals(history[part]) for part in parts)]
