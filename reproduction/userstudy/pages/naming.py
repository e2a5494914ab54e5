"""Names that tell nothing, and the key file that tells everything.

A name is a keyed hash: without the key it can neither be read nor guessed. The key follows from the seed and from what goes into the study,
so that the same command makes the same bytes; to have names that nobody can work out, keep the seed secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal

from pydantic import Field

from harmlib.errors import DataError
from harmlib.io import files
from harmlib.io.documents import read_json
from reproduction.documents import Document, check_document
from reproduction.userstudy.pages.planning import Trial

KEY_FILE = "key.json"
# What is handed to raters; everything beside it stays with the teacher.
PAGES = "pages"
NAME_LENGTH = 16
FORMAT = 1
DAMAGED = 'take it from a copy of the folder that "study make" wrote'


class PictureEntry(Document):
    """What a picture's name stands for."""

    item: str
    version: str


class TrialEntry(Document):
    """What a screen's name stands for."""

    trial: str
    item: str
    role: Literal["scored", "catch", "common", "random"]
    versions: Annotated[list[str], Field(min_length=1)]


class Settings(Document):
    """What of the settings is asked for when answers come back."""

    kind: Literal["rankings", "pairs", "choices", "filters"]
    question: str
    methods: list[str]
    seed: int
    items: dict[str, str]
    scenarios: dict[str, str]


class KeyFile(Document):
    """The whole key."""

    study: str
    settings: Settings
    images: dict[str, PictureEntry]
    trials: Annotated[dict[str, list[TrialEntry]], Field(min_length=1)]


@dataclass(frozen=True)
class Key:
    """What a study is, and what its pictures and screens really are.

    settings: what the study was made from (``kind``, ``methods``, ``seed``, ``items``, ``weights``, ...), as JSON holds it.
    study: its name in pages and answers. images: file name -> (item, version). trials: rater -> screen's name -> trial, in order.
    """

    settings: Mapping[str, Any]
    study: str
    images: Mapping[str, tuple[str, str]]
    trials: Mapping[str, Mapping[str, Trial]]

    def image(self, item: str, version: str) -> str:
        """Return the file name of an item's version."""
        return next(name for name, what in self.images.items() if what == (item, version))


def make_key(settings: Mapping[str, Any], plan: Mapping[str, Sequence[Trial]], suffix: str) -> Key:
    """Return the key of a planned study; ``suffix`` ends the names of pictures."""
    secret = json.dumps(settings, sort_keys=True).encode()

    def name(*what: str) -> str:
        return hmac.new(secret, "\0".join(what).encode(), hashlib.sha256).hexdigest()[:NAME_LENGTH]

    shown = {(trial.item, version) for trials in plan.values() for trial in trials for version in trial.versions}
    pictures = {name("image", *what) + suffix: what for what in sorted(shown)}
    screens = {rater: {name("trial", rater, str(index)): trial for index, trial in enumerate(plan[rater])} for rater in plan}
    return Key(settings, name("study"), dict(sorted(pictures.items())), screens)


def write_key(out: Path, key: Key) -> None:
    """Write the key beside the pages; raises DataError when ``out`` holds another study, or other files and no study."""
    path = out / KEY_FILE
    foreign = [] if path.exists() or not out.is_dir() else sorted(found.name for found in out.iterdir() if not found.name.startswith("."))
    if foreign:
        raise DataError(f'"{out}" holds other files ("{foreign[0]}") and no study: name a folder that is new or empty')
    if path.exists() and read_key(out).study != key.study:
        raise DataError(
            f'"{out}" holds another study (other pictures, methods, weights, raters or seed): choose another folder, or remove this one'
        )
    note = "This file tells which picture is which. Keep it; hand only the folder of pages to raters."
    files.write_json(path, {"note": note, "format": FORMAT, **_content(key)})


def _content(key: Key) -> dict[str, Any]:
    """Return a key as its file holds it."""
    return {
        "study": key.study,
        "settings": key.settings,
        "images": {name: {"item": item, "version": version} for name, (item, version) in key.images.items()},
        "trials": {
            rater: [
                {"trial": name, "item": trial.item, "role": trial.role, "versions": list(trial.versions)} for name, trial in trials.items()
            ]
            for rater, trials in key.trials.items()
        },
    }


def read_key(out: str | os.PathLike[str]) -> Key:
    """Return the key of a study's folder; raises DataError when there is none or it is damaged."""
    path = Path(out) / KEY_FILE
    if not path.exists():
        raise DataError(f'"{out}" has no {KEY_FILE}, so nobody can tell what was answered: name the folder that "study make" wrote')
    content = read_json(path, advice=DAMAGED)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError(f'"{path}" is no key of a study: name the folder that "study make" wrote')
    found = check_document(content, KeyFile, f'"{path}"', advice=DAMAGED)
    for name in {part for what in found.images.values() for part in (what.item, what.version)}:
        if name in ("", "..") or name != PurePath(name).name or "\\" in name:
            raise DataError(f'"{path}" names "{name}", which is a path: {DAMAGED}')
    plan = {rater: [Trial(row.item, row.role, tuple(row.versions)) for row in rows] for rater, rows in found.trials.items()}
    key = make_key(content["settings"], plan, suffix=PurePath(next(iter(found.images), "")).suffix)
    # Names follow from the settings, so a key in which anything was changed tells so.
    if any(content[name] != value for name, value in _content(key).items()):
        raise DataError(f'"{path}" was changed since it was written, its names do not follow from its settings: {DAMAGED}')
    return key
