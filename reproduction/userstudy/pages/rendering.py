"""A rater's page: one HTML file with its style, its scripts and what to show; pictures lie beside it.

In a filter study they are part of the page, because a page opened from a disk may show the pictures beside it but not read their pixels.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harmlib.filters import SIX
from harmlib.io import masks
from reproduction.userstudy.pages.items import Item
from reproduction.userstudy.pages.naming import FORMAT, Key
from reproduction.userstudy.pages.planning import Trial
from reproduction.userstudy.pages.versions import fit

# Folder of the pictures beside the pages.
PICTURES = "images"
STYLES = ("page.css", "comparing.css", "sliders.css")
# In this order, because each uses those before it.
SCRIPTS = [f"{name}.js" for name in ("sha256", "elements", "store", "texts", "rules", "closer", "comparing", "filters", "sliders", "page")]
QUESTIONS = {
    "rankings": "How realistic are these pictures? Put them in order, the most realistic first.",
    "pairs": "Which of the two pictures looks more realistic?",
    "choices": "Which of these pictures looks most realistic?",
    "filters": "Move the sliders until the picture looks natural, then say how important each of them was.",
}
# What a slider's two ends do, in words a rater knows.
SLIDERS = {
    "temperature": ("Temperature", "cooler", "warmer"),
    "brightness": ("Brightness", "darker", "brighter"),
    "contrast": ("Contrast", "flatter", "stronger"),
    "saturation": ("Saturation", "grayer", "more colorful"),
    "highlight": ("Highlights", "bright parts down", "bright parts up"),
    "shadow": ("Shadows", "dark parts down", "dark parts up"),
}


def render_page(key: Key, rater: str, items: Mapping[str, Item], pictures: Path) -> str:
    """Return a rater's page; ``pictures`` is the folder that holds the key's pictures."""
    kind = key.settings["kind"]
    content: dict[str, Any] = {"format": FORMAT, "study": key.study, "rater": rater, "kind": kind, "question": QUESTIONS[kind]}
    show = _show_embedded if kind == "filters" else _show_beside
    content["trials"] = [{"id": name, **show(key, trial, items, pictures)} for name, trial in key.trials[rater].items()]
    if kind == "filters":
        content["sliders"] = [dict(zip(("filter", "label", "low", "high"), (name, *SLIDERS[name]), strict=True)) for name in SIX]
    page = asset("page.html").replace("{{rater}}", rater)
    page = page.replace("{{style}}", "\n".join(map(asset, STYLES))).replace("{{script}}", "\n".join(map(asset, SCRIPTS)))
    # "<" could end the script element that holds the data.
    return page.replace("{{data}}", json.dumps(content, ensure_ascii=False).replace("<", "\\u003c"))


def _show_beside(key: Key, trial: Trial, items: Mapping[str, Item], pictures: Path) -> dict[str, Any]:
    """Return what the page needs to show pictures that lie beside it."""
    names = [key.image(trial.item, version) for version in trial.versions]
    with Image.open(pictures / names[0]) as first:
        width, height = first.size
    return {"images": names, "folder": PICTURES, "width": width, "height": height}


def _show_embedded(key: Key, trial: Trial, items: Mapping[str, Item], pictures: Path) -> dict[str, Any]:
    """Return what the page needs to filter a picture inside its mask."""
    name = key.image(trial.item, trial.versions[0])
    content = (pictures / name).read_bytes()
    with Image.open(io.BytesIO(content)) as picture:
        width, height = picture.size
    mask = masks.read_mask(items[trial.item].mask).astype(np.uint8) * 255
    small = io.BytesIO()
    Image.fromarray(fit(mask, max(width, height), "nearest")).save(small, format="PNG", optimize=True)
    return {"images": [name], "width": width, "height": height, "picture": _data_url(content), "mask": _data_url(small.getvalue())}


def _data_url(png: bytes) -> str:
    """Return a PNG as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def asset(name: str) -> str:
    """Return the text of a file of ``assets``."""
    return resources.files("reproduction.userstudy.pages").joinpath("assets", name).read_text(encoding="utf-8")
