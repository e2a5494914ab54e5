"""Miniature data sets that tests write."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harmlib.images import write_png


def write_folder_source(root: Path, photos: int = 6, size: tuple[int, int] = (40, 56), seed: int = 0) -> Path:
    """Write a miniature data set in the folder layout: smooth pictures with four regions; the last photo of train has none."""
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
