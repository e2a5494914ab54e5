"""Arrays on disk, .npz and .npy: checked before NumPy reads them, so a damaged or hostile file leads to one sentence."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from harmlib.errors import DataError
from harmlib.io.documents import MADE_AGAIN

# Deflate packs a thousand bytes into one at best, arrays that mean something much less: a picture of one color is the extreme.
MAX_UNPACKED = 2**31


def read_arrays(
    path: str | os.PathLike[str], names: Collection[str], *, limit: int = MAX_UNPACKED, advice: str = MADE_AGAIN
) -> dict[str, np.ndarray]:
    """Return an .npz file's arrays; raises DataError if it is missing, damaged, lacks ``names``, holds objects or over ``limit`` bytes."""
    try:
        check_archive(path, limit)
        with np.load(path, allow_pickle=False) as stored:
            arrays = dict(stored)
    except FileNotFoundError as error:
        raise DataError(f'"{path}" does not exist: {advice}') from error
    except Exception as error:  # zip, zlib and NumPy meet damage with whatever their first broken step raises
        raise DataError(f'"{path}" is damaged or holds no arrays ({error}): {advice}') from error
    missing = [name for name in names if name not in arrays]
    if missing:
        raise DataError(f'"{path}" lacks the array {", ".join(missing)}: {advice}')
    return arrays


def map_array(path: str | os.PathLike[str], shape: tuple[int, ...], *, advice: str = MADE_AGAIN) -> np.ndarray:
    """Return an .npy file of uint8 as an array that stays on disk; raises DataError when it is missing, damaged, cut off or another one."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f'"{path}" does not exist: {advice}') from error
    except Exception as error:  # as above
        raise DataError(f'"{path}" is damaged or cut off ({error}): {advice}') from error
    if not isinstance(found, np.ndarray) or found.shape != shape or found.dtype != np.uint8:
        raise DataError(f'"{path}" holds another array than expected: {advice}')
    return found


def check_archive(path: str | os.PathLike[str], limit: int) -> None:
    """Raise BadZipFile for a zip file that would unfold to more than ``limit`` bytes by its own directory, read before anything else."""
    with zipfile.ZipFile(Path(path)) as archive:
        unfolded = sum(entry.file_size for entry in archive.infolist())
    if unfolded > limit:
        raise zipfile.BadZipFile(f"it would unfold to {unfolded / 2**20:.0f} MiB")
