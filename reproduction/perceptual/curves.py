"""Charts of the detector, and of errors by the size of the object relative to the input's."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from harmlib.data.composers.thresholds import CONSTANT
from harmlib.evaluation.statistics import SIZE_BUCKETS, summarize
from reproduction.kit.charts import foreground_figure
from reproduction.kit.style import COLUMN_WIDTH, LINES, MAGNITUDE_MAP, MARKERS, OKABE_ITO, PAGE_WIDTH
from reproduction.perceptual.artefacts import LABELS
from reproduction.perceptual.detection import DIRECTIONS, area_under

# Red and green as in the pictures of detections, from the palette that color-blind readers can tell apart.
DIRECTION_COLORS = {"negative": OKABE_ITO[4], "positive": OKABE_ITO[2]}
SHIFT = "exposure shift, stops"
NOTE_SIZE = 7.5
# Above this ratio a linear axis would press everything else to its foot.
LINEAR_UP_TO = 3.0


def roc_figure(curves: Mapping[str, pd.DataFrame], *, title: str) -> Figure:
    """Return the ROC curves of both directions with their areas; a direction that has none is said to have no pixels.

    curves: direction -> ``detection.roc``. title: how much was looked at, such as "120 composites".
    """
    figure, axis = plt.subplots(figsize=(COLUMN_WIDTH, COLUMN_WIDTH), layout="constrained")
    axis.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, label="chance")
    for index, direction in enumerate(DIRECTIONS):
        color, line = DIRECTION_COLORS[direction], LINES[index]
        if direction not in curves:
            axis.plot([], [], line, color=color, label=f"{direction}: no such pixels")
            continue
        curve = curves[direction]
        label = f"{direction}, area {area_under(curve):.3f}"
        axis.plot(curve["false_positive_rate"], curve["true_positive_rate"], line, color=color, label=label)
    axis.set(
        title=title, xlabel="false positive rate of pixels", ylabel="true positive rate of pixels", xlim=(0, 1), ylim=(0, 1), aspect="equal"
    )
    axis.legend(fontsize=NOTE_SIZE, loc="lower right")
    return figure


def psychometric_figure(table: pd.DataFrame) -> Figure:
    """Return the share of objects that are detected at every shift, a curve per size with n; table: ``detection.psychometric_table``."""
    figure, axis = plt.subplots(figsize=(PAGE_WIDTH, 3.0), layout="constrained")
    colors = colormaps[MAGNITUDE_MAP](np.linspace(0, 0.9, len(SIZE_BUCKETS)))
    for index, size in enumerate(SIZE_BUCKETS):
        part = table[table["size"] == size]
        if part.empty:
            continue
        label, marker = f"{size} (n = {part['n'].max():.0f})", MARKERS[index % len(MARKERS)]
        axis.plot(
            part["stops"], part["detected"], marker=marker, markersize=3, linewidth=1, color=colors[index], label=label, clip_on=False
        )
    for threshold in CONSTANT:
        axis.axvline(threshold, color="0.4", linestyle=":", linewidth=1)
    axis.set(xlabel=f"{SHIFT} (dotted: people's median thresholds)", ylabel="share of objects detected", ylim=(0, 1))
    figure.legend(loc="outside right upper", title="object, share of\nthe picture", fontsize=NOTE_SIZE, title_fontsize=NOTE_SIZE)
    return figure


def f1_figure(sweeps: pd.DataFrame) -> Figure:
    """Return the soft F1 of the shift's own direction against the shift, mean over objects with 95 % intervals.

    sweeps: ``detection.sweep`` of many objects, one below the other.
    """
    figure, axis = plt.subplots(figsize=(COLUMN_WIDTH, 2.8), layout="constrained")
    table = f1_table(sweeps)
    for direction, color, line, marker in zip(DIRECTIONS, DIRECTION_COLORS.values(), LINES, MARKERS, strict=False):
        part = table[table["direction"] == direction]
        axis.plot(part["stops"], part["mean"], line, marker=marker, markersize=3, color=color, label=direction)
        axis.fill_between(part["stops"], part["low"], part["high"], color=color, alpha=0.25, linewidth=0)
    axis.set(title=f"n = {table['n'].max() if len(table) else 0:.0f} objects at every shift", xlabel=SHIFT, ylabel="soft F1, mean and 95 %")
    axis.update_datalim([(0, 0)])  # the margin above counts from zero: of nearly equal values it would cut the markers
    axis.autoscale_view()
    axis.set_ylim(bottom=0)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=len(DIRECTIONS))
    return figure


def f1_table(sweeps: pd.DataFrame) -> pd.DataFrame:
    """Return the numbers behind ``f1_figure``: stops, direction, mean, low, high, n; a shift of 0 has no direction and no F1."""
    table = summarize(sweeps[sweeps["stops"] != 0], by=("stops",), metrics=["f1"]).drop(columns="metric")
    return table.assign(direction=np.where(table["stops"] < 0, *DIRECTIONS)).sort_values("stops", ignore_index=True)


def size_figure(table: pd.DataFrame) -> Figure:
    """Return the errors relative to the input's by size of the object, a panel per benchmark, n under every size; 1 is doing nothing.

    table: ``numbers.relative_table``.
    """
    shown = table.rename(columns={"subset_or_bucket": "bucket", "ours": "mean"})
    figure = foreground_figure(shown, LABELS, axis_label="object, share of the picture", unit="MSE / MSE of the input", stacked=True)
    for axis in figure.axes:
        axis.axhline(1, color="black", linestyle=":", linewidth=1)
        axis.annotate("input", (1, 1), (-3, 2), ("axes fraction", "data"), "offset points", fontsize=NOTE_SIZE, ha="right")
        if table["ours"].max() > LINEAR_UP_TO:
            axis.set_yscale("log")
            axis.autoscale(axis="y")
            axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.yaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_minor_formatter(NullFormatter())
            axis.set_ylabel(f"{axis.get_ylabel()} (log)")
    return figure
