"""Sequences of filters, to harmonize and to make composites."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harmlib.errors import ParameterError, ShapeError
from harmlib.filters import FILTERS, SIX, apply_filter, parse_filters, restore, synthesize


@pytest.fixture
def golden(shared):
    file = np.load(shared / "golden" / "harmonizer.npz")
    return lambda key: torch.from_numpy(file[key])


@pytest.fixture
def image():
    return torch.rand((2, 3, 12, 10), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def mask():
    mask = torch.zeros(2, 1, 12, 10)
    mask[:, :, 3:9, 2:7] = 1
    return mask


def test_synthesis_agrees_with_the_authors(golden):
    composite, targets = synthesize(golden("syn/real"), golden("syn/mask"), golden("syn/scaled_args").T)

    assert torch.allclose(composite, golden("syn/composite"), atol=1e-5)
    assert torch.allclose(torch.stack(targets), golden("syn/targets"), atol=1e-5)


def test_restoration_agrees_with_the_authors(golden):
    pictures = restore(golden("syn/composite"), golden("syn/mask"), golden("syn/theta").T)

    assert torch.allclose(torch.stack(pictures), golden("syn/restored"), atol=1e-5)


def test_last_target_is_the_real_picture(image, mask):
    _, targets = synthesize(image, mask, torch.full((2, 6), 0.2))

    assert torch.equal(targets[-1], image)


def test_each_target_is_the_next_one_filtered(image):
    whole = torch.ones(2, 1, 12, 10)
    arguments = torch.tensor([[0.2, -0.3, 0.1, 0.4, -0.2, 0.3]]).repeat(2, 1)

    composite, targets = synthesize(image, whole, arguments)

    for name, argument, before, after in zip(SIX, arguments.T, targets, [composite, *targets], strict=False):
        assert torch.allclose(after, apply_filter(name, before, argument), atol=1e-6)


@pytest.mark.parametrize("chain", [lambda *a: [synthesize(*a)[0]], restore])
def test_background_is_untouched(image, mask, chain):
    pictures = chain(image, mask, torch.full((2, 8), 0.5), FILTERS)

    for picture in pictures:
        assert torch.equal(picture * (1 - mask), image * (1 - mask))


def test_arguments_beyond_one_count_as_one(image, mask):
    assert torch.equal(
        restore(image, mask, torch.full((2, 6), 3.0))[-1],
        restore(image, mask, torch.full((2, 6), 1.0))[-1],
    )


def test_statistics_come_from_the_unblended_chain(image, mask):
    arguments = torch.tensor([[0.5, 0.5]]).repeat(2, 1)

    result = restore(image, mask, arguments, ("brightness", "contrast"))[-1]

    bright = apply_filter("brightness", image, arguments[:, 0])
    expected = mask * apply_filter("contrast", bright, arguments[:, 1]) + (1 - mask) * image
    assert torch.equal(result, expected)


@pytest.mark.parametrize("filters", [("shadow",), ("brightness", "shadow"), FILTERS])
def test_any_selection_in_order_works(image, mask, filters):
    assert len(restore(image, mask, torch.zeros(2, len(filters)), filters)) == len(filters)


@pytest.mark.parametrize("text", ["", "shadow+brightness", "shadow+shadow", "sepia"])
def test_other_selections_are_refused(text):
    with pytest.raises(ParameterError, match=r"choose from temperature, .* in this order"):
        parse_filters(text)


def test_wrong_number_of_arguments_is_refused(image, mask):
    with pytest.raises(ShapeError, match=r"arguments are \(2, 5\), expected \(2, 6\)"):
        restore(image, mask, torch.zeros(2, 5))


def test_mask_of_another_size_is_refused(image, mask):
    with pytest.raises(ShapeError, match="mask is"):
        restore(image, mask[:, :, :5], torch.zeros(2, 6))
