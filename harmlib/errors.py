"""Errors a user can cause, each with one sentence that says what to do, and the commonest check.

Everything here is a ``ValueError``, so callers that only know Python's own types still catch it. The shell command
turns them into that sentence and exit code 2.
"""

from __future__ import annotations

from collections.abc import Collection


class HarmlibError(ValueError):
    """Bad input, described in one sentence."""


class ImageError(HarmlibError):
    """A picture cannot be used: unreadable, truncated, 16-bit, empty, or too large."""


class VideoError(HarmlibError):
    """A video cannot be used: unreadable, truncated, not writable, or not in step with the videos it belongs to."""


class MaskError(HarmlibError):
    """A mask cannot be used with its picture."""


class EmptyMaskError(MaskError):
    """A mask has no foreground pixel where one is needed."""


class ShapeError(HarmlibError):
    """Arrays that belong together have different sizes."""


class RangeError(HarmlibError):
    """Values lie outside the documented range."""


class DataError(HarmlibError):
    """A data set, benchmark or list file is missing, incomplete or inconsistent."""


class CheckpointError(HarmlibError):
    """A checkpoint is missing, damaged, foreign, or made for another model."""


class ParameterError(HarmlibError):
    """An unknown name or a parameter outside its choices."""


class MissingPackageError(HarmlibError, ImportError):
    """A package that comes with one of harmlib's extras is not installed."""


class DiskSpaceError(HarmlibError):
    """The disk is full or too small for the work ahead."""


class BusyError(HarmlibError):
    """Another process is writing the same files."""


class WorkerError(HarmlibError):
    """A process that shared the work was ended from outside, most likely because the memory was used up."""


def check_choice(option: str, value: object, choices: Collection[str]) -> None:
    """Raise ParameterError unless the value of an option is one of its choices."""
    if value not in tuple(choices):
        raise ParameterError(f'{option} is "{value}": choose from {", ".join(choices)}')
