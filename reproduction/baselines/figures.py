"""The charts and pictures of the baselines: both orders, starts, training, and one composite through every system."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from harmlib.inference.pictures import harmonize
from harmlib.metrics.protocols import DEFAULT
from harmlib.metrics.scoring import score_pair
from harmlib.models.base import HarmonizationModel
from reproduction.baselines.artefacts import BASELINE, LABELS
from reproduction.baselines.training import STARTS
from reproduction.kit.comparisons import BETTER, OPEN, TOO_FEW, WORSE
from reproduction.kit.examples import Example
from reproduction.kit.gallery import Scene, gallery
from reproduction.kit.grids import foreground_box
from reproduction.kit.style import OKABE_ITO, PAGE_WIDTH

ROW_HEIGHT = 0.22
# What an interval says about a system against the composite.
LOOKS = {BETTER: (OKABE_ITO[2], "D"), OPEN: ("0.45", "o"), TOO_FEW: ("0.45", "o"), WORSE: (OKABE_ITO[4], "v"), "": ("black", "o")}
START_LOOKS = dict(zip(STARTS, ((OKABE_ITO[2], "D"), (OKABE_ITO[3], "s"), (OKABE_ITO[4], "v")), strict=True))
UNITS = {"mse": "MSE, 8-bit levels squared (log scale)", "psnr": "PSNR, dB"}
COLUMNS, PANELS = 7, 5
TITLE_LENGTH = 34  # characters above one of two panels
MARGIN = 0.4  # of the foreground's size, around it in the pictures
REAL = "real"


def ranking_figure(table: pd.DataFrame, metric: str = "mse") -> Figure:
    """Return the printed means beside ours, systems in the printed order, the composite as a dotted line; what is not printed below.

    table: ``ranking.ranking_table``. Beside each point stands its rank among the printed systems; ours have 95 % intervals and tell
    how they differ from the composite.
    """
    part = table[table["metric"] == metric]
    rows = pd.concat([part.dropna(subset="paper").sort_values("paper_rank"), part[part["paper"].isna()].sort_values("rank")])
    figure, (left, right) = _two_panels(rows["system"].tolist())
    for index, row in enumerate(rows.to_dict("records")):
        _rank_point(left, index, row["paper"], row["paper_rank"], LOOKS[""])
        right.plot([row["low"], row["high"]], [index, index], color="0.6", linewidth=1, zorder=1)
        _rank_point(right, index, row["ours"], row["rank_of_printed"], LOOKS[row["reading"]])
    printed, nothing = int(rows["paper"].notna().sum()), rows[rows["method"] == BASELINE].iloc[0]
    titles = {"paper": "papers, iHarmony4", "ours": f"ours, {rows['data'].iloc[0]}"}
    for axis, (name, title) in zip((left, right), titles.items(), strict=True):
        axis.axvline(float(nothing[name]), color="black", linestyle=":", linewidth=1, zorder=0)
        axis.axhline(printed - 0.5, color="0.7", linewidth=0.6)
        axis.set(title=textwrap.fill(title, TITLE_LENGTH), xlabel=UNITS[metric])
        axis.margins(x=0.12)
        if metric == "mse":
            axis.set_xscale("log")
            _plain_ticks(axis.xaxis)
    legend = {f"{words} than the composite" if words in (BETTER, WORSE) else words: LOOKS[words] for words in (BETTER, OPEN, WORSE)}
    _legend(figure, {**legend, "the composite": LOOKS[""]})
    return figure


def _two_panels(names: Sequence[str]) -> tuple[Figure, tuple[Axes, Axes]]:
    """Return two panels that share the names at their left, the first one on top."""
    height = ROW_HEIGHT * len(names) + 1.1
    figure, axes = plt.subplots(1, 2, figsize=(PAGE_WIDTH, height), sharey=True, layout="constrained")
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    return figure, (axes[0], axes[1])


def _plain_ticks(axis: Axis) -> None:
    """Write plain numbers at a logarithmic axis."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
    axis.set_tick_params(labelsize=7.5)


def _rank_point(axis: Axes, line: int, value: float, rank: float, look: tuple[str, str]) -> None:
    """Draw a value with its rank above it to the right, where it has them."""
    axis.plot(value, line, look[1], color=look[0], markersize=5)
    if not pd.isna(rank) and np.isfinite(value):
        label = axis.annotate(str(rank), (value, line), (4, 1), textcoords="offset points", fontsize=6.5, color="0.3")
        label.set_path_effects([withStroke(linewidth=2, foreground="white")])  # the composite's line must not cross it


def _legend(figure: Figure, looks: Mapping[str, tuple[str, str]]) -> None:
    """Explain colors and markers below the panels."""
    handles = [plt.Line2D([], [], color=color, marker=marker, linestyle="", label=words) for words, (color, marker) in looks.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=7.5)


