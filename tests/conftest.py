"""Fixtures that every test layer shares."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from miniature import write_folder_source

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure() -> None:
    """Keep every worker of pytest-xdist to one thread: together they have as many as there are cores."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        # What tests start has one thread too: with two, networks as narrow as smoke's take nearly twice the CPU time.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        # Notebooks hold no IRIs, whose checker parses its grammar wherever nbformat is imported: for more than a second.
        sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
        import torch

        from harmlib.threads import keep_worker_to_one_thread

        torch.set_num_threads(1)
        keep_worker_to_one_thread()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files that run notebooks first, then slow ones, then long ones: for what a worker of pytest-xdist begins last, all wait."""
    weights, counted = Counter(item.path for item in items), set()
    for item in items:
        test = item.nodeid.partition("[")[0]
        if test not in counted:  # a test of many cases may be slow in one
            counted.add(test)
            weights[item.path] += 1000 * any(item.iter_markers("slow")) + 100_000 * any(item.iter_markers("notebooks"))
    items.sort(key=lambda item: -weights[item.path])


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium, one for all tests of a process, as Playwright wants it; tests that need it skip without it."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright (requirements-dev.txt)")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs chromium (apt install chromium), to drive it through Playwright")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real photographs and the authors' full numbers beside the checkout; tests that need it skip without it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs the real photographs and the authors' full numbers, which are not part of this repository")
    return folder


@pytest.fixture
def generator() -> np.random.Generator:
    """A seeded NumPy generator."""
    return np.random.default_rng(2021)


@pytest.fixture
def photo_array(generator: np.random.Generator) -> np.ndarray:
    """A smooth random picture, uint8 (48, 64, 3): noise alone would hide errors that averages reveal."""
    coarse = generator.uniform(0, 255, (6, 8, 3))
    return np.kron(coarse, np.ones((8, 8, 1))).astype(np.uint8)


@pytest.fixture
def folder_source(tmp_path):
    """A miniature source in the folder layout (``p_1`` has no labeled region)."""
    from harmlib.data.sources import open_source

    source = open_source("folder", write_folder_source(tmp_path / "mini"), no_object=0)
    source.name = "mini"
    return source
