"""One look for every figure: theme, a fixed style per method, and the helper that saves them."""

from __future__ import annotations

import os
import textwrap
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from harmlib.io.files import fingerprint, replacing
from harmlib.io.images import open_image
from reproduction.kit.rounding import rounded
from reproduction.papers import method_colors, methods

COLUMN_WIDTH = 3.3
PAGE_WIDTH = 6.9
DPI = 200
CAPTION_SIZE = 7
STAMP_SIZE = 5
MARGIN = 0.1  # inches around a saved picture
# A caption line's height in inches, and the characters of one across a page.
LINE_HEIGHT, ACROSS = 0.13, 125
# Keyword of a PNG file.
SENTENCE = "Description"
# Okabe and Ito's palette; its yellow is too pale for lines on white, and black is the composite's.
OKABE_ITO = ("#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7")
MARKERS = ("s", "^", "D", "v", "P", "X", "*")
LINES = ("-", "--", "-.")
ZERO_LINE = "composite"
MAGNITUDE_MAP = "viridis"
SIGNED_MAP = "RdBu_r"


@dataclass(frozen=True)
class MethodStyle:
    """How a method looks in every figure."""

    color: str
    marker: str
    line: str


def use_theme() -> None:
    """Set seaborn's paper context on a white grid, fonts of 9 to 10 points, 200 dpi."""
    sns.set_theme(context="paper", style="whitegrid", palette=OKABE_ITO)
    plt.rcParams.update(
        {
            "figure.figsize": (COLUMN_WIDTH, 2.4),
            "figure.dpi": 100,
            "savefig.dpi": DPI,
            "savefig.bbox": "tight",
            "font.size": 9,
            "axes.labelsize": 9,
            "axes.titlesize": 10,
            # Ticks stand below: titles need not be moved out of their way, and looking for them took a third of a figure's time.
            "axes.titley": 1.0,
            "legend.fontsize": 9,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "image.interpolation": "none",
        }
    )


def method_style(method: str) -> MethodStyle:
    """Return the fixed color, marker and line of a method id; the composite is a black dotted line with circles.

    No two of the papers' methods share both color and marker, and those that one figure compares have different colors (colors.csv).
    Other ids get a style from their name.
    """
    if method == ZERO_LINE:
        return MethodStyle("#000000", "o", ":")
    styles = _styles()
    if method in styles:
        return styles[method]
    number = int(fingerprint([method])[:8], 16)
    return MethodStyle(OKABE_ITO[number % len(OKABE_ITO)], MARKERS[number % len(MARKERS)], LINES[number // len(OKABE_ITO) % len(LINES)])


@lru_cache(maxsize=1)
def _styles() -> dict[str, MethodStyle]:
    """Return the style of every method id of the papers; those with a fixed color have the first choice of markers."""
    fixed = method_colors()
    names = [name for name in dict.fromkeys([*methods()["method_id"], *fixed]) if name != ZERO_LINE]
    used = [0] * len(OKABE_ITO)  # color -> its methods so far, each with a marker of its own
    styles = {}
    for name in sorted(names, key=lambda name: name not in fixed):
        color = fixed[name] if name in fixed else used.index(min(used))
        count = used[color]
        # Neighbors in the palette begin with different markers.
        styles[name] = MethodStyle(OKABE_ITO[color], MARKERS[(color + count) % len(MARKERS)], LINES[count % len(LINES)])
        used[color] += 1
    return styles


def save_figure(figure: Figure, path: str | os.PathLike[str], data: pd.DataFrame | None = None) -> Path:
    """Save a figure as PNG, and the numbers behind it as CSV of the same name, each by rename; return the PNG's path.

    A file in ``<profile>/figures`` says its profile in the margin below, so that it still does so where it is shown alone.
    """
    target = Path(path).with_suffix(".png")
    folder = target.absolute().parent
    figure.draw_without_rendering()  # lays everything out
    box = figure.get_tightbbox().padded(MARGIN)
    stamps = []
    if folder.name == "figures":
        width, height = figure.get_size_inches()
        x, y = (box.x1 - MARGIN) / width, (box.y0 + MARGIN / 10) / height
        stamps.append(figure.text(x, y, f"profile {folder.parent.name}", ha="right", va="bottom", fontsize=STAMP_SIZE, color="0.4"))
    # A figure's legend hangs on the edge of what is saved: left free, it would move into the margin, over the stamp.
    layout = figure.get_layout_engine()
    figure.set_layout_engine("none")
    for legend in figure.legends:
        legend.set_bbox_to_anchor((0, 0, 1, 1), transform=figure.transFigure)
    with replacing(target) as temporary:
        # No software tag: the same figure gives the same bytes.
        metadata = {"Software": None, SENTENCE: figure.get_label() or None}
        figure.savefig(temporary, dpi=DPI, bbox_inches=box, metadata=metadata)
    for legend in figure.legends:
        legend.set_bbox_to_anchor(None)
    figure.set_layout_engine(layout)
    for stamp in stamps:
        stamp.remove()
    if data is not None:
        save_csv(data, target.with_suffix(".csv"))
    return target


def signed(value: float, form: str = "+.2f") -> str:
    """Return a number with its sign for a picture: a true minus, and no sign of what rounds to 0 but a plus."""
    words = f"{value:{form}}"
    return words.replace("-", "−") if float(words) else f"{0.0:{form}}"


def sentence_figure(words: str) -> Figure:
    """Return a figure that says why it shows no picture; its file says so too (``shown_sentence``), so that nobody counts it as made."""
    lines = wrapped(words)
    figure = plt.figure(figsize=(PAGE_WIDTH, (lines.count("\n") + 2) * LINE_HEIGHT), label=words)
    figure.add_axes((0, 0, 1, 1), frame_on=False, xticks=[], yticks=[])  # a figure without any is not displayed
    figure.text(0.03, 0.5, lines, va="center", fontsize=CAPTION_SIZE)
    return figure


def wrapped(words: str) -> str:
    """Return text in lines that fit across a page; its own line breaks stay."""
    return "\n".join(textwrap.fill(line, ACROSS) for line in words.splitlines())


def shown_sentence(path: str | os.PathLike[str]) -> str:
    """Return what the file of a ``sentence_figure`` says, empty for any other picture."""
    with open_image(path) as picture:
        return picture.info.get(SENTENCE, "")


def save_csv(table: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a table as CSV by rename, without its index, numbers as ``rounding.rounded`` returns them; return the path."""
    with replacing(path) as temporary:
        rounded(table).to_csv(temporary, index=False, lineterminator="\n", float_format="%.12g")
    return Path(path)
