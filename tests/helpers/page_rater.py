"""Somebody at a page of a user study, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from miniature_study import attentive_answer, page_data

from reproduction.userstudy.pages.naming import read_key

# Milliseconds; a busy machine takes long to start a page.
PATIENCE = 20_000
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Rater:
    """Somebody at a page, who gives the answers of ``attentive_answer`` and watches what the page asks the world for."""

    def __init__(self, browser: Any, study: Path, name: str, **device: Any) -> None:
        self.study, self.name = study, name
        self.key, self.trials = read_key(study), page_data(study, name)["trials"]
        self.page = browser.new_context(**device).new_page()
        self.page.set_default_timeout(PATIENCE)
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.goto((study / "pages" / f"{name}.html").as_uri())

    def answer(self, index: int) -> Any:
        """Return what this rater thinks of a screen."""
        return attentive_answer(self.key, self.name, self.trials[index]["id"])

    def wait_for(self, index: int) -> None:
        """Wait until a screen and its pictures are there."""
        self.page.get_by_text(f"{index + 1} of {len(self.trials)}", exact=True).wait_for()
        self.page.wait_for_function("view && view.shown")

    def taps(self, index: int) -> list[int]:
        """Return the pictures of a screen in the order in which this rater taps them."""
        answer, shown = self.answer(index), self.trials[index]["images"]
        if isinstance(answer, list):
            return sorted(range(len(shown)), key=answer.__getitem__)
        return [("left", "right").index(answer) if answer in ("left", "right") else shown.index(answer)]

    def set_sliders(self, index: int) -> None:
        """Move sliders and rate them with whatever the browser offers for that."""
        for number, setting in enumerate(self.answer(index)):
            if setting["touched"]:
                self.page.locator(f"#slider-{number}").fill(str(setting["percent"]))
            self.page.locator(f"input[name=importance-{number}]").nth(setting["importance"] - 1).check()

    def save(self, path: Path) -> dict[str, Any]:
        """Save the answers as a file, and return its content."""
        with self.page.expect_download() as download:
            self.page.locator("#save").click()
        download.value.save_as(path / download.value.suggested_filename)
        return json.loads((path / download.value.suggested_filename).read_text())
