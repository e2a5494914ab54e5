"""The editor in a real browser: Chromium opens a notebook on a real Jupyter server, runs its cell and drags a slider with the mouse."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from reproduction.checkout import CHECKOUT

TOKEN = "editor-test"
# Milliseconds for one step of the page, none of which takes more than ten seconds on two free cores.
PATIENCE = 180_000
CELL = """
import torch
from harmlib import models
from harmlib.data.sources import open_source
from harmlib.editor.widgets import edit

torch.manual_seed(0)
photo = open_source("embedded").load("coffee")
model = models.create("harmonizer", width=0.25, size=64).eval()
edit(photo.image, photo.labels == photo.labels.max(), model)
"""
# The bytes that a picture of the page shows, as text.
READ_PICTURE = """
async (image) => {
    const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
"""
CHANGED = f"async ([image, other]) => (await ({READ_PICTURE})(image)) !== other"
SAME = f"async ([image, other]) => (await ({READ_PICTURE})(image)) === other"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a notebook with one cell, on a Jupyter server of its own that ends with the tests."""
    import nbformat  # reads a grammar: three seconds

    folder = tmp_path_factory.mktemp("jupyter")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL.strip())], metadata=kernel), folder / "editor.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Nothing of the user's own Jupyter is read or written.
    folders = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    folders |= {f"JUPYTERLAB_{kind}_DIR": str(folder / kind.lower()) for kind in ("SETTINGS", "WORKSPACES")}
    paths = os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")])
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    options += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}"]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env={**os.environ, **folders, "PYTHONPATH": paths}, stdout=log, stderr=log
        )
        try:
            wait_for(server, port)
            yield f"http://127.0.0.1:{port}/doc/tree/editor.ipynb?token={TOKEN}"
        finally:
            server.terminate()
            server.wait()


def wait_for(server: subprocess.Popen, port: int) -> None:
    """Return when the server answers; fail when it ended."""
    for _ in range(PATIENCE // 100):
        assert server.poll() is None, "the Jupyter server ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the Jupyter server did not start")


@pytest.fixture(scope="module")
def page(browser: Any, address: str) -> Iterator[Any]:
    """The notebook in Chromium, its cell run and the editor's pictures shown."""
    page = browser.new_page(viewport={"width": 1400, "height": 1200})
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.get_by_text("| Idle").wait_for()  # a cell that is run before its kernel has started would ask questions
    page.locator(".jp-CodeCell .cm-content").click()
    page.keyboard.press("Shift+Enter")
    page.locator("img.widget-image").nth(1).wait_for()
    yield page
    page.close()


@pytest.fixture(scope="module")
def pictures(page: Any) -> dict[str, list[str]]:
    """The bytes of the left and the right picture before a drag of the first filter's shift, and before the mouse is released."""
    images = [page.locator("img.widget-image").nth(index).element_handle() for index in (0, 1)]
    before = [image.evaluate(READ_PICTURE) for image in images]
    handle = page.locator(".noUi-handle").nth(1).bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 120, y, steps=12)
    page.wait_for_function(CHANGED, arg=[images[1], before[1]])
    dragged = [image.evaluate(READ_PICTURE) for image in images]
    page.mouse.up()
    return {"before": before, "dragged": dragged}


def test_dragging_a_slider_changes_the_right_picture_only(pictures):
    assert pictures["dragged"][1] != pictures["before"][1]
    assert pictures["dragged"][0] == pictures["before"][0]


def test_one_click_takes_the_whole_drag_back(page, pictures):
    right = page.locator("img.widget-image").nth(1).element_handle()

    page.get_by_role("button", name="undo").click()

    page.wait_for_function(SAME, arg=[right, pictures["before"][1]])
