"""Figures of the three lessons; intervals are 95 % ones over photographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harmlib.inference.pictures import harmonize
from harmlib.models.base import HarmonizationModel
from reproduction.kit.charts import arms
from reproduction.kit.examples import Example
from reproduction.kit.grids import GridRow, foreground_box, picture_grid
from reproduction.kit.names import label_of
from reproduction.kit.selection import row_label
from reproduction.kit.style import MARKERS, OKABE_ITO, PAGE_WIDTH, method_style
from reproduction.lessons.repetition import harmonize_again, squared_error
from reproduction.lessons.restraint import CHANCE, COMPOSITE, PHOTOGRAPH, REGIONS, changes_of

NOTE_SIZE = 7.5
LONGEST_TITLE = 8  # characters above a picture in a row of eight
SPREAD = 0.13  # between markers that belong to one line of an axis
STRIP_WIDTH = 4.6  # narrower than a page: a row of photographs per method would be some MiB


def difference_figure(differences: pd.DataFrame, first: str, second: str, title: str) -> Figure:
    """Return first - second in dB under every definition, one marker per group; right of zero the first is better.

    differences: ``flips.method_differences``.
    """
    part = differences[(differences["first"] == first) & (differences["second"] == second)]
    series = {
        f"{group}, n = {rows['n'].iloc[0]}": rows.set_index("definition")[["dB", "low", "high"]]
        for group, rows in part.groupby("group", sort=False)
    }
    return _forest(series, title, f"{label_of(first)} − {label_of(second)} in dB", line_height=0.42)


def rank_figure(table: pd.DataFrame, group: str, title: str) -> Figure:
    """Return every method's rank under every definition as lines: where two cross, an order flips; table: ``flips.definition_table``."""
    wide = table[table["group"] == group].pivot_table(index="definition", columns="method", values="dB", sort=False)
    ranks = wide.rank(axis=1, ascending=False)
    figure, axis = plt.subplots(figsize=(PAGE_WIDTH, 0.24 * len(wide.columns) + 2.2), layout="constrained")
    for method in ranks:
        style = method_style(str(method))
        axis.plot(range(len(ranks)), ranks[method], style.line, color=style.color, marker=style.marker, markersize=5)
        end = (len(ranks) - 1, ranks[method].iloc[-1])
        axis.annotate(label_of(str(method)), end, (8, 0), textcoords="offset points", va="center", fontsize=NOTE_SIZE)
    axis.set_xticks(range(len(ranks)), list(ranks.index), rotation=35, ha="right")
    axis.set(title=title, ylabel="rank, 1 is best", ylim=(len(wide.columns) + 0.5, 0.5), xlim=(-0.3, len(ranks) - 0.7))
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def protocol_figure(orders: pd.DataFrame, metric: str, unit: str, title: str) -> Figure:
    """Return first - second of every pair of methods under every protocol in one metric; orders: ``protocols.protocol_orders``."""
    part = orders[orders["metric"] == metric]
    series = {
        f"{label_of(str(first))}\n− {label_of(str(second))}": rows.set_index("protocol")[["difference", "low", "high"]]
        for (first, second), rows in part.groupby(["first", "second"], sort=False)
    }
    return _forest(series, title, f"difference in {unit}, n = {part['n'].max()}", line_height=0.32)


