"""Charts that any paper draws from its scores."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reproduction.kit.style import PAGE_WIDTH, method_style


def arms(table: pd.DataFrame, center: str, low: str = "low", high: str = "high") -> np.ndarray:
    """Return how far intervals reach down and up from their centers, (2, N), as matplotlib's error bars take it; 0 without an interval."""
    return np.nan_to_num(np.abs(table[[low, high]].to_numpy().T - table[center].to_numpy()))


def foreground_figure(
    table: pd.DataFrame, labels: Mapping[str, str], *, axis_label: str, unit: str = "MSE, 8-bit levels squared", stacked: bool = False
) -> Figure:
    """Return the means of ``comparisons.by_foreground`` with 95 % intervals, one panel per benchmark, n under every bucket.

    labels: method -> its name in the legend. axis_label: what the share is a share of.
    stacked: the panels stand one below the other, which leaves room for more buckets.
    """
    titles = list(table["data"].unique())
    shape = (len(titles), 1) if stacked else (1, len(titles))
    figure, axes = plt.subplots(*shape, figsize=(PAGE_WIDTH, 2.8 * shape[0]), squeeze=False, layout="constrained")
    for axis, title in zip(axes.flat, titles, strict=True):
        part = table[table["data"] == title]
        present = list(part["bucket"].unique())
        methods = list(part["method"].unique())
        for index, method in enumerate(methods):
            rows = part[part["method"] == method].set_index("bucket").reindex(present)
            style, offset = method_style(method), (index - (len(methods) - 1) / 2) * 0.15
            x, look = np.arange(len(present)) + offset, {"fmt": style.marker, "color": style.color, "label": labels[method]}
            axis.errorbar(x, rows["mean"], arms(rows, "mean"), **look, markersize=4, capsize=2, clip_on=False)
        counts = part.groupby("bucket", sort=False)["n"].max()
        axis.set_xticks(range(len(present)), [f"{name}\nn = {counts[name]}" for name in present])
        axis.set(title=title, xlabel=axis_label, xlim=(-0.6, len(present) - 0.4), ylim=(0, None))
    for axis in axes[:, 0]:
        axis.set_ylabel(unit)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=min(len(methods), 5))
    return figure
