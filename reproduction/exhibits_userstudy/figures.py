"""Figures of scores: table 5 with its intervals, win rates, scores against errors, and the width of intervals."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reproduction.exhibits_userstudy.material import raters_of, titled
from reproduction.exhibits_userstudy.outputs import METRICS
from reproduction.kit.names import label_of
from reproduction.kit.style import LINES, MARKERS, OKABE_ITO, PAGE_WIDTH, SIGNED_MAP, method_style
from reproduction.userstudy.simulated import PARTICIPANTS

ROW_HEIGHT = 0.28
# A score of ours and the printed one stand so far from the middle of their line.
OFFSET = 0.16
# Win rates further from one half than this are written in white.
DARK = 0.22
HOLLOW: dict[str, Any] = {"color": "black", "markerfacecolor": "none", "markersize": 4}
BARS: dict[str, Any] = {"markersize": 5, "capsize": 2, "elinewidth": 0.8}


def score_figure(table: pd.DataFrame) -> Figure:
    """Return the scores of ``numbers.score_table`` with 95 % intervals, the paper's centered ones beside; a panel per study."""
    studies = list(table["data"].unique())
    height = 1.3 + ROW_HEIGHT * table.groupby("data").size().max()
    figure, axes = plt.subplots(1, len(studies), figsize=(PAGE_WIDTH, height), squeeze=False, layout="constrained", sharex=True)
    for axis, study in zip(axes[0], studies, strict=True):
        part = table[table["data"] == study]
        _draw_scores(axis, part)
        axis.set_title(titled(part, f"{part['subset_or_bucket'].iloc[0]}\n{study}"))
        axis.set_xlabel("Bradley-Terry score, log, centered")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _draw_scores(axis: Axes, part: pd.DataFrame) -> None:
    """Draw one study, the first method on top."""
    lines = -np.arange(len(part))
    for line, row in zip(lines, part.to_dict("records"), strict=True):
        style = method_style(row["method"])
        axis.hlines(line + OFFSET, row["low"], row["high"], color=style.color, linewidth=2)
        axis.hlines(line + OFFSET, row["wide_low"], row["wide_high"], color=style.color, linewidth=0.8)
        axis.plot(row["ours"], line + OFFSET, style.marker, color=style.color, markersize=5)
    axis.plot([], [], "-o", color="0.4", linewidth=2, markersize=5, label=f"{raters_of(part)}, 95 % interval over raters")
    axis.plot([], [], "-", color="0.4", linewidth=0.8, label="over raters and items")
    if part["paper_centered"].notna().any():
        axis.plot(part["paper_centered"], lines - OFFSET, "D", **HOLLOW, label="paper, centered")
    axis.axvline(0, color="0.6", linewidth=0.8)
    axis.set_ylim(lines[-1] - 0.6, 0.6)
    axis.set_yticks(lines, [label_of(method) for method in part["method"]])
    axis.grid(axis="y", visible=False)


def win_figure(table: pd.DataFrame) -> Figure:
    """Return ``numbers.win_table`` as one matrix per study: how often the row was preferred to the column, per cent."""
    rows = list(table["subset_or_bucket"].unique())
    side = PAGE_WIDTH / 2
    figure, axes = plt.subplots(1, len(rows), figsize=(side * len(rows), side + 0.3), squeeze=False, layout="constrained")
    for axis, row in zip(axes[0], rows, strict=True):
        part = table[table["subset_or_bucket"] == row]
        methods = list(part["method"].unique())
        rates = part.pivot_table(index="method", columns="other", values="rate").reindex(index=methods, columns=methods).to_numpy()
        axis.imshow(rates, cmap=SIGNED_MAP, vmin=0, vmax=1, interpolation="none")
        for (y, x), rate in np.ndenumerate(rates):
            if not np.isnan(rate):
                color = "white" if abs(rate - 0.5) > DARK else "black"
                axis.text(x, y, f"{100 * rate:.0f}", ha="center", va="center", fontsize=8, color=color)
        names = [label_of(method) for method in methods]
        axis.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
        axis.set_yticks(range(len(names)), names)
        axis.grid(visible=False)
        axis.set_title(titled(part, f"{row}, row preferred, %"))
    return figure


def output_figure(table: pd.DataFrame) -> Figure:
    """Return ``outputs.error_table``: score over mean error for each metric, with 95 % intervals over raters and over items."""
    figure, axes = plt.subplots(1, len(METRICS), figsize=(PAGE_WIDTH, 3.1), layout="constrained", sharey=True)
    for axis, (metric, name) in zip(axes, METRICS.items(), strict=True):
        for row in table.to_dict("records"):
            style, arms = method_style(row["method"]), {"xerr": _arms(row, metric, f"{metric}_"), "yerr": _arms(row, "score", "")}
            look: dict[str, Any] = {"fmt": style.marker, "color": style.color, "label": label_of(row["method"]), **BARS}
            axis.errorbar(row[metric], row["score"], **arms, **look)
        axis.set(xlabel=f"mean {name}", xlim=(0, None))
    axes[0].set_ylabel("Bradley-Terry score")
    figure.suptitle(titled(table, f"preferences from real outputs, {table['n'].iloc[0]} test composites"), fontsize=10)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=8)
    return figure


def _arms(row: Mapping[Hashable, Any], center: str, prefix: str) -> np.ndarray:
    """Return how far an interval reaches down and up from its center, (2, 1); 0 without one."""
    return np.nan_to_num([[row[center] - row[f"{prefix}low"]], [row[f"{prefix}high"] - row[center]]])


def width_figure(table: pd.DataFrame) -> Figure:
    """Return ``widths.width_table``: the width of an interval, and the share of pairs told apart, over the number of raters."""
    figure, axes = plt.subplots(1, 2, figsize=(PAGE_WIDTH, 3.1), layout="constrained")
    tastes = list(table["taste"].unique())
    for index, ((row, taste), part) in enumerate(table.groupby(["subset_or_bucket", "taste"], sort=False)):
        look: dict[str, Any] = {
            "color": OKABE_ITO[3 if row == "image" else 4],
            "linestyle": LINES[tastes.index(taste)],
            "marker": MARKERS[index],
        }
        axes[0].plot(part["people"], part["width"], **look, markersize=4, label=f"{row}, {part['items'].iloc[0]} items: {taste}")
        axes[1].plot(part["people"], 100 * part["told_apart"], **look, markersize=4)
    for axis in axes:
        axis.set_xscale("log", base=2)
        axis.set_xticks(counts := sorted(table["people"].unique()), counts)
        axis.minorticks_off()
        axis.axvline(PARTICIPANTS, color="black", linewidth=1, linestyle=":")
        axis.set_xlabel("raters (dotted: the paper's)")
    axes[0].set(ylabel="width of a 95 % interval", yscale="log", title=titled(table, "how wide"))
    axes[0].set_yticks(ticks := (0.1, 0.2, 0.5, 1, 2, 5, 10), ticks)
    axes[1].set(ylabel="pairs of methods told apart, %", ylim=(0, 102), title=titled(table, "what they tell apart"))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8)
    return figure
