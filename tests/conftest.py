"""Fixtures that every test layer shares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with golden numbers and real data beside the checkout; tests that need it skip without it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs ../shared (golden numbers and real photographs), which is not part of this repository")
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


def write_folder_source(root: Path, photos: int = 6, size: tuple[int, int] = (40, 56), seed: int = 0) -> Path:
    """Write a miniature data set in the folder layout: smooth pictures with four regions; the last photo of train has none."""
    from harmlib.images import write_png

    generator = np.random.default_rng(seed)
    rows = ["id,image,label,split"]
    height, width = size
    for number in range(photos):
        split = "test" if number % 3 == 2 else "train"
        coarse = generator.uniform(0, 255, (height // 8, width // 8, 3))
        labels = np.kron(generator.integers(0, 5, (2, 2)), np.ones((height // 2, width // 2))).astype(np.uint8)
        labels[:4, :4] = 3
        if number == 1:
            labels[:] = 0
        write_png(root / "images" / f"p_{number}.png", np.kron(coarse, np.ones((8, 8, 1))).astype(np.uint8))
        write_png(root / "labels" / f"p_{number}.png", labels)
        rows.append(f"p_{number},images/p_{number}.png,labels/p_{number}.png,{split}")
    (root / "index.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture
def folder_source(tmp_path):
    """A miniature source in the folder layout (``p_1`` has no labeled region)."""
    from harmlib.data.sources import open_source

    source = open_source("folder", write_folder_source(tmp_path / "mini"), no_object=0)
    source.name = "mini"
    return source
