"""The CSV tables of a user study, read with checks: one sentence per error, with file and line.

An empty cell is a missing answer. Column order is free, extra columns are kept, a byte-order mark is accepted.
The columns are described in docs/methods/userstudy.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from harmlib.errors import DataError
from harmlib.io.tables import TEXT, read_rows

GROUPS = ("expert", "layperson", "simulated")
SIMULATED = "simulated"
ROLES = ("common", "random")
TIE = "tie"
# Separates the names of a choice's options.
SEPARATOR = "|"

# Table -> the columns it must have; those of OPTIONAL are empty where a file lacks them.
COLUMNS = {
    "participants": ("participant", "group"),
    "rankings": ("participant", "item", "method", "rank"),
    "pairs": ("participant", "item", "left", "right", "winner"),
    "choices": ("participant", "item", "scenario", "options", "chosen"),
    "filters": ("participant", "image", "role", "filter", "argument", "touched", "importance"),
}
OPTIONAL = {
    "participants": ("seed",),
    "rankings": ("position", "seconds"),
    "pairs": ("seconds",),
    "choices": ("seconds",),
    "filters": ("seconds",),
}
# Table -> what no two rows may agree in.
KEYS = {
    "participants": ("participant",),
    "rankings": ("participant", "item", "method"),
    "pairs": ("participant", "item", "left", "right"),
    "choices": ("participant", "item"),
    "filters": ("participant", "image", "filter"),
}
# Table of answers -> the column that is empty where one is missing.
ANSWERS = {"rankings": "rank", "pairs": "winner", "choices": "chosen", "filters": "importance"}
# Number column -> smallest, largest, whole numbers only, and what a sentence calls that.
NUMBERS: dict[str, tuple[float, float, bool, str]] = {
    "seed": (0, np.inf, True, "a whole number from 0"),
    "rank": (1, np.inf, True, "a positive whole number"),
    "position": (1, np.inf, True, "a positive whole number"),
    "seconds": (0, np.inf, False, "a number from 0"),
    "argument": (-1, 1, False, "a number in [-1, 1]"),
    "touched": (0, 1, True, "0 or 1"),
    "importance": (1, 5, True, "a whole number in 1-5"),
}


def read_participants(path: Path, *, synthetic: bool) -> pd.DataFrame:
    """Return participants.csv: participant, group, seed, and what else stands there.

    Raises DataError for a malformed file, and when the study is synthetic and a participant is not simulated or the other way around.
    """
    table = _read_text(path, "participants")
    _refuse(path, table["participant"], table["participant"] == "", "is empty: give every participant a name")
    _refuse(path, table["group"], ~table["group"].isin(GROUPS), f"is not one of {', '.join(GROUPS)}")
    expected = "simulated raters only" if synthetic else "people only"
    reason = f"in a study of {expected} (study.json, synthetic: {str(synthetic).lower()}): keep people and simulated raters apart"
    _refuse(path, table["group"], (table["group"] == SIMULATED) != synthetic, reason)
    return _finish(path, table, "participants")


def read_answers(path: Path, name: str, *, methods: Sequence[str], items: Collection[str], participants: Collection[str]) -> pd.DataFrame:
    """Return a table of answers, names as text, numbers as numbers, missing answers as NA.

    name: one of ANSWERS. methods, items, participants: the names that may occur (for "filters", methods are the filters).
    Raises DataError for a malformed file, an unknown name, a number out of range, or a question that is answered twice.
    """
    table = _read_text(path, name)
    _refuse(path, table["participant"], ~table["participant"].isin(participants), "is not in participants.csv")
    item = "image" if name == "filters" else "item"
    _refuse(path, table[item], ~table[item].isin(items), "is not one of study.json's items")
    for column in table.columns.intersection(["method", "left", "right", "filter"]):
        _refuse(path, table[column], ~table[column].isin(methods), f"is not one of {', '.join(methods)}")
    if name == "pairs":
        _refuse(path, table["right"], table["left"] == table["right"], "stands on both sides")
        _refuse(path, table["winner"], ~table["winner"].isin(["left", "right", TIE, ""]), f"is not left, right or {TIE}")
    elif name == "choices":
        _check_choices(path, table, methods)
    elif name == "filters":
        _refuse(path, table["role"], ~table["role"].isin(ROLES), f"is not {' or '.join(ROLES)}")
        _refuse(path, table["touched"], table["touched"] == "", "is empty: write 0 or 1")
        missing = (table["argument"] == "") & (table["touched"] != "0")
        _refuse(path, table["argument"], missing, "is empty although the filter was touched")
    return _finish(path, table, name)


def answered(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows of a table of answers (``name``) that hold one; raises DataError when there is none."""
    rows = table[table[ANSWERS[name]].notna()]
    if rows.empty:
        raise DataError(f"the {name} hold no answer yet: collect some first")
    return rows


