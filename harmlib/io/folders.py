"""Folders of pictures in which names say what belongs together: equal stems, or iHarmony4's rule."""

from __future__ import annotations

import itertools
import logging
import os
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from harmlib.errors import DataError, DiskSpaceError, HarmlibError, ImageError
from harmlib.io.images import FORMATS_IN_WORDS, IMAGE_SUFFIXES

logger = logging.getLogger(__name__)

# Of iHarmony4's names, <photo>_<object>_<variant>: a shorter one is no evidence that a folder follows that rule.
PARTS = 3
NAMED = 5  # files in a sentence


def list_pictures(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the pictures of a folder, by name; everything else in it but hidden files is counted and named in the log.

    Raises DataError when there is none or two share a name.
    """
    if not Path(folder).exists():
        raise DataError(f'"{folder}" does not exist')
    try:
        content = sorted(path for path in Path(folder).iterdir() if not path.name.startswith("."))
    except OSError as error:
        reason = "is no folder" if isinstance(error, NotADirectoryError) else f"cannot be read ({error.strerror})"
        raise DataError(f'"{folder}" {reason}: give a folder of pictures') from error
    found = [path for path in content if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]
    others = [path.name + "/" * path.is_dir() for path in content if path not in found]
    if others:
        logger.info('"%s": %d left out that are no %s (%s)', folder, len(others), FORMATS_IN_WORDS, _in_words(others))
    if not found:
        raise DataError(f'"{folder}" holds no picture ({", ".join(IMAGE_SUFFIXES)})')
    for first, second in itertools.pairwise(sorted(found, key=_stem)):
        if _stem(first) == _stem(second):
            raise DataError(f'"{folder}" has both "{first.name}" and "{second.name}": keep one of them')
    return found


def find_partners(pictures: Sequence[Path], folder: str | os.PathLike[str], parts: int) -> list[Path]:
    """Return what belongs to each of the pictures of one folder.

    Either every picture has a partner of the same name, whatever the suffix; or all are named as in iHarmony4,
    <photo>_<object>_<variant>, and every one has a partner whose name lacks its last ``parts`` parts. One rule holds for the whole
    folder: a single name proves nothing. Files that belong to no picture are counted and named in the log.
    Raises ImageError that names the first without a partner, DataError as ``list_pictures`` does.
    """
    there = {_stem(path): path for path in list_pictures(folder)}
    same = [there.get(_stem(picture)) for picture in pictures]
    stems = [_stem(picture).rsplit("_", parts) for picture in pictures]
    shorter = [there.get(stem[0]) if "_".join(stem).count("_") >= PARTS - 1 else None for stem in stems]
    for rule in (same, shorter):
        found = [path for path in rule if path is not None]
        if len(found) < len(pictures):
            continue
        others = sorted({path.name for path in there.values()} - {path.name for path in found})
        if others:
            logger.info('"%s": %d belong to none of the pictures (%s)', folder, len(others), _in_words(others))
        return found
    # The rule that more names follow is the one that was meant.
    ruled = shorter if shorter.count(None) < same.count(None) else same
    number = ruled.index(None)
    stem = stems[number][0] if ruled is shorter else pictures[number].stem
    raise ImageError(
        f'"{folder}" has no picture "{stem}" for "{pictures[number].name}": give each the same name, or all of them the names of iHarmony4'
    )


def _in_words(names: Sequence[str]) -> str:
    """Return the first names."""
    return ", ".join(names[:NAMED]) + ", ..." * (len(names) > NAMED)


def _stem(path: Path) -> str:
    """Return a name without its suffix, its accents composed: file systems and archives write them in two ways."""
    return unicodedata.normalize("NFC", path.stem)


def do_each(jobs: Iterable[tuple[Path, ...]], work: Callable[..., None]) -> None:
    """Work on every job; one that cannot be done does not stop the others. Raises DataError at the end, with every sentence in the log."""
    failed = []
    for job in jobs:
        try:
            work(*job)
        except DiskSpaceError:
            raise
        except HarmlibError as error:
            logger.error("%s", error)
            failed.append(error)
    if len(failed) == 1:
        raise failed[0]
    if failed:
        raise DataError(f"{len(failed)} pictures could not be used, the others are done; the first: {failed[0]}")
