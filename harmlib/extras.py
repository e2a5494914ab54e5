"""Packages that only some parts of harmlib need: each comes with an extra, and a missing one is one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harmlib.errors import MissingPackageError


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Turn a package that is missing inside the block into MissingPackageError, which names the extra that brings it.

    >>> with needs("video"):
    ...     import av_that_nobody_has
    Traceback (most recent call last):
    harmlib.errors.MissingPackageError: "av_that_nobody_has" is not installed: pip install "harmlib[video]" brings it
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingPackageError(f'"{error.name}" is not installed: pip install "harmlib[{extra}]" brings it') from error
