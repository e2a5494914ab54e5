"""Pictures of any size go block by block: the same colors as in one sweep, and memory that is known beforehand."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest
from regrained import regrain as regrained

from harmlib.models.lalonde import recolor_foreground
from harmlib.transfers import TRANSFERS, pixels, regrain, transfer
from harmlib.transfers.lab import transfer_reinhard_lab
from harmlib.transfers.pitie import draw_rotations, move_distribution

# Sums of floats depend on their order, which may turn a half into the level beside it; counts do not.
LEVELS = {"reinhard": 1, "xiao_ma": 1, "histogram": 0, "idt": 0, "reinhard_lab": 1, "lalonde": 1}
# One child measures them all: the packages of the first call are loaded before, and each call's peak starts anew (Linux).
MEASURED = """
import numpy as np
from pathlib import Path
from harmlib import harmonize, models
from harmlib.models.layers.recoloring import Recoloring
from harmlib.transfers import pixels, regrain

def resident(field):
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[field].split()[0]) * 1024

pixels.BLOCK_PIXELS = regrain.BAND_PIXELS = 1 << 14
generator = np.random.default_rng(0)
picture = np.repeat(np.repeat(generator.integers(0, 256, (80, 100, 3), np.uint8), 10, 0), 10, 1)
picture[::3, ::3] //= 2
mask = np.zeros(picture.shape[:2], np.uint8)
mask[100:700, 100:900] = 255
for name in models.list_models():
    if not isinstance(model := models.create(name, **({"width": 1 / 64} if "width" in models.describe(name).options else {})), Recoloring):
        continue
    harmonize(model, picture[:90, :110].copy(), mask[60:150, 60:170])
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    harmonize(model, picture, mask)
    print(name, (resident("VmHWM") - before) / mask.size, model.memory_for(mask.size) / mask.size)
"""


@pytest.fixture
def picture() -> np.ndarray:
    """A smooth picture with grain, uint8 (70, 90, 3)."""
    generator = np.random.default_rng(4)
    smooth = cv2.resize(generator.integers(20, 230, (7, 9, 3), np.uint8), (90, 70), interpolation=cv2.INTER_CUBIC)
    return smooth // 2 + generator.integers(0, 60, smooth.shape, np.uint8)


def _transferred(name: str, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The picture with its background's colors in its foreground."""
    alone = {"reinhard_lab": transfer_reinhard_lab, "lalonde": recolor_foreground}
    return alone[name](image, mask) if name in alone else transfer(name, image, mask, image, ~mask)


@pytest.mark.parametrize("name", LEVELS)
def test_blocks_give_the_colors_of_one_sweep(name: str, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.hypot(*(np.mgrid[:70, :90] - 40)) < 25
    whole = _transferred(name, picture, mask)
    monkeypatch.setattr(pixels, "BLOCK_PIXELS", 333)
    monkeypatch.setattr(regrain, "BAND_PIXELS", 500)

    found = _transferred(name, picture, mask)

    assert np.abs(found.astype(int) - whole).max() <= LEVELS[name]
    assert not np.array_equal(found, picture)


def test_every_transfer_is_tried() -> None:
    assert set(TRANSFERS) <= set(LEVELS)


def test_colors_that_are_counted_move_like_colors_one_by_one(generator: np.random.Generator) -> None:
    own, other = generator.integers(0, 5, (3, 400)) / 7, generator.integers(0, 4, (3, 300)) / 5
    axes = draw_rotations(generator)
    colors, place, counts = np.unique(own, axis=1, return_inverse=True, return_counts=True)
    targets, times = np.unique(other, axis=1, return_counts=True)

    moved = move_distribution(colors, targets, axes, counts, times)

    assert np.array_equal(moved[:, place], move_distribution(own, other, axes))


def test_a_folded_picture_is_regrained_like_its_pixels(generator: np.random.Generator) -> None:
    numbers = generator.integers(0, 6, (50, 61))
    pictures = [regrain.Palette(generator.random((3, 6)), numbers) for _ in range(2)]

    assert np.array_equal(regrained(*pictures), regrained(*(colors[:, numbers] for colors, _ in pictures)))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is reset by Linux's /proc/self/clear_refs")
def test_no_method_takes_more_memory_a_pixel_than_it_says() -> None:
    lines = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True).stdout.splitlines()

    measured = {name: (float(found), float(stated)) for name, found, stated in map(str.split, lines)}
    assert set(measured) >= {"reinhard_lab", "reinhard_lalphabeta", "xiao_ma", "histogram", "idt", "lalonde"}
    # Blocks were made small here, so that what is stated for one is left for the MB that any call takes.
    assert {name: figures for name, figures in measured.items() if figures[0] > figures[1]} == {}
