"""Figures 1 and 3 of FRIH, and its two rules for submasks side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harmlib.submasks import Submasks
from reproduction.frih.artefacts import BASELINE, LABELS, METHOD, STAGE_ONE
from reproduction.frih.pictures import LITERAL, MERGED, Example, split, spread
from reproduction.frih.submasks import RULES
from reproduction.kit.grids import TITLE_SIZE, GridRow, foreground_box, picture_grid
from reproduction.kit.style import CAPTION_SIZE, OKABE_ITO, PAGE_WIDTH

# The columns of figure 1: the paper's, and stage one, which treats the foreground as one too.
SHOWN = ("rainnet", STAGE_ONE, METHOD)
# One per submask, ten at most: Okabe and Ito's six, their yellow (here on dark gray), and three grays.
COLORS = (*OKABE_ITO, "#F0E442", "#999999", "#DDDDDD", "#555555")
DIMMED = 0.35
# Narrower than a page: three pictures in a row would be taller than needed.
RULES_WIDTH = 5.4
GRAPH_HEIGHT, MOST_HEIGHT, TITLE_HEIGHT = 2.1, 1.6, 0.35
FRAME = "0.6"
# Characters that fit under one of three pictures.
SIZES_LENGTH = 32


@dataclass(frozen=True, eq=False)
class Compared:
    """One example of figure 1: method -> result, uint8 (256, 256, 3), in the order of the columns, and the example's rows of scores."""

    example: Example
    results: Mapping[str, np.ndarray]
    scores: pd.DataFrame


def motivation_figure(compared: Sequence[Compared]) -> Figure:
    """Return figure 1: composite, mask, every method's result, real; under each row its foreground enlarged."""
    rows = []
    for entry in compared:
        example, errors = entry.example, entry.scores.set_index("method")["fmse"]
        titles = {BASELINE: "composite", **{method: LABELS[method] for method in entry.results}}
        results = {titles[method]: result for method, result in entry.results.items()}
        pictures = {titles[BASELINE]: example.composite, "mask": example.mask, **results, "real": example.real}
        shown = {title: example.proportioned(values) for title, values in pictures.items()}
        top, left, bottom, right = box = foreground_box(shown["mask"])
        rows.append(GridRow(shown, example.label, {title: f"fMSE {errors[method]:.0f}" for method, title in titles.items()}, box))
        rows.append(GridRow({title: values[top:bottom, left:right] for title, values in shown.items()}, "enlarged"))
    return picture_grid(rows)


