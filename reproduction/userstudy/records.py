"""A user study on disk: what was asked, who was asked, what they answered, and whether they were people.

A study is a folder (docs/methods/userstudy.md): study.json, participants.csv, and at least one of rankings.csv, pairs.csv,
choices.csv and filters.csv. Simulated raters and people never stand in one study, so that a table cannot mix them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from harmlib.errors import DataError
from harmlib.io.documents import read_json
from harmlib.io.files import write_json, write_text
from reproduction.userstudy.tables import ANSWERS, SEPARATOR, SIMULATED, read_answers, read_participants

logger = logging.getLogger(__name__)

KINDS = ("bt_image", "bt_video", "choice4", "filters")
INFO = "study.json"


@dataclass(frozen=True)
class StudyInfo:
    """What study.json says.

    kind: one of KINDS. methods: what is compared, or the filters of a filter study. items: item -> what it shows -> path relative to
    the study's folder (no entry where nothing was shown). synthetic: whether the raters are simulated. seed: that of the raters, or of
    the order on the screen. pages: which study's pages were answered, None for simulated raters.
    """

    name: str
    kind: str
    question: str
    methods: tuple[str, ...]
    items: Mapping[str, Mapping[str, str]]
    date: str
    synthetic: bool
    seed: int | None = None
    pages: str | None = None


@dataclass(frozen=True)
class StudyRecords:
    """A study's content; a table that it does not have is None.

    dropped: rankings that were left out because they hold fewer than two judged methods.
    """

    info: StudyInfo
    participants: pd.DataFrame
    rankings: pd.DataFrame | None = None
    pairs: pd.DataFrame | None = None
    choices: pd.DataFrame | None = None
    filters: pd.DataFrame | None = None
    dropped: int = 0


def stamped(info: StudyInfo, table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with a first column "raters" that says "simulated" or "people" in every row."""
    stamp = pd.Series(SIMULATED if info.synthetic else "people", index=table.index, name="raters")
    return pd.concat([stamp, table], axis=1)


def read_study(folder: str | os.PathLike[str]) -> StudyRecords:
    """Return a study's records, checked.

    Raises DataError with file and line for the first thing that is wrong, when simulated raters and people stand in one study, and
    when there is no answer at all.
    """
    root = Path(folder)
    info = read_info(root / INFO)
    participants = read_participants(root / "participants.csv", synthetic=info.synthetic)
    names = list(participants["participant"])
    tables = {
        name: read_answers(root / f"{name}.csv", name, methods=info.methods, items=list(info.items), participants=names)
        for name in ANSWERS
        if (root / f"{name}.csv").exists()
    }
    dropped = 0
    if "rankings" in tables:
        # A ranking of fewer than two judged methods compares nothing.
        rankings = tables["rankings"]
        judged = rankings.groupby(["participant", "item"])["rank"].transform("count")
        dropped = len(rankings.loc[judged < 2, ["participant", "item"]].drop_duplicates())
        tables["rankings"] = rankings[judged >= 2].reset_index(drop=True)
    if dropped:
        logger.info("%d rankings hold fewer than two judged methods and were left out", dropped)
    if not any(table[ANSWERS[name]].notna().any() for name, table in tables.items()):
        raise DataError(f'study "{info.name}" in "{root}" holds no answers yet: collect some, then score it')
    return StudyRecords(info, participants, **tables, dropped=dropped)


def write_study(folder: str | os.PathLike[str], records: StudyRecords) -> None:
    """Write a study's files by rename, numbers with eight significant digits."""
    write_json(Path(folder) / INFO, asdict(records.info))
    for name in ("participants", *ANSWERS):
        table = getattr(records, name)
        if table is not None:
            write_text(Path(folder) / f"{name}.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.8g"))


def read_info(path: str | os.PathLike[str]) -> StudyInfo:
    """Return the content of a study.json; keys that StudyInfo does not know are ignored.

    Raises DataError when a key is missing or holds anything but what StudyInfo says.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(f'"{path}" is no study: expected a JSON object with the keys {", ".join(_EXPECTED)}')
    for key, (holds, wanted) in _EXPECTED.items():
        if not holds(content.get(key)):
            raise DataError(f'"{path}": {key} is {content.get(key)!r}, expected {wanted}')
    values: dict[str, Any] = {entry.name: content.get(entry.name) for entry in fields(StudyInfo)}
    return StudyInfo(**{**values, "methods": tuple(content["methods"])})


def _is_text(value: Any) -> bool:
    """Tell whether a value is a text that is not empty."""
    return isinstance(value, str) and bool(value)


def _are_names(value: Any) -> bool:
    """Tell whether a value is a list of at least two different names that can be joined by SEPARATOR."""
    if not isinstance(value, list) or not all(_is_text(name) and SEPARATOR not in name for name in value):
        return False
    return len(set(value)) == len(value) >= 2


def _are_items(value: Any) -> bool:
    """Tell whether a value maps at least one item to the pictures it shows, all of them inside the study's folder."""
    if not isinstance(value, dict) or not value or not all(isinstance(pictures, dict) for pictures in value.values()):
        return False
    paths = [path for pictures in value.values() for path in pictures.values()]
    return all(_is_text(path) and not PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts for path in paths)


# Key of study.json -> whether a value will do, and what would.
_EXPECTED = {
    "name": (_is_text, "a name"),
    "kind": (lambda value: value in KINDS, f"one of {', '.join(KINDS)}"),
    "question": (_is_text, "the question that was shown"),
    "methods": (_are_names, f'a list of at least two different names without "{SEPARATOR}"'),
    "items": (_are_items, "at least one item, each with its pictures' paths relative to the study's folder"),
    "date": (lambda value: isinstance(value, str), "a text"),
    "synthetic": (lambda value: isinstance(value, bool), "true or false"),
    "seed": (lambda value: value is None or type(value) is int, "a whole number or null"),
    "pages": (lambda value: value is None or _is_text(value), "the identity of the study that was answered, or null"),
}
