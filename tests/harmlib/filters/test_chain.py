"""Sequences of filters, to harmonize and to make composites."""

from __future__ import annotations

import pytest
import torch
from authors import assert_agrees, authors

from harmlib.errors import ParameterError, ShapeError
from harmlib.filters import FILTERS, SIX, apply_filter, parse_filters, restore, synthesize


@pytest.fixture
def image():
    return torch.rand((2, 3, 12, 10), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def mask():
    mask = torch.zeros(2, 1, 12, 10)
    mask[:, :, 3:9, 2:7] = 1
    return mask


def authors_tensor(key):
    return torch.from_numpy(authors("harmonizer")[key])


def test_synthesis_agrees_with_the_authors():
    composite, targets = synthesize(authors_tensor("syn/real"), authors_tensor("syn/mask"), authors_tensor("syn/scaled_args").T)

    assert_agrees(composite, authors("harmonizer")["syn/composite"], rtol=1e-5, atol=1e-5)
    assert_agrees(torch.stack(targets), authors("harmonizer")["syn/targets"], rtol=1e-5, atol=1e-5)


def test_restoration_agrees_with_the_authors():
    pictures = restore(authors_tensor("syn/composite"), authors_tensor("syn/mask"), authors_tensor("syn/theta").T)

    assert_agrees(torch.stack(pictures), authors("harmonizer")["syn/restored"], rtol=1e-5, atol=1e-5)


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
