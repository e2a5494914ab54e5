"""What a training loop reads: composites made fresh at every visit, or pairs from a benchmark on disk.

Both are indexed by (index, visit) and return the batch entries that ``harmlib.models.base`` describes. A visit is the
number of times an item has been seen: with the seed and the item's id it decides every random choice, so the number of
workers and a resumed run change nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from harmlib.color import lab8_to_rgb
from harmlib.data.augmentations import Arrays, augment, crops
from harmlib.data.composers.base import composes_online, get_composer
from harmlib.data.composers.regions import is_usable
from harmlib.data.packed import Labeler, PackedPairs, PairResizer
from harmlib.data.pairs import Pair, load_pair
from harmlib.data.photos import Photo, Source
from harmlib.data.rows import KeptRows
from harmlib.errors import DataError, ParameterError
from harmlib.io.images import resize
from harmlib.perturbations.sgmmh import Perturbed, to_network_size
from harmlib.seeds import item_generator

Batch = dict[str, Any]


class ResizedSource(Source):
    """A source's photographs of one split at ``size`` x ``size``, decoded and resized once by ``workers`` processes (``KeptRows``).

    Pictures are resized bilinearly without antialiasing, labels by nearest neighbor, as in Sg-MMH's code; 262 kB each at 256 x 256.
    """

    kind = "resized"

    def __init__(self, source: Source, split: str, cache: str | os.PathLike[str], *, size: int = 256, workers: int = 0) -> None:
        self.size = size
        self.name, self.no_object, self.classes, self.folder = source.name, source.no_object, source.classes, source.folder
        self._ids, self._split, self._fingerprint = source.ids(split), split, source.fingerprint()
        self._indices = {photo_id: index for index, photo_id in enumerate(self._ids)}
        path = Path(cache) / f"{source.name}-{split}-{size}-{self._fingerprint[:12]}.npy"
        make, desc = partial(small_photo, source=source, size=size), f"{source.name} at {size}x{size}"
        self._rows = KeptRows(path, self._ids, (size, size, 4), make, workers=workers, desc=desc, unit="photograph")

    def splits(self) -> tuple[str, ...]:
        """Return the one split it holds."""
        return (self._split,)

    def ids(self, split: str) -> list[str]:
        """Return the photo ids in the source's order."""
        self.check_split(split)
        return self._ids

    def load(self, photo_id: str) -> Photo:
        """Return one photograph at the reduced size; raises DataError for an unknown id."""
        if photo_id not in self._indices:
            raise self.unknown_photo(photo_id)
        pixels = self._rows[self._indices[photo_id]]
        return Photo(photo_id, np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3]), self.classes)

    def fingerprint(self) -> str:
        """Return the full-size source's fingerprint."""
        return self._fingerprint


def small_photo(photo_id: str, source: Source, size: int) -> np.ndarray:
    """Return a photograph and its labels as ``ResizedSource`` keeps them, uint8 (size, size, 4)."""
    photo = source.load(photo_id)
    labels = resize(photo.labels.astype(np.uint8), (size, size), "nearest")
    return np.dstack([cv2.resize(photo.image, (size, size), interpolation=cv2.INTER_LINEAR), labels])


class Visits(Dataset[Batch]):
    """A data set that is indexed by (index, visit) and knows its number of items."""

    def __len__(self) -> int:
        """Return the number of items."""
        raise NotImplementedError

    def __getitem__(self, key: tuple[int, int]) -> Batch:
        """Return the entry of (index, visit)."""
        raise NotImplementedError


