"""The editor in a notebook: pictures and sliders over an ``EditorState``.

    edit(composite, mask)      the last line of a cell shows it; its ``state`` is the object that the sliders move

Pictures of ipywidgets do not tell where they are clicked, so regions are chosen from a list, and the chosen one is outlined in the left
picture; ``state.regions.at(row, column)`` gives the region of a point. "compare" is a toggle, because no button knows how long it is held.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from harmlib.editor.opening import open_state
from harmlib.editor.recipe import export
from harmlib.editor.regions import EVERYWHERE, outlined
from harmlib.editor.state import NEUTRAL, EditorState
from harmlib.errors import HarmlibError
from harmlib.extras import needs
from harmlib.inference.pictures import Picture

with needs("editor"):
    import ipywidgets

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel

# A fifth of the bytes of a PNG, which is exported; the full color resolution keeps what small shifts do.
JPEG = (cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
# Moves of one slider that follow each other within this many seconds are one drag, one step of undo.
DRAG_PAUSE = 1.0
# Ends and step of the sliders; by code any number can be set, and the slider's end moves with it.
SCALES = (-1.0, 3.0, 0.05)
SHIFTS = (-1.0, 1.0, 0.01)
BEFORE = ("composite", "the method's own result")
COLUMNS = "13em minmax(0, 1fr) minmax(0, 1fr)"


class Editor(ipywidgets.VBox):
    """Two pictures, a scale and a shift slider per name, region, undo, redo, reset, compare and export, over a state."""

    def __init__(self, state: EditorState, path: str | os.PathLike[str], clock: Callable[[], float]) -> None:
        self.state, self._clock = state, clock
        self._drag, self._drag_knob, self._drag_time = 0, ("", "", EVERYWHERE), 0.0
        self._showing = False
        self.changed: Callable[[], None] = lambda: None  # called whenever something else is shown
        self.left, self.right = (
            ipywidgets.Image(format="jpg", layout=ipywidgets.Layout(width="50%", object_fit="contain")) for _ in range(2)
        )
        self.before = ipywidgets.Dropdown(options=BEFORE, description="left")
        share = {region: state.preview_regions.area(region).mean() for region in state.regions.ids}
        regions = [(f"region {region} ({share[region]:.1%} of the picture)", region) for region in share]
        self.region = ipywidgets.Dropdown(options=[("everywhere", EVERYWHERE), *regions], description="region")
        self.compare = ipywidgets.ToggleButton(description="compare", tooltip="show the left picture in place of the right one")
        self.undo, self.redo, self.reset = (ipywidgets.Button(description=name) for name in ("undo", "redo", "reset"))
        self.sliders = {(name, field): _slider(field) for name in state.names for field in ("scale", "shift")}
        self.path = ipywidgets.Text(value=os.fspath(path), description="export to")
        self.export = ipywidgets.Button(description="export")
        self.message = ipywidgets.HTML()
        super().__init__(self._rows())
        self._connect()
        self._show_before()
        self._show()

    def _rows(self) -> list[ipywidgets.Widget]:
        """Return the rows from top to bottom."""
        cells: list[ipywidgets.Widget] = [ipywidgets.HTML(f"<b>{text}</b>") for text in (self.state.box.kind, "scale", "shift")]
        for name in self.state.names:
            predicted = self.state.box.predicted(name)
            label = ipywidgets.HTML(f"{name.replace('_', ' ')} <small>({predicted:+.2f})</small>")
            cells += [label, self.sliders[name, "scale"], self.sliders[name, "shift"]]
        grid = ipywidgets.GridBox(cells, layout=ipywidgets.Layout(grid_template_columns=COLUMNS))
        tools = [self.region, self.before, self.compare, self.undo, self.redo, self.reset]
        return [
            ipywidgets.HBox([self.left, self.right]),
            ipywidgets.HBox(tools, layout=ipywidgets.Layout(flex_flow="row wrap")),
            grid,
            ipywidgets.HBox([self.path, self.export, self.message]),
        ]

    def _connect(self) -> None:
        """Tell every widget what it does."""
        for (name, field), slider in self.sliders.items():
            slider.observe(partial(self._moved, name, field), "value")
        for choice in (self.region, self.before, self.compare):
            choice.observe(self._chosen, "value")
        for button, action in ((self.undo, self.state.undo), (self.redo, self.state.redo), (self.reset, self.state.reset)):
            button.on_click(partial(self._act, action))
        self.export.on_click(self._export)

    def _moved(self, name: str, field: str, event: dict[str, Any]) -> None:
        """Set what a slider says, unless it only shows what was set elsewhere: an undo would render once per slider."""
        if self._showing:
            return
        self.state.set(name, region=self.region.value, stroke=self._stroke(name, field), **{field: event["new"]})
        self._show()

    def _chosen(self, _event: dict[str, Any]) -> None:
        """Show another region, another left picture, or the left picture alone."""
        self._show_before()
        self._show()

    def _stroke(self, name: str, field: str) -> int:
        """Return the number of the drag that a slider's move belongs to."""
        now, knob = self._clock(), (name, field, self.region.value)
        if self._drag_knob != knob or now - self._drag_time > DRAG_PAUSE:
            self._drag += 1
        self._drag_knob, self._drag_time = knob, now
        return self._drag

    def _act(self, action: Callable[[], None], _button: ipywidgets.Button) -> None:
        """Undo, redo or reset."""
        action()
        self._show()

    def _show(self) -> None:
        """Show the state: the right picture, the sliders of the chosen region, and which buttons have something to do."""
        self.right.value = self._plain_left if self.compare.value else encode(self.state.preview())
        self._showing = True
        try:
            for (name, field), slider in self.sliders.items():
                number = getattr(self.state.get(name, self.region.value), field)
                slider.min, slider.max = min(slider.min, number), max(slider.max, number)
                slider.value = number
        finally:
            self._showing = False
        self.undo.disabled, self.redo.disabled, self.reset.disabled = not self.state.can_undo, not self.state.can_redo, not self.state.edits
        self.changed()

    def _show_before(self) -> None:
        """Show the left picture with the outline of the chosen region; keep it without."""
        picture = self.state.composite_preview if self.before.value == BEFORE[0] else self.state.harmonized_preview
        self._plain_left = encode(picture)
        area = self.state.preview_regions.area(self.region.value)
        self.left.value = self._plain_left if self.region.value == EVERYWHERE else encode(outlined(picture, area))

    def _export(self, _button: ipywidgets.Button) -> None:
        """Write the picture and its recipe, and say so, or why not."""
        try:
            recipe = export(self.state, self.path.value)
        except (HarmlibError, OSError) as error:
            self.message.value = escape(str(error))
            return
        self.message.value = escape(f"wrote {self.path.value} and its recipe {recipe.name}")


