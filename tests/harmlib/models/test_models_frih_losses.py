"""FRIH's packing, merging and losses against the golden numbers (``tests/authors/frih_submasks.npz``)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from authors import assert_agrees, authors
from torch import Tensor

from harmlib.models.frih import coarse_losses, merge, pack_submasks, refine_losses

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Tensor]:
    """The golden losses' inputs and values; ``labels`` count from 1, as ours do."""
    stored = {key: torch.from_numpy(values) for key, values in authors("frih_loss").items() if key != "final"}
    return {**stored, "labels": stored["label_map"][:, None] + 1}


def test_packed_submasks_agree_with_the_golden_ones(golden: Mapping[str, Tensor]) -> None:
    rows, image_index = pack_submasks(golden["labels"])

    assert torch.equal(rows.float(), golden["submasks"])
    assert torch.equal(image_index, golden["image_index"])


def test_merged_pictures_agree_with_the_golden_ones(golden: Mapping[str, Tensor]) -> None:
    final = merge(golden["composite"], golden["refined"], golden["submasks"], golden["image_index"])

    assert_agrees(final, authors("frih_loss")["final"], atol=TOLERANCE)


def test_coarse_loss_agrees_with_the_golden_one(golden: Mapping[str, Tensor]) -> None:
    found = coarse_losses(golden["coarse"], golden["target"], golden["mask"])

    assert_agrees(found, golden["loss_coarse_per_image"], rtol=TOLERANCE)


def test_refine_loss_agrees_with_the_golden_one(golden: Mapping[str, Tensor]) -> None:
    final = merge(golden["composite"], golden["refined"], golden["submasks"], golden["image_index"])

    found = refine_losses(final, golden["target"], golden["submasks"], golden["image_index"])

    assert_agrees(found, golden["loss_refine_per_submask"], rtol=TOLERANCE)


def test_small_areas_count_as_a_hundred_pixels() -> None:
    target = torch.zeros(1, 3, 16, 16)
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 2, 3] = 1

    losses = coarse_losses(target + 0.5, target, mask), refine_losses(target + 0.5, target, mask, torch.tensor([0]))

    assert [loss.item() for loss in losses] == pytest.approx([0.25 * 3 * 256 / 100, 0.25 * 3 / 100])


def test_labels_that_a_crop_cut_away_give_no_row() -> None:
    labels = torch.tensor([[[[0, 3], [3, 5]]], [[[0, 0], [0, 0]]]])

    rows, image_index = pack_submasks(labels)

    assert rows[:, 0].tolist() == [[[False, True], [True, False]], [[False, False], [False, True]]]
    assert image_index.tolist() == [0, 0]
