"""The sliders' picture in a real browser against the filters of harmlib."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from miniature_study import make_miniature, page_data

from harmlib.filters import SIX
from harmlib.filters.fused import restore_picture
from harmlib.io.images import read_image
from harmlib.io.masks import read_mask
from reproduction.userstudy.pages.naming import read_key
from reproduction.userstudy.pages.rendering import asset

READ_CANVAS = """
() => {
    view.draw();
    const { width, height } = view.canvas;
    return Array.from(view.canvas.getContext("2d").getImageData(0, 0, width, height).data);
}
"""
RESTORE = """
([pixels, mask, settings]) => {
    const out = new Uint8ClampedArray(pixels.length);
    new Filters(Uint8ClampedArray.from(pixels), Uint8ClampedArray.from(mask)).restore(settings, out);
    return Array.from(out);
}
"""
TIME = """
(size) => {
    const pixels = Uint8ClampedArray.from({ length: 4 * size * size }, (_, index) => (index * 2654435761) >>> 24);
    const filters = new Filters(pixels, new Uint8ClampedArray(size * size).fill(255));
    const out = new Uint8ClampedArray(pixels.length);
    const times = [0, 1, 2, 3, 4].map((run) => {
        const start = performance.now();
        filters.restore([0.2, 0.1, -0.1, 0.2, 0.3 + run / 100, -0.2], out);
        return performance.now() - start;
    });
    return Math.min(...times);
}
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def script(browser) -> Iterator[Any]:
    """A page that has the filters' script and nothing else."""
    page = browser.new_page()
    page.set_content(f"<script>{asset('filters.js')}</script>")
    yield page
    page.close()


@pytest.fixture(scope="module")
def picture() -> tuple[np.ndarray, np.ndarray]:
    """A picture with every kind of color, gray, black and white among them, and a soft mask, (H, W, 3) and (H, W)."""
    generator = np.random.default_rng(5)
    image = generator.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    image[:10] = np.arange(50, dtype=np.uint8)[:, None] * 5
    image[10:14] = generator.choice(np.array([0, 255], np.uint8), (4, 50, 3))
    mask = np.full((40, 50), 255, np.uint8)
    mask[30:] = np.linspace(0, 255, 50).astype(np.uint8)
    return image, mask


def in_browser(script: Any, image: np.ndarray, mask: np.ndarray, arguments: list[float]) -> np.ndarray:
    """Return what the page's filters make of a picture, int (H, W, 3)."""
    pixels = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
    levels = script.evaluate(RESTORE, [pixels.ravel().tolist(), mask.ravel().tolist(), arguments])
    return np.array(levels).reshape(*image.shape[:2], 4)[..., :3]


single = [[value if name == chosen else 0.0 for name in SIX] for chosen in SIX for value in (-1.0, -0.55, 0.3, 1.0)]
drawn = np.random.default_rng(3).integers(-100, 101, (40, 6)) / 100


@pytest.mark.parametrize("arguments", [[0.0] * 6, *single, *drawn.tolist()], ids=str)
def test_the_pages_filters_agree_with_pythons_within_a_level(script, picture, arguments):
    image, mask = picture

    found = in_browser(script, image, mask, arguments)

    assert np.abs(found - restore_picture(image, mask / np.float32(255), arguments)).max() <= 1


def test_dragging_is_fast_enough_at_512_pixels(script):
    # Measured: 24 ms on an idle core, 85 on a busy one.
    assert script.evaluate(TIME, 512) < 300


@pytest.fixture
def page(browser, tmp_path) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
    """The first screen of a filter study, its picture and its mask."""
    study = make_miniature(tmp_path, "filters", catch_trials=0)
    page = browser.new_page()
    page.goto((study / "pages" / "rater-01.html").as_uri())
    page.get_by_label("I do not").check()
    page.get_by_role("button", name="Start").click()
    page.wait_for_function("view && view.shown")
    first = page_data(study, "rater-01")["trials"][0]["images"][0]
    item = read_key(study).images[first][0]
    yield page, read_image(study / "images" / first), read_mask(tmp_path / "my class" / "masks" / f"{item}.png")
    page.close()


def canvas(page: Any, image: np.ndarray) -> np.ndarray:
    return np.array(page.evaluate(READ_CANVAS)).reshape(*image.shape[:2], 4)[..., :3]


def test_a_slider_changes_the_canvas_as_python_would_inside_the_mask_only(page):
    page, image, mask = page
    page.locator("#slider-1").focus()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    page.locator("#slider-5").fill("-40")

    found = canvas(page, image)

    expected = restore_picture(image, mask.astype(np.float32), [0, 0.3, 0, 0, 0, -0.4])
    assert np.abs(found - expected).max() <= 1
    assert np.abs(found - image.astype(int))[mask].mean() > 5
    assert (found[~mask] == image[~mask]).all()


def test_before_and_after_can_be_compared(page):
    page, image, _ = page
    page.locator("#slider-0").fill("80")
    after = canvas(page, image)
    page.get_by_role("button", name="Show before").click()

    assert (canvas(page, image) == image).all()
    page.get_by_role("button", name="Show before").click()
    assert (canvas(page, image) == after).all()


def test_all_sliders_go_back_to_zero_untouched(page):
    page, image, _ = page
    page.locator("#slider-0").fill("80")
    page.get_by_role("button", name="All sliders to 0").click()

    assert page.locator("#slider-0").input_value() == "0"
    assert np.abs(canvas(page, image) - image.astype(int)).max() <= 1
    assert page.evaluate("view.answer.every((setting) => setting.touched === 0 && setting.percent === 0)")


def test_every_filter_must_be_rated_before_it_goes_on(page):
    page, _, _ = page
    for number in range(5):
        page.locator(f"input[name=importance-{number}]").nth(2).check()

    assert page.get_by_role("button", name="Next").is_disabled()
    page.locator("input[name=importance-5]").nth(4).check()
    assert page.get_by_role("button", name="Next").is_enabled()
