"""Picture grids: the same columns in every row, captions under the pictures, no interpolation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from harmlib.errors import ParameterError, ShapeError
from reproduction.kit.style import CAPTION_SIZE, LINE_HEIGHT, OKABE_ITO, PAGE_WIDTH, SIGNED_MAP

BOX_COLOR = OKABE_ITO[4]
TITLE_SIZE = 9
# The gap between rows, in inches.
ROW_GAP = 0.06
COLORBAR_WIDTH = 0.75

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class GridRow:
    """One row of a picture grid.

    pictures: column title -> uint8 (H, W, 3) picture, bool or uint8 (H, W) mask, or float (H, W) signed map.
    label: what stands left of the row (the image's id).
    captions: column title -> text under that picture, such as "fMSE 120.3".
    box: (top, left, bottom, right), the part that is framed in every picture of the row.
    """

    pictures: Mapping[str, np.ndarray]
    label: str = ""
    captions: Mapping[str, str] = field(default_factory=dict)
    box: Box | None = None


def picture_grid(rows: Sequence[GridRow], *, width: float = PAGE_WIDTH, unit: str = "") -> Figure:
    """Return a figure with one row of pictures per ``GridRow``; columns follow the first row.

    unit: what the signed maps measure; they all share one symmetric scale, drawn as a color bar.
    Raises ParameterError without rows or for rows with different columns; ShapeError for an array that is no picture.
    """
    columns = _columns(rows)
    maps = [picture for row in rows for picture in row.pictures.values() if _is_signed(picture)]
    limit = max((float(np.abs(picture).max()) for picture in maps), default=0.0) or (1.0 if maps else 0.0)
    grid_width = width - (COLORBAR_WIDTH if limit else 0)
    heights = [_row_height(row, grid_width / len(columns)) for row in rows]
    total = sum(heights) + 2 * LINE_HEIGHT
    figure, axes = plt.subplots(
        len(rows),
        len(columns),
        figsize=(width, total),
        squeeze=False,
        gridspec_kw={"height_ratios": heights, "wspace": 0.04, "hspace": 0.02},
    )
    figure.subplots_adjust(left=0.03, right=0.03 + 0.97 * grid_width / width, bottom=0, top=1 - 2 * LINE_HEIGHT / total)
    for row, row_axes in zip(rows, axes, strict=True):
        for column, axis in zip(columns, row_axes, strict=True):
            _draw(axis, row.pictures[column], limit)
            if row.box is not None:
                top, left, bottom, right = row.box
                frame = Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False, edgecolor=BOX_COLOR, linewidth=1)
                axis.add_patch(frame)
            axis.set_xlabel(row.captions.get(column, ""), fontsize=CAPTION_SIZE, labelpad=2)
        row_axes[0].set_ylabel(row.label, fontsize=CAPTION_SIZE)
    for column, axis in zip(columns, axes[0], strict=True):
        axis.set_title(column, fontsize=TITLE_SIZE, pad=3)
    if limit:
        _color_bar(figure, axes, limit, unit)
    return figure


def foreground_box(mask: np.ndarray, *, margin: float = 0.1) -> Box:
    """Return the box around a mask's foreground, a share ``margin`` of its size wider on each side, within the picture.

    mask: (H, W), anything above zero is foreground. Raises ShapeError when there is none.
    """
    rows, columns = np.nonzero(mask)
    if len(rows) == 0:
        raise ShapeError("the mask has no foreground to put a box around")
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    extra_y, extra_x = round(margin * (bottom - top)), round(margin * (right - left))
    height, width = mask.shape
    return int(max(0, top - extra_y)), int(max(0, left - extra_x)), int(min(height, bottom + extra_y)), int(min(width, right + extra_x))


def _columns(rows: Sequence[GridRow]) -> list[str]:
    """Column titles, the same in all rows."""
    if not rows:
        raise ParameterError("a picture grid needs at least one row")
    columns = list(rows[0].pictures)
    for row in rows:
        if set(row.pictures) != set(columns):
            raise ParameterError(f'row "{row.label}" has the columns {", ".join(row.pictures)}, the first row {", ".join(columns)}')
    return columns


def _is_signed(picture: np.ndarray) -> bool:
    """Whether an array is a signed map."""
    return picture.ndim == 2 and np.issubdtype(picture.dtype, np.floating)


def _row_height(row: GridRow, cell_width: float) -> float:
    """Height of a row in inches: its tallest picture at the cell's width, and its captions."""
    aspect = max(picture.shape[0] / picture.shape[1] for picture in row.pictures.values())
    lines = max((text.count("\n") + 1 for text in row.captions.values() if text), default=0)
    return aspect * cell_width + lines * LINE_HEIGHT + ROW_GAP


def _draw(axis: Axes, picture: np.ndarray, limit: float) -> None:
    """Show one array."""
    if _is_signed(picture):
        axis.imshow(picture, cmap=SIGNED_MAP, vmin=-limit, vmax=limit, interpolation="none")
    elif picture.ndim == 2:
        axis.imshow(picture, cmap="gray", vmin=0, vmax=1 if picture.dtype == np.bool_ else 255, interpolation="none")
    elif picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8:
        axis.imshow(picture, interpolation="none")
    else:
        raise ShapeError(f"an array of shape {picture.shape} and {picture.dtype} is no picture: use uint8 (H, W, 3), a mask or a float map")
    axis.set(xticks=[], yticks=[])
    axis.grid(visible=False)
    for side in axis.spines.values():
        side.set_visible(False)


def _color_bar(figure: Figure, axes: np.ndarray, limit: float, unit: str) -> None:
    """Draw the shared scale of the signed maps at the right of the grid."""
    right = axes[0, -1].get_position().x1
    axis = figure.add_axes((right + 0.015, 0.15, 0.012, 0.7))
    bar = figure.colorbar(ScalarMappable(Normalize(-limit, limit), SIGNED_MAP), cax=axis)
    bar.set_label(unit, fontsize=CAPTION_SIZE)
    bar.ax.tick_params(labelsize=CAPTION_SIZE)
    bar.outline.set_visible(False)
