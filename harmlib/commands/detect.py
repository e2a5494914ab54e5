"""Detecting visible exposure shifts in files: a picture or a folder of pictures; what ``python -m harmlib detect`` does."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harmlib.errors import DataError, HarmlibError, ImageError
from harmlib.inference.detection import check_detector, detect
from harmlib.io import files, images
from harmlib.io.folders import do_each, list_pictures
from harmlib.progress import progress

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel

logger = logging.getLogger(__name__)

SAMPLED = 16  # every how many pixels an array is looked at


def detect_files(model: HarmonizationModel, image: str | os.PathLike[str], out: str | os.PathLike[str]) -> None:
    """Detect in a picture, or in every picture of a folder, and write a map and its probabilities to ``out``, which is of the same kind.

    out: ``<out>.png`` shows what is darker in red and what is brighter in green, by probability; ``<out>.npy`` holds what ``detect``
    returns. Results in a folder keep the pictures' names; those that exist stay as they are, so an interrupted run resumes.
    Files with these names that are not such results are never replaced.
    Raises HarmlibError, naming the file, for one that cannot be used; in a folder, after all the others are done.
    """
    check_detector(model)
    source, target = Path(image), Path(out)
    if not source.exists():
        raise DataError(f'"{image}" does not exist')
    files.remove_partial(target)
    if source.is_dir():
        _detect_folder(model, source, target)
    else:
        _detect_picture(model, source, target)


def _detect_folder(model: HarmonizationModel, pictures: Path, out: Path) -> None:
    """Write the results of a folder that ``out`` does not have yet."""
    if out.exists() and not out.is_dir():
        raise DataError(f'"{out}" is a file: name a folder for the results of "{pictures}"')
    files.check_output(out, pictures)
    jobs = [(path, out / f"{path.stem}.png") for path in list_pictures(pictures)]
    waiting = [(path, result) for path, result in jobs if not all(file.exists() for file in _result_paths(result))]
    if len(waiting) < len(jobs):
        logger.info('%d of %d results are in "%s" already and stay as they are', len(jobs) - len(waiting), len(jobs), out)
    do_each(progress(waiting, desc=model.name, unit="image"), lambda path, result: _detect_picture(model, path, result))


def _detect_picture(model: HarmonizationModel, picture: Path, out: Path) -> None:
    """Write the results of one picture."""
    if out.is_dir():
        raise ImageError(f'"{out}" is a folder: name the result, as in "{out / picture.stem}.png"')
    shown, stored = _result_paths(out)
    source = images.open_image(picture)
    for path in (shown, stored):
        files.check_output(path, picture)
    for path, is_ours in ((shown, _is_map), (stored, _is_result)):
        if path.exists() and not is_ours(path):
            raise DataError(f'"{path}" is there and is no result of detect: move it away, or choose another name')
    try:
        probabilities = detect(model, source)
    except HarmlibError as error:
        raise type(error)(f'"{picture}": {error}') from error
    # To a stream for reading too, NumPy writes through Python, which knows why the system refuses; itself it says how much was written.
    with files.replacing(stored) as temporary, temporary.open("r+b") as stream:
        np.save(stream, probabilities)
    visible = probabilities * np.array([255, 255, 0], np.float32)  # darker, brighter, neither -> red, green, black
    images.write_png(shown, np.rint(visible).astype(np.uint8))


def _is_map(shown: Path) -> bool:
    """Tell whether a picture shows darker in red, brighter in green and nothing in blue."""
    try:
        return not images.read_image(shown)[..., 2].any()
    except ImageError:
        return False


def _is_result(stored: Path) -> bool:
    """Tell whether a file holds probabilities as they are stored."""
    try:
        found = np.load(stored, mmap_mode="r", allow_pickle=False)
    except Exception:  # NumPy meets damage with whatever its first broken step raises
        return False
    return (
        isinstance(found, np.ndarray)
        and found.dtype == np.float32
        and found.shape[2:] == (3,)
        and np.allclose(found[::SAMPLED, ::SAMPLED].sum(2), 1, atol=1e-3)
    )


def _result_paths(out: Path) -> tuple[Path, Path]:
    """Return where the map and its probabilities go; ``out`` may end in the suffix of one of them."""
    base = out.with_suffix("") if out.suffix.lower() in (".png", ".npy") else out
    return base.with_name(f"{base.name}.png"), base.with_name(f"{base.name}.npy")
