"""The regions of the editor: from a mask, from a map, or from where a method acts."""

from __future__ import annotations

import numpy as np
import pytest

from harmlib.editor.regions import EVERYWHERE, OUTLINE_COLOR, Regions, acting_regions, given_regions, mask_regions, outlined
from harmlib.editor.state import EditorState
from harmlib.editor.whitebox import CODES, OperatorMasks
from harmlib.errors import MaskError, ParameterError, ShapeError

IDENTITY = np.tile(np.array([0, 1], np.float32), 3)


def masks_acting_on(*areas: tuple[slice, slice], codes: float) -> np.ndarray:
    """Operator masks (6, 64, 64) that darken areas and nothing else."""
    masks = np.tile(IDENTITY[:, None, None], (1, 64, 64))
    for area in areas:
        masks[0][area] = -codes / CODES
    return masks


def test_the_parts_of_a_mask_are_numbered_by_size(mask):
    regions = mask_regions(mask)

    assert regions.ids == (1, 2)
    assert regions.at(30, 70) == 2
    assert regions.area(1).sum() > regions.area(2).sum()


def test_a_soft_border_belongs_to_the_part_beside_it(mask):
    regions = mask_regions(mask)

    assert regions.at(30, 40) == 1
    assert not regions.labels[mask == 0].any()


def test_a_given_map_keeps_its_ids(composite):
    labels = np.zeros(composite.shape[:2], np.uint16)
    labels[:10], labels[20:30] = 700, 31

    regions = given_regions(labels, composite)

    assert regions.ids == (31, 700)
    assert regions.at(5, 5) == 700
    assert regions.at(15, 5) == EVERYWHERE


def test_without_a_mask_regions_are_where_the_masks_act(composite):
    areas = (slice(8, 40), slice(8, 30)), (slice(40, 56), slice(44, 60))
    state = EditorState(composite, OperatorMasks("sgmmh_om", masks_acting_on(*areas, codes=40)))

    assert state.regions.ids == (1, 2)
    assert state.regions.at(24 * 72 // 64, 18 * 90 // 64) == 1
    assert state.regions.at(48 * 72 // 64, 52 * 90 // 64) == 2
    assert state.regions.at(4, 80) == EVERYWHERE


def test_masks_that_undo_each_other_do_not_act():
    gray = np.full((64, 64, 3), 119, np.uint8)
    masks = np.tile(IDENTITY[:, None, None], (1, 64, 64))
    masks[1, :32], masks[0, :32] = 0, 2 * 128 / 255 - 1  # replaces L by about what it is

    assert EditorState(gray, OperatorMasks("sgmmh_om", masks)).regions.ids == ()


def test_a_change_too_small_to_be_seen_is_no_region():
    assert acting_regions(np.pad(np.ones((20, 20), np.float32), 20), (60, 60)).ids == ()


def test_regions_keep_their_places_at_another_size(mask):
    small = mask_regions(mask).resized((36, 45))

    assert small.at(15, 35) == 2


def test_a_pixel_outside_the_picture_has_no_region(mask):
    with pytest.raises(ParameterError, match="there is no pixel in row 72, column 0 of a picture of 72x90"):
        mask_regions(mask).at(72, 0)


def test_an_outline_runs_inside_the_area_only(composite):
    area = np.zeros(composite.shape[:2], bool)
    area[20:50, 20:60] = True

    changed = (outlined(composite, area) != composite).any(-1)

    assert changed[20, 20:60].all()
    assert not changed[~area].any()
    assert not changed[30:40, 30:50].any()


def test_the_whole_picture_has_no_outline(composite):
    assert np.array_equal(outlined(composite, np.ones(composite.shape[:2], bool)), composite)


def test_an_outline_is_orange(composite):
    area = np.zeros(composite.shape[:2], bool)
    area[20:50, 20:60] = True

    assert tuple(outlined(composite, area)[20, 30]) == OUTLINE_COLOR


@pytest.mark.parametrize("labels", [np.zeros((72, 90)), np.zeros((72, 90, 1), int), np.full((72, 90), -1)])
def test_a_map_that_is_no_ids_is_refused(labels, composite):
    with pytest.raises(ShapeError, match="expected one id per pixel"):
        given_regions(labels, composite)


def test_more_regions_than_fit_into_a_byte_are_refused(composite):
    with pytest.raises(MaskError, match="has 6480 regions, the editor takes 255"):
        given_regions(np.arange(1, 72 * 90 + 1).reshape(72, 90), composite)


def test_a_label_without_an_id_is_refused():
    with pytest.raises(ShapeError, match="for 1 regions"):
        Regions(np.full((4, 4), 2, np.uint8), (1,), "given")
