"""Draw docs/harmonize.png and docs/gallery.png: composites of the embedded photographs, none of which a released network was trained on.

harmonize.png shows what the released Harmonizer predicts and makes of three composites, gallery.png what several methods make of eight. The
rows are chosen by rule: in the order of how much Harmonizer lowers the mean squared error of the foreground, at even steps from the
largest fall to the least.

    python docs/harmonize.py
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

import harmlib
from harmlib.data.composers.base import Composite, Skipped, get_composer
from harmlib.data.sources import open_source
from harmlib.inference.pictures import harmonize_with_prediction

SEED, DRAWS = 2021, 16
ROWS, GALLERY_ROWS = 3, 8
COMPARED = {"reinhard_lab": "Reinhard in Lab", "idt": "IDT", "frih": "FRIH", "idih": "iDIH", "s2crnet": "S2CRNet", "pctnet": "PCT-Net"}
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Harmonized:
    """A composite, what Harmonizer makes of it, and the foreground's mean squared errors, in squared 8-bit levels."""

    photo: str
    made: Composite
    arguments: np.ndarray
    picture: np.ndarray
    before: float
    after: float


def foreground_mse(picture: np.ndarray, made: Composite) -> float:
    """Return the mean squared difference to the real photograph inside the mask, in squared 8-bit levels."""
    return float(((picture.astype(float) - made.target)[made.mask] ** 2).mean())


def harmonized_composites() -> list[Harmonized]:
    """Return every composite that the composer makes of the embedded photographs, the largest gain first."""
    source, compose = open_source("embedded"), get_composer("iharmony4")
    model, found = harmlib.models.load_released("harmonizer"), []
    for photo, draw in ((photo, draw) for split in source.splits() for photo in source.ids(split) for draw in range(DRAWS)):
        try:
            made = compose(source, photo, draw, SEED)
        except Skipped:
            continue
        picture, prediction = harmonize_with_prediction(model, made.image, made.mask)
        arguments = prediction["arguments"][0].clamp(-1, 1).numpy()
        found.append(Harmonized(photo, made, arguments, picture, foreground_mse(made.image, made), foreground_mse(picture, made)))
    return sorted(found, key=lambda one: one.after - one.before)


def evenly(found: list[Harmonized], count: int) -> list[Harmonized]:
    """Return so many, at even steps from the first to the last."""
    return [found[index] for index in np.linspace(0, len(found) - 1, count).round().astype(int)]


def show(axis: Axes, picture: np.ndarray, title: str) -> None:
    """Show a picture or a mask under its title."""
    axis.imshow(picture, cmap="gray")
    axis.set_title(title, fontsize=9)
    axis.axis("off")


def show_arguments(axis: Axes, values: np.ndarray) -> None:
    """Draw the filter arguments as sliders from -1 to 1, the first at the top; Harmonizer moves them from 0."""
    names = harmlib.filters.SIX
    heights = np.arange(len(names))[::-1]
    axis.hlines(heights, -1, 1, color="0.85", linewidth=3)
    axis.axvline(0, color="0.6", linewidth=0.8)
    axis.scatter(values, heights, color="#0072B2", zorder=2)
    axis.set(xlim=(-1.1, 1.1), ylim=(-0.7, len(names) - 0.3), xticks=[-1, 0, 1], yticks=heights, yticklabels=names)
    axis.set_title("the six arguments", fontsize=9)
    axis.tick_params(labelsize=7, length=0)
    axis.spines[:].set_visible(False)


def draw_harmonizer(rows: list[Harmonized]) -> None:
    """Write harmonize.png."""
    figure, axes = plt.subplots(len(rows), 5, figsize=(12, 2.2 * len(rows)), layout="constrained")
    for one, line in zip(rows, axes, strict=True):
        show(line[0], one.made.image, f"composite\nfMSE {one.before:.0f}")
        show(line[1], one.made.mask, "mask")
        show_arguments(line[2], one.arguments)
        show(line[3], one.picture, f"harmonized\nfMSE {one.after:.0f}")
        show(line[4], one.made.target, f"real photograph\n{one.photo}")
    figure.savefig(FOLDER / "harmonize.png", dpi=90)


def draw_gallery(rows: list[Harmonized]) -> None:
    """Write gallery.png."""
    columns = 4 + len(COMPARED)
    figure, axes = plt.subplots(len(rows), columns, figsize=(2 * columns, 1.75 * len(rows)), layout="constrained")
    for one, line in zip(rows, axes, strict=True):
        show(line[0], one.made.image, f"composite\nfMSE {one.before:.0f}")
        show(line[1], one.made.mask, "mask")
        for axis, (method, name) in zip(line[2:], COMPARED.items(), strict=False):
            picture = harmlib.harmonize(method, one.made.image, one.made.mask)
            show(axis, picture, f"{name}\nfMSE {foreground_mse(picture, one.made):.0f}")
        show(line[-2], one.picture, f"Harmonizer\nfMSE {one.after:.0f}")
        show(line[-1], one.made.target, f"real photograph\n{one.photo}")
    figure.savefig(FOLDER / "gallery.png", dpi=80)


def main() -> None:
    """Harmonize every composite, choose rows, and write both pictures."""
    found = harmonized_composites()
    print(f"{len(found)} composites, {np.mean([one.after < one.before for one in found]):.0%} closer to the real photograph")
    print(f"mean fMSE {np.mean([one.before for one in found]):.0f}, {np.mean([one.after for one in found]):.0f}")
    draw_harmonizer(evenly(found, ROWS))
    draw_gallery(evenly(found, GALLERY_ROWS))


if __name__ == "__main__":
    main()
