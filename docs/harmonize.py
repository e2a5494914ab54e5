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

import harmlib
from harmlib.data.composers.base import Skipped, get_composer
from harmlib.data.sources import open_source

SEED, DRAWS = 2021, 4
COLUMNS = ("composite", "mask", "harmonized", "real photograph")


def foreground_mse(picture: np.ndarray, real: np.ndarray, mask: np.ndarray) -> float:
    """Return the mean squared difference inside the mask, in squared 8-bit levels."""
    return float(((picture.astype(float) - real)[mask] ** 2).mean())


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
                harmonized = harmlib.harmonize(model, made.image, made.mask)
                before, after = (foreground_mse(picture, made.target, made.mask) for picture in (made.image, harmonized))
                found.append((before - after, before, after, photo_id, (made.image, made.mask, harmonized, made.target)))
    found.sort(key=lambda entry: -entry[0])
    better = np.mean([gain > 0 for gain, *_ in found])
    print(f"{len(found)} composites, {better:.0%} closer to the real photograph")
    print("mean fMSE", *(round(float(np.mean([entry[index] for entry in found]))) for index in (1, 2)))
    rows = [found[0], found[len(found) // 2], found[-1]]
    figure, axes = plt.subplots(len(rows), len(COLUMNS), figsize=(10, 2.3 * len(rows)), layout="constrained")
    for (_, before, after, photo_id, pictures), line in zip(rows, axes, strict=True):
        numbers = (f"fMSE {before:.0f}", "", f"fMSE {after:.0f}", photo_id)
        for picture, axis, column, number in zip(pictures, line, COLUMNS, numbers, strict=True):
            axis.imshow(picture, cmap="gray")
            axis.set_title(f"{column}\n{number}" if number else column, fontsize=9)
            axis.axis("off")
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=90)


if __name__ == "__main__":
    main()
