"""Draw docs/harmonize.png: what the released Harmonizer makes of composites of the embedded photographs, none of which it was trained on.

The rows are chosen by rule: of all composites those with the largest, the median and the least fall of the foreground's mean squared error.

    python docs/harmonize.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

import harmlib
from harmlib.data.composers.base import Skipped, get_composer
from harmlib.data.sources import open_source
from harmlib.inference.pictures import harmonize_with_prediction

SEED, DRAWS = 2021, 16
COLUMNS = ("composite", "mask", "the six arguments", "harmonized", "real photograph")


def foreground_mse(picture: np.ndarray, real: np.ndarray, mask: np.ndarray) -> float:
    """Return the mean squared difference inside the mask, in squared 8-bit levels."""
    return float(((picture.astype(float) - real)[mask] ** 2).mean())


def draw_arguments(axis: Axes, names: tuple[str, ...], values: np.ndarray) -> None:
    """Draw filter arguments as sliders from -1 to 1, the first at the top; the harmonizer moves them from 0."""
    heights = np.arange(len(names))[::-1]
    axis.hlines(heights, -1, 1, color="0.85", linewidth=3)
    axis.axvline(0, color="0.6", linewidth=0.8)
    axis.scatter(values, heights, color="#0072B2", zorder=2)
    axis.set(xlim=(-1.1, 1.1), ylim=(-0.7, len(names) - 0.3), xticks=[-1, 0, 1], yticks=heights, yticklabels=names)
    axis.tick_params(labelsize=7, length=0)
    for side in axis.spines.values():
        side.set_visible(False)


def main() -> None:
    """Harmonize every composite, choose three rows and write the picture."""
    source, compose = open_source("embedded"), get_composer("iharmony4")
    model = harmlib.models.load_released("harmonizer")
    found = []
    for split in source.splits():
        for photo_id in source.ids(split):
            for draw in range(DRAWS):
                try:
                    made = compose(source, photo_id, draw, SEED)
                except Skipped:
                    continue
                harmonized, prediction = harmonize_with_prediction(model, made.image, made.mask)
                arguments = prediction["arguments"][0].clamp(-1, 1).numpy()
                before, after = (foreground_mse(picture, made.target, made.mask) for picture in (made.image, harmonized))
                found.append((before - after, before, after, photo_id, (made.image, made.mask, arguments, harmonized, made.target)))
    found.sort(key=lambda entry: -entry[0])
    better = np.mean([gain > 0 for gain, *_ in found])
    print(f"{len(found)} composites, {better:.0%} closer to the real photograph")
    print("mean fMSE", *(round(float(np.mean([entry[index] for entry in found]))) for index in (1, 2)))
    rows = [found[0], found[len(found) // 2], found[-1]]
    figure, axes = plt.subplots(len(rows), len(COLUMNS), figsize=(12, 2.2 * len(rows)), layout="constrained")
    for (_, before, after, photo_id, pictures), line in zip(rows, axes, strict=True):
        numbers = (f"fMSE {before:.0f}", "", "", f"fMSE {after:.0f}", photo_id)
        for picture, axis, column, number in zip(pictures, line, COLUMNS, numbers, strict=True):
            axis.set_title(f"{column}\n{number}" if number else column, fontsize=9)
            if picture.ndim == 1:
                draw_arguments(axis, model.filters, picture)
            else:
                axis.imshow(picture, cmap="gray")
                axis.axis("off")
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=90)


if __name__ == "__main__":
    main()
