"""Figure 7 of Harmonizer: frames of one clip, and the curves in which its flicker shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reproduction.harmonizer.video import CHANNELS, INPUT, Record, Way
from reproduction.kit.grids import GridRow, picture_grid
from reproduction.kit.style import LINES, MAGNITUDE_MAP, PAGE_WIDTH, method_style

COLUMNS = 3
PANEL_HEIGHT = 1.55
# Narrower than a page, because sixteen photographs make a large file.
STRIP_WIDTH = 5.6
# Panels span at least this much, so that nothing small is blown up: Lab units, and filter arguments, whose range is [-1, 1].
LEAST_LAB_SPAN, LEAST_ARGUMENT_SPAN = 2.0, 0.1
RAW_COLOR = "0.6"
MARKS = 6


def drawn_ways(record: Record) -> tuple[Way, ...]:
    """Return the ways that pictures show: all but the values of w between the smallest and the largest."""
    return *(way for way in record.ways if way.weight is None), record.averaged[0], record.averaged[-1]


def strip_figure(record: Record) -> Figure:
    """Return the kept frames from left to right, one row per drawn way, under each the foreground's mean L, a and b."""
    numbers = strip_data(record)
    rows = []
    for way in drawn_ways(record):
        pictures, captions = {}, {}
        for row in numbers[numbers["way"] == way.title].to_dict("records"):
            title = f"{row['time']:.2f} s"
            pictures[title] = record.pictures[row["frame"]][way.title]
            captions[title] = ", ".join(f"{name} {row[name]:.1f}" for name in CHANNELS)
        rows.append(GridRow(pictures, way.title.replace(", ", "\n"), captions))
    return picture_grid(rows, width=STRIP_WIDTH)


def strip_data(record: Record) -> pd.DataFrame:
    """Return the numbers under the pictures of ``strip_figure``."""
    titles = [way.title for way in drawn_ways(record)]
    return record.lab[record.lab["way"].isin(titles) & record.lab["frame"].isin(list(record.pictures))]


def argument_figure(record: Record) -> Figure:
    """Return the arguments over time, a panel per filter, raw and averaged with every w; all panels span the same range."""
    curves = {way: record.argument_curve(way) for way in record.averaged}
    filters = [str(name) for name in next(iter(curves.values()))]
    figure, axes = _panels(filters)
    colors = plt.get_cmap(MAGNITUDE_MAP)(np.linspace(0.9, 0.1, len(curves)))
    for name, axis in zip(filters, axes, strict=True):
        for number, (way, curve) in enumerate(curves.items()):
            if way.weight == 0:
                axis.plot(curve.index, curve[name], color=RAW_COLOR, linewidth=2.5, label="raw (w = 0)")
                continue
            axis.plot(curve.index, curve[name], LINES[number % len(LINES)], color=colors[number], label=f"w = {way.weight:g}")
    _share_span(axes, "argument", least_span=LEAST_ARGUMENT_SPAN)
    _add_legend(figure)
    return figure


def lab_figure(record: Record) -> Figure:
    """Return the foreground's mean L, a and b over time: above as they are, below what each way adds to the composite.

    What is added is shown around its mean over the clip, so that only its fluctuation is left. The panels of a row span the same range.
    """
    before, times = record.curve(INPUT), record.lab.loc[record.lab["way"] == INPUT.title, "time"]
    figure, axes = _panels([*CHANNELS, *(f"added {name}, around its mean" for name in CHANNELS)])
    for way in drawn_ways(record):
        curve = record.curve(way)
        added = curve - before
        added = added - np.nanmean(added, axis=0)
        for index in range(len(CHANNELS)):
            for axis, values in ((axes[index], curve), (axes[len(CHANNELS) + index], added)):
                axis.plot(times, values[:, index], label=way.title, **_look(way, record))
    _share_span(axes[:COLUMNS], "foreground mean", least_span=LEAST_LAB_SPAN)
    _share_span(axes[COLUMNS:], "Lab units", least_span=LEAST_LAB_SPAN)
    _add_legend(figure)
    return figure


def _look(way: Way, record: Record) -> dict[str, Any]:
    """Return the method's color and marker; with the smallest w Harmonizer's is a broad pale band, on which the others lie."""
    style = method_style(way.method)
    if way == record.averaged[0]:
        return {"color": style.color, "linewidth": 3.5, "alpha": 0.35}
    if way == INPUT:
        return {"color": style.color, "linestyle": style.line}
    marks = {"marker": style.marker, "markersize": 4, "markevery": max(1, record.clip.frames // MARKS)}
    # DoveNet and Harmonizer share color and line in the palette, and markers alone do not part lines that cross.
    drawn = {"linestyle": style.line, "linewidth": 0.9} if way.weight is None else {"linestyle": "-", "linewidth": 1.6}
    return {"color": style.color, **marks, **drawn}


def _panels(titles: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """Return a figure with one titled panel each, row by row."""
    rows = -(-len(titles) // COLUMNS)
    figure, grid = plt.subplots(rows, COLUMNS, figsize=(PAGE_WIDTH, PANEL_HEIGHT * rows + 0.4), squeeze=False, layout="constrained")
    for axis in grid.flat[len(titles) :]:
        axis.set_visible(False)
    for axis, title in zip(grid.flat, titles, strict=False):
        axis.set_title(title, fontsize=9)
    for axis in grid[-1]:
        axis.set_xlabel("time, s")
    return figure, list(grid.flat[: len(titles)])


def _share_span(axes: Sequence[Axes], label: str, *, least_span: float) -> None:
    """Give panels, three in a row, the same span around the middle of each, and each row its label."""
    limits = [axis.dataLim.intervaly for axis in axes]
    span = 1.1 * max(least_span, *(high - low for low, high in limits))
    for axis, (low, high) in zip(axes, limits, strict=True):
        axis.set_ylim((low + high - span) / 2, (low + high + span) / 2)
    for axis in axes[::COLUMNS]:
        axis.set_ylabel(label)


def _add_legend(figure: Figure) -> None:
    """Put the legend of the first panel below the figure."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
