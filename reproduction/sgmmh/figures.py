"""Figures 1, 2, 3, 5 and 6 of Sg-MMH, and the error over the size of the foreground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from harmlib.color import rgb_to_lab8
from harmlib.data.pairs import Pair
from harmlib.errors import ParameterError
from harmlib.io.images import read_image, read_labels
from harmlib.models.base import Prediction
from harmlib.perturbations.sgmmh import describe_recipe
from reproduction.kit.grids import BOX_COLOR, GridRow, foreground_box, picture_grid
from reproduction.kit.selection import row_label
from reproduction.kit.style import OKABE_ITO, signed
from reproduction.sgmmh.artefacts import BASELINE, LABELS
from reproduction.sgmmh.pictures import CODES, Example, edited, operator_maps, picture

REGION_TITLE = "perturbed regions"
# Narrower than a page: three pictures in a row would be taller than needed.
REGION_WIDTH = 5.4
DIMMED = 0.35
MAPS = ("add_L", "add_a", "add_b")
UNIT = "8-bit LAB codes"


def region_figure(samples: Sequence[tuple[Pair, Mapping[str, Any]]], names: Sequence[Mapping[int, str]]) -> Figure:
    """Return figure 2: original, perturbed regions in color, composite, one row per (pair, recipe), what was done underneath.

    names: region names of every row.
    """
    rows, numbers = [], []
    for (pair, recipe), known in zip(samples, names, strict=True):
        target, labels = read_image(pair.real), read_labels(pair.regions)  # type: ignore[arg-type]
        pictures = {"original": target, REGION_TITLE: colored_regions(target, labels), "composite": read_image(pair.composite)}
        rows.append(GridRow(pictures, row_label(pair.subset, pair.id), {REGION_TITLE: describe_recipe(recipe, known)}))
        for number, region in enumerate(np.unique(labels[labels > 0]), start=1):
            depth = cv2.distanceTransform(np.pad((labels == region).astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
            y, x = np.unravel_index(depth.argmax(), depth.shape)  # where the region is widest
            numbers.append((3 * len(rows) - 2, (float(x), float(y)), str(number)))
    figure = picture_grid(rows, width=REGION_WIDTH)
    style = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    for panel, position, words in numbers:
        figure.axes[panel].text(*position, words, fontsize=7, ha="center", va="center", bbox=style)
    return figure


def colored_regions(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return a dimmed gray picture with its perturbed regions in one color each, uint8 (H, W, 3)."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None].repeat(3, axis=2) * DIMMED
    for index, region in enumerate(np.unique(labels[labels > 0])):
        color = [int(OKABE_ITO[index % len(OKABE_ITO)][start : start + 2], 16) for start in (1, 3, 5)]
        gray[labels == region] = np.array(color) * (1 - DIMMED) + gray[labels == region]
    return gray.clip(0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Compared:
    """One row of figure 3: an example, every method's prediction, its rows of scores, and the rule that chose it."""

    example: Example
    predictions: Mapping[str, Prediction]
    scores: pd.DataFrame
    rule: str


def comparison_figure(compared: Sequence[Compared]) -> Figure:
    """Return figure 3: real, composite and every method's result with MSE and PSNR, a dotted box around every perturbed region."""
    rows = []
    for entry in compared:
        example = entry.example
        results = {LABELS[method]: picture(prediction) for method, prediction in entry.predictions.items()}
        pictures = {"real": example.real, LABELS[BASELINE]: example.composite, **results}
        captions = {LABELS[row["method"]]: f"{row['mse']:.1f} / {row['psnr']:.1f} dB" for row in entry.scores.to_dict("records")}
        shown = {title: example.proportioned(image) for title, image in pictures.items()}
        rows.append(GridRow(shown, row_label(f"{example.subset}, {entry.rule}", example.id), {"real": "MSE / PSNR:", **captions}))
    figure = picture_grid(rows)
    columns = len(rows[0].pictures)
    for index, entry in enumerate(compared):
        regions = entry.example.proportioned(entry.example.regions)
        for axis in figure.axes[index * columns : (index + 1) * columns]:
            for region in np.unique(regions[regions > 0]):
                top, left, bottom, right = foreground_box(regions == region, margin=0)
                axis.add_patch(Rectangle((left, top), right - left - 1, bottom - top - 1, fill=False, ls=":", lw=1, edgecolor=BOX_COLOR))
    return figure


def mask_figure(compared: Sequence[Compared]) -> Figure:
    """Return figure 5: target, composite, result, and OMGAN's additive masks as signed maps on one scale."""
    rows = []
    for entry in compared:
        found = _result_and_maps(entry.predictions["sgmmh_omgan"])
        pictures = {"target": entry.example.real, "composite": entry.example.composite, **found}
        rows.append(GridRow({title: entry.example.proportioned(values) for title, values in pictures.items()}, entry.example.label))
    return _framed(picture_grid(rows, unit=UNIT))


def explained_figure(example: Example, prediction: Prediction) -> Figure:
    """Return figure 6(a): composite, result, mask of the foreground, and the additive masks."""
    pictures = {"composite": example.composite, "mask": example.mask, **_result_and_maps(prediction)}
    shown = {title: example.proportioned(values) for title, values in pictures.items()}
    return _framed(picture_grid([GridRow(shown, example.label)], unit=UNIT))


def _framed(figure: Figure) -> Figure:
    """Draw a thin line around pictures that may be white at their border: masks and signed maps."""
    for axis in figure.axes:
        axis.spines[:].set(visible=True, linewidth=0.4, color="0.6")
    return figure


def _result_and_maps(prediction: Prediction) -> dict[str, np.ndarray]:
    """Return the result and the additive masks by column title."""
    maps = operator_maps(prediction)
    return {"result": picture(prediction), **{name.replace("_", " "): maps[name] for name in MAPS}}


def edit_figure(example: Example, prediction: Prediction, factors: Sequence[float], shifts: Sequence[float]) -> Figure:
    """Return figure 6(b): the additive masks of a and L, multiplied by ``factors`` and moved by ``shifts``, inside the foreground.

    factors, shifts: of one length; shifts in 8-bit LAB codes. Underneath stands the edit, and how far the mean of that LAB channel
    moved against the unedited result. Raises ParameterError for lists of two lengths.
    """
    if len(factors) != len(shifts):
        raise ParameterError(f"there are {len(factors)} factors and {len(shifts)} shifts: give as many of one as of the other")
    rows = []
    for name in ("add_a", "add_L"):
        scaled = {f"× {factor:g}": edited(example, prediction, scale={name: factor}) for factor in factors}
        rows.append(_edit_row(example, prediction, name, f"{name} × factor", scaled))
        moved = {f"+ {shift:g}": edited(example, prediction, shift={name: shift / CODES}) for shift in shifts}
        rows.append(_edit_row(example, prediction, name, f"{name} + number", moved))
    return picture_grid(rows)


def _edit_row(example: Example, prediction: Prediction, name: str, label: str, results: Mapping[str, np.ndarray]) -> GridRow:
    """Return one row of edits of the operator mask ``name``; results: edit in words -> picture."""
    channel = "Lab".index(name[-1])
    start = rgb_to_lab8(picture(prediction))[example.mask][:, channel].mean()
    pictures, captions = {}, {}
    for step, (words, image) in enumerate(results.items()):
        title = f"step {step}"
        pictures[title] = example.proportioned(image)
        moved = rgb_to_lab8(image)[example.mask][:, channel].mean() - start
        captions[title] = f"{words}: {name[-1]} {signed(moved, '+.1f')}"
    return GridRow(pictures, label.replace("_", " "), captions)