class OnlineComposites(Visits):
    """Photographs of several sources, perturbed anew at every visit, as the authors of Sg-MMH train.

    sources: their training photographs are used. size: side of the entries in pixels.
    space: "rgb", or "lab" for methods trained on 8-bit LAB codes, which then get ``composite_lab`` and ``target_lab`` too.
    augmentations: names of ``data.augmentations``, at the photographs' own size.
    Photographs that the composer skips are left out here as well.
    Raises DataError when none is left, ParameterError for a composer that also drops composites, which only a build can count.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        composer: str,
        *,
        seed: int,
        size: int = 256,
        space: str = "rgb",
        augmentations: Sequence[str] = (),
    ) -> None:
        if not composes_online(composer):
            raise ParameterError(f'composer "{composer}" drops some of its composites: build the benchmark, and train with online: false')
        self._composer, self._seed, self._size, self._space = composer, seed, size, space
        self._augmentations = tuple(augmentations)
        self._items = [(source, photo) for source in sources for photo in source.ids("train") if is_usable(source, photo)]
        if not self._items:
            raise DataError(f"none of the photographs of {', '.join(source.name for source in sources)} has a labeled region to perturb")

    def __len__(self) -> int:
        """Return the number of photographs."""
        return len(self._items)

    def __getitem__(self, key: tuple[int, int]) -> Batch:
        """Return the composite of (index, visit)."""
        index, visit = key
        source, photo_id = self._items[index]
        options = {"space": "lab"} if self._space == "lab" else {}
        composite = get_composer(self._composer)(source, photo_id, visit, self._seed, **options)
        name = f"{source.name}/{photo_id}"
        arrays = {"image": composite.image, "target": composite.target, "mask": composite.mask, "regions": composite.regions}
        # Its own draws: the composite's are the same with and without augmentation.
        arrays = augment(arrays, self._augmentations, item_generator(self._seed, f"{name} augmented", visit))
        small = to_network_size(Perturbed(*(np.ascontiguousarray(arrays[part]) for part in ("image", "target", "mask"))), self._size)
        image, target = small.composite, small.target
        entry: Batch = {"id": name, "mask": _planes(small.mask, 1.0)}
        if composite.stops is not None:
            entry["regions"] = _planes(resize(np.ascontiguousarray(arrays["regions"]), (self._size, self._size), "nearest"), 1.0)
            entry["stops"] = torch.tensor(composite.stops, dtype=torch.float32)
        if self._space == "lab":
            entry.update(composite_lab=_planes(image), target_lab=_planes(target))
            image, target = lab8_to_rgb(np.rint(image).astype(np.uint8)), lab8_to_rgb(target)
        return {**entry, "composite": _planes(image), "target": _planes(target)}


class StoredPairs(Visits):
    """Pairs of a benchmark on disk, resized for training and augmented anew at every visit.

    resizer: how they come to their training size. augmentations: names of ``data.augmentations``; crops are cut at the files' own size
    and resized, everything else happens at the training size, so that ``packed`` changes nothing there.
    packed: the same pairs at that size already; crops are cut there too.
    labeler: gives the submasks of a small composite, unless the packed pairs bring them: those were found on the whole composite, and
    go through the augmentations; fresh ones are found on what the network sees.
    full_size: entries also have "full": composite, target and mask as the augmentations leave them, before they are resized.
    kept: the indices of the pairs that are items; None for all.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        resizer: PairResizer,
        *,
        seed: int = 0,
        augmentations: Sequence[str] = (),
        packed: PackedPairs | None = None,
        labeler: Labeler | None = None,
        full_size: bool = False,
        kept: Sequence[int] | None = None,
    ) -> None:
        self._pairs, self._resizer, self._packed, self._labeler = pairs, resizer, packed, labeler
        self._kept = range(len(pairs)) if kept is None else kept
        self._seed, self._augmentations, self._full_size = seed, tuple(augmentations), full_size
        self._small_first = not (full_size or crops(augmentations))

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._kept)

    def read(self, index: int, visit: int) -> tuple[str, Arrays]:
        """Return the name and the arrays of (index, visit), before augmentation: composite and target uint8 (H, W, 3), mask (H, W)."""
        index = self._kept[index]
        pair = self._pairs[index]
        return f"{pair.subset}/{pair.id}", self._packed[index] if self._packed else load_pair(pair)

    def __getitem__(self, key: tuple[int, int]) -> Batch:
        """Return the pair of (index, visit)."""
        name, arrays = self.read(*key)
        generator = item_generator(self._seed, name, key[1])
        if self._small_first:
            arrays = augment({**arrays, **self._resized(arrays)}, self._augmentations, generator)
        else:
            arrays = augment(arrays, self._augmentations, generator)
        composite, target, mask = self._resized(arrays).values()
        entry = {"id": name, "composite": _planes(composite), "target": _planes(target), "mask": _planes(mask, 1.0)}
        if self._labeler is not None:
            kept = arrays.get("submasks")
            labels = self._labeler(composite, mask >= 0.5) if kept is None else self._resizer.labels(kept)
            entry["submasks"] = _planes(labels, 1.0)
        if self._full_size:
            entry["full"] = {name: _planes(arrays[name], 1.0 if name == "mask" else 255.0) for name in ("composite", "target", "mask")}
        return entry

    def _resized(self, arrays: Arrays) -> Arrays:
        """Return composite, target and mask at the training size."""
        pictures = {name: self._resizer.picture(arrays[name]) for name in ("composite", "target")}
        return {**pictures, "mask": self._resizer.mask(arrays["mask"])}


class VisitBatches(Sampler[list[tuple[int, int]]]):
    """Batches of (index, visit) of the steps ``first`` to ``last`` - 1, in an order that the seed decides.

    Every epoch is a permutation of its own; incomplete batches are dropped, unless there are fewer items than one batch takes.
    batch_size: items of a step over all devices. Each device takes its share in ``parts``, one after the other; whether devices or parts
    divide a batch, the groups of items are the same. Raises ParameterError when they cannot divide it evenly.
    """

    def __init__(
        self, length: int, batch_size: int, *, seed: int, first: int, last: int, rank: int = 0, devices: int = 1, parts: int = 1
    ) -> None:
        if batch_size % (devices * parts):
            raise ParameterError(f"{devices} devices cannot share a batch of {batch_size} alike in {parts} parts: give a multiple")
        self._length, self._seed, self._first, self._last = length, seed, first, last
        self._batch, self._rank, self._devices, self._parts = batch_size, rank, devices, parts
        self._per_epoch = length - length % self._batch if length >= self._batch else length

    def __len__(self) -> int:
        """Return how many parts are left."""
        return (self._last - self._first) * self._parts

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        """Yield this device's parts of each step."""
        epoch, order = -1, np.empty(0, dtype=int)
        for step in range(self._first, self._last):
            keys = []
            for position in range(step * self._batch, (step + 1) * self._batch):
                if position // self._per_epoch != epoch:
                    epoch = position // self._per_epoch
                    order = np.random.default_rng((self._seed, epoch)).permutation(self._length)
                keys.append((int(order[position % self._per_epoch]), epoch))
            share = len(keys) // self._devices
            own = keys[self._rank * share : (self._rank + 1) * share]
            size = share // self._parts
            for start in range(0, len(own), size):
                yield own[start : start + size]


def _planes(array: np.ndarray, scale: float = 255.0) -> torch.Tensor:
    """Return (H, W, 3) or (H, W) as float32 (C, H, W), divided by ``scale``."""
    planes = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(planes, dtype=np.float32)) / scale
