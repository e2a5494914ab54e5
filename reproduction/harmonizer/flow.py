"""Figures 1, 3 and 5 of Harmonizer: its framework beside others, its two flows, and how its arguments are supervised, on real samples."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from harmlib.filters import RANGES, restore, synthesize
from harmlib.inference.pictures import harmonize, harmonize_with_prediction
from harmlib.io.images import resize, to_array, to_tensor
from harmlib.models.base import HarmonizationModel
from harmlib.models.harmonizer import Harmonizer, dynamic_terms, region_loss
from reproduction.kit.diagrams import FONT, Bounds, Diagram
from reproduction.kit.grids import BOX_COLOR, foreground_box
from reproduction.kit.selection import Sample
from reproduction.kit.style import OKABE_ITO, PAGE_WIDTH, signed

MARGIN, GAP, STRIP_HEIGHT = 0.05, 0.1, 1.0
THUMBNAIL = 256
ARGUMENT_SEED = 2021


def framework_figure(sample: Sample, transfer: HarmonizationModel, autoencoder: HarmonizationModel, model: Harmonizer) -> Figure:
    """Return figure 1: statistics matching, an autoencoder, and Harmonizer, each from the same composite to its own result."""
    diagram = Diagram(4.5)
    rows = {"(a) statistics matching": 3.2, "(b) autoencoder": 1.75, "(c) Harmonizer": 0.3}
    results = [harmonize(method, sample.composite, sample.mask, background="keep") for method in (transfer, autoencoder)]
    restored, arguments = harmonized_with_arguments(model, sample)
    y, x, lower, right = foreground_box(sample.mask, margin=0)
    for (title, bottom), result in zip(rows.items(), [*results, restored], strict=True):
        for left, picture in ((0.1, sample.composite), (5.5, np.asarray(result))):
            box = Rectangle((x, y), right - x - 1, lower - y - 1, fill=False, edgecolor=BOX_COLOR, linewidth=1)
            diagram.picture((left, bottom, 1.3, 1.0), picture).add_patch(box)
        diagram.text((3.45, bottom + 1.2), title, size=FONT + 2)
    diagram.text((0.75, 4.3), "composite", size=FONT + 1)
    diagram.text((6.15, 4.3), "result", size=FONT + 1)
    _draw_statistics(diagram, rows["(a) statistics matching"], sample)
    _draw_autoencoder(diagram, rows["(b) autoencoder"], sample)
    _draw_harmonizer(diagram, rows["(c) Harmonizer"], sample, arguments)
    return diagram.figure


def _draw_statistics(diagram: Diagram, bottom: float, sample: Sample) -> None:
    """Draw the means that are matched, in 8-bit RGB levels."""
    sides = {"foreground": sample.mask, "background": ~sample.mask}
    means = {name: sample.composite[region].mean(0).round().astype(int) for name, region in sides.items()}
    lines = [f"{name}: mean RGB {', '.join(map(str, mean))}" for name, mean in means.items()]
    lines += ["mean and deviation of the foreground", "become the background's, in Lab"]
    diagram.box((2.0, bottom + 0.15, 2.9, 0.7), "\n".join(lines))
    diagram.arrow((1.45, bottom + 0.5), (1.98, bottom + 0.5))
    diagram.arrow((4.92, bottom + 0.5), (5.45, bottom + 0.5))


def _draw_autoencoder(diagram: Diagram, bottom: float, sample: Sample) -> None:
    """Draw thumbnail and mask, and a network that paints every pixel anew."""
    _draw_thumbnail(diagram, bottom, sample)
    diagram.hourglass((3.1, bottom + 0.1, 1.3, 0.8))
    diagram.text((3.75, bottom + 1.02), "encoder and decoder")
    diagram.text((3.75, bottom - 0.04), "paints every pixel anew", size=FONT - 1)
    diagram.arrow((2.65, bottom + 0.5), (3.07, bottom + 0.5))
    diagram.arrow((4.43, bottom + 0.5), (5.45, bottom + 0.5))
    diagram.text((4.94, bottom + 0.62), "resized", size=FONT - 1)


def _draw_harmonizer(diagram: Diagram, bottom: float, sample: Sample, arguments: Mapping[str, float]) -> None:
    """Draw thumbnail and mask, the network, its arguments, and the filters that take the full-size composite."""
    _draw_thumbnail(diagram, bottom, sample)
    diagram.box((2.85, bottom + 0.25, 0.6, 0.5), "network")
    _draw_arguments(diagram, (4.0, bottom + 0.1, 0.55, 0.8), arguments)
    diagram.box((4.75, bottom + 0.25, 0.5, 0.5), "filters")
    for start, end in ((2.65, 2.83), (3.47, 3.6), (4.6, 4.73), (5.27, 5.45)):
        diagram.arrow((start, bottom + 0.5), (end, bottom + 0.5))
    diagram.line([(0.75, bottom - 0.02), (0.75, bottom - 0.15), (5.0, bottom - 0.15)])
    diagram.arrow((5.0, bottom - 0.15), (5.0, bottom + 0.23))
    diagram.text((2.6, bottom - 0.23), "the composite itself, at full size", size=FONT - 1)


def _draw_thumbnail(diagram: Diagram, bottom: float, sample: Sample) -> None:
    """Draw the small composite and its mask, which a network looks at."""
    size = (THUMBNAIL, THUMBNAIL)
    diagram.picture((1.75, bottom + 0.52, 0.44, 0.44), resize(sample.composite, size, "bilinear"))
    diagram.picture((2.2, bottom + 0.04, 0.44, 0.44), resize(sample.mask, size, "nearest"))
    diagram.arrow((1.45, bottom + 0.74), (1.73, bottom + 0.74))
    diagram.text((2.42, bottom + 0.74), "small", size=FONT - 1)
    diagram.text((1.97, bottom + 0.26), "mask", size=FONT - 1)


def _draw_arguments(diagram: Diagram, bounds: Bounds, arguments: Mapping[str, float]) -> None:
    """Draw one bar per filter argument, from -1 to 1, the first filter on top."""
    axis = diagram.axes(bounds)
    names = list(arguments)
    axis.barh(range(len(names)), [arguments[name] for name in names], color=OKABE_ITO[3], height=0.6)
    axis.axvline(0, color="0.4", linewidth=0.8)
    axis.set(xlim=(-1, 1), ylim=(len(names) - 0.4, -0.6), yticks=range(len(names)), yticklabels=names, xticks=[-1, 0, 1])
    axis.tick_params(labelsize=FONT - 2, pad=1, length=0)
    axis.grid(visible=False)


def flow_figure(sample: Sample, model: Harmonizer) -> Figure:
    """Return figure 3: the flow that predicts arguments above, the flow that harmonizes below with the picture after every filter."""
    _, arguments = harmonized_with_arguments(model, sample)
    pictures = after_every_filter(sample, model, list(arguments.values()))
    diagram = Diagram(3.3)
    size = (model.working_size, model.working_size)
    diagram.picture((0.35, 1.9, 1.0, 1.0), resize(sample.composite, size, "bilinear"), "composite", f"{size[0]}×{size[1]}")
    diagram.picture((1.5, 1.9, 1.0, 1.0), resize(sample.mask, size, "nearest"), "mask", f"{size[0]}×{size[1]}")
    diagram.box((2.8, 2.1, 0.95, 0.6), "encoder E\nEfficientNet-B0")
    diagram.box((4.0, 2.1, 0.95, 0.6), "regressor R\none head per θ")
    _draw_arguments(
        diagram, (5.75, 1.9, 1.0, 1.0), {f"$\\theta_{index}$ {name}": value for index, (name, value) in enumerate(arguments.items(), 1)}
    )
    for start, end in ((2.52, 2.78), (3.77, 3.98), (4.97, 5.1)):
        diagram.arrow((start, 2.4), (end, 2.4))
    diagram.text((MARGIN, 3.2), "filter argument prediction flow", size=FONT + 2, align="left")
    diagram.text((MARGIN, 1.55), "harmonization flow", size=FONT + 2, align="left")
    titles = ["$I'_0$ composite", *(f"$I'_{index}$ {name}" for index, name in enumerate(arguments, 1))]
    notes = ["", *(f"$\\theta_{index}$ = {signed(value)}" for index, value in enumerate(arguments.values(), 1))]
    frames = _draw_strip(diagram, 0.3, [sample.composite, *pictures], titles, notes)
    _connect(diagram, frames)
    return diagram.figure


@dataclass(frozen=True)
class Supervision:
    """What figure 5 shows: for every filter the drawn and the predicted argument, the pictures on both ways, and the losses between them.

    made: I_0 to I_k; restored: I'_0 to I'_k; losses, shares: of filters 1 to k, the share is the dynamic loss's.
    """

    filters: tuple[str, ...]
    drawn: list[float]
    predicted: list[float]
    made: list[np.ndarray]
    restored: list[np.ndarray]
    losses: list[float]
    shares: list[float]


def supervise(sample: Sample, model: Harmonizer) -> Supervision:
    """Return one training step's pictures and losses for a real photograph, with arguments drawn from the training's ranges."""
    generator = np.random.default_rng(ARGUMENT_SEED)
    drawn = [float(generator.uniform(-RANGES[name], RANGES[name])) for name in model.filters]
    image, mask = to_tensor(sample.real)[None], to_tensor(sample.mask)[None]
    with torch.inference_mode():
        first, targets = synthesize(image, mask, torch.tensor([drawn]), model.filters)
        raw = model.predict_arguments(first, mask)
        outputs = restore(first, mask, raw, model.filters)
        losses = torch.stack([region_loss(output, target, mask) for output, target in zip(outputs, targets, strict=True)])
        shares = dynamic_terms(losses)
    return Supervision(
        model.filters,
        drawn,
        raw[0].clamp(-1, 1).tolist(),
        [to_array(picture[0]) for picture in (first, *targets)],
        [to_array(picture[0]) for picture in (first, *outputs)],
        losses[:, 0].tolist(),
        shares[:, 0].tolist(),
    )


def supervision_figure(supervision: Supervision) -> Figure:
    """Return figure 5: perturbing from right to left above, restoring from left to right below, the loss of every filter in between."""
    diagram = Diagram(3.6)
    titles = ["$I_0$", *(f"$I_{index}$ before {name}" for index, name in enumerate(supervision.filters, 1))]
    titles[-1] = f"$I_{len(supervision.filters)}$, real"
    notes = ["", *(f"$\\xi_{index}$ = {signed(value)}" for index, value in enumerate(supervision.drawn, 1))]
    above = _draw_strip(diagram, 2.25, supervision.made, titles, notes)
    titles = ["$I'_0 = I_0$", *(f"$I'_{index}$ {name}" for index, name in enumerate(supervision.filters, 1))]
    notes = ["", *(f"$\\theta_{index}$ = {signed(value)}" for index, value in enumerate(supervision.predicted, 1))]
    below = _draw_strip(diagram, 0.25, supervision.restored, titles, notes)
    _connect(diagram, [*reversed(above)])
    _connect(diagram, below)
    diagram.text((MARGIN, 3.5), "(a) perturbing a real photograph, last filter first", size=FONT + 2, align="left")
    diagram.text((MARGIN, 1.46), "(b) restoring it, first filter first", size=FONT + 2, align="left")
    diagram.text((MARGIN, 1.8), "loss and its share\nof the dynamic loss", size=FONT - 1, align="left")
    for index, (loss, share) in enumerate(zip(supervision.losses, supervision.shares, strict=True), 1):
        middle = above[index][0] + above[index][2] / 2
        diagram.arrow((middle - 0.3, 2.0), (middle - 0.3, 1.6), style="<|-|>")
        diagram.text((middle + 0.05, 1.8), f"$\\ell_{index}$ = {loss:.2f}\n{share:.0%}")
    return diagram.figure


def _draw_strip(
    diagram: Diagram, bottom: float, pictures: Sequence[np.ndarray], titles: Sequence[str], notes: Sequence[str]
) -> list[Bounds]:
    """Draw pictures side by side over the page's width; return their frames."""
    width = (PAGE_WIDTH - 2 * MARGIN - GAP * (len(pictures) - 1)) / len(pictures)
    frames = [(MARGIN + index * (width + GAP), bottom, width, STRIP_HEIGHT) for index in range(len(pictures))]
    for bounds, picture, title, note in zip(frames, pictures, titles, notes, strict=True):
        axis = diagram.picture(bounds, picture, "", note)
        axis.set_title(title, fontsize=FONT - 1, pad=2)
    return frames


