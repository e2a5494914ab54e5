"""Miniature trees in exactly the public layouts of data/README.md: ADE20K, LIP, COCO 2017 and iHarmony4, of pictures that are drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from harmlib.data.sources.lip import PARTS
from harmlib.io.files import write_text
from harmlib.io.images import write_png

SUBSETS = ("HAdobe5k", "HCOCO", "HFlickr", "Hday2night")
BLOCKS = 3  # regions along each side of a picture


def write_public_trees(
    root: Path,
    *,
    photographs: int = 2,
    size: tuple[int, int] = (48, 64),
    adobe: tuple[int, int] | None = None,
    subsets: Sequence[str] = SUBSETS,
) -> None:
    """Write the four trees, with as many photographs for each split, and in each sub-dataset of iHarmony4 with two composites of each.

    size: height and width of the pictures; adobe: of those of HAdobe5k, where photographs are large; by default the same.
    """
    generator = np.random.default_rng(2021)
    write_ade20k(root / "ADEChallengeData2016", photographs, size, generator)
    write_lip(root / "LIP", photographs, size, generator)
    write_coco(root / "COCO", photographs, size, generator)
    for subset in subsets:
        write_subset(root / "iHarmony4" / subset, photographs, adobe if adobe and subset == "HAdobe5k" else size, generator)
    for split in ("train", "test"):
        lists = [(root / "iHarmony4" / subset / f"{subset}_{split}.txt").read_text().split() for subset in subsets]
        lines = [f"{subset}/composite_images/{name}" for subset, names in zip(subsets, lists, strict=True) for name in names]
        write_text(root / "iHarmony4" / f"IHD_{split}.txt", "\n".join(lines) + "\n")


def write_ade20k(root: Path, photographs: int, size: tuple[int, int], generator: np.random.Generator) -> None:
    """Write the SceneParsing release."""
    for split, prefix in (("training", "ADE_train"), ("validation", "ADE_val")):
        for number, photograph, labels in pictures(photographs, size, generator):
            write_jpeg(root / "images" / split / f"{prefix}_{number:08}.jpg", photograph)
            write_png(root / "annotations" / split / f"{prefix}_{number:08}.png", labels)
    lines = [f"{number}\t0.1\t10\t2\tclass {number}" for number in range(1, 151)]
    write_text(root / "objectInfo150.txt", "\n".join(["Idx\tRatio\tTrain\tVal\tName", *lines]) + "\n")


def write_lip(root: Path, photographs: int, size: tuple[int, int], generator: np.random.Generator) -> None:
    """Write the single-person part."""
    for split, first in (("train", 1), ("val", photographs + 1)):
        stems = []
        for number, photograph, labels in pictures(photographs, size, generator, first=first):
            stems.append(f"{number}_{471474 + number}")
            write_jpeg(root / "TrainVal_images" / f"{split}_images" / f"{stems[-1]}.jpg", photograph)
            write_png(root / "TrainVal_parsing_annotations" / f"{split}_segmentations" / f"{stems[-1]}.png", labels % (len(PARTS) + 1))
        write_text(root / "TrainVal_images" / f"{split}_id.txt", "\n".join(stems) + "\n")


def write_coco(root: Path, photographs: int, size: tuple[int, int], generator: np.random.Generator) -> None:
    """Write the instances of both splits, each region an object with a polygon."""
    for split, first in (("train2017", 1), ("val2017", photographs + 1)):
        images, objects = [], []
        for number, photograph, labels in pictures(photographs, size, generator, first=first):
            images.append({"id": number, "file_name": f"{number:012}.jpg", "height": size[0], "width": size[1]})
            write_jpeg(root / split / f"{number:012}.jpg", photograph)
            for label in np.unique(labels):
                # The first and last rows and columns of a block, which is an object's outline.
                rows, columns = (np.flatnonzero((labels == label).any(axis=axis)) for axis in (1, 0))
                left, top, right, bottom = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
                objects.append(
                    {
                        "id": len(objects) + 1,
                        "image_id": number,
                        "category_id": int(label),
                        "segmentation": [[left, top, right, top, right, bottom, left, bottom]],
                        "area": (right - left) * (bottom - top),
                        "bbox": [left, top, right - left, bottom - top],
                        "iscrowd": 0,
                    }
                )
        categories = [{"id": number, "name": f"category {number}"} for number in range(1, BLOCKS**2 + 1)]
        content = {"images": images, "annotations": objects, "categories": categories}
        write_text(root / "annotations" / f"instances_{split}.json", json.dumps(content))


def write_subset(root: Path, photographs: int, size: tuple[int, int], generator: np.random.Generator) -> None:
    """Write one sub-dataset of iHarmony4: of each photograph two composites of one object, whose colors are changed."""
    for split, first in (("train", 1), ("test", photographs + 1)):
        names = []
        for number, photograph, labels in pictures(photographs, size, generator, first=first):
            photo = f"{root.name[1].lower()}{number}"
            mask = np.isin(labels, (1, 2, BLOCKS + 1, BLOCKS + 2))
            write_jpeg(root / "real_images" / f"{photo}.jpg", photograph)
            write_png(root / "masks" / f"{photo}_1.png", mask.astype(np.uint8) * 255)
            for variant in (1, 2):
                changed = photograph * generator.uniform(0.6, 1.4, 3) + generator.uniform(-20, 20, 3)
                names.append(f"{photo}_1_{variant}.jpg")
                composite = np.where(mask[..., None], changed, photograph).clip(0, 255)
                write_jpeg(root / "composite_images" / names[-1], composite.astype(np.uint8))
        write_text(root / f"{root.name}_{split}.txt", "\n".join(names) + "\n")


def pictures(
    count: int, size: tuple[int, int], generator: np.random.Generator, *, first: int = 1
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield the number of a picture, its smooth colors, uint8 (H, W, 3), and the ids of its regions, 1 to 9, uint8 (H, W)."""
    height, width = size
    # Blocks that fill the picture whatever its size.
    rows, columns = (np.arange(length) * BLOCKS // length for length in size)
    labels = (1 + rows[:, None] * BLOCKS + columns).astype(np.uint8)
    for number in range(first, first + count):
        coarse = generator.uniform(0, 255, (2 * BLOCKS, 2 * BLOCKS, 3))
        smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        yield number, (smooth + generator.normal(0, 4, smooth.shape)).clip(0, 255).astype(np.uint8), labels


def write_jpeg(path: Path, array: np.ndarray) -> None:
    """Write a picture as the data sets do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, quality=95)
