"""Figure 1 of Sg-MMH: the training pipeline, drawn with a real sample and a trained model."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure

from harmlib.io.images import to_tensor
from harmlib.models.layers.retoucher import OPERATORS, rgb_to_lab
from harmlib.models.sgmmh import ADVERSARIAL_WEIGHT, SgmmhOMGAN
from reproduction.kit.diagrams import FONT, Diagram
from reproduction.sgmmh.pictures import Example, picture, predict

LEGEND = (
    "maps: red above 0, blue below 0\n"
    f"loss: Charbonnier(result, target)\n+ {ADVERSARIAL_WEIGHT} × relativistic GAN\n"
    "patch scores: C(result) - mean C(target)"
)


def pipeline_figure(model: SgmmhOMGAN, example: Example) -> Figure:
    """Return figure 1: composite, U-Net, six operator masks, retoucher, result, target, and the discriminator's map of patches."""
    prediction = predict(model, example)
    diagram = Diagram(3.9)
    diagram.picture((0.1, 2.0, 1.1, 1.1), example.composite, "composite", "1×3×256×256, LAB")
    diagram.hourglass((1.5, 2.05, 0.75, 1.0))
    diagram.text((1.875, 3.15), "attention U-Net")
    diagram.text((1.875, 1.79), "8 levels,\nbottleneck 1×1", size=FONT - 1)
    _show_masks(diagram, prediction["operator_masks"][0].float().numpy())
    diagram.box((4.62, 2.2, 0.75, 0.7), "retoucher\nI · mul + add")
    diagram.picture((5.7, 2.0, 1.1, 1.1), picture(prediction), "result", "1×3×256×256")
    diagram.picture((2.75, 0.3, 1.1, 1.1), example.real, "target", "1×3×256×256")
    diagram.box((4.3, 0.5, 0.9, 0.7), "patch\ndiscriminator")
    scores = patch_scores(model, example)
    limit = float(np.abs(scores).max()) or 1.0
    diagram.picture((5.7, 0.3, 1.1, 1.1), scores, "patch scores", f"1×1×30×30, within ±{limit:.2g}", limit)
    _draw_arrows(diagram)
    diagram.text((0.1, 0.85), LEGEND, align="left")
    return diagram.figure


def patch_scores(model: SgmmhOMGAN, example: Example) -> np.ndarray:
    """Return how much more real every patch of the result looks than the target does on average, (30, 30) logits.

    C(I_h) - mean C(I), what the relativistic loss puts through a sigmoid (Sg-MMH, equation 5).
    """
    prediction = predict(model, example)
    with torch.inference_mode():
        target = rgb_to_lab(to_tensor(example.real)[None])
        relative = model.discriminator(prediction["harmonized_lab"]) - model.discriminator(target).mean()
    return relative[0, 0].float().numpy()


def _show_masks(diagram: Diagram, masks: np.ndarray) -> None:
    """Draw the six masks, add above mul, L, a and b from left to right; mul as its distance from 1, all on one scale."""
    values = {name: mask - name.startswith("mul") for name, mask in zip(OPERATORS, masks, strict=True)}
    limit = max(float(np.abs(mask).max()) for mask in values.values())
    for index, (name, mask) in enumerate(values.items()):
        column, row = divmod(index, 2)
        title = name.replace("_", " ") + (" − 1" if row else "")
        diagram.picture((2.55 + 0.65 * column, 2.62 - 0.82 * row, 0.6, 0.6), mask, title, "", limit)
    diagram.text((3.5, 1.69), f"operator masks, 1×6×256×256, within ±{limit:.2g}", size=FONT - 1)


def _draw_arrows(diagram: Diagram) -> None:
    """Connect the parts; the composite also goes around the network to the retoucher."""
    straight = [((1.22, 2.55), (1.48, 2.55)), ((2.27, 2.55), (2.5, 2.55)), ((4.47, 2.55), (4.6, 2.55)), ((5.38, 2.55), (5.68, 2.55))]
    straight += [((3.87, 0.85), (4.28, 0.85)), ((5.22, 0.85), (5.68, 0.85)), ((5.68, 2.1), (5.0, 1.22))]
    for start, end in straight:
        diagram.arrow(start, end)
    diagram.line([(0.65, 3.3), (0.65, 3.7), (5.0, 3.7)])
    diagram.arrow((5.0, 3.7), (5.0, 2.92))
    diagram.text((2.8, 3.77), "the composite itself", size=FONT - 1)
