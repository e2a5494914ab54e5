"""Composites that do not run out: several draws of every photograph at training size, made once and kept for all runs.

A composer that recolors a foreground after another photograph takes a tenth of a second or more, too long for every visit. Of each
composite the mask, the foreground's colors and the recipe are kept, 10 to 40 kB at 256 x 256; the rest is the photograph's.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harmlib.data.composers.base import Skipped, get_composer
from harmlib.data.datasets import Arrays, ResizedSource, StoredPairs
from harmlib.data.packed import Labeler, PairResizer
from harmlib.errors import DataError
from harmlib.io.arrays import read_arrays
from harmlib.io.documents import MADE_AGAIN, check_shape, parse_json
from harmlib.io.files import fingerprint, remove_partial, replacing
from harmlib.io.locks import alone
from harmlib.progress import progress
from harmlib.threads import in_processes

CHUNK = 32  # photographs a file
PARTS = ("photos", "masks", "colors", "recipes", "counts")


class CompositePool:
    """The composites of one source's photographs: ``draws`` of each, minus those that the composer's rules leave out.

    cache: the folder of the files; an interrupted pool goes on where it stopped, and more draws only add to it.
    workers: processes besides this one, on whose number the composites do not depend.
    counts: how many draws became "composites", and how many were left out for each reason.
    Raises DataError when no composite is left.
    """

    def __init__(
        self, photos: ResizedSource, composer: str, *, draws: int, seed: int, cache: str | os.PathLike[str], workers: int = 0
    ) -> None:
        self.photos = photos
        (split,) = photos.splits()
        ids = photos.ids(split)
        key = fingerprint([photos.fingerprint(), str(photos.size), composer, str(seed)])[:12]
        self.folder = Path(cache) / f"{photos.name}-{split}-{composer}-{photos.size}-{key}"
        jobs = [
            (ids[start : start + CHUNK], draw, self.folder / f"{draw:02d}-{start:06d}.npz")
            for draw in range(draws)
            for start in range(0, len(ids), CHUNK)
        ]
        # An archive's list of what it holds stands at its end, so one that was cut off is none.
        if not all(zipfile.is_zipfile(path) for *_, path in jobs):
            with alone(self.folder, f'another process is filling "{self.folder}"', patience=math.inf):
                remove_partial(self.folder)
                waiting = [job for job in jobs if not zipfile.is_zipfile(job[-1])]
                done = in_processes(_draw_chunk, waiting, workers=workers, common=(photos, composer, seed))
                bar = progress(done, total=len(jobs), initial=len(jobs) - len(waiting), desc=f"composites of {photos.name}", unit="chunk")
                for _ in bar:
                    pass
        self.counts: Counter[str] = Counter()
        self._draws: dict[str, list[_Draw]] = {}
        for *_, path in jobs:
            self._read_chunk(path)
        self.ids = [photo_id for photo_id in ids if photo_id in self._draws]
        if not self.ids:
            raise DataError(f'the composer "{composer}" leaves out every composite of "{photos.name}" ({dict(self.counts)})')

    def _read_chunk(self, path: Path) -> None:
        """Add the composites of one file."""
        chunk = read_arrays(path, PARTS)
        photos, masks, colors, recipes, counts = (chunk[name] for name in PARTS)
        side = self.photos.size
        wanted = masks.shape == (len(photos), side, (side + 7) // 8) and masks.dtype == colors.dtype == np.uint8 and recipes.ndim == 1
        if not wanted or colors.shape != (np.bitwise_count(masks).sum(dtype=np.int64), 3) or len(recipes) != len(photos):
            raise DataError(f'"{path}" holds other arrays than a chunk of composites: {MADE_AGAIN}')
        found = parse_json(str(counts), f'"{path}"')
        check_shape(found, {str: int}, f'"{path}"')
        self.counts.update(found)
        ends = np.cumsum(np.bitwise_count(masks).sum((1, 2), dtype=np.int64))
        for photo, mask, recipe, part in zip(photos, masks, recipes, np.split(colors, ends[:-1]) if len(ends) else [], strict=True):
            self._draws.setdefault(str(photo), []).append((mask, part, str(recipe)))

    def read(self, photo_id: str, visit: int) -> Arrays:
        """Return the composite of one visit, draws in turn: composite and target uint8 (S, S, 3), mask bool (S, S)."""
        draws = self._draws[photo_id]
        packed, colors, _ = draws[visit % len(draws)]
        target = self.photos.load(photo_id).image
        mask = np.unpackbits(packed, axis=1, count=self.photos.size).view(bool)
        composite = target.copy()
        composite[mask] = colors
        return {"composite": composite, "target": target, "mask": mask}

    def recipes(self, photo_id: str) -> list[dict[str, Any]]:
        """Return the recipes of a photograph's composites; the composer replays them."""
        return [json.loads(recipe) for _, _, recipe in self._draws[photo_id]]


_Draw = tuple[np.ndarray, np.ndarray, str]  # mask bits (S, S / 8), foreground colors (N, 3), recipe


def _draw_chunk(source: ResizedSource, composer: str, seed: int, ids: Sequence[str], draw: int, path: Path) -> None:
    """Make one draw of some photographs and write the composites to one file."""
    counts: Counter[str] = Counter()
    kept: list[tuple[str, np.ndarray, np.ndarray, str]] = []
    for photo_id in ids:
        try:
            composite = get_composer(composer)(source, photo_id, draw, seed)
        except Skipped as reason:
            counts[str(reason)] += 1
            continue
        counts["composites"] += 1
        mask = composite.mask
        kept.append((photo_id, np.packbits(mask, axis=1), composite.image[mask], json.dumps(composite.recipe)))
    side = source.size
    photos, masks, colors, recipes = zip(*kept, strict=True) if kept else ((), (), (), ())
    with replacing(path) as temporary:
        np.savez(
            temporary,
            photos=np.array(photos, dtype=str),
            masks=np.array(masks, dtype=np.uint8).reshape(len(masks), side, (side + 7) // 8),
            colors=np.concatenate([np.empty((0, 3), np.uint8), *colors]),
            recipes=np.array(recipes, dtype=str),
            counts=np.array(json.dumps(counts)),
        )


class PooledPairs(StoredPairs):
    """Pairs of several pools as a run trains on them: an item is a photograph, and every visit takes the next of its composites.

    resizer, augmentations, labeler: as for ``StoredPairs``.
    """

    def __init__(
        self,
        pools: Sequence[CompositePool],
        resizer: PairResizer,
        *,
        seed: int,
        augmentations: Sequence[str] = (),
        labeler: Labeler | None = None,
    ) -> None:
        self._items = [(pool, photo_id) for pool in pools for photo_id in pool.ids]
        super().__init__((), resizer, seed=seed, augmentations=augmentations, labeler=labeler, kept=range(len(self._items)))

    def read(self, index: int, visit: int) -> tuple[str, Arrays]:
        """Return the name and the arrays of (index, visit)."""
        pool, photo_id = self._items[index]
        return f"{pool.photos.name}/{photo_id}", pool.read(photo_id, visit)
