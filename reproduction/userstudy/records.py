"""A user study on disk: what was asked, who was asked, what they answered, and whether they were people.

A study is a folder (docs/methods/userstudy.md): study.json, participants.csv, and at least one of rankings.csv, pairs.csv,
choices.csv and filters.csv. Simulated raters and people never stand in one study, so that a table cannot mix them.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from harmlib.errors import DataError
from harmlib.io.documents import read_json
from harmlib.io.files import write_json, write_text
from reproduction.documents import Document, check_document
from reproduction.userstudy.tables import ANSWERS, SEPARATOR, SIMULATED, read_answers, read_participants

logger = logging.getLogger(__name__)

INFO = "study.json"
Text = Annotated[str, Field(min_length=1)]


def _check_methods(names: list[str]) -> list[str]:
    """Return names that can be told apart and joined by SEPARATOR."""
    if len(names) < 2 or len(set(names)) < len(names) or not all(name and SEPARATOR not in name for name in names):
        raise ValueError(f'expected a list of at least two different names without "{SEPARATOR}"')
    return names


def _check_items(items: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Return items whose pictures all lie inside the study's folder."""
    paths = [PurePosixPath(path) for pictures in items.values() for path in pictures.values()]
    if not items or any(path == PurePosixPath() or path.is_absolute() or ".." in path.parts for path in paths):
        raise ValueError("expected at least one item, each with its pictures' paths relative to the study's folder")
    return items


class StudyInfo(Document):
    """What study.json says.

    methods: what is compared, or the filters of a filter study. items: item -> what it shows -> path relative to the study's folder (no
    entry where nothing was shown). synthetic: whether the raters are simulated. seed: that of the raters, or of the order on the screen.
    pages: which study's pages were answered, None for simulated raters.
    """

    name: Text
    kind: Literal["bt_image", "bt_video", "choice4", "filters"]
    question: Text
    methods: Annotated[list[str], AfterValidator(_check_methods)]
    items: Annotated[dict[str, dict[str, str]], AfterValidator(_check_items)]
    date: str
    synthetic: bool
    seed: int | None = None
    pages: Text | None = None


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
    write_json(Path(folder) / INFO, records.info.model_dump())
    for name in ("participants", *ANSWERS):
        table = getattr(records, name)
        if table is not None:
            write_text(Path(folder) / f"{name}.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.8g"))


def read_info(path: str | os.PathLike[str]) -> StudyInfo:
    """Return the content of a study.json; raises DataError when a key is missing or holds anything but what StudyInfo says."""
    return check_document(read_json(path), StudyInfo, f'"{path}"', advice="correct it, or merge the study again")
