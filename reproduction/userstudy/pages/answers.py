"""The JSON files that raters send back, read and checked.

A file carries a SHA-256 over its content, computed by the page. It detects mistakes: a file that was opened and saved by another program, a
slip of the hand. It does not detect a determined forger, who can compute it as the page does.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from harmlib.errors import DataError
from harmlib.filters import SIX
from harmlib.io.documents import read_json
from reproduction.documents import Document, check_document
from reproduction.userstudy.pages.naming import FORMAT, Key
from reproduction.userstudy.pages.planning import Trial
from reproduction.userstudy.tables import GROUPS, SIMULATED, TIE

logger = logging.getLogger(__name__)

CHECKSUM = "checksum"
AS_SAVED = "ask for the file as it was saved"
# A hundred days on one screen; a slip of the clock gives more.
LONGEST = 100 * 86_400_000
ANSWER_SUFFIXES = (".json", ".txt")


class AnswerRow(Document):
    """One screen of a file: the names of the images shown, and what was answered, None where it was not finished.

    answer: ranks in the order on screen; "left", "right" or "tie"; the chosen image's name; or ``FilterSetting`` for each filter.
    """

    trial: str
    images: list[str]
    answer: Any
    milliseconds: Annotated[int, Field(ge=0, le=LONGEST)]


class AnswerFile(Document):
    """A file that a rater saved.

    group: expert or layperson. date: of the last answer, year-month-day, empty without one. answers: in the order shown.
    """

    study: str
    rater: str
    group: str
    date: str
    answers: list[AnswerRow]
    checksum: str

    @property
    def missing(self) -> int:
        """Return how many screens have no finished answer."""
        return sum(row.answer is None for row in self.answers)


class FilterSetting(Document):
    """What a rater did with one filter."""

    filter: str
    percent: Annotated[int, Field(ge=-100, le=100)]
    touched: bool | Annotated[int, Field(ge=0, le=1)]
    importance: Annotated[int, Field(ge=1, le=5)]


def checksum(content: Mapping[str, Any]) -> str:
    """Return what the page writes as the checksum of a file's other content."""
    rest = {name: value for name, value in content.items() if name != CHECKSUM}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def read_all(paths: Iterable[str | os.PathLike[str]], key: Key, *, incomplete: bool = False) -> list[AnswerFile]:
    """Return the answers of files, or of all JSON files in folders, ordered by rater.

    incomplete: accept files with missing answers too.
    Raises DataError, one sentence, for the first file that is unreadable, of another study, edited, incomplete, or given twice.
    """
    found: dict[str, tuple[Path, AnswerFile]] = {}
    for path in _list_files(paths):
        answers = read_answers(path, key)
        if answers.rater in found:
            other = found[answers.rater][0]
            raise DataError(f'"{path}" and "{other}" both hold the answers of {answers.rater}: keep the one that counts')
        if answers.missing and not incomplete:
            total = len(answers.answers)
            raise DataError(f'"{path}" lacks {answers.missing} of {total} answers: let the rater finish, or accept it with --incomplete')
        found[answers.rater] = (path, answers)
    if not found:
        raise DataError("no file of answers was given: name the JSON files that raters sent, or the folder that holds them")
    return [found[rater][1] for rater in sorted(found)]


def read_answers(path: str | os.PathLike[str], key: Key) -> AnswerFile:
    """Return one rater's answers; raises DataError when the file is unreadable, of another study, or edited."""
    name, content = f'"{path}"', read_json(path, advice=AS_SAVED)
    if not isinstance(content, dict) or content.get("format") != FORMAT or "answers" not in content:
        raise DataError(f"{name} is no file of answers: name the files that raters saved on the last screen")
    if content.get("study") != key.study:
        raise DataError(f"{name} answers another study: merge it with the folder that its page came from")
    if not isinstance(content.get("rater"), str) or content["rater"] not in key.trials:
        raise DataError(f'{name} is by "{content.get("rater")}", a rater that this study does not have: {AS_SAVED}')
    if content.get(CHECKSUM) != checksum(content):
        raise DataError(f"{name} was edited after it was saved, its checksum is another: {AS_SAVED}")
    file = check_document(content, AnswerFile, name, advice=AS_SAVED)
    expected = key.trials[file.rater]
    if [row.trial for row in file.answers] != list(expected):
        raise DataError(f"{name} does not hold the screens of {file.rater} in their order: {AS_SAVED}")
    for row in file.answers:
        _check_answer(row, expected[row.trial], key, name)
    day = file.date if file.missing < len(file.answers) else ""
    if file.group not in GROUPS or file.group == SIMULATED or (day and not _is_day(day)):
        raise DataError(f"{name} has an unknown group or date: {AS_SAVED}")
    return file.model_copy(update={"date": day})


def _list_files(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Return the files, with folders replaced by the JSON files in them, which mail programs may have named .txt; the log names others."""
    files: list[Path] = []
    for path in map(Path, paths):
        content = sorted(entry for entry in path.iterdir() if not entry.name.startswith(".")) if path.is_dir() else [path]
        found = [entry for entry in content if not path.is_dir() or entry.suffix.lower() in ANSWER_SUFFIXES]
        files += found
        if others := [entry.name for entry in content if entry not in found]:
            logger.info('"%s": %d left out that are no files of answers (%s)', path, len(others), ", ".join(others))
    return files


def _check_answer(row: AnswerRow, trial: Trial, key: Key, name: str) -> None:
    """Raise DataError for unknown images and for what the page cannot have written on one screen."""
    unknown = next((image for image in row.images if image not in key.images), None)
    if unknown is not None:
        raise DataError(f'{name} names the image "{unknown}", which this study does not have: {AS_SAVED}')
    shown = [key.image(trial.item, version) for version in trial.versions]
    if row.images != shown or not (row.answer is None or _IS_ANSWER[key.settings["kind"]](row.answer, shown)):
        raise DataError(f'{name} has an answer to screen "{row.trial}" that its page cannot give: {AS_SAVED}')


def _is_day(text: str) -> bool:
    """Tell whether a text is year-month-day."""
    try:
        return str(date.fromisoformat(text)) == text
    except ValueError:
        return False


def _is_ranking(value: Any, shown: list[str]) -> bool:
    """Tell whether a value ranks all pictures shown, without gaps: 1, 2, 2, 3."""
    if not isinstance(value, list) or len(value) != len(shown) or any(type(rank) is not int for rank in value):
        return False
    return sorted(set(value)) == list(range(1, len(set(value)) + 1))  # never a set as large as the highest rank


def _are_settings(value: Any, shown: list[str]) -> bool:
    """Tell whether a value holds the settings of the six filters."""
    try:
        rows = [FilterSetting.model_validate(row) for row in value]
    except (TypeError, ValidationError):
        return False
    return [row.filter for row in rows] == list(SIX)


_IS_ANSWER = {
    "rankings": _is_ranking,
    "pairs": lambda value, shown: value in ("left", "right", TIE),
    "choices": lambda value, shown: value in shown,
    "filters": _are_settings,
}
