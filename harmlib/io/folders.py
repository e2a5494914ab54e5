"""Folders of pictures in which names tell what belongs together: equal stems, or iHarmony4's rule."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from harmlib.errors import DataError
from harmlib.io.images import IMAGE_SUFFIXES, find_image


def list_pictures(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the pictures of a folder by name, hidden files left out; raises DataError when there is none or two share a name."""
    if not Path(folder).is_dir():
        raise DataError(f'"{folder}" is no folder: give a folder of pictures')
    found = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("."))
    if not found:
        raise DataError(f'"{folder}" holds no picture (.png, .jpg)')
    for first, second in itertools.pairwise(found):
        if first.stem == second.stem:
            raise DataError(f'"{folder}" has both "{first.name}" and "{second.name}": keep one of them')
    return found


def find_partner(folder: str | os.PathLike[str], stem: str, parts: int) -> Path:
    """Return the picture of the same name, or of the name without its last ``parts`` parts; raises ImageError when there is none."""
    same = [Path(folder) / f"{stem}{suffix}" for suffix in IMAGE_SUFFIXES]
    return next((path for path in same if path.exists()), None) or find_image(folder, stem.rsplit("_", parts)[0])
