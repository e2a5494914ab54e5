"""Miniature data sets that tests write."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harmlib.data.benchmarks import COLUMNS
from harmlib.io.files import write_manifest
from harmlib.io.images import write_png


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


def write_iharmony4_tree(root: Path, subsets: tuple[str, ...] = ("HCOCO", "HFlickr"), size: tuple[int, int] = (8, 9)) -> Path:
    """Write a miniature iHarmony4: two composites of one photograph per sub-dataset, the first to train on, the second to test."""
    region = np.tri(*size, dtype=np.uint8)
    picture = np.full((*size, 3), 100, dtype=np.uint8)
    for subset in subsets:
        folder, photo = root / subset, f"{subset[1].lower()}1"
        write_png(folder / "real_images" / f"{photo}.png", picture)
        write_png(folder / "masks" / f"{photo}_7.png", region * 255)
        for variant, split in ((1, "train"), (2, "test")):
            write_png(folder / "composite_images" / f"{photo}_7_{variant}.png", picture + variant * region[..., None])
            (folder / f"{subset}_{split}.txt").write_text(f"{photo}_7_{variant}.png\n")
    return root


def write_benchmark(root: Path, rows: pd.DataFrame, **manifest: Any) -> None:
    """Write a finished benchmark without pictures: its manifest and composites.csv, of which ``rows`` has the columns that matter."""
    table = pd.DataFrame(index=rows.index, columns=list(COLUMNS), data="-")
    table[["draw", "height", "width"]] = 0, 40, 56
    table[["foreground_ratio", "mse", "degraded", "recipe"]] = 0.1, 100.0, False, "{}"
    root.mkdir(parents=True, exist_ok=True)
    table.assign(**rows).to_csv(root / "composites.csv", index=False)
    write_manifest(root, started=time.time(), **manifest)
