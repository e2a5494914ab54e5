"""Where photographs come from: one module per public layout, each registered under its kind.

``open_source("ade20k", root)`` opens a data set; a new module in this folder with ``@source("kind")`` on its class is
all it takes to be listed and opened.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from harmlib.data.photos import Source
from harmlib.errors import DataError, ParameterError
from harmlib.registry import Registry

SourceClass = TypeVar("SourceClass", bound=type[Source])

SOURCES: Registry[type[Source]] = Registry("source", "harmlib.data.sources")


def source(kind: str) -> Callable[[SourceClass], SourceClass]:
    """Return a class decorator that registers a Source under ``kind``; raises ParameterError if the kind is taken.

    The class is constructed as ``cls(root, **options)``: a ``root`` without a default value is one that users must give.
    """

    def register(cls: SourceClass) -> SourceClass:
        SOURCES.add(kind, cls)
        cls.kind = kind
        return cls

    return register


def list_sources() -> list[str]:
    """Return the kinds that ``open_source`` knows, in alphabetical order."""
    return SOURCES.names()


def open_source(kind: str, root: str | os.PathLike[str] | None = None, **options: Any) -> Source:
    """Return a source of photographs.

    kind: one of ``list_sources()``.
    root: the data set's folder; sources that ship with harmlib need none.
    options: the source's own keyword arguments.
    Raises ParameterError for an unknown kind or option, DataError for a missing folder.

    >>> source = open_source("embedded", only=["coffee"])
    >>> source.kind, source.splits()
    ('embedded', ('train',))
    """
    cls = SOURCES.get(kind)
    _check_options(cls, options)
    if root is None:
        _check_root_is_optional(cls)
        return cls(**options)
    if not Path(root).is_dir():
        raise DataError(f'source "{kind}" expects its data in "{root}", which is no folder: check the path or fetch the data')
    construct: Callable[..., Source] = cls
    opened = construct(Path(root), **options)
    opened.folder = Path(root)
    return opened


def _check_options(cls: type[Source], options: dict[str, Any]) -> None:
    """Raise ParameterError for an option that the source does not have."""
    known = [name for name in inspect.signature(cls).parameters if name != "root"]
    for name in options:
        if name not in known:
            raise ParameterError(f'source "{cls.kind}" has no option "{name}": choose from {", ".join(known) or "none"}')


def _check_root_is_optional(cls: type[Source]) -> None:
    """Raise DataError when the source cannot do without a folder."""
    root = inspect.signature(cls).parameters["root"]
    if root.default is inspect.Parameter.empty:
        raise DataError(f'source "{cls.kind}" needs the folder of its data set: give root (data/README.md says where to fetch it)')
