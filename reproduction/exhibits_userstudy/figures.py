"""Figures of scores and votes: table 5 with its intervals, win rates, scores against errors, the width of intervals; table 3."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reproduction.exhibits_userstudy.material import raters_of, titled
from reproduction.exhibits_userstudy.outputs import METRICS
from reproduction.exhibits_userstudy.votes import ALL
from reproduction.kit.charts import arms
from reproduction.kit.names import label_of
from reproduction.kit.style import LINES, MARKERS, OKABE_ITO, PAGE_WIDTH, SIGNED_MAP, method_style
from reproduction.userstudy.simulated import PARTICIPANTS

ROW_HEIGHT = 0.28
# How far our value and the printed one are drawn from the middle of their line, and the methods of a scenario from each other.
OFFSET = 0.16
# Win rates further from one half than this are written in white.
DARK = 0.22
# Space for the legends above the highest interval of votes.
HEADROOM = 1.5
HOLLOW: dict[str, Any] = {"color": "black", "markerfacecolor": "none", "markersize": 4}
BARS: dict[str, Any] = {"capsize": 2, "elinewidth": 0.8}


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
    """Return ``numbers.win_table`` as one matrix per study: how often the row was preferred to the column, percent."""
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
        for method, row in table.groupby("method", sort=False):
            style, reach = method_style(str(method)), arms(row, metric, f"{metric}_low", f"{metric}_high")
            look: dict[str, Any] = {"fmt": style.marker, "color": style.color, "label": label_of(str(method))}
            axis.errorbar(row[metric], row["score"], xerr=reach, yerr=arms(row, "score"), **look, **BARS, markersize=5)
        axis.set(xlabel=f"mean {name}", xlim=(0, None))
    axes[0].set_ylabel("Bradley-Terry score")
    figure.suptitle(titled(table, f"preferences from real outputs, {table['n'].iloc[0]} test composites"), fontsize=10)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=8)
    return figure


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


def share_figure(table: pd.DataFrame) -> Figure:
    """Return ``votes.table3``: shares over all sets beside the paper's, and by scenario; 95 % intervals; dotted: all shares alike."""
    whole = table["subset_or_bucket"] == ALL
    panels = {"all sets": (_draw_all, table[whole]), "by scenario": (_draw_scenarios, table[~whole])}
    panels = {words: panel for words, panel in panels.items() if len(panel[1])}
    ratios = (1, 1.3)[: len(panels)]
    size = (PAGE_WIDTH * sum(ratios) / 2.3, 2.9)
    figure, axes = plt.subplots(1, len(panels), figsize=size, layout="constrained", sharey=True, squeeze=False, width_ratios=ratios)
    for axis, (words, (draw, part)) in zip(axes[0], panels.items(), strict=True):
        draw(axis, part)
        axis.axhline(100 / whole.sum(), color="0.5", linewidth=0.8, linestyle=":")
        axis.set(title=titled(table, words), ylim=(0, HEADROOM * max(table["wilson_high"].max(), table["high"].max())))
        axis.legend(fontsize=7, loc="upper left")
        axis.grid(axis="x", visible=False)
    axes[0, 0].set_ylabel("share of votes, %")
    return figure


def _draw_all(axis: Axes, table: pd.DataFrame) -> None:
    """Draw the shares over all sets, with bootstrap intervals over participants; the paper's votes with Wilson's."""
    positions = np.arange(len(table))
    if table["paper_low"].notna().any():
        votes = table["paper_votes"].astype(float)
        printed = table.assign(share=100 * votes / votes.sum())
        reach = arms(printed, "share", "paper_low", "paper_high")
        axis.errorbar(positions - OFFSET, printed["share"], reach, fmt="D", **HOLLOW, **BARS, label="the paper's printed votes, Wilson")
    look: dict[str, Any] = {"fmt": "o", "color": OKABE_ITO[3], "label": f"{raters_of(table)}, bootstrap"}
    axis.errorbar(positions + OFFSET, table["ours"], arms(table, "ours"), **look, **BARS, markersize=4)
    axis.set_xticks(positions, [label_of(method) for method in table["method"]], rotation=25, ha="right", rotation_mode="anchor")


def _draw_scenarios(axis: Axes, table: pd.DataFrame) -> None:
    """Draw every method's share in every scenario, with Wilson's intervals."""
    methods, scenarios = list(table["method"].unique()), list(table["subset_or_bucket"].unique())
    for index, method in enumerate(methods):
        rows, style = table[table["method"] == method], method_style(method)
        x, reach = np.arange(len(rows)) + (index - (len(methods) - 1) / 2) * OFFSET, arms(rows, "ours", "wilson_low", "wilson_high")
        axis.errorbar(x, rows["ours"], reach, fmt=style.marker, color=style.color, **BARS, markersize=4, label=label_of(method))
    axis.set_xticks(range(len(scenarios)), scenarios)
