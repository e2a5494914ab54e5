"""Harmonizer's figure 2: which filters people need, and how far they turn them."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harmlib.filters import RANGES
from reproduction.exhibits_userstudy.material import sample_words, titled
from reproduction.kit.charts import arms
from reproduction.kit.style import OKABE_ITO, PAGE_WIDTH
from reproduction.userstudy import StudyRecords, stamped
from reproduction.userstudy.filters import argument_boxes, filter_ranges, importance_agreement

LOWEST, HIGHEST = 1, 5
# A little more than the largest argument, so that points there are whole.
EDGE = 1.04
# Heights within a line of one filter: the box below its middle, the Gaussian above.
BOX_PLACE, BOX_HEIGHT, BELL_HEIGHT = -0.2, 0.22, 0.42


def range_table(records: StudyRecords, *, draws: int, seed: int) -> pd.DataFrame:
    """Return ``filters.filter_ranges`` of a study with who answered and released_range: the released training takes ± that, uniformly."""
    assert records.filters is not None  # a study of filters
    table = filter_ranges(records.filters, draws=draws, seed=seed)
    people, images = (records.filters.loc[records.filters["importance"].notna(), name].nunique() for name in ("participant", "image"))
    table = table.assign(released_range=table["filter"].map(RANGES), data=sample_words(records, people, images))
    return stamped(records.info, table)


def range_figure(records: StudyRecords, table: pd.DataFrame) -> Figure:
    """Return figure 2: mean importance with 95 % intervals, sorted; box plots of the arguments with fitted Gaussians.

    table: ``range_table``. The gray bands are the ranges of the released training.
    """
    figure, axes = plt.subplots(1, 2, figsize=(PAGE_WIDTH, 0.42 * len(table) + 1), layout="constrained", sharey=True)
    heights = -np.arange(len(table))
    reach = arms(table, "importance", "importance_low", "importance_high")
    axes[0].barh(heights, table["importance"] - LOWEST, 0.6, left=LOWEST, color=OKABE_ITO[1])
    axes[0].errorbar(table["importance"], heights, xerr=reach, fmt="none", ecolor="black", capsize=2, elinewidth=0.8)
    axes[0].set(xlim=(LOWEST, HIGHEST), xlabel="mean importance, 1 to 5", title=titled(table, "importance"))
    axes[0].set_yticks(heights, table["filter"])
    _draw_arguments(axes[1], records, table)
    axes[1].set(xlim=(-EDGE, EDGE), xlabel="argument, touched filters only", title=titled(table, "arguments"))
    for axis in axes:
        axis.grid(axis="y", visible=False)
    return figure


def _draw_arguments(axis: Axes, records: StudyRecords, table: pd.DataFrame) -> None:
    """Draw range, box and Gaussian of every filter on its line."""
    assert records.filters is not None  # a study of filters
    boxes = {box["label"]: box for box in argument_boxes(records.filters)}
    x = np.linspace(-1, 1, 401)
    for index, row in enumerate(table.to_dict("records")):
        y = -index
        axis.barh(y, 2 * row["released_range"], 0.9, left=-row["released_range"], color="0.92", zorder=0)
        if row["filter"] in boxes:
            box = boxes[row["filter"]]
            axis.hlines(y + BOX_PLACE, box["whislo"], box["whishi"], color="black", linewidth=0.8)
            axis.barh(y + BOX_PLACE, box["q3"] - box["q1"], BOX_HEIGHT, left=box["q1"], color="white", edgecolor="black", linewidth=0.8)
            axis.vlines(box["med"], y + BOX_PLACE - BOX_HEIGHT / 2, y + BOX_PLACE + BOX_HEIGHT / 2, color=OKABE_ITO[4], linewidth=1.5)
            axis.plot(box["fliers"], np.full(len(box["fliers"]), y + BOX_PLACE), ".", color="0.4", markersize=2)
        if row["sd"] > 0:
            bell = np.exp(-(((x - row["mean"]) / row["sd"]) ** 2) / 2)
            axis.plot(x, y + BELL_HEIGHT * bell, color=OKABE_ITO[3], linewidth=1)


def agreement_sentence(records: StudyRecords) -> str:
    """Return how far participants agree on the filters' importance on the common images, and what chance gives."""
    assert records.filters is not None  # a study of filters
    people, w = records.filters["participant"].nunique(), importance_agreement(records.filters)
    return (
        f"Kendall's W of the importance scores on the common images: {w:.2f}; {people} raters at random would give about {1 / people:.2f}"
    )