def start_figure(table: pd.DataFrame, nothing: float) -> Figure:
    """Return what each network's picture keeps of the composite before and after training, and its error; table: ``training.starts``.

    nothing: MSE of the composites, the dotted line. Hollow: before the first update.
    """
    figure, (left, right) = _two_panels(table["system"].tolist())
    for index, row in enumerate(table.to_dict("records")):
        color, marker = START_LOOKS[row["begins"]]
        left.plot([row["kept_before"], row["kept_after"]], [index, index], color=color, linewidth=1)
        left.plot(row["kept_before"], index, marker, color=color, markerfacecolor="white", markersize=5)
        left.plot(row["kept_after"], index, marker, color=color, markersize=5)
        bounds = [max(nothing + row[name], 1.0) for name in ("low", "high")]  # a logarithmic scale has no zero
        right.plot(bounds, [index, index], color="0.6", linewidth=1, zorder=1)
        right.plot(row["mse"], index, marker, color=color, markersize=5)
    right.axvline(nothing, color="black", linestyle=":", linewidth=1, zorder=0)
    left.set(title="kept of the composite\nbefore (hollow) and after training", xlabel="correlation inside the foreground")
    right.set(title="error after training\nagainst the composite's (dotted)", xlabel=UNITS["mse"], xscale="log")
    _plain_ticks(right.xaxis)
    _legend(figure, START_LOOKS)
    return figure


def training_figure(curves: pd.DataFrame) -> Figure:
    """Return one small panel per system with its error over the updates; curves: ``training.curves``.

    The composite's own validation error is a dotted line, where there is one.
    """
    shown = curves[curves["method"] != BASELINE]
    nothing = curves.loc[curves["method"] == BASELINE, "value"]
    names = shown["system"].unique()
    rows = -(-len(names) // PANELS)
    figure, axes = plt.subplots(rows, PANELS, figsize=(PAGE_WIDTH, 1.35 * rows + 0.2), sharey=True, squeeze=False, layout="constrained")
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    for axis, name in zip(axes.flat, names, strict=False):
        part = shown[shown["system"] == name]
        axis.plot(part["step"], part["value"], color=OKABE_ITO[3], linewidth=1.2)
        for value in nothing:
            axis.axhline(value, color="black", linestyle=":", linewidth=1)
        axis.set_title(name, fontsize=8, pad=2)
        axis.set(yscale="log")
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axis.tick_params(labelsize=7)
        _plain_ticks(axis.yaxis)
    figure.supxlabel("updates", fontsize=8)
    figure.supylabel(f"{' / '.join(shown['what'].unique())} (log scale)", fontsize=8)
    return figure


def every_system(examples: Sequence[Example], systems: Mapping[str, HarmonizationModel]) -> Figure:
    """Return composites through every system, cut out around the foreground, fMSE underneath; a star marks the best three.

    systems: method -> model, in the order shown. Results are shown as they are scored: inside the mask, on the composite's background.
    """
    scenes = []
    for example in examples:
        results = {BASELINE: example.composite}
        for method, model in systems.items():
            result = np.asarray(harmonize(model, example.composite, example.mask))
            results[method] = np.where(example.mask[..., None], result, example.composite)
        errors = {method: score_pair(image, example.real, example.mask, DEFAULT)["fmse"] for method, image in results.items()}
        best = sorted(errors, key=errors.__getitem__)[:3]
        captions = {LABELS[method]: f"fMSE {error:.0f}{' ★' if method in best else ''}" for method, error in errors.items()}
        pictures = {LABELS[BASELINE]: example.composite, REAL: example.real, "mask": example.mask}
        pictures |= {LABELS[method]: image for method, image in results.items()}
        shown = {title: example.proportioned(image) for title, image in pictures.items()}
        top, left, bottom, right = window(shown["mask"])
        cut = {title: image[top:bottom, left:right] for title, image in shown.items()}
        scenes.append(Scene(f"{example.subset}, {example.id}", cut, captions))
    return gallery(scenes, columns=COLUMNS)


def window(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Return (top, left, bottom, right) of the part of a picture around its foreground that is shown, no taller than wide.

    mask: bool (H, W). In a picture that is taller than wide itself the window is as wide as the picture.
    """
    top, left, bottom, right = foreground_box(mask, margin=MARGIN)
    lacking = max(0, (bottom - top) - (right - left))
    left, right = left - lacking // 2, right + lacking - lacking // 2
    # What would stick out at one side is added at the other.
    left, right = left - max(0, right - mask.shape[1]), right - min(0, left)
    return top, max(0, left), bottom, min(mask.shape[1], right)
