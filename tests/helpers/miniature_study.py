"""Miniature user studies that tests make, and answers as their pages would write them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from harmlib.filters import SIX
from harmlib.io.images import write_png
from reproduction.userstudy.pages import make_study
from reproduction.userstudy.pages.answers import checksum
from reproduction.userstudy.pages.naming import Key, read_key
from reproduction.userstudy.pages.planning import is_spoiled

METHODS = ("composite", "reinhard_lab", "xiao_ma")
RATERS = 3


def write_composites(root: Path, count: int = 3, size: tuple[int, int] = (48, 64)) -> Path:
    """Write a folder of composites: smooth pictures with a rectangle of other colors, and its mask."""
    generator = np.random.default_rng(0)
    height, width = size
    for number in range(count):
        picture = np.kron(generator.uniform(30, 160, (height // 8, width // 8, 3)), np.ones((8, 8, 1)))
        mask = np.zeros(size, np.uint8)
        mask[height // 4 : height // 2, width // 4 : width // 2 + number] = 255
        picture[mask > 0] = picture[mask > 0] * 0.5 + 90
        write_png(root / "composites" / f"photo-{number}.png", picture.astype(np.uint8))
        write_png(root / "masks" / f"photo-{number}.png", mask)
    return root


def make_miniature(root: Path, kind: str, **options: Any) -> Path:
    """Make a study of three composites, three methods and three raters; return its folder."""
    methods = () if kind == "filters" else METHODS
    make_study(write_composites(root / "my class"), root / kind, kind=kind, raters=RATERS, methods=methods, **options)
    return root / kind


def page_data(study: Path, rater: str) -> dict[str, Any]:
    """Return what a page was made from."""
    page = (study / "pages" / f"{rater}.html").read_text()
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found.group(1))


def attentive_answer(key: Key, rater: str, screen: str) -> Any:
    """Return an answer that puts methods in the order of METHODS and spoiled pictures last."""
    versions = key.trials[rater][screen].versions
    order = sorted(versions, key=lambda version: (is_spoiled(version), METHODS.index(version) if version in METHODS else 0))
    if key.settings["kind"] == "filters":
        percents = {"saturation": -30} if is_spoiled(versions[0]) else {"brightness": 25, "shadow": -5}
        return [
            {"filter": name, "percent": percents.get(name, 0), "touched": int(name in percents), "importance": 1 + number % 5}
            for number, name in enumerate(SIX)
        ]
    if key.settings["kind"] == "rankings":
        return [1 + order.index(version) for version in versions]
    if key.settings["kind"] == "pairs":
        return ("left", "right")[versions.index(order[0])]
    return key.image(key.trials[rater][screen].item, order[0])


def answer_as_page(study: Path, rater: str) -> dict[str, Any]:
    """Return the content of the file that a page would save for an attentive rater."""
    key, page = read_key(study), page_data(study, rater)
    answers = [
        {"trial": trial["id"], "images": trial["images"], "answer": attentive_answer(key, rater, trial["id"]), "milliseconds": 1500 + turn}
        for turn, trial in enumerate(page["trials"])
    ]
    content = {name: page[name] for name in ("format", "study", "rater")} | {"group": "layperson", "date": "2026-03-0" + rater[-1]}
    return signed({**content, "answers": answers})


def signed(content: dict[str, Any]) -> dict[str, Any]:
    """Return a file's content with its checksum."""
    return {**content, "checksum": checksum(content)}
