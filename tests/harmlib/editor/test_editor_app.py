"""The editor's application without a browser: what its uploads, its mask and its buttons do; and the masks that boxes give."""

from __future__ import annotations

import datetime
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from harmlib.editor.app import BOX, BRUSH, NAME, App
from harmlib.editor.cutting import cut_out
from harmlib.editor.painting import Painter
from harmlib.editor.recipe import replay
from harmlib.errors import ImageError, MaskError
from harmlib.io.images import IMAGE_SUFFIXES

BOX_OF_OBJECT = (0.1, 0.2, 0.9, 0.8)


@pytest.fixture
def picture(generator: np.random.Generator) -> np.ndarray:
    """A dark object on a bright, noisy ground."""
    pixels = generator.integers(170, 220, (60, 90, 3)).astype(np.uint8)
    pixels[20:40, 30:60] = generator.integers(20, 60, (20, 30, 3))
    return pixels


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def uploaded(name: str, content: bytes) -> tuple[dict, ...]:
    """What an upload holds once the browser has sent a file."""
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return ({"name": name, "type": "image/png", "size": len(content), "content": memoryview(content), "last_modified": now},)


@pytest.fixture
def app(picture: np.ndarray) -> App:
    """The application with a composite."""
    app = App()
    app.composite.value = uploaded("composite.png", png(picture))
    return app


def test_uploads_take_every_format_that_is_read(app):
    assert {upload.accept for upload in (app.composite, app.mask)} == {",".join(IMAGE_SUFFIXES)}


def test_grabcut_finds_the_object_in_its_box(picture):
    truth = np.zeros((60, 90), bool)
    truth[20:40, 30:60] = True

    found = cut_out(picture, BOX_OF_OBJECT)

    assert (found & truth).sum() / (found | truth).sum() > 0.95


def test_a_box_gives_the_same_mask_every_time(picture):
    assert np.array_equal(cut_out(picture, BOX_OF_OBJECT), cut_out(picture, BOX_OF_OBJECT))


def test_a_large_picture_gets_a_mask_of_its_size(picture):
    large = np.asarray(Image.fromarray(picture).resize((900, 600), Image.Resampling.NEAREST))

    found = cut_out(large, BOX_OF_OBJECT)

    assert found.shape == (600, 900)
    assert found[300, 450]
    assert not found[10, 10]


@pytest.mark.parametrize("box", [(0.5, 0.2, 0.5, 0.8), (0.2, 0.8, 0.9, 0.2), (-0.1, 0, 0.5, 0.5), (0, 0, 1.2, 0.5)])
def test_a_box_that_is_none_is_refused(picture, box):
    with pytest.raises(MaskError, match="is empty or leaves the picture"):
        cut_out(picture, box)


def test_a_box_around_everything_is_refused(picture):
    with pytest.raises(MaskError, match="nothing tells what the background is"):
        cut_out(picture, (0, 0, 1, 1))


def test_only_pictures_are_cut():
    with pytest.raises(ImageError, match="expected uint8 RGB"):
        cut_out(np.zeros((4, 4)), BOX_OF_OBJECT)


def stroke(painter: Painter, *places: tuple[float, float]) -> None:
    """Press at the first place, move over the others, and lift."""
    painter.press(*places[0])
    for place in places[1:]:
        painter.move(*place)
    painter.lift()


def test_a_stroke_is_foreground_at_the_size_of_the_whole_picture(picture):
    painter = Painter(lambda: None)
    painter.paint_on(picture)
    painter.brush.value = 4

    stroke(painter, (30, 30), (60, 30))
    painter.move(80, 10)  # the brush is up

    mask = painter.mask(120, 180)
    assert mask.shape == (120, 180)
    assert mask.dtype == np.float32
    assert (mask[60, 70:110] == 1).all()
    assert mask[:, 140:].max() == 0
    assert mask[:50].max() == mask[70:].max() == 0