def _check_choices(path: Path, table: pd.DataFrame, methods: Sequence[str]) -> None:
    """Refuse unknown, doubled and single options, and a choice that was not offered."""
    options = [text.split(SEPARATOR) for text in table["options"]]
    known = [len(names) >= 2 and len(set(names)) == len(names) and set(names) <= set(methods) for names in options]
    _refuse(path, table["options"], ~pd.Series(known, table.index), f'are not two or more of {", ".join(methods)} joined by "{SEPARATOR}"')
    offered = [chosen in ("", *names) for chosen, names in zip(table["chosen"], options, strict=True)]
    _refuse(path, table["chosen"], ~pd.Series(offered, table.index), "is not among the options of its line")


def _read_text(path: Path, name: str) -> pd.DataFrame:
    """Return a CSV as text, its index the line numbers of the file."""
    rows = read_rows(path, dict.fromkeys(COLUMNS[name], TEXT), advice="export it again as CSV, UTF-8")
    columns = list(rows[0].cells) if rows else list(COLUMNS[name])
    table = pd.DataFrame([row.cells for row in rows], index=pd.Index([row.line for row in rows], dtype=int), columns=columns, dtype=str)
    return table.assign(**{column: "" for column in OPTIONAL[name] if column not in table})


def _finish(path: Path, table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Turn numbers into numbers and missing answers into NA; refuse double rows; number the rows from 0."""
    numbers = {}
    for column in table.columns.intersection(list(NUMBERS)):
        low, high, whole, words = NUMBERS[column]
        empty = table[column] == ""
        values = pd.to_numeric(table[column].where(~empty), errors="coerce").astype(float)
        inside = values.between(low, high) & np.isfinite(values) & ((values % 1 == 0) | (not whole))
        _refuse(path, table[column], ~(inside | empty), f"is not {words}")
        numbers[column] = values.astype("Int64") if whole else values
    table = table.assign(**numbers)
    _refuse_twice(path, table, KEYS[name])
    if name in ANSWERS:
        answers = table[ANSWERS[name]]
        table[ANSWERS[name]] = answers.mask(answers.astype(str) == "", pd.NA)
    return table.reset_index(drop=True)


def _refuse(path: Path, column: pd.Series, wrong: pd.Series, problem: str) -> None:
    """Raise DataError about the first wrong line, if there is one."""
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise DataError(f'"{path}" line {wrong.index[row]}: {column.name} "{column.iloc[row]}" {problem}')


def _refuse_twice(path: Path, table: pd.DataFrame, keys: Sequence[str]) -> None:
    """Raise DataError about the first line that answers what an earlier one answered; a pair is the same from either side."""
    values = table[list(keys)]
    if "left" in values:
        sides = values[["left", "right"]]
        values = values.assign(left=sides.min(axis=1), right=sides.max(axis=1))
    twice = values.duplicated()
    if twice.any():
        row = int(twice.to_numpy().argmax())
        words = ", ".join(f'{key} "{table[key].iloc[row]}"' for key in keys)
        raise DataError(f'"{path}" line {table.index[row]}: {words} stands there a second time: remove one of the two lines')
