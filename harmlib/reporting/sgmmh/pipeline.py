"""Figure 1 of Sg-MMH: the training pipeline, drawn with a real sample and a trained model."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Polygon, Rectangle

from harmlib.images import to_tensor
from harmlib.models.layers.retoucher import OPERATORS, rgb_to_lab
from harmlib.models.sgmmh import ADVERSARIAL_WEIGHT, SgmmhOMGAN
from harmlib.reporting.sgmmh.pictures import Example, picture, predict
from harmlib.reporting.style import PAGE_WIDTH, SIGNED_MAP

HEIGHT = 3.9
FONT = 7
INK, FILL = "#44546A", "#E8EEF4"

LEGEND = (
    "maps: red above 0, blue below 0\n"
    f"loss: Charbonnier(result, target)\n+ {ADVERSARIAL_WEIGHT} × relativistic GAN\n"
    "patch scores: C(result) - mean C(target)"
)


def pipeline_figure(model: SgmmhOMGAN, example: Example) -> Figure:
    """Return figure 1: composite, U-Net, six operator masks, retoucher, result, target, and the discriminator's map of patches.

    Coordinates are inches on the page.
    """
    prediction = predict(model, example)
    figure = plt.figure(figsize=(PAGE_WIDTH, HEIGHT))
    canvas = figure.add_axes((0, 0, 1, 1))
    canvas.set(xlim=(0, PAGE_WIDTH), ylim=(0, HEIGHT))
    canvas.axis("off")
    _show(figure, (0.1, 2.0, 1.1), example.composite, "composite", "1×3×256×256, LAB")
    _draw_network(canvas)
    _show_masks(figure, prediction["operator_masks"][0].float().numpy())
    _draw_box(canvas, (4.62, 2.2, 0.75, 0.7), "retoucher\nI · mul + add")
    _show(figure, (5.7, 2.0, 1.1), picture(prediction), "result", "1×3×256×256")
    _show(figure, (2.75, 0.3, 1.1), example.real, "target", "1×3×256×256")
    _draw_box(canvas, (4.3, 0.5, 0.9, 0.7), "patch\ndiscriminator")
    scores = patch_scores(model, example)
    limit = float(np.abs(scores).max()) or 1.0
    _show(figure, (5.7, 0.3, 1.1), scores, "patch scores", f"1×1×30×30, within ±{limit:.2g}", limit)
    _draw_arrows(canvas)
    canvas.text(0.1, 0.85, LEGEND, fontsize=FONT, va="center", linespacing=1.5)
    return figure


def patch_scores(model: SgmmhOMGAN, example: Example) -> np.ndarray:
    """Return how much more real every patch of the result looks than the target does on average, (30, 30) logits.

    C(I_h) - mean C(I), what the relativistic loss puts through a sigmoid (Sg-MMH, equation 5).
    """
    prediction = predict(model, example)
    with torch.inference_mode():
        target = rgb_to_lab(to_tensor(example.real)[None])
        relative = model.discriminator(prediction["harmonized_lab"]) - model.discriminator(target).mean()
    return relative[0, 0].float().numpy()


def _show(
    figure: Figure, place: tuple[float, float, float], array: np.ndarray, title: str, shape: str = "", limit: float | None = None
) -> None:
    """Draw a square picture, or a signed map with its limit, at (left, bottom, side), its title above and its shape below."""
    left, bottom, side = place
    axis = figure.add_axes((left / PAGE_WIDTH, bottom / HEIGHT, side / PAGE_WIDTH, side / HEIGHT))
    norm = None if limit is None else Normalize(-limit, limit)
    axis.imshow(array, cmap=SIGNED_MAP, norm=norm, interpolation="none")
    axis.set(xticks=[], yticks=[])
    axis.grid(visible=False)
    axis.set_title(title, fontsize=FONT + 1, pad=2)
    axis.set_xlabel(shape, fontsize=FONT - 1, labelpad=2)


def _show_masks(figure: Figure, masks: np.ndarray) -> None:
    """Draw the six masks, add above mul, L, a and b from left to right; mul as its distance from 1, all on one scale."""
    values = {name: mask - name.startswith("mul") for name, mask in zip(OPERATORS, masks, strict=True)}
    limit = max(float(np.abs(mask).max()) for mask in values.values())
    for place, (name, mask) in enumerate(values.items()):
        column, row = divmod(place, 2)
        title = name.replace("_", " ") + (" - 1" if row else "")
        _show(figure, (2.55 + 0.65 * column, 2.62 - 0.82 * row, 0.6), mask, title, "", limit)
    figure.text(3.5 / PAGE_WIDTH, 1.66 / HEIGHT, f"operator masks, 1×6×256×256, within ±{limit:.2g}", fontsize=FONT - 1, ha="center")


def _draw_network(canvas: Axes) -> None:
    """Draw the U-Net as an hourglass."""
    left, right, middle = 1.5, 2.25, 2.55
    outline = [(left, middle + 0.5), (1.875, middle + 0.12), (right, middle + 0.5)]
    outline += [(x, 2 * middle - y) for x, y in reversed(outline)]
    canvas.add_patch(Polygon(outline, closed=True, facecolor=FILL, edgecolor=INK, linewidth=0.8))
    canvas.text(1.875, middle + 0.56, "attention U-Net", fontsize=FONT, ha="center")
    canvas.text(1.875, middle - 0.66, "8 levels,\nbottleneck 1×1", fontsize=FONT - 1, ha="center", va="top")


def _draw_box(canvas: Axes, place: tuple[float, float, float, float], text: str) -> None:
    """Draw a labeled box at (left, bottom, width, height)."""
    left, bottom, width, height = place
    canvas.add_patch(Rectangle((left, bottom), width, height, facecolor=FILL, edgecolor=INK, linewidth=0.8))
    canvas.text(left + width / 2, bottom + height / 2, text, fontsize=FONT, ha="center", va="center")


def _draw_arrows(canvas: Axes) -> None:
    """Connect the parts; the composite also goes around the network to the retoucher."""
    straight = [((1.22, 2.55), (1.48, 2.55)), ((2.27, 2.55), (2.5, 2.55)), ((4.47, 2.55), (4.6, 2.55)), ((5.38, 2.55), (5.68, 2.55))]
    straight += [((3.87, 0.85), (4.28, 0.85)), ((5.22, 0.85), (5.68, 0.85)), ((5.68, 2.1), (5.0, 1.22))]
    for start, end in straight:
        _draw_arrow(canvas, start, end)
    canvas.plot([0.65, 0.65, 5.0], [3.3, 3.7, 3.7], color=INK, linewidth=1)
    _draw_arrow(canvas, (5.0, 3.7), (5.0, 2.92))
    canvas.text(2.8, 3.74, "the composite itself", fontsize=FONT - 1, ha="center")


def _draw_arrow(canvas: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow from point to point."""
    canvas.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=8, linewidth=1, color=INK, shrinkA=0, shrinkB=0))
