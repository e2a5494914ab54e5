"""Shrunk copies of large pairs, for methods that cut a crop at every visit and would decode many megapixels to keep few of them.

The authors of iDIH, ADFM and PCT-Net do so beforehand with HAdobe5k: a longer side of 1024, by Lanczos, as JPEG of quality 90, masks too.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from harmlib.data.pairs import Pair, load_pair
from harmlib.io.files import replacing
from harmlib.io.images import image_size, write_png
from harmlib.io.masks import MASK_THRESHOLD
from harmlib.progress import progress
from harmlib.threads import in_processes

JPEG_QUALITY = 90
CHUNK = 64  # pairs a job


def shrink_pairs(pairs: Sequence[Pair], folder: str | os.PathLike[str], *, longest: int, workers: int = 0) -> list[Pair]:
    """Return the pairs, those with a side of more than ``longest`` pixels as copies below ``folder``.

    folder: its name tells the pairs' content, so copies that are there already are used.
    workers: processes besides this one.
    Raises ImageError, MaskError or ShapeError for a pair that cannot be read.
    """
    jobs = [(pairs[first : first + CHUNK],) for first in range(0, len(pairs), CHUNK)]
    shrunk: dict[int, list[Pair]] = {}
    with progress(total=len(pairs), desc=f"pairs of at most {longest} pixels", unit="pair") as bar:
        for index, chunk in in_processes(_shrink, jobs, workers=workers if len(jobs) > 1 else 0, common=(Path(folder), longest)):
            shrunk[index] = chunk
            bar.update(len(chunk))
    return [pair for index in range(len(jobs)) for pair in shrunk[index]]


def _shrink(folder: Path, longest: int, pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs, or their copies where they are too large."""
    return [_copy(pair, folder, longest) if max(image_size(pair.composite)) > longest else pair for pair in pairs]


def _copy(pair: Pair, folder: Path, longest: int) -> Pair:
    """Return the pair's copy, made unless it is there; the composite comes last and tells that it is complete."""
    root = folder / pair.subset
    copy = replace(
        pair,
        composite=root / "composite_images" / f"{pair.composite.stem}.jpg",
        mask=root / "masks" / f"{pair.mask.stem}.png",
        real=root / "real_images" / f"{pair.real.stem}.jpg",
        regions=None,
    )
    if copy.composite.exists():
        return copy
    arrays = load_pair(pair)
    height, width = arrays["mask"].shape
    scale = longest / max(height, width)
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    gray = arrays["mask"].astype(np.uint8) * 255
    small = {
        name: np.asarray(Image.fromarray(array).resize(size, Image.Resampling.LANCZOS)) for name, array in {**arrays, "mask": gray}.items()
    }
    write_png(copy.mask, np.where(small["mask"] >= MASK_THRESHOLD, np.uint8(255), np.uint8(0)))
    for path, name in ((copy.real, "target"), (copy.composite, "composite")):
        with replacing(path) as temporary:
            Image.fromarray(small[name]).save(temporary, format="JPEG", quality=JPEG_QUALITY)
    return copy
