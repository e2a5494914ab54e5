"""Our own small golden outputs of the elementary perturbations: what the pinned pilgram, Pillow and OpenCV make of a 12x16 picture.

``python tests/helpers/golden_perturbations.py`` writes ``tests/harmlib/golden/perturbations.npz`` again, only when a number must move.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pilgram
from PIL import Image

from harmlib.perturbations.instagram import CSS_FILTERS, FILTERS

FILE = Path(__file__).resolve().parents[1] / "harmlib" / "golden" / "perturbations.npz"
FACTORS = (1.15, 0.85, 1.2)
GRID = (0, 1, 31, 64, 127, 128, 200, 255)


def golden_picture() -> np.ndarray:
    """Return the picture that the file's outputs belong to, uint8 (12, 16, 3)."""
    return np.random.default_rng(2024).integers(0, 256, (12, 16, 3), dtype=np.uint8)


def write() -> None:
    """Write the file from the libraries alone, without our functions."""
    picture = golden_picture()
    pixels = Image.fromarray(picture)
    outputs = {f"instagram/{name}": np.asarray(getattr(pilgram, name)(pixels)) for name in FILTERS}
    outputs |= {f"css/{name}": np.asarray(getattr(pilgram.css, name)(pixels)) for name in CSS_FILTERS}
    rgb = np.stack(np.meshgrid(GRID, GRID, GRID, indexing="ij"), -1).astype(np.uint8).reshape(1, -1, 3)
    codes = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    outputs |= {"lab/rgb": rgb, "lab/codes": codes, "lab/back": cv2.cvtColor(codes, cv2.COLOR_LAB2RGB)}
    multiplied = np.clip(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB) * np.array(FACTORS), 0, 255).astype(np.uint8)
    outputs["lab_multiply"] = cv2.cvtColor(multiplied, cv2.COLOR_LAB2RGB)
    outputs["gaussian_blur"] = cv2.GaussianBlur(picture, (5, 5), 1)
    np.savez_compressed(FILE, **outputs)


if __name__ == "__main__":
    write()
