"""The figure of Sg-MMH's table 3: shares of votes, over all sets and by scenario."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reproduction.exhibits_userstudy.material import raters_of, titled
from reproduction.exhibits_userstudy.votes import ALL
from reproduction.kit.names import label_of
from reproduction.kit.style import OKABE_ITO, PAGE_WIDTH, method_style

OFFSET = 0.16
# Space for the legends above the highest interval.
HEADROOM = 1.5
BARS: dict[str, Any] = {"markersize": 4, "capsize": 2, "elinewidth": 0.8}
HOLLOW: dict[str, Any] = {"color": "black", "markerfacecolor": "none"}


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
        share = 100 * votes / votes.sum()
        arms = np.abs(table[["paper_low", "paper_high"]].to_numpy().T - share.to_numpy())
        axis.errorbar(positions - OFFSET, share, arms, fmt="D", **HOLLOW, **BARS, label="the paper's printed votes, Wilson")
    arms = np.nan_to_num(np.abs(table[["low", "high"]].to_numpy().T - table["ours"].to_numpy()))
    axis.errorbar(positions + OFFSET, table["ours"], arms, fmt="o", color=OKABE_ITO[3], **BARS, label=f"{raters_of(table)}, bootstrap")
    axis.set_xticks(positions, [label_of(method) for method in table["method"]], rotation=25, ha="right", rotation_mode="anchor")


def _draw_scenarios(axis: Axes, table: pd.DataFrame) -> None:
    """Draw every method's share in every scenario, with Wilson's intervals."""
    methods, scenarios = list(table["method"].unique()), list(table["subset_or_bucket"].unique())
    for index, method in enumerate(methods):
        rows, style = table[table["method"] == method], method_style(method)
        arms = np.abs(rows[["wilson_low", "wilson_high"]].to_numpy().T - rows["ours"].to_numpy())
        x = np.arange(len(rows)) + (index - (len(methods) - 1) / 2) * OFFSET
        axis.errorbar(x, rows["ours"], arms, fmt=style.marker, color=style.color, **BARS, label=label_of(method))
    axis.set_xticks(range(len(scenarios)), scenarios)
