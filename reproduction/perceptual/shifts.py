"""What an exposure shift looks like on both sides of the thresholds, and what the detector says to it."""

from __future__ import annotations

from matplotlib.figure import Figure

from harmlib.data.composers.thresholds import CONSTANT, NEGATIVE, NONE, POSITIVE, classify
from harmlib.inference.detection import detect
from harmlib.io.images import read_image
from harmlib.io.masks import read_mask
from harmlib.models.base import HarmonizationModel
from harmlib.perturbations.exposure import shift_exposure
from reproduction.kit.grids import GridRow, foreground_box, picture_grid
from reproduction.kit.selection import first_visible
from reproduction.perceptual.artefacts import Artefacts, detector_run
from reproduction.perceptual.detection import DIRECTIONS
from reproduction.perceptual.pictures import colored_detection

# 0.2 stops lie just within the medians of what people see.
SHOWN = (-1.0, -0.5, -0.2, 0.0, 0.2, 0.5, 1.0)
SEEN = {NEGATIVE: "seen: darker", POSITIVE: "seen: brighter", NONE: "not seen"}


def shift_figure(artefacts: Artefacts, model: HarmonizationModel) -> Figure:
    """Return one test object at the shifts of SHOWN, and below each what the detector makes of it: red darker, green brighter.

    The object is that of the first test composite on which it can be seen in a small picture. "Seen" is by the study's median thresholds.
    """
    benchmark = detector_run(artefacts).benchmark
    pair = artefacts.pairs(benchmark)[first_visible(artefacts.composites(benchmark))]
    image, mask = read_image(pair.real), read_mask(pair.mask)
    pictures = {f"{stops:+g}" if stops else "0 stops": shift_exposure(image, mask, stops) for stops in SHOWN}
    found = {title: detect(model, picture) for title, picture in pictures.items()}
    words = {title: SEEN[classify(stops, CONSTANT)] for title, stops in zip(pictures, SHOWN, strict=True)}
    means = {title: answer[mask].mean(0) for title, answer in found.items()}
    numbers = {title: "\n".join(f"p {name} {mean[index]:.2f}" for index, name in enumerate(DIRECTIONS)) for title, mean in means.items()}
    box = foreground_box(mask)
    shown = {title: colored_detection(answer) for title, answer in found.items()}
    return picture_grid([GridRow(pictures, pair.id, words, box), GridRow(shown, "detector", numbers, box)])