def colored_submasks(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return a dimmed gray picture with one color per submask, uint8 (H, W, 3); labels: 0 = background, 1..K."""
    shown = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None].repeat(3, axis=2) * DIMMED
    for number in np.unique(labels[labels > 0]):
        color = COLORS[(number - 1) % len(COLORS)]
        shown[labels == number] = [int(color[start : start + 2], 16) for start in (1, 3, 5)]
    return shown.astype(np.uint8)


def extraction_figure(example: Example, *, min_area: int, d_c: float) -> Figure:
    """Return figure 3: composite, mask, submasks in color, the decision graph, and every submask alone, cut out around the foreground."""
    found = split(example, d_c=d_c, min_area=min_area)
    top, left, bottom, right = foreground_box(example.proportioned(example.mask))
    labels, image = (example.proportioned(values)[top:bottom, left:right] for values in (found.labels, example.composite))
    alone = [np.where((labels == number)[..., None], image, 255).astype(np.uint8) for number in range(1, len(found.sizes) + 1)]
    columns = len(alone) if len(alone) <= 5 else -(-len(alone) // 2)
    rows = -(-len(alone) // columns)
    height, width = alone[0].shape[:2]
    below = rows * (min(PAGE_WIDTH / columns * height / width, MOST_HEIGHT) + TITLE_HEIGHT)
    figure = plt.figure(figsize=(PAGE_WIDTH, GRAPH_HEIGHT + below), layout="constrained")
    upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=(GRAPH_HEIGHT, below))[:, 0]
    axes = upper.subplots(1, 4, width_ratios=(1, 1, 1, 1.7))
    pictures = {"composite": example.composite, "mask": example.mask, "submasks": colored_submasks(example.composite, found.labels)}
    for axis, (title, values) in zip(axes[:3], pictures.items(), strict=True):
        _show(axis, example.proportioned(values), title)
    decision_graph(axes[3], found, d_c)
    grid = lower.subplots(rows, columns, squeeze=False)
    for index, axis in enumerate(grid.flat):
        axis.axis("off")
        if index < len(alone):
            _show(axis, alone[index], f"{index + 1}: {found.sizes[index]:,} px", COLORS[index % len(COLORS)])
    return figure


def decision_graph(axis: Axes, found: Submasks, d_c: float) -> None:
    """Draw delta over density of every color of a foreground, as dots of that color, its chosen centers ringed and numbered."""
    graph = found.graph
    axis.scatter(graph.density, graph.delta, s=6, c=graph.colors / 255, edgecolors=FRAME, linewidths=0.1)
    for index, (density, delta) in enumerate(zip(found.density, found.delta, strict=True)):
        axis.scatter([density], [delta], s=50, facecolors="none", edgecolors=COLORS[index % len(COLORS)], linewidths=1.6, zorder=3)
        axis.annotate(str(index + 1), (density, delta), xytext=(4, 4), textcoords="offset points", fontsize=CAPTION_SIZE)
    axis.axvline(10, color="0.4", linestyle=":", linewidth=1)
    axis.margins(0.1)
    axis.set(xscale="log", xlabel="density ρ in pixels (log scale)", ylabel="distance δ")
    axis.set_title(f"{len(graph.colors):,} colors, $d_c$ = {d_c:g}, K = {len(found.sizes)}", fontsize=TITLE_SIZE)


def _show(axis: Axes, image: np.ndarray, title: str, frame: str = FRAME) -> None:
    """Show one picture or mask in a frame, thick where the frame's color means something."""
    axis.imshow(image, cmap="gray", interpolation="none")
    axis.axis("on")
    axis.set(xticks=[], yticks=[])
    axis.grid(visible=False)
    axis.set_title(title, fontsize=TITLE_SIZE, pad=3)
    axis.spines[:].set(visible=True, linewidth=0.5 if frame == FRAME else 1.6, color=frame)


def rules_figure(examples: Sequence[Example]) -> Figure:
    """Return the submasks of the printed rule and of min_area = 100 side by side, sizes underneath, small submasks circled."""
    rows: list[GridRow] = []
    circled = []
    for example in examples:
        pictures, words = {"composite": example.composite}, {"composite": f"spread of colors {spread(example):.3f}"}
        for column, area in enumerate((LITERAL, MERGED), 1):
            found, title = split(example, min_area=area), RULES[area]
            pictures[title], words[title] = colored_submasks(example.composite, found.labels), sizes_in_words(found)
            labels = example.proportioned(found.labels)
            # The first pixel of what would be overlooked.
            circled += [(3 * len(rows) + column, *np.argwhere(labels == number)[0]) for number in np.flatnonzero(found.sizes < MERGED) + 1]
        rows.append(GridRow({title: example.proportioned(values) for title, values in pictures.items()}, example.label, words))
    figure = picture_grid(rows, width=RULES_WIDTH)
    for panel, y, x in circled:
        figure.axes[panel].scatter([x], [y], s=40, facecolors="none", edgecolors="white", linewidths=0.8)
    return figure


def sizes_in_words(found: Submasks) -> str:
    """Return K and, in lines below, the sizes of the submasks, the largest first."""
    sizes = sorted((int(size) for size in found.sizes), reverse=True)
    return f"K = {len(sizes)}\n{textwrap.fill(', '.join(map(str, sizes)) + ' px', SIZES_LENGTH)}"
