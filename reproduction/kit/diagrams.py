"""Diagrams that carry real pictures: pictures, boxes, networks and arrows on a page, in inches from its lower left corner."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.patches import FancyArrowPatch, Polygon, Rectangle

from reproduction.kit.style import PAGE_WIDTH, SIGNED_MAP

FONT = 7
INK, FILL = "#44546A", "#E8EEF4"

Point = tuple[float, float]
Bounds = tuple[float, float, float, float]  # left, bottom, width, height


class Diagram:
    """A page-wide figure on which parts are placed in inches; ``figure`` is what gets saved."""

    def __init__(self, height: float) -> None:
        self.height = height
        self.figure = plt.figure(figsize=(PAGE_WIDTH, height))
        self.canvas = self.figure.add_axes((0, 0, 1, 1))
        self.canvas.set(xlim=(0, PAGE_WIDTH), ylim=(0, height))
        self.canvas.axis("off")

    def axes(self, bounds: Bounds) -> Axes:
        """Return axes within bounds."""
        left, bottom, width, height = bounds
        return self.figure.add_axes((left / PAGE_WIDTH, bottom / self.height, width / PAGE_WIDTH, height / self.height))

    def picture(self, bounds: Bounds, array: np.ndarray, title: str = "", note: str = "", limit: float | None = None) -> Axes:
        """Draw a picture, a mask, or a signed map with its limit: its title above, its note below."""
        axis = self.axes(bounds)
        if limit is None:
            axis.imshow(array, cmap="gray", interpolation="none")
        else:
            axis.imshow(array, cmap=SIGNED_MAP, norm=Normalize(-limit, limit), interpolation="none")
        axis.set(xticks=[], yticks=[])
        axis.grid(visible=False)
        axis.set_title(title, fontsize=FONT + 1, pad=2)
        axis.set_xlabel(note, fontsize=FONT - 1, labelpad=2)
        return axis

    def box(self, bounds: Bounds, text: str) -> None:
        """Draw a labeled box."""
        left, bottom, width, height = bounds
        self.canvas.add_patch(Rectangle((left, bottom), width, height, facecolor=FILL, edgecolor=INK, linewidth=0.8))
        self.canvas.text(left + width / 2, bottom + height / 2, text, fontsize=FONT, ha="center", va="center")

    def hourglass(self, bounds: Bounds) -> None:
        """Draw an autoencoder, narrow in its middle."""
        left, bottom, width, height = bounds
        center = (left + width / 2, bottom + height / 2)
        top = [(left, bottom + height), (center[0], center[1] + 0.12 * height), (left + width, bottom + height)]
        outline = top + [(x, 2 * center[1] - y) for x, y in reversed(top)]
        self.canvas.add_patch(Polygon(outline, closed=True, facecolor=FILL, edgecolor=INK, linewidth=0.8))

    def arrow(self, start: Point, end: Point, style: str = "-|>") -> None:
        """Draw an arrow from point to point."""
        self.canvas.add_patch(FancyArrowPatch(start, end, arrowstyle=style, mutation_scale=8, linewidth=1, color=INK, shrinkA=0, shrinkB=0))

    def line(self, points: Sequence[Point]) -> None:
        """Draw a line through points."""
        self.canvas.plot(*zip(*points, strict=True), color=INK, linewidth=1)

    def text(self, point: Point, text: str, *, size: float = FONT, align: str = "center") -> None:
        """Write text around or, aligned to the left, from a point."""
        self.canvas.text(*point, text, fontsize=size, ha=align, va="center", linespacing=1.5)
