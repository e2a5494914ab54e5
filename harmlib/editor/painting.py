"""A mask painted over a picture with a brush, by mouse or finger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from harmlib.errors import MaskError
from harmlib.extras import needs
from harmlib.io.images import resize

with needs("editor"):
    import ipywidgets
    from ipycanvas import MultiCanvas, hold_canvas

COLOR = (255, 96, 0)
OPACITY = 130  # of 255
BRUSH_SHARE = 0.06  # of the longer side, at the start


class Painter(ipywidgets.VBox):
    """A picture to paint on with a brush and an eraser; ``changed`` is called when a stroke is finished, and when all is cleared."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._picture, self._painted = np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.uint8)
        self._last: tuple[int, int] | None = None  # where the brush is while it is down
        self.canvas = MultiCanvas(2, width=1, height=1, layout=ipywidgets.Layout(max_width="100%", align_self="flex-start"))
        self.brush = ipywidgets.IntSlider(1, min=1, description="brush")
        self.eraser = ipywidgets.ToggleButton(description="erase")
        self.clear = ipywidgets.Button(description="clear")
        super().__init__([ipywidgets.HBox([self.brush, self.eraser, self.clear]), self.canvas])
        self.canvas.on_mouse_down(self.press)
        self.canvas.on_mouse_move(self.move)
        self.canvas.on_mouse_up(self.lift)
        self.canvas.on_mouse_out(self.lift)
        self.canvas.on_touch_start(lambda points: self.press(*points[0]))
        self.canvas.on_touch_move(lambda points: self.move(*points[0]))
        self.canvas.on_touch_end(lambda points: self.lift())
        self.clear.on_click(lambda _button: self.paint_on(self._picture))

    def paint_on(self, picture: np.ndarray) -> None:
        """Lay a picture, uint8 RGB (H, W, 3), under the brush; what was painted goes."""
        self._picture, (height, width) = picture, picture.shape[:2]
        self._painted = np.zeros((height, width), np.uint8)
        self.canvas.width, self.canvas.height = width, height
        longest = max(height, width)
        self.brush.min, self.brush.max, self.brush.value = 1, max(2, longest // 4), max(1, round(BRUSH_SHARE * longest))
        with hold_canvas():
            self.canvas[0].put_image_data(picture)
        self._finish()

    def mask(self, height: int, width: int) -> np.ndarray:
        """Return what was painted at the size of the whole picture, float32 (H, W) in [0, 1]; raises MaskError where nothing is."""
        if not self._painted.any():
            raise MaskError("nothing is painted yet: draw over the pasted object")
        return resize(self._painted, (height, width), "bilinear").astype(np.float32) / 255

    def press(self, x: float, y: float) -> None:
        """Put the brush down at a place, in pixels of the picture that was opened."""
        self._last = round(x), round(y)
        self.move(x, y)

    def move(self, x: float, y: float) -> None:
        """Draw the brush to a place; without effect while it is up."""
        if self._last is None:
            return
        here, erased = (round(x), round(y)), self.eraser.value
        cv2.line(self._painted, self._last, here, 0 if erased else 255, self.brush.value)
        layer = self.canvas[1]
        with hold_canvas():
            layer.global_composite_operation = "destination-out" if erased else "source-over"
            layer.stroke_style = "rgb({}, {}, {})".format(*COLOR)
            layer.line_cap, layer.line_width = "round", self.brush.value
            layer.stroke_line(*self._last, *here)
        self._last = here

    def lift(self, *_place: Any) -> None:
        """Lift the brush: the stroke is finished."""
        if self._last is not None:
            self._last = None
            self._finish()

    def _finish(self) -> None:
        """Show what is painted as one veil, and report the change."""
        veil = np.zeros((*self._painted.shape, 4), np.uint8)
        veil[self._painted > 0] = (*COLOR, OPACITY)
        with hold_canvas():
            self.canvas[1].clear()
            self.canvas[1].put_image_data(veil)
        self._changed()