def _connect(diagram: Diagram, frames: Sequence[Bounds]) -> None:
    """Draw a short arrow from every picture to the next."""
    for start, end in itertools.pairwise(frames):
        forward = start[0] < end[0]
        edges = (start[0] + start[2], end[0]) if forward else (start[0], end[0] + end[2])
        height = start[1] + start[3] / 2
        diagram.arrow((edges[0], height), (edges[1], height))


def harmonized_with_arguments(model: Harmonizer, sample: Sample) -> tuple[np.ndarray, dict[str, float]]:
    """Return the result at full size, uint8 (H, W, 3), and filter -> its argument, clamped as the filters clamp it."""
    result, prediction = harmonize_with_prediction(model, sample.composite, sample.mask)
    assert prediction is not None  # the masks of benchmarks are never empty
    values = prediction["arguments"][0].clamp(-1, 1).tolist()
    return np.asarray(result), dict(zip(model.filters, values, strict=True))


def after_every_filter(sample: Sample, model: Harmonizer, arguments: Sequence[float]) -> list[np.ndarray]:
    """Return the composite after every filter, at full size, uint8 (H, W, 3)."""
    image, mask = to_tensor(sample.composite)[None], to_tensor(sample.mask)[None]
    return [to_array(picture[0]) for picture in restore(image, mask, torch.tensor([list(arguments)]), model.filters)]