def _forest(series: Mapping[str, pd.DataFrame], title: str, xlabel: str, *, line_height: float) -> Figure:
    """Return differences with their intervals around a line at zero.

    series: label -> rows of (value, low, high), indexed by the lines of the axis, the same in every series. line_height: inches.
    """
    names = list(next(iter(series.values())).index)
    figure, axis = plt.subplots(figsize=(PAGE_WIDTH, line_height * len(names) + 1.3), layout="constrained")
    for number, (label, rows) in enumerate(series.items()):
        value, low, high = rows.loc[names].to_numpy().T
        y = np.arange(len(names)) + (number - (len(series) - 1) / 2) * SPREAD
        errors = np.nan_to_num([value - low, high - value])
        color, marker = OKABE_ITO[number % len(OKABE_ITO)], MARKERS[number % len(MARKERS)]
        axis.errorbar(value, y, xerr=errors, fmt=marker, color=color, markersize=4, capsize=2, label=label)
    axis.axvline(0, color="0.3", linewidth=1)
    axis.set(title=title, xlabel=xlabel, yticks=range(len(names)), yticklabels=names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def pass_figure(table: pd.DataFrame, title: str) -> Figure:
    """Return error and change over the passes, a panel each, on logarithmic scales; table: ``repetition.pass_table``."""
    quantities = {
        "error": "MSE from the real photograph\n8-bit levels squared",
        "change": "change from the pass before\nroot mean square, 8-bit levels",
    }
    known = [quantity for quantity in quantities if (table["quantity"] == quantity).any()]
    figure, axes = plt.subplots(1, len(known), figsize=(PAGE_WIDTH, 3.6), squeeze=False, layout="constrained")
    for axis, quantity in zip(axes.flat, known, strict=True):
        part = table[table["quantity"] == quantity]
        for index, method in enumerate(part["method"].unique()):
            rows, style = part[part["method"] == method], method_style(method)
            look: dict[str, Any] = {"linestyle": style.line, "color": style.color, "marker": style.marker, "label": label_of(method)}
            # Moved aside a little, so that bars do not hide each other.
            x = rows["passes"] + 0.05 * (index % 5 - 2)
            axis.errorbar(x, rows["mean"], arms(rows, "mean"), **look, markersize=4, capsize=1.5, linewidth=1, elinewidth=0.6)
        axis.set(title=quantities[quantity], xlabel="passes", xticks=sorted(part["passes"].unique()), yscale="log")
        if quantity == "change":
            # Linear at the bottom, where no change at all stands.
            axis.set_yscale("symlog", linthresh=0.1)
            axis.set_ylim(0, None)
    axes[0, 0].set_ylabel("log scale")
    figure.suptitle(f"{title}, n = {table['n'].max()}", fontsize=10)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def strip_figure(models: Mapping[str, HarmonizationModel], example: Example, shown: Sequence[int]) -> Figure:
    """Return one composite over its passes, a row per method; ``shown``: passes, 0 for the composite. Captions: MSE from the real one."""
    rows = []
    for name, model in models.items():
        pictures = harmonize_again(model, example.composite, example.mask, max(shown))
        titles = {count: "composite" if count == 0 else f"{count} {'pass' if count == 1 else 'passes'}" for count in shown}
        chosen = {titles[count]: example.proportioned(pictures[count]) for count in shown}
        captions = {}
        if example.target is not None:
            chosen["real"] = example.proportioned(example.target)
            captions = {titles[count]: f"MSE {squared_error(pictures[count], example.target):.0f}" for count in shown}
        box = foreground_box(example.proportioned(example.mask), margin=0.02)
        rows.append(GridRow(chosen, _broken(name), captions, box))
    return picture_grid(rows, width=STRIP_WIDTH)


def restraint_figure(table: pd.DataFrame, apart: pd.DataFrame, visible: float, title: str) -> Figure:
    """Return how much each method changes photographs and composites, inside and outside, and whether it tells them apart.

    table: ``restraint.change_table``; apart: ``restraint.telling_apart``.
    """
    methods = list(apart["method"])
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(PAGE_WIDTH, 0.5 * len(methods) + 1.6), width_ratios=(2, 1), sharey=True, layout="constrained"
    )
    lines = [(kind, REGIONS[region]) for region in ("inside", "outside") for kind in (PHOTOGRAPH, COMPOSITE)]
    for index, (kind, where) in enumerate(lines):
        rows = table[(table["kind"] == kind) & (table["region"] == where)].set_index("method").loc[methods]
        y = np.arange(len(methods)) + (index - (len(lines) - 1) / 2) * 1.4 * SPREAD
        look: dict[str, Any] = {"fmt": MARKERS[index], "color": OKABE_ITO[2] if kind == PHOTOGRAPH else OKABE_ITO[4]}
        look["mfc"] = None if where == REGIONS["inside"] else "white"
        left.errorbar(rows["change"], y, xerr=arms(rows, "change"), **look, markersize=4.5, capsize=2, label=f"{kind}, {where}")
    left.axvline(visible, color="0.4", linestyle=":", linewidth=1)
    left.set(
        xlabel=f"mean CIEDE2000 (dotted: {visible:g}, counted as visible)",
        xlim=(0, None),
        yticks=range(len(methods)),
        yticklabels=[label_of(name) for name in methods],
    )
    right.errorbar(apart["auc"], range(len(methods)), xerr=arms(apart, "auc"), fmt="o", color="0.2", markersize=4.5, capsize=2)
    right.axvline(CHANCE, color="0.4", linestyle=":", linewidth=1)
    right.set(xlabel="AUC: composites changed more", xlim=(0, 1))
    left.set_ylim(len(methods) - 0.5, -0.5)
    counts = apart[["composites", "photographs"]].max()
    figure.suptitle(f"{title}; {counts['composites']} composites of {counts['photographs']} photographs", fontsize=10)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=NOTE_SIZE)
    return figure


def alone_figure(
    models: Mapping[str, HarmonizationModel], examples: Sequence[Example], *, masks: Sequence[np.ndarray] | None = None
) -> Figure:
    """Return untouched photographs and what each method makes of them, with the mean CIEDE2000 underneath; the mask is framed.

    masks: which part mask-taking methods are told to change; None: that of each photograph's first composite.
    """
    rows = []
    for index, example in enumerate(examples):
        mask = example.mask if masks is None else masks[index]
        pictures, captions = {"photograph": example.proportioned(example.real)}, {}
        for name, model in models.items():
            result = np.asarray(harmonize(model, example.real, mask, background="keep"))
            change, title = changes_of(example.real, result, mask), _broken(name)
            pictures[title] = example.proportioned(result)
            captions[title] = f"{change['whole']:.1f}, inside {change['inside']:.1f}"
        box = foreground_box(example.proportioned(mask), margin=0.02)
        rows.append(GridRow(pictures, row_label(example.subset, example.id), captions, box))
    return picture_grid(rows)


def _broken(name: str) -> str:
    """Return the name of a method in two lines where one would be too long for a picture's title."""
    label = label_of(name)
    return label.replace(" ", "\n", 1) if len(label) > LONGEST_TITLE else label
