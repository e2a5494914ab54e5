"""Where the answers come from: simulated raters, whose files are written and read like those of people, and people's own files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from harmlib.errors import DataError, ParameterError
from reproduction.checkout import CHECKOUT
from reproduction.userstudy import StudyRecords, read_study, write_study
from reproduction.userstudy.tables import SIMULATED
from reproduction.workspace import Workspace

# What stands for the items of a study in words.
ITEMS = {"bt_image": "composites", "bt_video": "clips", "choice4": "sets", "filters": "composites"}


def folder_of(workspace: Workspace, name: str) -> Path:
    """Return where the files of a simulated study stand in a workspace."""
    return workspace.results.root / "studies" / f"simulated-{name}"


def through_files(workspace: Workspace, name: str, records: StudyRecords) -> StudyRecords:
    """Return a simulated study after it was written and read again, as people's answers are; so the checks of the files run too."""
    folder = folder_of(workspace, name)
    write_study(folder, records)
    return read_study(folder)


def read_answers(answers: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None) -> dict[str, StudyRecords]:
    """Return name of the folder -> people's answers in it; relative folders are taken from the repository.

    answers: one folder or several, as ``python -m reproduction study merge`` writes them, or None.
    Raises DataError for a simulated study, ParameterError when two folders have one name, and what ``records.read_study`` raises.
    """
    folders = [answers] if isinstance(answers, (str, os.PathLike)) else answers or []
    studies: dict[str, StudyRecords] = {}
    for folder in folders:
        path = (CHECKOUT / folder).resolve()
        if path.name in studies:
            raise ParameterError(f'two folders of answers are called "{path.name}": rename one, their tables are named after them')
        studies[path.name] = read_study(path)
        if studies[path.name].info.synthetic:
            raise DataError(f'"{path}" holds simulated raters: answers takes people\'s, and the two are never mixed')
    return studies


def sample_words(records: StudyRecords, people: int, items: int) -> str:
    """Return who answered about what, such as "12 simulated raters, 99 composites"."""
    return f"{people} {'simulated raters' if records.info.synthetic else 'people'}, {items} {ITEMS[records.info.kind]}"


def raters_of(table: pd.DataFrame) -> str:
    """Return who answered, in words; table: as ``records.stamped`` returns it."""
    return "simulated raters" if (table["raters"] == SIMULATED).all() else "people"


def titled(table: pd.DataFrame, text: str) -> str:
    """Return the title of a figure or table, which says where raters are simulated; table: as ``records.stamped`` returns it."""
    return f"Simulated: {text}" if (table["raters"] == SIMULATED).any() else text
