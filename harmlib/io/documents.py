"""JSON files that people edit, move and damage: one way in, and a comparison with the shape that is expected.

A shape is written the way its values look: ``{"name": str, "counts": {str: int}, "notes?": str, "tags": [str]}``. A key that ends in "?"
may be missing, ``{str: ...}`` is a mapping with any keys, ``[...]`` a list of any length, a tuple gives several choices,
None is null, object is anything.
"""

from __future__ import annotations

import json
import math
import os
import re
import reprlib
from pathlib import Path
from typing import Any

from harmlib.errors import DataError
from harmlib.io.refusals import is_special

MAX_BYTES = 64 * 2**20
# Our deepest file has 8 levels; beyond this only a damaged or a hostile one goes.
MAX_DEPTH = 60
# What a number has that is too large for a float.
BEYOND = re.compile(r"[eE]\+?\d{3}|\d{300}")
MADE_AGAIN = "remove it and run the step that makes it again"
WORDS: dict[Any, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "a mapping",
    list: "a list",
    None: "null",
}

Shape = Any


def read_json(path: str | os.PathLike[str], *, advice: str = MADE_AGAIN, max_bytes: int = MAX_BYTES) -> Any:
    """Return the content of a JSON file, UTF-8 with or without byte order mark.

    advice: ends the sentences. Raises DataError that names the file when it is missing, cannot be read, is larger than ``max_bytes``, or
    is refused by ``parse_json``.
    """
    if is_special(place := Path(path)):
        raise DataError(f'"{path}" is a pipe or a device: {advice}')
    try:
        with place.open("rb") as stream:
            data = stream.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise DataError(f'"{path}" does not exist') from error
    except OSError as error:
        raise DataError(f'"{path}" cannot be read ({error.strerror}): check the name and the rights') from error
    if len(data) > max_bytes:
        raise DataError(f'"{path}" is larger than {max_bytes // 2**20} MiB, which no such file is: {advice}')
    return parse_json(data, f'"{path}"', advice=advice)


def parse_json(data: bytes | str, name: str, *, advice: str = MADE_AGAIN) -> Any:
    """Return what a JSON text holds; ``name`` opens the sentences, ``advice`` ends them.

    Raises DataError for text that is not JSON, and for what a parser would silently accept: keys that appear twice, NaN and infinity,
    halves of characters, and more than MAX_DEPTH levels.
    """
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
        # A function that is called for every number would take as long as all else.
        numbers: dict[str, Any] = {"parse_float": _finite, "parse_int": _whole} if BEYOND.search(text) else {}
        content = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_constant, **numbers)
        if "\\u" in text:
            json.dumps(content, ensure_ascii=False).encode()  # half a character cannot be written
        _check_depth(content)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise DataError(f"{name} is not valid JSON ({reason}): {advice}") from error
    return content


def check_shape(content: Any, shape: Shape, name: str, *, advice: str = MADE_AGAIN) -> None:
    """Raise DataError that names the first key that is missing or holds something else than its shape says.

    >>> check_shape({"counts": {"train": 3}}, {"counts": {str: int}}, '"a.json"')
    """
    wrong = _misfit(content, shape)
    if wrong is not None:
        path, problem = wrong
        raise DataError(f"{name}{': ' + '.'.join(path) if path else ''} {problem}: {advice}")


def _misfit(content: Any, shape: Shape) -> tuple[tuple[str, ...], str] | None:
    """Return the path of the first key that does not fit, and what is wrong with it; None when all does."""
    if isinstance(shape, tuple):
        found = [_misfit(content, choice) for choice in shape]
        # Of choices that all fail, the one that agrees deepest was meant.
        return None if None in found else max(filter(None, found), key=lambda wrong: (len(wrong[0]), not wrong[1].startswith("is ")))
    if isinstance(shape, (dict, list)):
        if not isinstance(content, type(shape)):
            return (), f"is {reprlib.repr(content)}, expected {WORDS[type(shape)]}"
        return _misfit_inside(content, shape)
    if shape is object:
        return None
    right = content is None if shape is None else isinstance(content, (int, float) if shape is float else shape)
    if right and (shape is bool or not isinstance(content, bool)):  # to Python, true is a number
        return None
    return (), f"is {reprlib.repr(content)}, expected {WORDS.get(shape) or shape.__name__}"


def _misfit_inside(content: Any, shape: dict[Any, Shape] | list[Shape]) -> tuple[tuple[str, ...], str] | None:
    """Return what ``_misfit`` does, for the entries of a mapping or a list."""
    if isinstance(shape, list):
        entries = [(str(number), value, shape[0]) for number, value in enumerate(content)]
    elif str in shape:
        foreign = next((key for key in content if not isinstance(key, str)), None)  # checkpoints may have them
        if foreign is not None:
            return (), f"has the key {reprlib.repr(foreign)}, expected texts"
        entries = [(key, value, shape[str]) for key, value in content.items()]
    else:
        missing = next((key for key in shape if not key.endswith("?") and key not in content), None)
        if missing is not None:
            return (), f'lacks the key "{missing}"'
        names = {key.removesuffix("?"): wanted for key, wanted in shape.items()}
        entries = [(key, content[key], wanted) for key, wanted in names.items() if key in content]
    for key, value, wanted in entries:
        wrong = _misfit(value, wanted)
        if wrong is not None:
            return (key, *wrong[0]), wrong[1]
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a mapping; raises ValueError for a key that stands twice, of which a parser keeps the last."""
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {reprlib.repr(next(key for key in keys if keys.count(key) > 1))} stands twice")
    return content


def _refuse_constant(name: str) -> Any:
    """Raise ValueError for NaN and infinity, which JSON does not have."""
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    """Return a number; raises ValueError for one that is too large for a float."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {reprlib.repr(text)} is too large")
    return number


def _whole(text: str) -> int:
    """Return a whole number; raises ValueError for one that no float can hold."""
    _finite(text)
    return int(text)


def _check_depth(content: Any) -> None:
    """Raise RecursionError for content that code which follows it down may not survive."""
    level, depth = [content], 0  # of what holds something
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise RecursionError
        inside = [node.values() if isinstance(node, dict) else node for node in level if isinstance(node, (dict, list))]
        level = [child for children in inside for child in children if isinstance(child, (dict, list))]
