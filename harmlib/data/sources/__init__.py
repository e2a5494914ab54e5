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

    The class is constructed as ``cls(root, **options)``, or as ``cls(**options)`` where its photographs come with a package.
    """

    def register(cls: SourceClass) -> SourceClass:
        SOURCES.add(kind, cls)
        cls.kind = kind
        return cls

    return register


def open_source(kind: str, root: str | os.PathLike[str] | None = None, **options: Any) -> Source:
    """Return a source of photographs.

    kind: one of ``SOURCES.names()``.
    root: the data set's folder; None for photographs that come with a package.
    options: the source's own keyword arguments.
    Raises ParameterError for an unknown kind or option, DataError for a missing folder.

    >>> source = open_source("embedded", only=["coffee"])
    >>> source.kind, source.splits()
    ('embedded', ('train',))
    """
    cls = SOURCES.get(kind)
    parameters = dict(inspect.signature(cls).parameters)
    needs_root = parameters.pop("root", None) is not None
    for name in options:
        if name not in parameters:
            raise ParameterError(f'source "{kind}" has no option "{name}": choose from {", ".join(parameters) or "none"}')
    if root is None:
        if needs_root:
            raise DataError(f'source "{kind}" needs the folder of its data set: give root (data/README.md says where to fetch it)')
        return cls(**options)
    if not needs_root:
        raise ParameterError(f'the photographs of source "{kind}" come with a package: leave the folder "{root}" out')
    if not Path(root).is_dir():
        raise DataError(f'source "{kind}" expects its data in "{root}", which is no folder: check the path or fetch the data')
    construct: Callable[..., Source] = cls
    opened = construct(Path(root), **options)
    opened.folder = Path(root)
    return opened
