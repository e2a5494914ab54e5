"""Table 5 of FRIH as curves, and its gains over the number of regions."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reproduction.frih.artefacts import METHOD
from reproduction.frih.gains import MANY
from reproduction.frih.submasks import DEFAULT_CUTOFF, RULES
from reproduction.kit.style import LINES, MARKERS, OKABE_ITO, PAGE_WIDTH, method_style

# Of the rule as printed and of min_area = 100.
RULE_COLORS = (OKABE_ITO[4], OKABE_ITO[3])
TICK_SIZE = 7.5


def sweep_figure(table: pd.DataFrame, quality: pd.DataFrame) -> Figure:
    """Return table 5 as curves: PSNR less that at d_c = 0.1, the number of submasks, and their sizes.

    table: ``submasks.sweep``; quality: ``numbers.quality_table(artefacts, 5)``.
    """
    figure, axes = plt.subplots(1, 3, figsize=(PAGE_WIDTH, 2.8), layout="constrained")
    _draw_quality(axes[0], quality[quality["metric"] == "PSNR"].reset_index(drop=True))
    for index, (min_area, words) in enumerate(RULES.items()):
        part = table[table["min_area"] == min_area]
        x = np.arange(len(part)) + (index - 0.5) * 0.2
        for axis, middle, bounds in ((axes[1], "K", ["low", "high"]), (axes[2], "pixels", ["tenth", "ninetieth"])):
            axis.errorbar(
                x, part[middle], _errors(part, middle, bounds),
                fmt=MARKERS[index], color=RULE_COLORS[index], markersize=4, capsize=2, label=words,
            )  # fmt: skip
    axes[1].set(title="submasks per image", ylabel="K, mean and 95 %", ylim=(0, 10.5))
    axes[2].set(title="pixels per submask", ylabel="median, 10–90 % (log)", yscale="log")
    distances = table["d_c"].unique()
    for axis in axes:
        axis.set_xticks(range(len(distances)), [f"{d_c:g}" for d_c in distances], fontsize=TICK_SIZE)
        axis.set_xlabel("cut-off distance $d_c$")
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside lower right", ncols=2)
    return figure


def _draw_quality(axis: Axes, rows: pd.DataFrame) -> None:
    """Draw the paper's PSNR over the cut-off distance, and ours where more than one was trained, each less its own at 0.1."""
    chosen, color = rows["method"] == METHOD, method_style(METHOD).color
    paper = rows["paper"].astype(float)
    axis.plot(
        rows.index, paper - paper[chosen].iloc[0], LINES[1], marker="o", markersize=4, color=color, markerfacecolor="none", label="paper"
    )
    if rows["ours"].notna().sum() > 1:
        axis.plot(
            rows.index, rows["ours"] - rows.loc[chosen, "ours"].iloc[0], LINES[0], marker="s", markersize=4, color=color, label="ours"
        )
    axis.set(title=f"PSNR − PSNR at $d_c$ = {DEFAULT_CUTOFF}", ylabel="dB")
    axis.legend(loc="lower center")


def _errors(table: pd.DataFrame, middle: str, bounds: list[str]) -> np.ndarray:
    """Return the lengths of error bars, (2, N); 0 where there is no interval."""
    return np.nan_to_num(np.abs(table[bounds].to_numpy().T - table[middle].to_numpy()))


def gains_figure(by_regions: pd.DataFrame, gains: pd.DataFrame) -> Figure:
    """Return gains in fMSE over the number of regions with 95 % intervals, and over the foreground's share, one dot per image.

    by_regions: ``gains.by_regions``; gains: ``gains.image_gains``.
    """
    figure, axes = plt.subplots(1, 2, figsize=(PAGE_WIDTH, 2.9), layout="constrained")
    steps = list(by_regions["step"].unique())
    for index, step in enumerate(steps):
        part, dots = by_regions[by_regions["step"] == step], gains[gains["step"] == step]
        look = {"color": OKABE_ITO[index], "label": step}
        x = part["K"] + (index - (len(steps) - 1) / 2) * 0.15
        axes[0].errorbar(x, part["gain"], _errors(part, "gain", ["low", "high"]), fmt=MARKERS[index], markersize=4, capsize=2, **look)
        axes[1].scatter(100 * dots["foreground_ratio"], dots["gain"], s=10, marker=MARKERS[index], alpha=0.6, **look)
    counts = by_regions.groupby("K")["n"].max()
    axes[0].set_xticks(counts.index, [f"{K}{'+' if K == MANY else ''}\nn = {n}" for K, n in counts.items()])
    axes[0].set(xlabel="submasks K (min_area = 100)", ylabel="gain in fMSE,\n8-bit levels squared")
    axes[1].set(xlabel="foreground, % of the picture")
    for axis in axes:
        axis.axhline(0, color="0.3", linewidth=0.8)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(steps))
    return figure
