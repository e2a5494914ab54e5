"""Single screens in a real browser: what taps and keys do, what is said, what fits, what happens when something is missing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest
from miniature_study import METHODS, make_miniature
from page_rater import PHONE, Rater

from reproduction.userstudy.pages import merge_answers
from reproduction.userstudy.pages.answers import checksum
from reproduction.userstudy.pages.rendering import asset

pytestmark = pytest.mark.slow


@pytest.fixture
def ranker(browser, tmp_path) -> Iterator[Rater]:
    """A rater before the first screen of a ranking study."""
    rater = Rater(browser, make_miniature(tmp_path, "rankings"), "rater-01")
    rater.page.get_by_label("I do not").check()
    rater.page.get_by_role("button", name="Start").click()
    rater.wait_for(0)
    yield rater
    rater.page.context.close()


def marks(rater: Rater) -> list[str]:
    return [mark.text_content() for mark in rater.page.locator(".mark").all()]


def test_equal_places_are_asked_for_before_the_second_tap(ranker):
    ranker.page.locator(".tile").nth(2).click()
    ranker.page.get_by_role("button", name="Equal to the last").click()
    ranker.page.locator(".tile").nth(0).click()
    ranker.page.locator(".tile").nth(1).click()

    assert marks(ranker) == ["1st", "2nd", "1st"]


def test_a_second_tap_takes_a_picture_back_and_closes_the_gap(ranker):
    for index in (0, 1, 2, 0):
        ranker.page.locator(".tile").nth(index).click()

    assert marks(ranker) == ["", "1st", "2nd"]
    assert ranker.page.get_by_role("button", name="Next").is_disabled()


def test_arrows_and_space_rank_too_and_escape_clears(ranker):
    for key in ("ArrowRight", "ArrowRight", "Space", "ArrowLeft", "Space"):
        ranker.page.keyboard.press(key)
    ranked = marks(ranker)
    ranker.page.keyboard.press("Escape")

    assert ranked == ["2nd", "1st", ""]
    assert marks(ranker) == ["", "", ""]


def test_a_page_that_is_closed_and_opened_again_goes_on(ranker):
    ranker.page.locator(".tile").nth(1).click()
    address = ranker.page.url
    again = ranker.page.context.new_page()
    ranker.page.close()
    again.goto(address)
    ranker.page = again
    ranker.wait_for(0)

    assert marks(ranker) == ["", "1st", ""]


def test_what_is_done_in_one_tab_shows_in_another_and_is_not_overwritten_there(ranker):
    other = ranker.page.context.new_page()
    other.goto(ranker.page.url)
    ranker.page.locator(".tile").nth(1).click()

    other.get_by_role("button", name="Picture 2, 1st", exact=True).wait_for()
    other.locator(".tile").nth(0).click()
    ranker.page.get_by_role("button", name="Picture 1, 2nd", exact=True).wait_for()

    assert marks(ranker) == ["2nd", "1st", ""]


def test_a_reload_goes_on_even_where_the_browser_has_not_stored_anything_yet(ranker):
    ranker.page.locator(".tile").nth(1).click()
    ranker.page.evaluate("localStorage.clear(); Storage.prototype.setItem = () => {}")
    ranker.page.reload()
    ranker.wait_for(0)

    assert marks(ranker) == ["", "1st", ""]


def test_what_a_tap_did_is_said_aloud(ranker):
    ranker.page.locator(".tile").nth(1).click()

    assert ranker.page.get_by_role("status").first.text_content() == "Picture 2: 1st"
    assert ranker.page.get_by_role("button", name="Picture 2, 1st", exact=True).get_attribute("aria-pressed") == "true"


def test_who_stops_early_is_told_and_the_rest_is_empty(ranker, tmp_path):
    for index in (0, 1, 2):
        ranker.page.locator(".tile").nth(index).click()
    ranker.page.get_by_role("button", name="Next").click()
    ranker.wait_for(1)
    ranker.page.locator(".tile").nth(0).click()
    ranker.page.get_by_role("button", name="Stop here").click()
    ranker.page.get_by_text("3 of 4 screens have no finished answer yet.").wait_for()

    content = ranker.save(tmp_path)

    assert [row["answer"] for row in content["answers"]] == [[1, 2, 3], None, None, None]
    participants = merge_answers(ranker.study, [tmp_path / "answers-rater-01.json"], tmp_path / "out", incomplete=True)
    assert participants["missing"].tolist() == [3]


def test_the_open_screens_can_be_found_again(ranker):
    ranker.page.get_by_role("button", name="Stop here").click()
    ranker.page.get_by_role("button", name="Go to the first open one").click()

    ranker.wait_for(0)


def test_the_answers_can_be_copied_as_text(ranker):
    ranker.page.get_by_role("button", name="Stop here").click()
    ranker.page.get_by_text("No file appeared?").click()

    content = json.loads(ranker.page.get_by_label("Answers as text").input_value())

    assert content["checksum"] == checksum(content)


def test_a_page_without_its_pictures_says_so(browser, tmp_path):
    study = make_miniature(tmp_path, "rankings")
    shutil.rmtree(study / "pages" / "images")
    rater = Rater(browser, study, "rater-01")
    rater.page.get_by_label("I do not").check()
    rater.page.get_by_role("button", name="Start").click()

    assert "A picture could not be opened" in rater.page.get_by_role("alert").text_content()
    rater.page.context.close()


@pytest.mark.parametrize("device", [{"viewport": {"width": 1440, "height": 900}}, PHONE])
def test_all_pictures_of_a_screen_fit_the_window(browser, tmp_path, device):
    rater = Rater(browser, make_miniature(tmp_path, "rankings"), "rater-01", **device)
    rater.page.get_by_label("I do not").check()
    rater.page.get_by_role("button", name="Start").click()
    rater.wait_for(0)

    boxes = [tile.bounding_box() for tile in rater.page.locator(".tile").all()]

    footer = rater.page.locator("footer").bounding_box()["y"]
    assert len(boxes) == len(METHODS)
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= device["viewport"]["width"] for box in boxes)
    assert all(box["y"] + box["height"] <= footer and box["width"] >= 180 for box in boxes)
    rater.page.context.close()


def test_the_pages_checksum_is_that_of_python(browser):
    scripts = "".join(asset(name) for name in ("sha256.js", "store.js"))
    page = browser.new_page()
    page.set_content(f"<script>{scripts}</script>")

    for length in (0, 1, 55, 56, 63, 64, 65, 119, 120, 1000):
        content = {"b": [1, None, -3, "ü€😀" * length], "a": {"z": "x" * length, "Y": '"\\/\u2028\n'}}
        assert page.evaluate("(content) => sha256(canonical(content))", content) == checksum(content)
    page.close()
