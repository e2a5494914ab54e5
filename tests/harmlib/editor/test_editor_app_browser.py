"""The application in a real browser: Voila serves it, Chromium uploads, harmonizes, drags a slider and downloads."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harmlib.editor.recipe import replay
from reproduction.checkout import CHECKOUT

PATIENCE = 60_000  # milliseconds for one step of the page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("voila") is None, reason="needs the package voila (requirements-dev.txt)"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a composite, a dark object on a bright ground, and its mask."""
    folder, generator = tmp_path_factory.mktemp("files"), np.random.default_rng(2021)
    picture, mask = generator.integers(170, 220, (60, 90, 3)).astype(np.uint8), np.zeros((60, 90), np.uint8)
    picture[20:40, 30:60] = generator.integers(20, 60, (20, 30, 3))
    mask[20:40, 30:60] = 255
    Image.fromarray(picture).save(folder / "composite.png")
    Image.fromarray(mask).save(folder / "mask.png")
    return folder


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the application on a Voila server of its own, started as ``make app`` does."""
    folder = tmp_path_factory.mktemp("voila")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Nothing of the user's own Jupyter is written.
    folders = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "RUNTIME")}
    folders["JUPYTER_CONFIG_PATH"] = str(CHECKOUT / "config" / "jupyter")
    paths = os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "voila", "docs/app.ipynb", "--no-browser", "--Voila.ip=127.0.0.1", f"--port={port}"]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, cwd=CHECKOUT, env={**os.environ, **folders, "PYTHONPATH": paths}, stdout=log, stderr=log)
        try:
            for _ in range(PATIENCE // 100):
                assert server.poll() is None, (folder / "server.log").read_text()
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()
            server.wait()


@pytest.fixture
def page(browser, address) -> Iterator[Any]:
    """The application's page."""
    page = browser.new_page(viewport={"width": 1400, "height": 1200}, accept_downloads=True)
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    yield page
    page.close()


def upload(page: Any, name: str, file: Path) -> None:
    """Choose a file by the button of a name."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=name).first.click()
    chooser.value.set_files(file)


def test_a_mask_is_painted(page, files):
    upload(page, "composite", files / "composite.png")
    page.get_by_role("button", name="by brush").click()
    canvas = page.locator("canvas:visible")
    page.wait_for_function("canvas => canvas.width === 90", arg=canvas.element_handle())
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    page.get_by_role("button", name="harmonize").click()

    page.locator("img.widget-image:visible").nth(1).wait_for()  # the editor's pair


def test_a_picture_of_more_than_ten_megabytes_arrives(page, tmp_path):
    noise = np.random.default_rng(2021).integers(0, 256, (2000, 2000, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png", compress_level=0)
    assert (tmp_path / "noise.png").stat().st_size > 11e6

    upload(page, "composite", tmp_path / "noise.png")

    page.locator("img.widget-image:visible").wait_for()


def test_a_reader_harmonizes_edits_and_downloads(page, files, tmp_path):
    for name in ("composite", "mask"):
        upload(page, name, files / f"{name}.png")
    page.get_by_role("button", name="harmonize").click()
    right = page.locator("img.widget-image").nth(2)
    right.wait_for()
    before = right.get_attribute("src")
    handle = page.locator(".noUi-handle:visible").nth(1).bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(handle["x"] + 120, handle["y"] + handle["height"] / 2, steps=8)
    page.mouse.up()
    page.wait_for_function("([image, source]) => image.src !== source", arg=[right.element_handle(), before])
    page.get_by_role("button", name="prepare download").click()
    with page.expect_download() as download:
        page.locator("a[download]").click()
    download.value.save_as(tmp_path / "taken.zip")

    with zipfile.ZipFile(tmp_path / "taken.zip") as archive:
        archive.extractall(tmp_path)
    picture = np.asarray(Image.open(tmp_path / "harmonized.png"))
    assert np.array_equal(replay(tmp_path / "harmonized.json", Image.open(files / "composite.png")), picture)
    assert not np.array_equal(picture, np.asarray(Image.open(files / "composite.png")))
