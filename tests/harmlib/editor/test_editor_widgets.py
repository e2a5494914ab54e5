"""The editor's widgets without a browser: what their callbacks do to the state and to the pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from harmlib.editor.recipe import replay
from harmlib.editor.state import Change, EditorState
from harmlib.editor.widgets import DRAG_PAUSE, Editor, edit, edit_state, encode
from harmlib.errors import CheckpointError


class Clock:
    """A clock that is moved by hand."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def editor(state: EditorState, clock: Clock, tmp_path) -> Editor:
    return edit_state(state, path=tmp_path / "edited.png", clock=clock)


def drag(editor: Editor, clock: Clock, values: list[float], field: str = "shift", index: int = 0) -> None:
    """Move a slider through values, faster than a pause."""
    for value in values:
        clock.seconds += DRAG_PAUSE / 10
        editor.sliders[editor.state.names[index], field].value = value


def test_a_moved_slider_changes_the_right_picture_only(editor, clock):
    left, right = editor.left.value, editor.right.value

    drag(editor, clock, [0.3])

    assert editor.left.value == left
    assert editor.right.value != right


def test_the_right_picture_is_the_preview(editor, clock):
    drag(editor, clock, [0.3])

    shown = cv2.imdecode(np.frombuffer(editor.right.value, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(shown.astype(int) - editor.state.preview()).mean() < 3


def test_sliders_report_while_they_are_dragged(editor):
    assert all(slider.continuous_update for slider in editor.sliders.values())


def test_a_drag_is_one_step(editor, clock):
    right = editor.right.value

    drag(editor, clock, [0.1, 0.2, 0.3])
    editor.undo.click()

    assert editor.right.value == right
    assert editor.sliders[editor.state.names[0], "shift"].value == 0
    assert editor.undo.disabled


def test_redo_shows_the_end_of_the_drag(editor, clock):
    drag(editor, clock, [0.1, 0.2, 0.3])
    right = editor.right.value
    editor.undo.click()

    editor.redo.click()

    assert editor.right.value == right
    assert editor.state.get(editor.state.names[0]).shift == 0.3


def test_after_a_pause_a_new_drag_begins(editor, clock):
    drag(editor, clock, [0.1, 0.2])
    clock.seconds += 2 * DRAG_PAUSE
    drag(editor, clock, [0.3, 0.4])

    editor.undo.click()

    assert editor.state.get(editor.state.names[0]).shift == 0.2


def test_two_sliders_are_two_steps(editor, clock):
    drag(editor, clock, [2.0], field="scale")
    drag(editor, clock, [0.3])

    editor.undo.click()

    assert editor.state.get(editor.state.names[0]) == Change(2.0, 0.0)


def test_the_same_slider_in_two_regions_is_two_steps(editor, clock):
    drag(editor, clock, [0.1])
    editor.region.value = 1
    drag(editor, clock, [0.2])

    editor.undo.click()

    assert editor.state.get(editor.state.names[0]).shift == 0.1


def test_undo_in_the_middle_ends_the_drag(editor, clock):
    drag(editor, clock, [0.1])
    editor.undo.click()
    drag(editor, clock, [0.2])
    drag(editor, clock, [0.3])

    editor.undo.click()

    assert editor.state.get(editor.state.names[0]).shift == 0


def test_the_chosen_region_is_edited_and_its_numbers_are_shown(editor, clock):
    name = editor.state.names[0]
    drag(editor, clock, [0.1])
    editor.region.value = 2
    shown = editor.sliders[name, "shift"].value
    drag(editor, clock, [0.4])

    assert shown == 0
    assert editor.state.get(name, 2).shift == 0.4
    assert editor.state.get(name).shift == 0.1


def test_a_choice_of_region_edits_nothing(editor, clock):
    drag(editor, clock, [0.1])
    edits = editor.state.edits

    editor.region.value = 1

    assert editor.state.edits == edits


def test_the_chosen_region_is_outlined_in_the_left_picture(editor):
    plain, right = editor.left.value, editor.right.value

    editor.region.value = 2

    assert editor.left.value != plain
    assert editor.right.value == right


def test_the_list_of_regions_tells_their_size(editor):
    assert [label for label, _ in editor.region.options] == [
        "everywhere",
        "region 1 (27.8% of the picture)",
        "region 2 (6.2% of the picture)",
    ]


def test_compare_shows_the_left_picture_on_the_right_while_pressed(editor, clock):
    drag(editor, clock, [0.3])
    right = editor.right.value
    editor.region.value = 2

    editor.compare.value = True
    compared = editor.right.value
    editor.compare.value = False

    assert compared == encode(editor.state.composite_preview)
    assert editor.right.value == right


def test_the_left_picture_can_be_the_methods_own(editor, clock):
    unedited = editor.right.value
    drag(editor, clock, [0.3])

    editor.before.value = "the method's own result"

    assert editor.left.value == unedited


def test_reset_shows_the_methods_own_and_can_be_taken_back(editor, clock):
    unedited = editor.right.value
    drag(editor, clock, [0.3])
    edited = editor.right.value

    editor.reset.click()
    after_reset = editor.right.value
    editor.undo.click()

    assert after_reset == unedited
    assert editor.right.value == edited


def test_buttons_without_anything_to_do_are_disabled(editor, clock):
    fresh = [button.disabled for button in (editor.undo, editor.redo, editor.reset)]
    drag(editor, clock, [0.3])
    moved = [button.disabled for button in (editor.undo, editor.redo, editor.reset)]

    assert fresh == [True, True, True]
    assert moved == [False, True, False]


def test_a_number_beyond_the_slider_survives(state, clock):
    state.set(state.names[0], scale=7.5)

    editor = edit_state(state, clock=clock)

    assert editor.sliders[state.names[0], "scale"].value == 7.5
    assert state.get(state.names[0]).scale == 7.5


def test_export_writes_what_is_seen_and_says_so(editor, clock, tmp_path):
    drag(editor, clock, [0.3])

    editor.export.click()

    assert np.array_equal(replay(tmp_path / "edited.json", editor.state.composite), editor.state.full())
    assert editor.message.value.endswith("and its recipe edited.json")


@pytest.mark.parametrize(("path", "sentence"), [("<b>.jpg", "does not end in .png"), ("file/edited.png", "file")])
def test_an_export_that_fails_says_why(path, sentence, editor, tmp_path):
    (tmp_path / "file").write_text("in the way")
    editor.path.value = str(tmp_path / path)

    editor.export.click()

    assert sentence in editor.message.value
    assert "<b>" not in editor.message.value


def test_without_the_run_the_sentence_says_so(composite, mask, tmp_path):
    with pytest.raises(CheckpointError, match=r'checkpoint\.pt" does not exist'):
        edit(composite, mask, weights=tmp_path)
