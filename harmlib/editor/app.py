"""The editor as an application for the reader's own files: ``App()`` in a cell, which ``make app`` serves by Voila."""

from __future__ import annotations

import base64
import io
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harmlib import models
from harmlib.editor.cutting import cut_out
from harmlib.editor.opening import open_state
from harmlib.editor.painting import Painter
from harmlib.editor.recipe import export
from harmlib.editor.regions import outlined
from harmlib.editor.state import PREVIEW_SIZE
from harmlib.editor.widgets import Editor, edit_state, encode
from harmlib.errors import HarmlibError, ImageError, MaskError
from harmlib.extras import needs
from harmlib.inference.pictures import read_picture
from harmlib.io.images import IMAGE_SUFFIXES, decode_image, resize, shrink
from harmlib.io.masks import to_mask

with needs("editor"):
    import ipywidgets

FILE, BRUSH, BOX = "from a file", "by brush", "GrabCut in a box"
KINDS = ",".join(IMAGE_SUFFIXES)
NAME = "harmonized"


class App(ipywidgets.VBox):
    """Uploads, the way to a mask, the method, the editor once it is opened, and a download of picture and recipe."""

    def __init__(self) -> None:
        self.editor: Editor | None = None
        self.composite, self.mask = (ipywidgets.FileUpload(description=name, accept=KINDS) for name in ("composite", "mask"))
        self.source = ipywidgets.ToggleButtons(options=(FILE, BRUSH, BOX), description="mask")
        self.rows, self.columns = (
            ipywidgets.IntRangeSlider(value=(20, 80), min=0, max=100, description=f"{name} %", continuous_update=False)
            for name in ("rows", "columns")
        )
        released = {name: models.released.read_card(name)["method"] for name in models.released.list_released()}
        editable = [name for name, method in released.items() if models.describe(method).editable]
        self.method = ipywidgets.Dropdown(options=editable, description="method")
        self.start = ipywidgets.Button(description="harmonize", button_style="primary")
        self.download = ipywidgets.Button(description="prepare download", disabled=True)
        self.message, self.link = ipywidgets.HTML(), ipywidgets.HTML()
        self.preview = ipywidgets.Image(format="jpg", layout=ipywidgets.Layout(width="50%", object_fit="contain", display="none"))
        self.painter = Painter(self._close_editor)
        self.room = ipywidgets.VBox()
        super().__init__(
            [
                ipywidgets.HBox([self.composite, self.source, self.mask]),
                ipywidgets.HBox([self.rows, self.columns]),
                ipywidgets.HBox([self.method, self.start, self.download, self.link]),
                self.message,
                self.preview,
                self.painter,
                self.room,
            ]
        )
        self.start.on_click(self._opened)
        self.download.on_click(self._packed)
        self.composite.observe(self._uploaded, "value")
        for widget in (self.mask, self.source, self.rows, self.columns, self.method):
            widget.observe(self._shown, "value")
        self._shown({})

    def _uploaded(self, event: dict[str, Any]) -> None:
        """Lay a new composite under the brush, and show it."""
        try:
            if self.composite.value:
                self.painter.paint_on(shrink(read_picture(_picture(self.composite)).pixels, PREVIEW_SIZE))
        except HarmlibError as error:
            self._close_editor()
            self.preview.layout.display, self.message.value = "none", escape(str(error))
            return
        self._shown(event)

    def _close_editor(self) -> None:
        """Close an editor that is open: its mask or method is not the one any more."""
        self.room.children, self.editor, self.download.disabled = (), None, True
        self.message.value = ""
        self._take_link()

    def _take_link(self) -> None:
        """Take back the link: it holds the picture before an edit."""
        self.link.value = ""

    @contextmanager
    def _busy(self, words: str) -> Iterator[None]:
        """Say what takes time and keep the buttons from a second click meanwhile, then say why it failed, if so."""
        self.message.value, buttons = escape(words), (self.start, self.download)
        before = [button.disabled for button in buttons]
        for button in buttons:
            button.disabled = True
        try:
            yield
            self.message.value = ""
        except HarmlibError as error:
            self.message.value = escape(str(error))
        finally:
            for button, disabled in zip(buttons, before, strict=True):
                button.disabled = disabled

    def _shown(self, _event: dict[str, Any]) -> None:
        """Show the composite with the outline of its mask, or to paint on, or what is wrong with them; an editor that is open goes."""
        source = self.source.value
        for widgets, wanted in (((self.mask,), FILE), ((self.painter,), BRUSH), ((self.rows, self.columns), BOX)):
            for widget in widgets:
                widget.layout.display = "" if source == wanted else "none"
        self.preview.layout.display = "none"
        self._close_editor()
        if not self.composite.value or source == BRUSH:
            return
        try:
            pixels = read_picture(_picture(self.composite)).pixels
            found = self._mask(pixels) >= 0.5 if source == BOX or self.mask.value else None
        except HarmlibError as error:
            self.message.value = escape(str(error))
            return
        small = shrink(pixels, PREVIEW_SIZE)
        self.preview.value = encode(small if found is None else outlined(small, resize(found, small.shape[:2], "nearest")))
        self.preview.layout.display = ""

    def _mask(self, pixels: np.ndarray) -> np.ndarray:
        """Return the mask, float32 (H, W), from its file, the brush or the box; raises MaskError and ImageError."""
        if self.source.value == BRUSH:
            return self.painter.mask(*pixels.shape[:2])
        if self.source.value == BOX:
            (top, bottom), (left, right) = self.rows.value, self.columns.value
            return cut_out(pixels, (top / 100, left / 100, bottom / 100, right / 100)).astype(np.float32)
        if not self.mask.value:
            raise MaskError("there is no mask yet: choose a file, white where the pasted object is, paint over it, or draw a box around it")
        return to_mask(_picture(self.mask), pixels)

    def _opened(self, _button: ipywidgets.Button) -> None:
        """Harmonize, and show the editor of the result, or say why not."""
        state = None
        with self._busy("harmonizing ..."):
            if not self.composite.value:
                raise ImageError("there is no composite yet: choose a picture")
            composite = _picture(self.composite)
            state = open_state(composite, self._mask(read_picture(composite).pixels), self.method.value)
        if state is None:
            return
        self.editor = edit_state(state)
        self.editor.changed = self._take_link
        self.editor.children = self.editor.children[:-1]  # its export writes where the server runs
        self.room.children, self.download.disabled = (self.editor,), False
        self._take_link()
        self.preview.layout.display = "none"

    def _packed(self, _button: ipywidgets.Button) -> None:
        """Put a link to the picture and its recipe beside the button."""
        if self.editor is None:
            return
        with self._busy("packing picture and recipe ..."):
            content = base64.b64encode(self.packed()).decode()
            self.link.value = f'<a download="{NAME}.zip" href="data:application/zip;base64,{content}"><u>{NAME}.zip</u></a>'

    def packed(self) -> bytes:
        """Return picture, recipe and its arrays as they stand, as a zip file; an editor must be open."""
        assert self.editor is not None
        content = io.BytesIO()
        with tempfile.TemporaryDirectory() as folder:
            export(self.editor.state, Path(folder) / f"{NAME}.png")
            with zipfile.ZipFile(content, "w") as archive:
                for path in sorted(Path(folder).iterdir()):
                    archive.write(path, path.name)
        return content.getvalue()


def _picture(upload: ipywidgets.FileUpload) -> Image.Image:
    """Return an uploaded picture; raises ImageError for a file that holds none."""
    file = upload.value[0]
    return decode_image(bytes(file["content"]), f'"{file["name"]}"')
