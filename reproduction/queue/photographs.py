"""Photographs that travel: at training size, compressed, one archive per source in the folder layout, and a source like any other there.

Composites are made from them again where they are needed, by the benchmarks' rules and seed: that takes a minute on some cores, and
carrying them would take four times as much room.
"""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harmlib.data.datasets import small_photo
from harmlib.data.photos import Source
from harmlib.errors import DataError
from harmlib.io.files import replacing, sha256
from harmlib.progress import progress
from reproduction.profiles import Profile, SourcePlan
from reproduction.queue.pieces import unpack_file

SIZE = 256  # pixels a side, at which all methods train
# Of WebP: about 9 kB a photograph. The same loss is in composite and target, so that no network learns from it what was changed.
QUALITY = 75
ENTRY = 300  # bytes that an archive spends on a picture and its labels
FEWEST = 2  # photographs of a split: a composer takes colors from another one
INDEX = "index.csv"
TIME = (1980, 1, 1, 0, 0, 0)  # of every file in an archive, so that the same photographs make the same bytes


@dataclass(frozen=True)
class Packed:
    """One photograph as it travels."""

    id: str
    image: bytes
    labels: bytes

    @property
    def size(self) -> int:
        """Bytes in an archive."""
        return len(self.image) + len(self.labels) + ENTRY + 3 * len(self.id)


def pack_photographs(
    profile: Profile, needed: Mapping[str, Collection[str]], data: str | os.PathLike[str] | None, folder: Path, *, room: int
) -> dict[str, Any]:
    """Write ``<source>.zip`` of every source into a folder; return source -> what a machine that has nothing else must know of it.

    needed: source -> splits. room: bytes; where it is too small, every split keeps the same share of its photographs, evenly spread over
    its list, because neighbors in it may be frames of one video. Raises DataError when that leaves hardly any, and as the sources do.
    """
    sources = {name: profile.open_source(name, data) for name in needed}
    packed: dict[tuple[str, str], list[Packed]] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the decoders and encoders work beside each other
        for name, source in sources.items():
            for split in (split for split in source.splits() if split in needed[name]):
                ids, make = source.ids(split), partial(_pack, source)
                packed[name, split] = list(progress(pool.map(make, ids), total=len(ids), desc=f"{name} {split}", unit="photograph"))
    share = next((percent for percent in range(100, 0, -1) if _size(packed, percent) <= room), 0)
    if not share:
        raise DataError(f"{room / 2**20:.1f} MiB are left for photographs, which is not enough: give a larger limit, or queue fewer runs")
    found: dict[str, Any] = {}
    for name, source in sources.items():
        kept = {split: _spread(photos, share) for (owner, split), photos in packed.items() if owner == name}
        path = folder / f"{name}.zip"
        _write(path, source, kept)
        counts = {split: {"carried": len(photos), "of": len(packed[name, split])} for split, photos in kept.items()}
        found[name] = {"no_object": source.no_object, "sha256": sha256(path), "photographs": counts}
    return found


def _pack(source: Source, photo_id: str) -> Packed:
    """Return one photograph."""
    pixels = small_photo(photo_id, source, SIZE)  # (S, S, 4)
    image, labels = io.BytesIO(), io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[..., :3])).save(image, "WEBP", quality=QUALITY)
    Image.fromarray(np.ascontiguousarray(pixels[..., 3])).save(labels, "PNG", optimize=True)
    return Packed(photo_id, image.getvalue(), labels.getvalue())


def _spread(photos: list[Packed], percent: int) -> list[Packed]:
    """Return a share of a split, evenly spread, but never fewer than a composer needs."""
    count = min(len(photos), max(FEWEST, len(photos) * percent // 100))
    return [photos[index] for index in np.linspace(0, len(photos) - 1, count).astype(int)]


def _size(packed: Mapping[tuple[str, str], list[Packed]], percent: int) -> int:
    """Return the bytes of all archives with a share of their photographs."""
    return sum(photo.size for photos in packed.values() for photo in _spread(photos, percent))


def _write(path: Path, source: Source, splits: Mapping[str, list[Packed]]) -> None:
    """Write one source's archive by rename."""
    rows: list[tuple[str, ...]] = [("id", "image", "label", "split")]
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for split, photos in splits.items():
            for photo in photos:
                rows.append((photo.id, f"images/{photo.id}.webp", f"labels/{photo.id}.png", split))
                archive.writestr(zipfile.ZipInfo(rows[-1][1], TIME), photo.image)
                archive.writestr(zipfile.ZipInfo(rows[-1][2], TIME), photo.labels)
        tables = {INDEX: rows}
        if source.classes:
            tables["classes.csv"] = [("id", "name"), *((str(number), name) for number, name in source.classes.items())]
        for name, table in tables.items():
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(table)
            archive.writestr(zipfile.ZipInfo(name, TIME), text.getvalue())


def unpack_photographs(folder: Path, carried: Mapping[str, Any], root: Path) -> dict[str, SourcePlan]:
    """Unpack every source below ``root`` and return the sources' plans there, in place of the profile's.

    carried: what ``pack_photographs`` returned. Raises DataError for an archive that is not the one that was packed, and for what the
    system refuses, as ``replacing``.
    """
    plans = {}
    for name, facts in carried.items():
        path, target = folder / f"{name}.zip", root / f"{name}-{facts['sha256'][:12]}"
        if not path.is_file() or sha256(path) != facts["sha256"]:
            raise DataError(f'"{path}" is not the archive that was packed: copy the whole folder again')
        if not (target / INDEX).exists():
            with zipfile.ZipFile(path) as archive:
                # The index last: it tells that the photographs are there.
                for file in sorted(archive.namelist(), key=lambda file: file == INDEX):
                    unpack_file(archive, file, target)
        plans[name] = SourcePlan(name, "folder", target.name, {"no_object": facts["no_object"]})
    return plans
