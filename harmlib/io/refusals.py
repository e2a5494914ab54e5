"""The one sentence about what the system refuses when a file is written."""

from __future__ import annotations

import errno
from pathlib import Path

from harmlib.errors import DataError, DiskSpaceError, HarmlibError

FULL = (errno.ENOSPC, errno.EDQUOT)  # the disk, or the user's share of it
ONLY_WRITING = (*FULL, errno.EFBIG, errno.EROFS)  # what reading never meets


def is_special(path: Path) -> bool:
    """Tell whether a pipe or a device is there: reading might wait forever, and writing by rename would replace it."""
    return path.exists() and not path.is_file() and not path.is_dir()


def refusal(target: Path, error: OSError) -> HarmlibError:
    """Return the error to raise where ``target`` was to be written: DiskSpaceError for a full disk, DataError for anything else."""
    if error.errno in FULL:
        return DiskSpaceError(f'the disk is full while writing "{target}": free some space and run the same command again')
    blocked = next((folder for folder in target.parents if folder.exists() and not folder.is_dir()), None)
    if blocked is not None:
        return DataError(f'"{target}" cannot be written, because "{blocked}" is a file: choose another folder')
    if error.errno == errno.EISDIR:
        return DataError(f'"{target}" is a folder: name a file in it')
    return DataError(f'"{target}" cannot be written ({error.strerror}): choose another place or name')