def test_the_eraser_and_the_button_take_back(picture):
    painter = Painter(lambda: None)
    painter.paint_on(picture)
    painter.brush.value = 4
    stroke(painter, (20, 30), (70, 30))

    painter.eraser.value = True
    stroke(painter, (45, 20), (45, 40))
    assert painter.mask(60, 90)[30, 45] == 0
    assert painter.mask(60, 90)[30, 30] == 1

    painter.clear.click()
    with pytest.raises(MaskError, match="nothing is painted yet"):
        painter.mask(60, 90)


def test_a_brush_on_no_picture_paints_nothing():
    painter = Painter(lambda: None)

    stroke(painter, (10, 10), (20, 20))

    with pytest.raises(MaskError, match="nothing is painted yet"):
        painter.mask(60, 90)


def test_a_finger_paints_too(picture):
    painter = Painter(lambda: None)
    painter.paint_on(picture)

    for kind in ("touch_start", "touch_move", "touch_end"):
        painter.canvas[1]._handle_custom_msg({"event": kind, "touches": [{"x": 30, "y": 30}]}, [])

    assert painter.mask(60, 90)[30, 30] == 1


@pytest.mark.slow
def test_what_is_painted_is_harmonized_and_another_stroke_closes_the_editor(app):
    app.source.value = BRUSH
    app.start.click()
    assert "nothing is painted yet" in app.message.value

    stroke(app.painter, (32, 30), (58, 30))
    app.start.click()
    assert app.message.value == ""
    assert app.editor is not None

    stroke(app.painter, (10, 10), (12, 10))
    assert app.editor is None


def test_a_file_that_is_no_picture_is_named():
    app = App()

    app.composite.value = uploaded("notes.txt", b"not a picture")

    assert "notes.txt" in app.message.value
    assert "is not a picture that can be read" in app.message.value


def test_nothing_is_harmonized_without_a_composite_or_a_mask(app):
    empty = App()
    empty.start.click()
    app.start.click()

    assert "there is no composite yet" in empty.message.value
    assert "there is no mask yet" in app.message.value
    assert app.editor is None


def test_a_mask_of_another_size_is_refused(app):
    app.mask.value = uploaded("mask.png", png(np.full((10, 10), 255, np.uint8)))

    assert "10x10" in app.message.value


def test_the_box_is_shown_before_anything_is_harmonized(app):
    before = app.preview.value

    app.source.value = BOX

    assert app.preview.value != before


@pytest.mark.slow
def test_a_box_a_slider_and_the_download_play_back_to_the_same_picture(app, picture, tmp_path):
    app.source.value = BOX
    app.start.click()
    assert app.message.value == ""
    app.editor.sliders[app.editor.state.names[0], "shift"].value = 0.3

    app.download.click()

    assert f'download="{NAME}.zip"' in app.link.value
    with zipfile.ZipFile(io.BytesIO(app.packed())) as archive:
        archive.extractall(tmp_path)
    assert np.array_equal(replay(tmp_path / f"{NAME}.json", picture), np.asarray(Image.open(tmp_path / f"{NAME}.png")))


@pytest.mark.slow
def test_an_edit_takes_back_the_link_to_the_picture_before_it(app):
    app.source.value = BOX
    app.start.click()
    app.download.click()
    assert app.link.value

    app.editor.sliders[app.editor.state.names[0], "shift"].value = 0.01

    assert app.link.value == ""
    assert not app.download.disabled


@pytest.mark.slow
def test_buttons_wait_and_a_sentence_says_why_while_a_method_works(app):
    app.source.value = BOX
    seen = []
    app.start.observe(lambda event: seen.append((event["new"], app.message.value)), "disabled")

    app.start.click()

    assert seen == [(True, "harmonizing ..."), (False, "")]


@pytest.mark.slow
def test_another_composite_closes_the_editor(app, picture):
    app.source.value = BOX
    app.start.click()
    assert not app.download.disabled

    app.composite.value = uploaded("other.png", png(picture[::-1].copy()))

    assert app.editor is None
    assert app.download.disabled


@pytest.mark.slow
def test_another_method_closes_the_editor_and_is_the_next_to_be_asked(app):
    app.source.value = BOX
    app.start.click()

    app.method.value = "sgmmh_om"

    assert app.editor is None
    assert app.download.disabled
    app.start.click()
    assert app.message.value == ""
    assert "add_L" in app.editor.state.names
