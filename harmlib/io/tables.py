"""The one reader of CSV files: tables that people edit, carry and damage come in as checked rows, or as one sentence.

Every cell is of the kind declared for its column, or empty (None; "" in a column of text); the sentence about a wrong one names file, line
and column.
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
import reprlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harmlib.errors import DataError
from harmlib.io.documents import MADE_AGAIN

if TYPE_CHECKING:
    import pandas as pd

# Longer than any cell of ours, a recipe included; Python's own limit.
MAX_FIELD = 131_072
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?|[+-]?inf")
DIGITS = 18  # of a whole number: NumPy's integers hold them


class Kind(NamedTuple):
    """What a column holds. parse: turns a cell that is not empty into its value, or raises ValueError; words: what it has to be."""

    words: str
    parse: Callable[[str], Any]


def _number(cell: str) -> float:
    """Return a number as other programs write it; Python's float would take "nan" and "1_0" too."""
    if not NUMBER.fullmatch(cell.strip()):
        raise ValueError
    return float(cell)


def _finite(cell: str) -> float:
    """Return a number that is not infinite."""
    value = _number(cell)
    if math.isinf(value):
        raise ValueError
    return value


def _whole(cell: str) -> int:
    """Return a whole number."""
    if not re.fullmatch(rf"-?\d{{1,{DIGITS}}}", cell.strip()):
        raise ValueError
    return int(cell)


TEXT = Kind("a text", str)
NUMBER_OR_INFINITE = Kind("a number", _number)  # the PSNR of equal pictures is infinite
FINITE = Kind("a finite number", _finite)
WHOLE = Kind("a whole number", _whole)
SWITCH = Kind("True or False", lambda cell: {"True": True, "False": False, "true": True, "false": False}[cell])


class Row(NamedTuple):
    """A row of a table: its line in the file, and its cells by column."""

    line: int
    cells: dict[str, Any]


def read_rows(
    path: str | os.PathLike[str],
    columns: Mapping[str, Kind],
    *,
    others: Kind = TEXT,
    filled: Collection[str] = (),
    keys: Sequence[str] = (),
    advice: str = MADE_AGAIN,
) -> list[Row]:
    """Return the rows of a CSV file with a header line, UTF-8 with or without byte order mark; empty lines are skipped.

    columns: those that the file must have. others: what else it has. filled: columns without empty cells.
    keys: columns in which no two rows agree. advice: ends the sentences.
    Raises DataError with file, line and column for the first thing that is wrong.
    """
    lines = _read_lines(path, advice)
    number, header = next(lines, (1, []))
    missing = [name for name in columns if name not in header]
    if missing:
        raise DataError(f'"{path}" line {number} lacks the column {", ".join(missing)}: name all columns, separated by commas; {advice}')
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise DataError(f'"{path}" line {number} names the column {reprlib.repr(twice)} twice: remove one of the two')
    rows: list[Row] = []
    first: dict[tuple[Any, ...], int] = {}
    kinds = [columns.get(name, others) for name in header]
    for line, fields in lines:
        if len(fields) != len(header):
            raise DataError(f'"{path}" line {line} has {len(fields)} fields, expected {len(header)}: {advice}')
        cells = {}
        for name, kind, field in zip(header, kinds, fields, strict=True):
            try:
                if not field and name in filled:
                    raise ValueError
                cells[name] = kind.parse(field) if field or kind is TEXT else None
            except (ValueError, KeyError) as error:
                found = reprlib.repr(field) if field else "empty"
                raise DataError(f'"{path}" line {line}: {name} is {found}, expected {kind.words}: {advice}') from error
        key = tuple(cells[name] for name in keys)
        if keys and first.setdefault(key, line) != line:
            words = ", ".join(f"{name} {reprlib.repr(value)}" for name, value in zip(keys, key, strict=True))
            raise DataError(f'"{path}" line {line} says again what line {first[key]} says ({words}): remove one of the two')
        rows.append(Row(line, cells))
    return rows


def read_frame(path: str | os.PathLike[str], columns: Mapping[str, Kind], **rules: Any) -> pd.DataFrame:
    """Return a CSV file as a table with the columns in the file's order, a missing number as NaN; rules and errors as in ``read_rows``."""
    import pandas as pd

    rows = read_rows(path, columns, **rules)
    header = list(rows[0].cells) if rows else next(_read_lines(path, MADE_AGAIN), (1, []))[1]
    series = {}
    for name in header:
        values = [row.cells[name] for row in rows]
        series[name] = pd.Series(values, dtype=_dtype(columns.get(name, rules.get("others", TEXT)), values))
    return pd.DataFrame(series)


def _dtype(kind: Kind, values: Sequence[Any]) -> Any:
    """Return NumPy's type for a column; whole numbers and switches with gaps are floats and objects, as in pandas."""
    if kind in (NUMBER_OR_INFINITE, FINITE):
        return float
    if kind is WHOLE:
        return float if None in values else int
    if kind is SWITCH:
        return object if None in values else bool
    return str


def _read_lines(path: str | os.PathLike[str], advice: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, fields) of every line that is not empty."""
    reader = csv.reader(io.StringIO(read_text(path, advice=advice), newline=""), strict=True)
    try:
        for fields in reader:
            long = next((field for field in fields if len(field) > MAX_FIELD), None)
            if long is not None:
                raise DataError(f'"{path}" line {reader.line_num} has a field of {len(long)} characters: {advice}')
            if fields:
                yield reader.line_num, fields
    except csv.Error as error:
        raise DataError(f'"{path}" line {reader.line_num} is no line of a table ({error}): {advice}') from error


def read_text(path: str | os.PathLike[str], *, advice: str = MADE_AGAIN) -> str:
    """Return a UTF-8 text file, with or without byte order mark; raises DataError when it is missing, cannot be read, or is not text."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise DataError(f'"{path}" does not exist: {advice}') from error
    except OSError as error:
        raise DataError(f'"{path}" cannot be read ({error.strerror}): check the name and the rights') from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(f'"{path}" line {line} is not UTF-8 text: save it as UTF-8') from error
    before, zero, _ = text.partition("\0")
    if zero:
        line = before.count("\n") + 1
        raise DataError(f'"{path}" line {line} holds a zero byte, so it is no text: {advice}')
    return text
