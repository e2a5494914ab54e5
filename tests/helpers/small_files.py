"""A limit on the size of files: the nearest thing to a full disk that needs no disk."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator

BYTES = 2000


@contextlib.contextmanager
def small_files() -> Iterator[None]:
    """Let this process write no file of more than BYTES."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
