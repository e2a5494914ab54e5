"""Docstrings as Sphinx takes them: ours are plain text, whose stars and bars mean themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

LITERAL = re.compile(r"(``.*?``)")
MARKUP = re.compile(r"([\\*|`]|(?<=\w)_(?!\w))")
# A line that goes on below its beginning, or columns: set as written.
LAID_OUT = re.compile(r"^ |\S {2,}\S")


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
        yield from ("".join(_plain(part) for part in LITERAL.split(line)) for line in lines)
    yield ""


def _plain(text: str) -> str:
    """Return text in which nothing is markup, a literal in double backticks apart."""
    return text if LITERAL.fullmatch(text) else MARKUP.sub(r"\\\1", text)
