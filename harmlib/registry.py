"""Named things that the modules of a package add by decorator: methods, composers, sources, perturbations."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from typing import Generic, TypeVar

from harmlib.errors import ParameterError

Entry = TypeVar("Entry")


class Registry(Generic[Entry]):
    """The only list of one kind of thing: to add an entry, a new module of the package that adds to it is enough.

    >>> colors: Registry[str] = Registry("color", "harmlib.filters")
    >>> colors.add("red", "#f00")
    >>> colors.get("red"), colors.names()
    ('#f00', ['red'])
    """

    def __init__(self, kind: str, package: str) -> None:
        """kind: what messages call an entry; package: dotted name of the package whose modules add entries."""
        self.kind, self.package = kind, package
        self._entries: dict[str, Entry] = {}

    def add(self, name: str, entry: Entry) -> None:
        """Keep an entry under ``name``; raises ParameterError when the name is taken."""
        if name in self._entries:
            raise ParameterError(f'the {self.kind} "{name}" is registered twice: give one of the two another name')
        self._entries[name] = entry

    def get(self, name: str) -> Entry:
        """The entry called ``name``; raises ParameterError with the closest names, or with all of them, for an unknown one."""
        named = isinstance(name, str)  # files name entries too
        if not named or name not in self._entries:
            self._discover()
        if not named or name not in self._entries:
            plain = {_plain(entry): entry for entry in self._entries}
            close = [plain[match] for match in difflib.get_close_matches(_plain(str(name)), plain)] or sorted(self._entries)
            raise ParameterError(f'there is no {self.kind} "{name}": choose from {", ".join(close)}')
        return self._entries[name]

    def names(self) -> list[str]:
        """The names of all entries, sorted."""
        self._discover()
        return sorted(self._entries)

    def _discover(self) -> None:
        """Import every module of the package, so that its decorators run; a second time costs next to nothing."""
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.ispkg:
                importlib.import_module(f"{self.package}.{module.name}")


def _plain(name: str) -> str:
    """Return a name without what tables add to it: PCT-Net and pctnet are close."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
