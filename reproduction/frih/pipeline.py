"""Figures 2 and 4 of FRIH: both stages, and the fusion prediction module, drawn with a real sample and a trained model."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from harmlib.io.images import to_array
from harmlib.models.base import Prediction
from harmlib.models.frih import Frih
from harmlib.models.layers.cascade import BASE_WIDTHS, CASCADE_WIDTHS, FUSION_WIDTH
from reproduction.frih.figures import colored_submasks
from reproduction.frih.pictures import Example, picture, predict
from reproduction.kit.diagrams import FONT, Diagram

# Submasks that fit on the page.
ROWS = 3
ROW_TOP, ROW_STEP, SIDE = 2.95, 1.15, 0.8


def pipeline_figure(model: Frih, example: Example) -> Figure:
    """Return figure 2: composite and mask, stage one, its coarse picture, submasks, the cascade, refined pictures, result."""
    prediction = predict(model, example)
    diagram = Diagram(4.1)
    diagram.picture((0.1, 2.75, 0.85, 0.85), example.composite, "composite", "3×256×256")
    diagram.picture((0.1, 1.45, 0.85, 0.85), example.mask, "mask", "1×256×256")
    diagram.hourglass((1.12, 2.35, 0.65, 0.9))
    diagram.text((1.445, 3.35), "base network")
    diagram.text((1.445, 2.22), f"{len(BASE_WIDTHS)} levels", size=FONT - 1)
    diagram.picture((1.95, 2.35, 0.85, 0.85), to_array(prediction["coarse"][0]), "coarse picture", "3×256×256")
    labels = prediction["submasks"][0, 0].numpy()
    diagram.box((0.05, 0.45, 0.95, 0.6), "CFSFDP\non the composite's\nRGB in the mask")
    diagram.picture((1.95, 0.35, 0.85, 0.85), colored_submasks(example.composite, labels), f"{labels.max()} submasks", "labels, 256×256")
    _draw_rows(diagram, prediction)
    diagram.picture((6.0, 1.65, 0.85, 0.85), picture(prediction), "result", "3×256×256")
    _draw_arrows(diagram, min(int(labels.max()), ROWS))
    return diagram.figure


def _draw_rows(diagram: Diagram, prediction: Prediction) -> None:
    """Draw each submask, the cascade, and its refined picture: the largest submasks first."""
    labels = prediction["submasks"][0, 0].numpy()
    sizes = np.bincount(labels.ravel(), minlength=labels.max() + 1)[1:]
    largest = np.argsort(-sizes, kind="stable")[:ROWS]
    for row, index in enumerate(largest):
        bottom = ROW_TOP - row * ROW_STEP
        diagram.picture((3.3, bottom, SIDE, SIDE), labels == index + 1, f"submask {index + 1}", f"{sizes[index]:,} px")
        diagram.hourglass((4.28, bottom + 0.1, 0.45, 0.6))
        refined = to_array(prediction["refined"][index])
        diagram.picture((4.92, bottom, SIDE, SIDE), refined, f"refined {index + 1}", "3×256×256")
    more = f"; {len(sizes) - ROWS} smaller submasks not shown" if len(sizes) > ROWS else ""
    diagram.text((4.505, 0.2), f"cascade with fusion: one network, K passes{more}", size=FONT - 1)


def _draw_arrows(diagram: Diagram, rows: int) -> None:
    """Connect the parts: features of the base network go to the cascade as well."""
    for start, end in (((0.97, 3.1), (1.1, 2.95)), ((0.97, 1.9), (1.1, 2.5)), ((1.79, 2.8), (1.93, 2.8)), ((1.02, 0.75), (1.93, 0.75))):
        diagram.arrow(start, end)
    diagram.arrow((0.52, 1.28), (0.52, 1.07))
    middles = [ROW_TOP - row * ROW_STEP + SIDE / 2 for row in range(rows)]
    for middle in middles:
        diagram.arrow((2.82, 0.75), (3.28, middle - 0.12))
        diagram.arrow((2.82, 2.8), (3.28, middle + 0.12))
        for left, right in ((4.12, 4.26), (4.75, 4.9)):
            diagram.arrow((left, middle), (right, middle))
        diagram.arrow((5.74, middle), (5.98, 2.08))
    diagram.line([(1.445, 3.45), (1.445, 4.0), (4.505, 4.0)])
    diagram.text((2.5, 3.88), "encoder features E₁ to E₇", size=FONT - 1)
    diagram.arrow((4.505, 4.0), (4.505, ROW_TOP + SIDE - 0.08))
    diagram.text((6.42, 1.2), "each refined picture\ninside its submask,\nthe composite outside", size=FONT - 1)


def fusion_figure(model: Frih, example: Example) -> Figure:
    """Return figure 4: what the seven decoder steps of the cascade hold for the largest submask, and the head that fuses them.

    Each step is the mean of its channels' magnitudes, at its own resolution, bright = strong, on its own scale.
    """
    prediction, steps = decoder_steps(model, example)
    labels = prediction["submasks"][0, 0]
    row = int(torch.bincount(labels.flatten().long())[1:].argmax())
    diagram = Diagram(2.65)
    for index, features in enumerate(steps):
        left, strength = 0.1 + 0.97 * index, features[row].abs().mean(0).numpy()
        diagram.picture((left, 1.6, 0.85, 0.85), strength, f"DC$_{index + 1}$", "×".join(map(str, features.shape[1:])))
        diagram.arrow((left + 0.42, 1.37), (left + 0.42, 1.13))
    _draw_head(diagram, model, steps)
    diagram.picture((5.87, 0.2, 0.6, 0.6), to_array(prediction["refined"][row]), note=f"refined {row + 1}")
    return diagram.figure


def _draw_head(diagram: Diagram, model: Frih, steps: list[torch.Tensor]) -> None:
    """Draw the concatenation and the three convolutions behind it."""
    channels, size = sum(features.shape[1] for features in steps), steps[-1].shape[-1]
    full = sum(CASCADE_WIDTHS) - CASCADE_WIDTHS[-1] + CASCADE_WIDTHS[0]
    words = f"upsampled bilinearly to {size}×{size} and concatenated: {channels} channels ({full} at full width)"
    diagram.box((0.1, 0.87, 6.67, 0.24), words)
    diagram.arrow((1.3, 0.86), (1.3, 0.68))
    layers = [layer for layer in model.cascade.head.modules() if isinstance(layer, nn.Conv2d)]  # type: ignore[union-attr]
    hidden = f"{layers[0].out_channels} channels ({FUSION_WIDTH} at full width)"
    # One channel more mixes the color with the coarse picture's.
    colors = "3 channels" if layers[-1].out_channels == 3 else "3 channels + mixing weight"
    for index, (kernel, outputs) in enumerate((("3×3", hidden), ("3×3", hidden), ("1×1", colors))):
        diagram.box((0.5 + 1.78 * index, 0.3, 1.55, 0.36), f"convolution {kernel}\n{outputs}")
        diagram.arrow((2.07 + 1.78 * index, 0.48), (2.26 + 1.78 * index, 0.48))


def decoder_steps(model: Frih, example: Example) -> tuple[Prediction, list[torch.Tensor]]:
    """Return a prediction, and the features DC_1..DC_7 that the cascade made for its K submasks, (K, C, H, W) each."""
    steps: list[torch.Tensor] = []
    blocks = model.cascade.decoder  # type: ignore[union-attr]
    hooks = [block.register_forward_hook(lambda _module, _inputs, output: steps.append(output)) for block in blocks]
    try:
        return predict(model, example), steps
    finally:
        for hook in hooks:
            hook.remove()
