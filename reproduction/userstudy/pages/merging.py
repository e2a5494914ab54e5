"""Raters' files become the tables of a study: ``python -m reproduction study merge``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from harmlib.errors import DataError
from harmlib.filters import SIX
from harmlib.io.files import check_output, remove_partial, replacing
from harmlib.io.tables import TEXT, read_frame
from reproduction.userstudy.pages.answers import AnswerFile, read_all
from reproduction.userstudy.pages.naming import PAGES, Key, read_key
from reproduction.userstudy.pages.planning import CATCH, Trial, is_spoiled
from reproduction.userstudy.pages.rendering import PICTURES
from reproduction.userstudy.records import INFO, StudyInfo, StudyRecords, read_info, write_study
from reproduction.userstudy.tables import ANSWERS, SEPARATOR, TIE

# What a study of pages is called in ``records``.
KINDS = {"rankings": "bt_image", "pairs": "bt_image", "choices": "choice4", "filters": "filters"}

Row = dict[str, Any]


def merge_answers(
    study: str | os.PathLike[str], answers: Iterable[str | os.PathLike[str]], out: str | os.PathLike[str], *, incomplete: bool = False
) -> pd.DataFrame:
    """Write the tables of a study (``records.read_study`` reads them) with the pictures that were shown, and return its participants.

    study: the folder that ``make_study`` wrote. answers: JSON files, or folders of them. incomplete: accept missing answers too.
    Participants have, besides their group: date, missing (screens without a finished answer), catch_trials (answered ones), catch_failed,
    attentive (0 when one was failed, empty without any). Their answers are kept whatever these say. Catch trials are in no table.
    Raises DataError for the first file that is refused (``answers.read_all``) and for a folder that holds another study's tables, and
    nothing is written.
    """
    key = read_key(study)
    check_output(Path(out) / INFO)
    _check_free(Path(out), key)
    files = read_all(answers, key, incomplete=incomplete)
    _check_all_there(Path(out), {one.rater for one in files})
    kind = key.settings["kind"]
    item = "image" if kind == "filters" else "item"
    rows = [
        {"participant": one.rater, item: trial.item, **cells, "seconds": row.milliseconds / 1000}
        for one in files
        for row in one.answers
        if (trial := key.trials[one.rater][row.trial]).role != CATCH
        for cells in _cells(row.answer, trial, key)
    ]
    info = _info(key, Path(study), max(one.date for one in files))
    records = StudyRecords(info, _table([_participant(one, key) for one in files]))
    remove_partial(out)
    _copy_pictures(key, Path(study), Path(out))
    answered: dict[str, Any] = {kind: _table(rows)}
    write_study(out, replace(records, **answered))
    return records.participants


def _check_free(out: Path, key: Key) -> None:
    """Raise DataError for a folder with the tables of another study, or of nobody knows which."""
    if (out / INFO).exists():
        if read_info(out / INFO).pages != key.study:
            raise DataError(f'"{out}" holds the tables of another study: choose another folder, or remove this one')
        return
    there = [name for name in ("participants", *ANSWERS) if (out / f"{name}.csv").exists()]
    if there:
        raise DataError(f'"{out}" has tables without their {INFO} ({there[0]}.csv): choose another folder')


def _check_all_there(out: Path, raters: set[str]) -> None:
    """Raise DataError for a folder with answers of raters who are not among those given: its tables are written anew."""
    table = out / "participants.csv"
    gone = sorted(set(read_frame(table, {"participant": TEXT})["participant"]) - raters) if table.exists() else []
    if gone:
        raise DataError(f'"{out}" has the answers of {gone[0]} too, which are not among those given: give all of them, or another folder')


def _table(rows: list[Row]) -> pd.DataFrame:
    """Return rows as a table in which columns of whole numbers and gaps stay whole."""
    return pd.DataFrame(rows).convert_dtypes()


def _participant(file: AnswerFile, key: Key) -> Row:
    """Return one row of participants.csv."""
    shown = [(key.trials[file.rater][row.trial], row.answer) for row in file.answers]
    caught = [_passes(value, trial, key) for trial, value in shown if trial.role == CATCH and value is not None]
    row: Row = {"participant": file.rater, "group": file.group, "seed": None, "date": file.date, "missing": file.missing}
    return row | {"catch_trials": len(caught), "catch_failed": caught.count(False), "attentive": int(all(caught)) if caught else None}


def _passes(value: Any, trial: Trial, key: Key) -> bool:
    """Tell whether the spoiled version of a catch trial lost: last alone, not the winner, not chosen, or with less of its color."""
    kind = key.settings["kind"]
    if kind == "filters":
        return any(row["filter"] == "saturation" and row["percent"] < 0 for row in value)
    if kind == "rankings":
        bad = [is_spoiled(version) for version in trial.versions].index(True)
        return all(value[bad] > rank for index, rank in enumerate(value) if index != bad)
    if kind == "pairs":
        return value != TIE and not is_spoiled(trial.versions[("left", "right").index(value)])
    return not is_spoiled(key.images[value][1])


def _cells(value: Any, trial: Trial, key: Key) -> list[Row]:
    """Return the rows of an answer, without whose it is, on what, and how long it took."""
    versions, settings = trial.versions, key.settings
    if settings["kind"] == "rankings":
        # A tie takes the ranks that it covers: 1, 1, 3.
        ranks = len(versions) * [None] if value is None else [1 + sum(other < rank for other in value) for rank in value]
        return [{"method": versions[index], "rank": rank, "position": index + 1} for index, rank in enumerate(ranks)]
    if settings["kind"] == "pairs":
        return [{"left": versions[0], "right": versions[1], "winner": value}]
    if settings["kind"] == "choices":
        chosen = None if value is None else key.images[value][1]
        return [{"scenario": settings["scenarios"][trial.item], "options": SEPARATOR.join(versions), "chosen": chosen}]
    empty: list[Row] = [{"filter": name, "percent": None, "touched": 0, "importance": None} for name in SIX]
    rows = []
    for setting in value or empty:
        argument = None if setting["percent"] is None else setting["percent"] / 100
        row = {"role": trial.role, "filter": setting["filter"], "argument": argument}
        rows.append(row | {"touched": setting["touched"], "importance": setting["importance"]})
    return rows


def _info(key: Key, study: Path, date: str) -> StudyInfo:
    """Return what study.json says of people's answers."""
    settings = key.settings
    kind = settings["kind"]
    shown: dict[str, dict[str, str]] = {item: {} for item in settings["items"]}
    for name, (item, version) in key.images.items():
        if not is_spoiled(version):
            shown[item][version] = _picture(item, version, name)
    content = {"name": study.resolve().name, "kind": KINDS[kind], "question": settings["question"], "items": shown, "date": date}
    content |= {"methods": list(SIX) if kind == "filters" else settings["methods"], "synthetic": False, "seed": settings["seed"]}
    return StudyInfo.model_validate(content | {"pages": key.study})


def _picture(item: str, version: str, name: str) -> str:
    """Return where a picture lies in a merged study, whose names may tell everything."""
    return f"{PICTURES}/{item}/{version}{Path(name).suffix}"


def _copy_pictures(key: Key, study: Path, out: Path) -> None:
    """Copy the pictures that were shown, without the spoiled ones, as far as they are still there."""
    for name, (item, version) in key.images.items():
        source = next((path for path in (study / PAGES / PICTURES / name, study / PICTURES / name) if path.exists()), None)
        if source is not None and not is_spoiled(version):
            target = out / _picture(item, version, name)
            with replacing(target) as temporary:
                shutil.copyfile(source, temporary)
