"""Packages whose submodules and functions load at first use: ``import harmlib`` is quick, and ``harmlib.editor.widgets`` works after it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any


def on_demand(
    package: str, submodules: Collection[str], functions: Mapping[str, str] = MappingProxyType({})
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package; functions: name -> module that defines it."""

    def load(name: str) -> Any:
        if name in functions:
            return getattr(importlib.import_module(functions[name]), name)
        if name in submodules:
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return load, lambda: sorted({*vars(sys.modules[package]), *submodules, *functions})
