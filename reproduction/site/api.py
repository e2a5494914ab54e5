"""API pages: one per room of the library, its modules' docstrings with their examples."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from pathlib import Path

import harmlib

# Rooms that a user imports from; what they are made of is documented where it stands.
ROOMS = (
    *("color", "errors", "evaluation", "filters", "inference", "metrics", "perturbations", "submasks", "transfers"),
    *("data", "editor", "io", "models", "training", "video"),
)


def write_api(folder: Path, rooms: Sequence[str] = ROOMS) -> list[str]:
    """Write one page per room into a folder; return their names in order."""
    folder.mkdir(parents=True, exist_ok=True)
    for room in rooms:
        found = pkgutil.iter_modules([str(Path(harmlib.__path__[0]) / room)])
        inside = [f"harmlib.{room}.{module.name}" for module in found if module.name != "kernels" and not module.ispkg]
        # What a room hands on from its modules is described where it stands.
        modules = [f"harmlib.{room}", *inside]
        directives = "\n".join(f".. automodule:: {module}\n   :members:\n   :ignore-module-all:\n" for module in modules)
        (folder / f"{room}.md").write_text(f"# harmlib.{room}\n\n```{{eval-rst}}\n{directives}```\n", encoding="utf-8")
    return list(rooms)
