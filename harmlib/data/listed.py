"""What sources share whose photographs and label maps are files on disk, and the checks on lists that people edit."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Container, Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

import numpy as np

from harmlib.data.photos import Photo, Source
from harmlib.errors import DataError
from harmlib.io import files
from harmlib.io.images import read_image, read_labels
from harmlib.io.tables import TEXT, WHOLE, read_rows, read_text

SPLITS = ("train", "val", "test")
LONGEST_NAME = 255  # bytes of a file's name
# Ends sentences about lists that are missing or damaged.
LAYOUT = "data/README.md shows the layout that is expected"


class PhotoFiles(NamedTuple):
    """Where a photograph and its regions stand: one label map, or one mask per object."""

    image: Path
    labels: tuple[Path, ...]


class ListedSource(Source):
    """A source whose subclass lists the files of every photograph, and reads regions that are no label map (``read_regions``)."""

    def __init__(
        self,
        name: str,
        splits: Mapping[str, Sequence[str]],
        photos: Mapping[str, PhotoFiles],
        *,
        no_object: int | None,
        classes: Mapping[int, str],
    ) -> None:
        self.name, self.no_object, self.classes = name, no_object, classes
        self._splits = {split: list(ids) for split, ids in splits.items() if ids}
        self._photos = photos

    def splits(self) -> tuple[str, ...]:
        """Return the splits that have photographs, out of train, val and test."""
        return tuple(split for split in SPLITS if split in self._splits)

    def ids(self, split: str) -> list[str]:
        """Return the photo ids of a split in their public order; raises ParameterError for an unknown split."""
        self.check_split(split)
        return list(self._splits[split])

    def load(self, photo_id: str) -> Photo:
        """Return one photograph.

        Raises DataError for an unknown id, a label map of a different size or a region id without a class, and ImageError
        for a missing or unreadable picture.
        """
        if photo_id not in self._photos:
            raise self.unknown_photo(photo_id)
        paths = self._photos[photo_id]
        image = read_image(paths.image)
        photo = Photo(photo_id, image, self.read_regions(paths, image), self.classes)
        for region in np.flatnonzero(np.bincount(photo.labels.ravel())) if self.classes else ():
            if region not in self.classes and region != self.no_object:
                raise DataError(
                    f'label map of "{photo_id}" has id {region}, which is no class of "{self.name}" '
                    f"({min(self.classes)} to {max(self.classes)}): correct the map or the list of classes"
                )
        return photo

    def read_regions(self, paths: PhotoFiles, image: np.ndarray) -> np.ndarray:
        """Return the region ids of a photograph, uint8 (H, W)."""
        return read_labels(paths.labels[0])

    def fingerprint(self) -> str:
        """Return a name for the content, from splits, ids and file sizes; raises DataError when a file is missing."""
        parts = []
        for split, ids in self._splits.items():
            for photo_id in ids:
                image, labels = self._photos[photo_id]
                sizes = " ".join(str(file_size(path)) for path in (image, *labels))
                parts.append(f"{split} {photo_id} {sizes}")
        return files.fingerprint(parts)


def file_size(path: Path) -> int:
    """Return a file's size in bytes; raises DataError when it is missing."""
    try:
        return path.stat().st_size
    except FileNotFoundError as error:
        raise DataError(f'"{path}" is missing: fetch the data set again or correct its list') from error
    except OSError as error:  # a listed name may be longer than file systems take
        raise DataError(f'"{path}" cannot be read ({error.strerror}): correct the list that names it') from error


def read_list(path: Path) -> list[str]:
    """Return the lines of a list file, without empty ones; raises DataError when nothing is left."""
    lines = [line.strip() for line in read_text(path, advice=LAYOUT).splitlines() if line.strip()]
    if not lines:
        raise DataError(f'"{path}" is empty: fetch it again')
    return lines


def read_classes(path: Path) -> dict[int, str]:
    """Return the class names by id of a table with the columns id and name; raises DataError when it is missing or damaged."""
    rows = read_rows(path, {"id": WHOLE, "name": TEXT}, filled=("id",), keys=("id",), advice=LAYOUT)
    return {row.cells["id"]: row.cells["name"].strip() for row in rows}


def inside(root: Path, entry: str, listed_in: Path) -> Path:
    """Return ``root / entry`` for a path found in a list file; raises DataError when it would leave ``root``.

    Windows rules cover both kinds of separator, absolute paths and drive letters.
    """
    path = PureWindowsPath(entry)
    if "\0" in entry or any(len(part.encode()) > LONGEST_NAME for part in path.parts):
        raise DataError(f'"{listed_in}" lists {reprlib.repr(entry)}, which no file can be called: correct the list')
    if not path.parts or path.anchor or ".." in path.parts:
        raise DataError(f'"{listed_in}" lists "{entry}", which lies outside the data root: list paths below "{root}"')
    return root.joinpath(*path.parts)


def check_links(root: Path, path: Path) -> None:
    """Raise DataError when links lead from a path below ``root`` to somewhere else.

    A folder right below the root may be a link to one of its own name, because data sets lie on several disks.
    """
    home, real = Path(os.path.realpath(root)), Path(os.path.realpath(path))
    top = root / path.relative_to(root).parts[0] if path != root else root
    moved = Path(os.path.realpath(top))
    if not real.is_relative_to(home) and not (moved.name == top.name and real.is_relative_to(moved)):
        raise DataError(f'"{path}" is a link that leads out of the data root: copy what it leads to')


def check_photo_id(photo_id: str, listed_in: Path, known: Container[str] = ()) -> None:
    """Raise DataError unless a photo id can be part of a file name and is not ``known`` yet."""
    if not photo_id or photo_id in (".", "..") or set(photo_id) & set('/\\:*?"<>|\0'):
        raise DataError(f'"{listed_in}" has the photo id "{photo_id}", which cannot be part of a file name: rename it')
    if photo_id in known:
        raise DataError(f'"{listed_in}" has the photo id "{photo_id}" once too often: ids are unique over all splits')


def pick_folder(root: Path, folders: Sequence[str], member: str) -> Path:
    """Return the first of ``root``'s ``folders`` that has ``member`` in it; raises DataError when none has."""
    for folder in folders:
        if (root / folder / member).exists():
            return root / folder
    raise DataError(f'"{root}" has no "{member}": {LAYOUT}')
