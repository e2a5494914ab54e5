"""Figures 4, 6 and 8 of Harmonizer, and a comparison of ways to full size on a picture of twelve megapixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from harmlib.data.pairs import read_pairs
from harmlib.filters import apply_filter
from harmlib.inference.pictures import harmonize
from harmlib.io.images import resize, to_tensor
from harmlib.metrics.functional import fmse, mse
from harmlib.metrics.scoring import score_pair
from harmlib.models.base import HarmonizationModel
from reproduction.harmonizer.artefacts import AT_FULL_SIZE, BASELINE, LABELS
from reproduction.harmonizer.numbers import HIGH_RESOLUTION
from reproduction.kit.grids import GridRow, foreground_box, picture_grid
from reproduction.kit.selection import Sample, read_sample
from reproduction.kit.style import COLUMN_WIDTH, LINES, OKABE_ITO, signed

LEVELS = np.arange(256)
# The methods of figures 6 and 8.
SHOWN = ("dovenet", "bargainnet", "iih", "ht", "harmonizer")
SHADOW = 0.7
# The paper's own points: a level, the argument, what becomes of it (figure 4).
POINTS = ((204, -SHADOW, 174), (174, SHADOW, 227))
REAL = "real"
PACKS = ("tsai_real_composites", "labelme_composites")
LARGE = ("iharmony4_samples/iHarmony4", "a0002_1_4")
ZOOM, GRAIN = 192, 4  # sides of the enlarged part, and of what counts as its grain, pixels of the file
WAYS = {"bilinear": "resized", "pcm": "color mapping", "own": "filters"}


def transfer_curve(name: str, argument: float, levels: np.ndarray = LEVELS) -> np.ndarray:
    """Return the 8-bit levels (N,), unrounded, that a channel-wise filter makes of gray ``levels`` (N,)."""
    gray = torch.from_numpy(np.asarray(levels, dtype=np.float32) / 255).expand(1, 3, 1, -1)
    return 255 * apply_filter(name, gray, torch.tensor([argument]))[0, 0, 0].numpy()


def shadow_table() -> pd.DataFrame:
    """Return the curves of figure 4: level, after argument -0.7, after 0.7, and after both one by one."""
    down, up = (transfer_curve("shadow", argument) for argument in (-SHADOW, SHADOW))
    return pd.DataFrame({"level": LEVELS, "shadow -0.7": down, "shadow 0.7": up, "both": transfer_curve("shadow", SHADOW, down)})


def shadow_figure(table: pd.DataFrame) -> Figure:
    """Return figure 4: the shadow filter's two curves and their composition, with the paper's own points; table: ``shadow_table``."""
    figure, axis = plt.subplots(figsize=(COLUMN_WIDTH, COLUMN_WIDTH), layout="constrained")
    axis.plot(LEVELS, LEVELS, color="0.6", linewidth=0.8, label="unchanged")
    for name, color, line in zip(table.columns[1:], (OKABE_ITO[3], OKABE_ITO[4], OKABE_ITO[2]), LINES, strict=True):
        label = "first −0.7, then 0.7" if name == "both" else name.replace("-", "−")
        axis.plot(table["level"], table[name], line, color=color, label=label)
    for (level, argument, after), offset in zip(POINTS, ((18, -22), (-40, 4)), strict=True):
        axis.plot(level, after, "o", color="black", markersize=4)
        words = f"{level} → {after}\nat {signed(argument, '+g')}"
        axis.annotate(words, (level, after), offset, textcoords="offset points", fontsize=7, ha="center")
    axis.set(xlabel="level before", ylabel="level after", xlim=(0, 255), ylim=(0, 255), aspect="equal")
    axis.legend(fontsize=7, loc="lower right")
    return figure


def comparison_figure(samples: Sequence[Sample], methods: Mapping[str, HarmonizationModel]) -> Figure:
    """Return figures 6 and 8: composite, every method's result, and the real photograph where there is one, a box around the foreground.

    Each picture's fMSE stands below it, where the real photograph is known.
    """
    rows = []
    for sample in samples:
        pictures, captions = {LABELS[BASELINE]: sample.composite}, {}
        pictures |= {LABELS[method]: np.asarray(harmonize(model, sample.composite, sample.mask)) for method, model in methods.items()}
        if sample.target is not None:
            for title, image in pictures.items():
                captions[title] = f"fMSE {score_pair(image, sample.target, sample.mask, AT_FULL_SIZE)['fmse']:.1f}"
            pictures[REAL] = sample.target
        rows.append(GridRow(pictures, sample.label, captions, foreground_box(sample.mask, margin=0)))
    return picture_grid(rows)


def shown_sentence(samples: Sequence[Sample]) -> str:
    """Return which composites figure 8 shows, and how large they are."""
    sizes = sorted(max(sample.mask.shape) for sample in samples)
    names = ", ".join(dict.fromkeys(sample.subset for sample in samples))
    words = f"{len(samples)} from {names}, longer side {sizes[0]} to {sizes[-1]} pixels"
    words += "" if sizes[-1] >= HIGH_RESOLUTION else ", which is no high resolution"
    real = all(sample.target is None for sample in samples)
    return (
        f"{words}." if real else f"{words}; no pack of real composites below data, so these are test composites, the real photograph last."
    )


def read_large_sample(data: Path | None) -> Sample | None:
    """Return the genuine composite of twelve megapixels from the pack below ``data``; None when the pack is not there."""
    folder, name = LARGE
    if data is None or not (data / folder).is_dir():
        return None
    return next((read_sample(pair) for pair in read_pairs(data / folder, "test") if pair.id == name), None)


def large_results(sample: Sample, model: HarmonizationModel) -> dict[str, np.ndarray]:
    """Return the same prediction brought to full size in three ways, by their names in WAYS, the background the composite's."""
    return {title: np.asarray(harmonize(model, sample.composite, sample.mask, upsampling=way)) for way, title in WAYS.items()}


