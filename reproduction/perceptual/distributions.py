"""Figures 4 and 5 of the no-reference paper: errors with the true mask (C_s) and with the detected one (C_p), image by image."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harmlib.evaluation.statistics import paired_scores
from reproduction.kit.style import PAGE_WIDTH, method_style
from reproduction.kit.tables import LOWER_IS_BETTER
from reproduction.perceptual.artefacts import LPIPS_MISSING, TRUE_MASK, TWO_STAGE

METRICS = {"mse": "8-bit levels squared", "psnr": "dB", "lpips": "LPIPS"}  # with their units
# Column of ``paired`` -> method, and its name in legends.
SIDES = {"C_s": (TRUE_MASK, "$C_s$: true mask, DIH-M"), "C_p": (TWO_STAGE, "$C_p$: detected mask, PTC+DIH")}
CUT = 99  # percentile up to which a histogram is drawn
MOST_BINS = 60
DIFFERENCE_COLOR = "0.55"
NOTE_SIZE = 7.5


def paired(scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row per image and metric: subset, id, metric, C_s, C_p, difference = C_p - C_s.

    scores: of one benchmark, DIH-M and PTC+DIH on the same images. Images without a value are left out: of a metric that was not
    measured, all; of PSNR, those that either mask brings back without any error.
    """
    # A picture brought back without any error has no PSNR, only the protocol's substitute for infinity.
    known = scores.assign(psnr=scores["psnr"].where(scores["mse"] > 0))
    parts = []
    for metric in METRICS:
        values = paired_scores(known, TRUE_MASK, TWO_STAGE, metric).rename(columns={"a": "C_s", "b": "C_p"})
        parts.append(values.assign(metric=metric, difference=values["C_p"] - values["C_s"]).dropna(subset="difference"))
    return pd.concat(parts, ignore_index=True)[["subset", "id", "metric", *SIDES, "difference"]]


def bins_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the histograms of figure 4: metric, left, right, and how many images C_s and C_p have in that bin; table: ``paired``.

    Both share their bins, from 0 (PSNR: from the smallest) to the 99th percentile of all values; the rest is left out.
    """
    rows = []
    for metric, part in table.groupby("metric", sort=False):
        values = part[[*SIDES]].to_numpy()
        edges = _edges(0.0 if metric in LOWER_IS_BETTER else float(values.min()), float(np.percentile(values, CUT)), len(part))
        counts = [np.histogram(part[side], edges)[0] for side in SIDES]
        rows.append(pd.DataFrame({"metric": metric, "left": edges[:-1], "right": edges[1:], **dict(zip(SIDES, counts, strict=True))}))
    return pd.concat(rows, ignore_index=True)


def difference_bins(table: pd.DataFrame) -> pd.DataFrame:
    """Return the histograms of figure 5: metric, left, right, images; table: ``paired``.

    Bins are symmetric about zero, which is an edge, up to the 99th percentile of the magnitudes; the rest is left out.
    """
    rows = []
    for metric, part in table.groupby("metric", sort=False):
        half = _edges(0.0, float(np.percentile(part["difference"].abs(), CUT)), len(part))
        edges = np.concatenate([-half[:0:-1], half])
        counts = np.histogram(part["difference"], edges)[0]
        rows.append(pd.DataFrame({"metric": metric, "left": edges[:-1], "right": edges[1:], "images": counts}))
    return pd.concat(rows, ignore_index=True)


def _edges(low: float, high: float, count: int) -> np.ndarray:
    """Return the edges of equal bins, by Rice's rule for ``count`` values: 2 n^(1/3) bins, sixty at most."""
    bins = min(MOST_BINS, round(2 * count ** (1 / 3)))
    return np.linspace(low, high if high > low else low + 1, bins + 1)


def differential_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per metric: n, mean and median of C_p - C_s, and the shares of images below and above zero; table: ``paired``."""
    rows = []
    for metric in METRICS:
        values = table.loc[table["metric"] == metric, "difference"]
        rows.append((metric, len(values), values.mean(), values.median(), (values < 0).mean(), (values > 0).mean()))
    return pd.DataFrame(rows, columns=["metric", "n", "mean", "median", "below", "above"])


def distribution_figure(table: pd.DataFrame) -> Figure:
    """Return figure 4: how MSE, PSNR and LPIPS are distributed over images for C_s and C_p, means as lines; table: ``paired``."""
    figure, axes = _panels(table)
    bins = bins_table(table)
    for metric, axis in axes.items():
        part, shown = table[table["metric"] == metric], bins[bins["metric"] == metric]
        axis.set_xlabel(METRICS[metric])
        means = {side: part[side].mean() for side in SIDES}
        axis.set_title(f"{axis.get_title()}\nmeans: $C_s$ {means['C_s']:.4g}, $C_p$ {means['C_p']:.4g}", fontsize=NOTE_SIZE + 1)
        for side, (method, label) in SIDES.items():
            color, filled = method_style(method).color, side == "C_s"
            edges = [*shown["left"], shown["right"].iloc[-1]]
            axis.stairs(shown[side], edges, fill=filled, alpha=0.5 if filled else 1, color=color, linewidth=1.5, label=label)
            axis.axvline(means[side], color=color, linestyle="--" if filled else ":")
    note = None if "lpips" in axes else LPIPS_MISSING
    handles, labels = next(iter(axes.values())).get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(SIDES), title=note, title_fontsize=NOTE_SIZE)
    return figure


def differential_figure(table: pd.DataFrame) -> Figure:
    """Return figure 5: how C_p - C_s is distributed over images, with the shares on both sides of zero; table: ``paired``."""
    figure, axes = _panels(table)
    bins, shares = difference_bins(table), differential_table(table).set_index("metric")
    if "lpips" not in axes:
        figure.supxlabel(LPIPS_MISSING, fontsize=NOTE_SIZE, color="0.4")
    for metric, axis in axes.items():
        axis.set_xlabel(f"$C_p - C_s$, {METRICS[metric]}")
        shown = bins[bins["metric"] == metric]
        axis.stairs(shown["images"], [*shown["left"], shown["right"].iloc[-1]], fill=True, color=DIFFERENCE_COLOR)
        axis.axvline(0, color="black", linewidth=1)
        names = ("$C_p$ better", "$C_s$ better")
        left, right = names if metric in LOWER_IS_BETTER else names[::-1]
        for x, align, side, name in ((0.03, "left", "below", left), (0.97, "right", "above", right)):
            axis.text(x, 0.97, f"{shares[side][metric]:.0%}\n{name}", ha=align, va="top", fontsize=NOTE_SIZE, transform=axis.transAxes)
        axis.set_ylim(top=1.35 * axis.get_ylim()[1])  # room for the shares above the bars
    return figure


def _panels(table: pd.DataFrame) -> tuple[Figure, dict[str, Axes]]:
    """Return metric -> its panel with n, for the metrics that any image has."""
    counts = {metric: int((table["metric"] == metric).sum()) for metric in METRICS}
    shown = [metric for metric, count in counts.items() if count]
    figure, row = plt.subplots(1, len(shown), figsize=(PAGE_WIDTH, 2.7), squeeze=False, layout="constrained")
    axes = dict(zip(shown, row[0], strict=True))
    for metric, axis in axes.items():
        axis.set_title(f"{metric.upper()}, n = {counts[metric]:,}", fontsize=NOTE_SIZE + 1)
        axis.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    row[0, 0].set_ylabel("images")
    return figure, axes
