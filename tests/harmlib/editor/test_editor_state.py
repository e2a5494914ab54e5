"""The editor's state: exact without edits, exact back and forth, and nothing outside the chosen region."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harmlib import models
from harmlib.editor.opening import open_model, open_state
from harmlib.editor.state import PREVIEW_SIZE, Change, EditorState
from harmlib.editor.whitebox import CODES, FilterArguments, OperatorMasks
from harmlib.errors import ImageError, MaskError, ParameterError, ShapeError
from harmlib.filters import SIX
from harmlib.filters.fused import restore_picture
from harmlib.inference.pictures import harmonize
from harmlib.io.images import to_array, to_tensor
from harmlib.models.layers.retoucher import edit

NARROW = 1 / 64
METHODS = {
    "harmonizer": {"width": 0.25, "size": 64},
    "sgmmh_om": {"width": NARROW},
    "sgmmh_omgan": {"width": NARROW},
    "sgmmh_om with a mask": {"width": NARROW, "mask_input": True},
}
# The examples of a property share the fixture, which they reset.
SHARED = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
NUMBERS = st.floats(-2, 3, allow_subnormal=False)
STEPS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, 1, 2]), NUMBERS, NUMBERS), min_size=1, max_size=6)


def narrow_model(method: str) -> models.registry.HarmonizationModel:
    torch.manual_seed(3)
    return models.create(method.split()[0], **METHODS[method]).eval()


def render(state: EditorState) -> bytes:
    return state.full().tobytes()


def take(state: EditorState, step: tuple[int, int, float, float]) -> None:
    """One step of STEPS."""
    name, region, scale, shift = step
    state.set(state.names[name], scale=scale, shift=shift, region=region)


@pytest.mark.parametrize("method", METHODS)
def test_without_edits_the_picture_is_the_methods_own(method, composite, mask):
    model = narrow_model(method)

    state = open_state(composite, mask, model)

    assert np.array_equal(state.full(), harmonize(model, composite, mask))


def test_a_method_without_mask_never_sees_the_one_that_tells_the_regions(composite, mask):
    model = narrow_model("sgmmh_om")

    state = open_state(composite, mask, model)

    assert np.array_equal(state.full(), harmonize(model, composite))
    assert state.regions.ids == (1, 2)


def test_edited_operator_masks_give_the_picture_of_figure_6(composite, generator):
    masks = generator.uniform(-0.2, 1.1, (6, *composite.shape[:2])).astype(np.float32)
    state = EditorState(composite, OperatorMasks("sgmmh_om", masks))

    state.set("add_L", scale=1.5, shift=8 / CODES)
    state.set("mul_b", scale=0.5)

    tensors = to_tensor(composite)[None], torch.from_numpy(masks)[None]
    expected = edit(*tensors, scale={"add_L": 1.5, "mul_b": 0.5}, shift={"add_L": 8 / CODES})
    assert np.array_equal(state.full(), to_array(expected[0]))


def test_edited_arguments_are_those_the_filters_get(composite, mask):
    state = EditorState(composite, FilterArguments("harmonizer", (0.1, -0.3, 0.2, 0.4, -0.2, 0.3), SIX), mask)

    state.set("brightness", scale=-1, shift=0.1)

    assert np.array_equal(state.full(), restore_picture(composite, mask, (0.1, 0.3 + 0.1, 0.2, 0.4, -0.2, 0.3)))


def test_a_shift_is_felt_where_the_predicted_argument_was_beyond_the_end(composite, mask):
    state = EditorState(composite, FilterArguments("harmonizer", (0, 7.0, 0, 0, 0, 0), SIX), mask)
    before = render(state)

    state.set("brightness", shift=-0.2)

    assert render(state) != before


def test_a_regions_edit_comes_after_that_of_everywhere(state):
    name = state.names[0]
    state.set(name, scale=2, shift=0.1)
    state.set(name, scale=0.5, shift=0.2, region=1)
    inside = state.regions.area(1)
    both = state.full()[inside]
    state.reset()

    state.set(name, scale=1.0, shift=0.1 * 0.5 + 0.2)

    assert np.array_equal(state.full()[inside], both)


@SHARED
@given(name=st.integers(0, 5), scale=NUMBERS, shift=NUMBERS, region=st.sampled_from([1, 2]))
def test_an_edit_of_a_region_leaves_all_other_pixels(state, name, scale, shift, region):
    state.reset()
    before = state.full()

    take(state, (name, region, scale, shift))

    outside = ~state.regions.area(region)
    assert np.array_equal(state.full()[outside], before[outside])


@pytest.mark.parametrize("region", [0, 1, 2])
def test_an_edit_reaches_its_region(state, region):
    before = state.full()

    for name in state.names:
        state.set(name, shift=0.2, region=region)

    touched = state.regions.area(region) & (state.mask > 0)
    assert (state.full()[touched] != before[touched]).any(-1).mean() > 0.9


@SHARED
@given(steps=STEPS)
def test_undo_and_redo_restore_the_bytes(state, steps):
    while state.can_undo:
        state.undo()
    seen, edits = [render(state)], [state.edits]
    for step in steps:
        take(state, step)
        if state.edits != edits[-1]:
            seen, edits = [*seen, render(state)], [*edits, state.edits]

    back = [render(state)]
    while state.can_undo:
        state.undo()
        back.append(render(state))
    forth = [render(state)]
    while state.can_redo:
        state.redo()
        forth.append(render(state))

    assert back == seen[::-1]
    assert forth == seen


def test_a_new_edit_forgets_what_was_taken_back(state):
    state.set(state.names[0], scale=2)
    state.undo()

    state.set(state.names[1], scale=3)

    assert not state.can_redo


def test_setting_what_is_set_already_is_no_step(state):
    state.set(state.names[0], scale=2)
    state.undo()

    state.set(state.names[0], scale=1, shift=0)

    assert not state.can_undo
    assert state.can_redo


def test_what_is_not_given_stays(state):
    state.set(state.names[0], scale=2)

    state.set(state.names[0], shift=0.5)

    assert state.get(state.names[0]) == Change(2, 0.5)


def test_reset_is_a_step_that_can_be_taken_back(state):
    state.set(state.names[0], scale=2)
    edited = render(state)
    state.reset()

    state.undo()

    assert render(state) == edited


def test_the_moves_of_one_stroke_are_one_step(state):
    for shift in (0.1, 0.2, 0.3):
        state.set(state.names[0], shift=shift, stroke="first")
    for shift in (0.4, 0.5):
        state.set(state.names[0], shift=shift, stroke="second")

    state.undo()

    assert state.get(state.names[0]).shift == 0.3
    state.undo()
    assert not state.can_undo


def test_a_stroke_that_comes_back_to_its_start_is_no_step(state):
    for shift in (0.1, 0.2, 0.0):
        state.set(state.names[0], shift=shift, stroke="there and back")

    assert not state.can_undo


def test_a_stroke_ends_with_undo(state):
    state.set(state.names[0], shift=0.1, stroke="one")
    state.set(state.names[0], shift=0.2, stroke="two")
    state.undo()

    state.set(state.names[0], shift=0.3, stroke="two")
    state.undo()

    assert state.get(state.names[0]).shift == 0.1


@pytest.mark.parametrize(("size", "expected"), [((600, 800), (384, 512)), ((1024, 30), (512, 15)), ((72, 90), (72, 90)), ((1, 9), (1, 9))])
def test_the_preview_is_at_most_512_pixels_long(size, expected, generator, operator_masks):
    state = EditorState(generator.integers(0, 256, (*size, 3), dtype=np.uint8), OperatorMasks("sgmmh_om", operator_masks))

    assert state.preview().shape == (*expected, 3)
    assert max(state.preview().shape) <= PREVIEW_SIZE


def test_a_small_composite_is_previewed_as_it_is(state):
    state.set(state.names[2], scale=2, region=1)

    assert np.array_equal(state.preview(), state.full())


def test_a_soft_mask_is_previewed_when_the_composite_is_large(generator):
    mask = generator.uniform(0, 1, (1030, 700)).astype(np.float32)
    composite = generator.integers(0, 256, (*mask.shape, 3), dtype=np.uint8)
    state = EditorState(composite, FilterArguments("harmonizer", (0.1,) * 6, SIX), mask)

    state.set("shadow", shift=0.5)

    assert np.abs(state.preview().astype(int) - state.harmonized_preview).mean() > 1


def test_a_preview_shows_what_the_full_picture_will(generator, operator_masks):
    composite = np.kron(generator.uniform(60, 200, (9, 10, 3)), np.ones((120, 120, 1))).astype(np.uint8)
    state = EditorState(composite, OperatorMasks("sgmmh_om", operator_masks))

    state.set("add_L", scale=3)

    assert state.preview().mean() == pytest.approx(state.full().mean(), abs=1)


def test_a_picture_only_method_cannot_be_edited(composite, mask):
    with pytest.raises(ParameterError, match='"sgmmh_rgb" gives a picture only: the editor needs operator masks'):
        open_state(composite, mask, models.create("sgmmh_rgb", width=NARROW))


def test_without_weights_a_model_is_called_untrained(tmp_path):
    model, note = open_model("harmonizer", tmp_path)

    assert note.startswith(f'untrained, because "{tmp_path / "checkpoint.pt"}" does not exist')
    assert not model.training


def test_a_transparent_composite_is_refused_and_an_opaque_one_with_alpha_is_not(composite, mask):
    model, opaque = narrow_model("harmonizer"), np.dstack([composite, np.full(composite.shape[:2], 255, np.uint8)])
    transparent = opaque.copy()
    transparent[0, 0, 3] = 0

    assert np.array_equal(open_state(opaque, mask, model).composite, composite)
    with pytest.raises(ImageError, match="the composite is transparent in parts, which the editor could not keep"):
        open_state(transparent, mask, model)


def test_an_empty_mask_has_nothing_to_edit(composite):
    with (
        pytest.warns(UserWarning, match="the mask is empty"),
        pytest.raises(MaskError, match="there is nothing to edit"),
    ):
        open_state(composite, np.zeros(composite.shape[:2], bool), narrow_model("harmonizer"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "contrst"}, '"sgmmh_om" has no "contrst": choose from add_L'),
        ({"name": "add_L", "region": 3}, r"there is no region 3: choose 0 for everywhere, or a region \(1, 2\)"),
        ({"name": "add_L", "scale": float("nan")}, '"add_L" cannot be scaled by nan and shifted by 0.0: give finite numbers'),
    ],
)
def test_a_wrong_edit_gets_one_sentence(arguments, sentence, composite, mask, operator_masks):
    state = EditorState(composite, OperatorMasks("sgmmh_om", operator_masks), mask)

    with pytest.raises(ParameterError, match=sentence):
        state.set(**arguments)


def test_filters_without_a_mask_are_refused(composite):
    with pytest.raises(MaskError, match='"harmonizer" changes the inside of a mask: give one'):
        EditorState(composite, FilterArguments("harmonizer", (0,) * 6, SIX))


def test_a_misfit_mask_is_refused(composite, operator_masks):
    with pytest.raises(MaskError, match='mask of "the composite" is 4x5, its composite 72x90'):
        EditorState(composite, OperatorMasks("sgmmh_om", operator_masks), np.ones((4, 5), np.float32))


def test_a_composite_of_another_type_is_refused(composite, operator_masks):
    with pytest.raises(ImageError, match=r"the composite is float64 \(72, 90, 3\), expected uint8 RGB"):
        EditorState(composite / 255, OperatorMasks("sgmmh_om", operator_masks))


def test_masks_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match=r"operator masks are float32 \(5, 4, 4\)"):
        OperatorMasks("sgmmh_om", np.zeros((5, 4, 4), np.float32))


def test_a_wrong_number_of_arguments_is_refused():
    with pytest.raises(ParameterError, match="expected one number for each of temperature, brightness"):
        FilterArguments("harmonizer", (0.1, 0.2), SIX)