def edit(
    composite: Picture,
    mask: Picture | None = None,
    model: HarmonizationModel | str = "harmonizer",
    *,
    weights: str | os.PathLike[str] | None = None,
    regions: np.ndarray | None = None,
    path: str | os.PathLike[str] = "edited.png",
) -> Editor:
    """Return the editor of what a method predicts for a composite.

    composite, mask, model, weights, regions: as for ``opening.open_state``, whose errors are raised. path: where the export button writes.
    """
    return edit_state(open_state(composite, mask, model, weights=weights, regions=regions), path=path)


def edit_state(state: EditorState, *, path: str | os.PathLike[str] = "edited.png", clock: Callable[[], float] = time.monotonic) -> Editor:
    """Return the editor of a state; clock: returns seconds; slider moves that follow each other quickly count as one drag."""
    return Editor(state, path, clock)


def encode(picture: np.ndarray) -> bytes:
    """Return a picture, uint8 RGB (H, W, 3), as JPEG."""
    return cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), JPEG)[1].tobytes()


def _slider(field: str) -> ipywidgets.FloatSlider:
    """Return a slider that reports while it is dragged."""
    low, high, step = SCALES if field == "scale" else SHIFTS
    layout = ipywidgets.Layout(width="95%")
    return ipywidgets.FloatSlider(getattr(NEUTRAL, field), min=low, max=high, step=step, continuous_update=True, layout=layout)
