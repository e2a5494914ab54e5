"""The pages in a real browser: three raters answer a whole study of each kind, one by mouse, one by keys, one by touch on a phone."""

from __future__ import annotations

import pytest
from miniature_study import RATERS, answer_as_page, make_miniature
from page_rater import PHONE, Rater

from reproduction.userstudy import read_study
from reproduction.userstudy.pages import KINDS, merge_answers

pytestmark = pytest.mark.slow


def answer_by_mouse(rater: Rater) -> None:
    """Click through the study; reload in the middle of it, and in the middle of a ranking."""
    rater.page.get_by_label("I do not").check()
    rater.page.get_by_role("button", name="Start").click()
    for index in range(len(rater.trials)):
        rater.wait_for(index)
        if index == 1:
            rater.page.reload()
            rater.wait_for(index)
        if "picture" in rater.trials[index]:
            rater.set_sliders(index)
        else:
            for tap in rater.taps(index):
                rater.page.locator(".tile").nth(tap).click()
        if index == 2:
            rater.page.reload()
            rater.wait_for(index)
        rater.page.get_by_role("button", name="Next").click()


def answer_by_keys(rater: Rater) -> None:
    """Use nothing but keys; go back once and come again."""
    keyboard = rater.page.keyboard
    keyboard.press("Tab")
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    for index in range(len(rater.trials)):
        rater.wait_for(index)
        if "picture" in rater.trials[index]:
            press_sliders(rater, index)
        else:
            for tap in rater.taps(index):
                keyboard.press(str(tap + 1))
        if index == 1:
            keyboard.press("Backspace")
            rater.wait_for(0)
            keyboard.press("Enter")
            rater.wait_for(1)
        keyboard.press("Enter")


def press_sliders(rater: Rater, screen: int) -> None:
    """Reach every slider by Tab, move it by arrows and rate it by a number."""
    keyboard = rater.page.keyboard
    for number, setting in enumerate(rater.answer(screen)):
        while not rater.page.evaluate(f"document.activeElement.id === 'slider-{number}'"):
            keyboard.press("Tab")
        for _ in range(abs(setting["percent"])):
            keyboard.press("ArrowRight" if setting["percent"] > 0 else "ArrowLeft")
        keyboard.press(str(setting["importance"]))


def answer_by_touch(rater: Rater) -> None:
    """Tap on a phone; look closer at a picture once."""
    rater.page.get_by_label("I edit pictures").tap()
    rater.page.get_by_role("button", name="Start").tap()
    for index in range(len(rater.trials)):
        rater.wait_for(index)
        if "picture" in rater.trials[index]:
            rater.set_sliders(index)
        else:
            if index == 0:
                rater.page.get_by_role("button", name="Look closer at picture 2").tap()
                rater.page.get_by_role("button", name="Close", exact=True).tap()
            for tap in rater.taps(index):
                rater.page.locator(".tile").nth(tap).tap()
        rater.page.get_by_role("button", name="Next").tap()


@pytest.mark.parametrize("kind", KINDS)
def test_three_raters_answer_a_whole_study_and_every_answer_arrives_once(browser, kind, tmp_path):
    study = make_miniature(tmp_path, kind)
    (tmp_path / "answers").mkdir()
    ways = {"rater-01": (answer_by_mouse, {}), "rater-02": (answer_by_keys, {}), "rater-03": (answer_by_touch, PHONE)}

    saved = {}
    for name, (way, device) in ways.items():
        rater = Rater(browser, study, name, **device)
        way(rater)
        rater.page.get_by_text("Thank you, that was all.").wait_for()
        saved[name] = rater.save(tmp_path / "answers")
        assert rater.problems == []
        assert {url.split(":")[0] for url in rater.requests} <= {"file", "data", "blob"}
        assert all((study / "pages").as_uri() in url for url in rater.requests if url.startswith("file:"))
        rater.page.context.close()
    merge_answers(study, [tmp_path / "answers"], tmp_path / "out")

    for name, content in saved.items():
        expected = answer_as_page(study, name)
        assert [(row["trial"], row["images"], row["answer"]) for row in content["answers"]] == [
            (row["trial"], row["images"], row["answer"]) for row in expected["answers"]
        ]
        assert all(row["milliseconds"] > 0 for row in content["answers"])
    merged = read_study(tmp_path / "out")
    assert list(merged.participants["group"]) == ["layperson", "layperson", "expert"]
    assert len(getattr(merged, kind)) == RATERS * {"rankings": 9, "pairs": 9, "choices": 3, "filters": 18}[kind]
