"""Pairs at their training size in one file: nothing is decoded at a visit."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from harmlib.data.pairs import Pair, load_pair
from harmlib.data.rows import KeptRows
from harmlib.io.files import fingerprint
from harmlib.io.images import resize

CHANNELS = 7  # composite, target, mask

# Composite, uint8 (H, W, 3), and mask, bool (H, W), to its submasks, uint8 (H, W), 0 = background.
Labeler = Callable[[np.ndarray, np.ndarray], np.ndarray]


class PairResizer:
    """How a run's pairs come to ``size`` x ``size``.

    antialias: pictures are resized bilinearly by PIL, or by OpenCV, which does not antialias.
    soft_masks: masks are resized like pictures and get soft edges of 8 bits, as in a file; by default by nearest neighbor.
    """

    def __init__(self, size: int, *, antialias: bool, soft_masks: bool) -> None:
        self.size, self.antialias, self.soft_masks = size, antialias, soft_masks

    def picture(self, picture: np.ndarray) -> np.ndarray:
        """Return a uint8 picture (H, W, 3) at the size."""
        size = (self.size, self.size)
        if picture.shape[:2] == size:
            return picture
        if self.antialias:
            return resize(picture, size, "bilinear")
        return cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_LINEAR)

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """Return a mask (H, W), bool or float in [0, 1], as float32 in [0, 1] at the size."""
        size = (self.size, self.size)
        if mask.shape == size:
            return mask.astype(np.float32)
        if self.soft_masks:
            soft = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
            return np.rint(255 * soft).astype(np.float32) / 255
        return resize(mask >= 0.5, size, "nearest").astype(np.float32)

    def labels(self, labels: np.ndarray) -> np.ndarray:
        """Return a label map (H, W) at the size."""
        return resize(np.ascontiguousarray(labels), (self.size, self.size), "nearest")

    def __repr__(self) -> str:
        """Return what decides the pixels."""
        return f"{self.size}, antialias {self.antialias}, soft masks {self.soft_masks}"


class PackedPairs:
    """A benchmark's pairs, decoded and resized once, in one file of 7 or 8 bytes a pixel: 460 kB a pair at 256 x 256.

    pairs: in order. folder: where the file is kept; identity: names the benchmark's content; workers: processes that fill it.
    labeler: its submasks of each small composite are kept too; its repr states its settings, and other settings get another file.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        folder: str | os.PathLike[str],
        identity: str,
        resizer: PairResizer,
        labeler: Labeler | None = None,
        *,
        workers: int = 0,
    ) -> None:
        key = fingerprint([identity, repr(resizer), repr(labeler), *(f"{pair.subset}/{pair.id}" for pair in pairs)])
        path, shape = Path(folder) / f"pairs-{resizer.size}-{key[:12]}.npy", (resizer.size, resizer.size, CHANNELS + (labeler is not None))
        make, desc = partial(_small_pair, resizer=resizer, labeler=labeler), f"pairs at {resizer.size}x{resizer.size}"
        self._rows = KeptRows(path, pairs, shape, make, workers=workers, desc=desc, unit="pair")

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        """Return a pair's arrays: composite and target uint8 (size, size, 3), mask float32 (size, size), and submasks uint8 where kept."""
        pixels = self._rows[index]
        arrays = {"composite": pixels[..., :3], "target": pixels[..., 3:6], "mask": pixels[..., 6].astype(np.float32) / 255}
        return {**arrays, **({"submasks": pixels[..., 7]} if pixels.shape[2] > CHANNELS else {})}


def _small_pair(pair: Pair, resizer: PairResizer, labeler: Labeler | None) -> np.ndarray:
    """Return a pair, decoded, resized and labeled: uint8 (size, size, 7 or 8)."""
    arrays = load_pair(pair)
    composite, target = resizer.picture(arrays["composite"]), resizer.picture(arrays["target"])
    mask = resizer.mask(arrays["mask"])
    planes = [composite, target, np.rint(mask * 255).astype(np.uint8)]
    return np.dstack(planes if labeler is None else [*planes, labeler(composite, mask >= 0.5)])
