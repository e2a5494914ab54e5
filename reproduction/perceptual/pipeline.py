"""Figures 1 and 2 of the no-reference paper: how the two-stage system works and is evaluated, drawn with a real sample."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from harmlib.models.base import HarmonizationModel, Prediction
from reproduction.kit.diagrams import FONT, Diagram
from reproduction.kit.style import signed
from reproduction.perceptual.artefacts import TRUE_MASK, TWO_STAGE, Artefacts
from reproduction.perceptual.figures import first_clear
from reproduction.perceptual.pictures import Example, colored_detection, detected_mask, error, gray, picture, predict_all, read_example

SIDE, SMALL_SIDE = 0.95, 0.85
COLORS, MASK = "3×256×256", "1×256×256"


def choose_sample(artefacts: Artefacts, benchmark: str) -> Example:
    """Return ``figures.first_clear`` of a COCO-Exp benchmark's test list at 256x256."""
    return read_example(artefacts.pairs(benchmark)[first_clear(artefacts.composites(benchmark))])


def two_stages(models: Mapping[str, HarmonizationModel], example: Example) -> dict[str, Prediction]:
    """Return the predictions of DIH-M with the true mask and of PTC+DIH; models: as ``Artefacts.models`` has them."""
    return predict_all({method: models[method] for method in (TRUE_MASK, TWO_STAGE)}, example)


def methodology_figure(models: Mapping[str, HarmonizationModel], example: Example) -> Figure:
    """Return figure 1: one composite harmonized with the true and with the detected mask, both compared with the truth."""
    predictions = two_stages(models, example)
    with_true, with_detected = predictions[TRUE_MASK], predictions[TWO_STAGE]
    diagram = Diagram(3.45)
    diagram.picture((0.1, 1.3, SIDE, SIDE), example.composite, "composite", COLORS)
    diagram.picture((2.0, 2.2, SIDE, SIDE), example.mask, "true mask $M_s$", MASK)
    diagram.picture((2.0, 0.35, SIDE, SIDE), gray(detected_mask(with_detected)), "detected mask $M_p$", MASK)
    diagram.picture((4.35, 2.2, SIDE, SIDE), picture(with_true), "$C_s$", COLORS)
    diagram.picture((4.35, 0.35, SIDE, SIDE), picture(with_detected), "$C_p$", COLORS)
    diagram.picture((5.85, 1.3, SIDE, SIDE), example.real, "truth $C_{gt}$", COLORS)
    for bounds, name in (((1.2, 0.45, 0.55, 0.75), "PTC"), ((3.35, 2.3, 0.6, 0.75), "DIH"), ((3.35, 0.45, 0.6, 0.75), "DIH")):
        diagram.hourglass(bounds)
        diagram.text((bounds[0] + bounds[2] / 2, bounds[1] - 0.1), name)
    _compare(diagram, error(with_true, example), error(with_detected, example))
    return diagram.figure


def _compare(diagram: Diagram, true_error: float, detected_error: float) -> None:
    """Draw the arrows of figure 1: the composite to both harmonizers, and either result to the truth with its error."""
    diagram.arrow((0.6, 1.08), (1.18, 0.85))
    for left, right, height in ((1.77, 1.98, 0.82), (2.97, 3.33, 0.82), (3.97, 4.33, 0.82), (2.97, 3.33, 2.67), (3.97, 4.33, 2.67)):
        diagram.arrow((left, height), (right, height))
    diagram.line([(1.07, 1.77), (3.65, 1.77)])
    diagram.arrow((3.65, 1.77), (3.65, 2.08))
    diagram.arrow((3.65, 1.77), (3.65, 1.22))
    diagram.arrow((5.32, 2.67), (5.83, 2.1), "<|-|>")
    diagram.arrow((5.32, 0.82), (5.83, 1.4), "<|-|>")
    diagram.text((5.75, 2.6), f"MSE$_s$ = {true_error:.1f}", align="left")
    diagram.text((5.75, 0.85), f"MSE$_p$ = {detected_error:.1f}", align="left")
    diagram.text((5.05, 1.77), f"$C_p - C_s$:\n{signed(detected_error - true_error, '+.1f')} in MSE")


def system_figure(models: Mapping[str, HarmonizationModel], example: Example) -> Figure:
    """Return figure 2: the detector's two channels, their maximum, and the harmonizer that gets it in place of a mask."""
    predictions = two_stages(models, example)
    found = predictions[TWO_STAGE]
    probabilities = found["probabilities"][0].permute(1, 2, 0).numpy()  # (H, W, 3)
    shape = "×".join(map(str, probabilities.shape[:2]))
    diagram = Diagram(2.5)
    diagram.picture((0.08, 0.8, SMALL_SIDE, SMALL_SIDE), example.composite, "composite", COLORS)
    for channel, bottom, name in ((0, 1.3, "$p_0$ negative"), (1, 0.25, "$p_1$ positive")):
        alone = colored_detection(probabilities)
        alone[..., 1 - channel] = 0
        diagram.picture((1.87, bottom, 0.72, 0.72), alone, name, f"1×{shape}")
    diagram.box((2.78, 1.03, 0.42, 0.4), "max")
    diagram.picture((3.37, 0.8, SMALL_SIDE, SMALL_SIDE), gray(detected_mask(found)), "$M_p$", MASK)
    diagram.picture((5.0, 0.8, SMALL_SIDE, SMALL_SIDE), picture(found), "$C_p$", COLORS)
    diagram.picture((5.97, 0.8, SMALL_SIDE, SMALL_SIDE), example.real, "truth $C_{gt}$", COLORS)
    for bounds, name in (((1.12, 0.85, 0.5, 0.75), f"PTC\nat {shape}"), ((4.34, 0.85, 0.5, 0.75), "DIH\nat 256×256")):
        diagram.hourglass(bounds)
        diagram.text((bounds[0] + bounds[2] / 2, bounds[1] - 0.17), name, size=FONT - 1)
    _connect(diagram)
    diagram.text((5.9, 0.45), f"MSE$_p$ = {error(found, example):.1f}")
    return diagram.figure


def _connect(diagram: Diagram) -> None:
    """Draw the arrows of figure 2; the harmonizer sees the composite as well."""
    for left, right in ((0.95, 1.1), (3.22, 3.35), (4.24, 4.32), (4.86, 4.98)):
        diagram.arrow((left, 1.23), (right, 1.23))
    for start, end in (((1.64, 1.32), (1.85, 1.55)), ((1.64, 1.14), (1.85, 0.7)), ((2.61, 1.6), (2.76, 1.36)), ((2.61, 0.6), (2.76, 1.1))):
        diagram.arrow(start, end)
    diagram.line([(0.5, 1.85), (0.5, 2.35), (4.59, 2.35)])
    diagram.arrow((4.59, 2.35), (4.59, 1.62))