def large_table(sample: Sample, results: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return MSE and fMSE at full size of the composite and of every result: picture, mse, fmse, sharpness.

    sharpness: mean step between neighboring pixels of the foreground, relative to the real photograph's.
    """
    target, mask = to_tensor(sample.real)[None], to_tensor(sample.mask)[None]
    rows = []
    for name, picture in {LABELS[BASELINE]: sample.composite, **results, REAL: sample.real}.items():
        tensor = to_tensor(picture)[None]
        values = picture.astype(np.float32)
        # To the upper and the left neighbor.
        steps = np.abs(np.diff(values, axis=0))[:, 1:] + np.abs(np.diff(values, axis=1))[1:]
        sharpness = steps.mean(2)[sample.mask[1:, 1:]].mean()
        rows.append((name, mse(tensor, target).item(), fmse(tensor, target, mask).item(), sharpness))
    table = pd.DataFrame(rows, columns=["picture", "mse", "fmse", "sharpness"])
    return table.assign(sharpness=table["sharpness"] / table["sharpness"].iloc[-1])


def large_figure(sample: Sample, results: Mapping[str, np.ndarray], table: pd.DataFrame) -> Figure:
    """Return the most detailed square of the foreground, enlarged: composite, the three ways to full size, real; errors underneath."""
    pictures = {LABELS[BASELINE]: sample.composite, **results, REAL: sample.real}
    captions = {row["picture"]: f"MSE {row['mse']:.1f}\nfMSE {row['fmse']:.1f}" for row in table.to_dict("records")}
    top, left, bottom, right = detailed_box(sample)
    enlarged = {title: picture[top:bottom, left:right] for title, picture in pictures.items()}
    return picture_grid([GridRow(enlarged, sample.label, captions)])


def detailed_box(sample: Sample, side: int = ZOOM) -> tuple[int, int, int, int]:
    """Return (top, left, bottom, right) of the square that lies in the foreground and has most contrast, out of a grid of squares.

    Contrast is the deviation of brightness after averaging GRAIN pixels, so that noise does not count. Without a square in the
    foreground: the one of all with most contrast.
    """
    height, width = sample.mask.shape
    averaged = resize(sample.real, (height // GRAIN, width // GRAIN), "bilinear").mean(2)
    best, box = (-1.0, -1.0), (0, 0, side, side)
    for top in range(0, height - side + 1, side):
        for left in range(0, width - side + 1, side):
            part = averaged[top // GRAIN : (top + side) // GRAIN, left // GRAIN : (left + side) // GRAIN]
            found = (float(sample.mask[top : top + side, left : left + side].all()), float(part.std()))
            if found > best:
                best, box = found, (top, left, top + side, left + side)
    return box
