"""API pages: one per room of the library, its modules' docstrings with their examples.

Ours are plain text, whose stars and bars mean themselves; Sphinx takes reStructuredText.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import harmlib

# Rooms that a user imports from; what they are made of is documented where it stands.
ROOMS = (
    *("color", "errors", "evaluation", "filters", "inference", "metrics", "perturbations", "submasks", "transfers"),
    *("data", "editor", "io", "models", "training", "video"),
)
LITERAL = re.compile(r"(``.*?``)")
MARKUP = re.compile(r"([\\*|`]|(?<=\w)_(?!\w))")
# A line that goes on below its beginning, or columns: set as written.
LAID_OUT = re.compile(r"^ |\S {2,}\S")


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


def to_rst(lines: Iterable[str]) -> list[str]:
    """Return a docstring's lines as reStructuredText: paragraphs and lists flow, examples and whatever is laid out stay as written."""
    return [line for blank, block in groupby(lines, lambda line: not line.strip()) if not blank for line in _block([*block])]


def _block(lines: list[str]) -> Iterator[str]:
    """Yield the lines of one paragraph, list, example or table, and an empty one."""
    listed = lines[0].startswith("- ")
    if lines[0].startswith(">>>"):
        yield from lines
    elif not listed and any(LAID_OUT.search(line) for line in lines):
        yield from (".. code-block:: text", "", *(f"   {line}" for line in lines))
    else:
        for line in lines:
            # Nothing is markup but literals in double backticks.
            yield "".join(part if LITERAL.fullmatch(part) else MARKUP.sub(r"\\\1", part) for part in LITERAL.split(line))
    yield ""
