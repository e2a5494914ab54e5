"""Pictures of one scene under titles of their own, as many in a row as can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from harmlib.errors import ParameterError
from reproduction.kit.style import CAPTION_SIZE, LINE_HEIGHT, PAGE_WIDTH

TITLE_SIZE = 7.5
SCENE_GAP = 0.3
FRAME = "0.6"


@dataclass(frozen=True)
class Scene:
    """Pictures of one scene, all in the same proportions.

    pictures: title -> uint8 (H, W, 3) or bool (H, W); a title may take two lines. captions: title -> text under that picture.
    """

    label: str
    pictures: Mapping[str, np.ndarray]
    captions: Mapping[str, str] = field(default_factory=dict)


def gallery(scenes: Sequence[Scene], *, columns: int) -> Figure:
    """Return a figure with the pictures of each scene in rows of ``columns``, its label above them.

    Raises ParameterError without scenes.
    """
    if not scenes:
        raise ParameterError("a gallery needs at least one scene")
    cell = PAGE_WIDTH / columns
    heights = [_rows(scene, columns) * _row_height(scene, cell) + SCENE_GAP for scene in scenes]
    figure = plt.figure(figsize=(PAGE_WIDTH, sum(heights)))
    parts = figure.subfigures(len(scenes), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, scene, height in zip(parts, scenes, heights, strict=True):
        _draw(part, scene, columns, height)
    return figure


def _rows(scene: Scene, columns: int) -> int:
    """Return how many rows a scene takes."""
    return -(-len(scene.pictures) // columns)


def _lines(texts: Sequence[str]) -> int:
    """Return the most lines of any of some texts."""
    return max((text.count("\n") + 1 for text in texts if text), default=0)


def _row_height(scene: Scene, cell: float) -> float:
    """Return the height of one row in inches: pictures, titles and captions."""
    picture = next(iter(scene.pictures.values()))
    lines = _lines(list(scene.pictures)) + _lines(list(scene.captions.values()))
    return cell * picture.shape[0] / picture.shape[1] + (lines + 0.7) * LINE_HEIGHT


def _draw(part: plt.Figure, scene: Scene, columns: int, height: float) -> None:
    """Draw one scene into its part of the figure."""
    rows = _rows(scene, columns)
    part.suptitle(scene.label, x=0.005, y=1 - 0.04 / height, ha="left", va="top", fontsize=CAPTION_SIZE, style="italic")
    axes = part.subplots(rows, columns, squeeze=False, gridspec_kw={"wspace": 0.04, "hspace": 0.0})
    title = _lines(list(scene.pictures)) * LINE_HEIGHT
    part.subplots_adjust(left=0.005, right=0.995, bottom=0, top=1 - (SCENE_GAP + title - LINE_HEIGHT) / height)
    for axis in axes.flat:
        axis.axis("off")
    for axis, (name, picture) in zip(axes.flat, scene.pictures.items(), strict=False):
        axis.axis("on")
        axis.imshow(picture, cmap="gray", interpolation="none")
        axis.set(xticks=[], yticks=[])
        axis.grid(visible=False)
        axis.set_anchor("N")
        axis.set_title(name, fontsize=TITLE_SIZE, pad=2)
        axis.set_xlabel(scene.captions.get(name, ""), fontsize=CAPTION_SIZE, labelpad=2)
        axis.spines[:].set(visible=True, linewidth=0.4, color=FRAME)
