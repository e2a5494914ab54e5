"""Submodules that load at first use, so that ``import harmlib`` stays quick and ``harmlib.editor.widgets`` works right after it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from types import ModuleType


def submodules(package: str, names: Sequence[str]) -> tuple[Callable[[str], ModuleType], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package whose submodules ``names`` load at first use."""

    def load(name: str) -> ModuleType:
        if name in names:
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return load, lambda: sorted(names)
