"""The color statistics are those of NumPy, and what stands on them starts at nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harmlib import models
from harmlib.models.layers.color_statistics import QUANTILES, SIDE, STATISTICS, ColorRegressor, color_statistics


def picture(side: int = SIDE) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    mask = torch.zeros(2, 1, side, side)
    mask[0, :, : side // 4, : side // 2], mask[1, :, side // 2 :] = 1, 1
    return torch.rand(2, 3, side, side, generator=generator), mask


def test_mean_deviation_and_quantiles_are_those_of_each_side():
    image, mask = picture()

    found = color_statistics(image, mask).numpy()

    assert found.shape == (2, STATISTICS)
    inside = image[0, 0][mask[0, 0] > 0].numpy()
    outside = image[0, 0][mask[0, 0] == 0].numpy()
    for values, start in ((inside, 0), (outside, 5 * 9)):
        # Per side: five means, ... are laid out channel by channel, nine numbers each.
        red = found[0, start : start + 9]
        assert red[:2] == pytest.approx([values.mean(), values.std()], abs=1e-5)
        assert red[2:] == pytest.approx(np.quantile(values, QUANTILES, method="inverted_cdf"), abs=0.5 / 255 + 1e-6)
    assert found[:, -1] == pytest.approx([1 / 8, 1 / 2])


def test_a_half_covered_pixel_counts_for_both_sides():
    image = torch.full((1, 3, SIDE, SIDE), 0.25)
    image[..., SIDE // 2 :] = 0.75

    found = color_statistics(image, torch.full((1, 1, SIDE, SIDE), 0.5))

    assert found[0, 0] == pytest.approx(0.5)
    assert torch.allclose(found[0, :45], found[0, 45:90])


@pytest.mark.parametrize(("fill", "start"), [(0.0, 0), (1.0, 45)])
def test_a_side_without_area_gets_zeros(fill, start):
    image, _ = picture()
    found = color_statistics(image, torch.full((2, 1, SIDE, SIDE), fill))

    assert not found[:, start : start + 45].any()
    assert found.isfinite().all()


def test_a_large_picture_is_measured_as_its_thumbnail():
    image, mask = picture()
    enlarged = [values.repeat_interleave(4, 2).repeat_interleave(4, 3) for values in (image, mask)]

    assert torch.allclose(color_statistics(*enlarged), color_statistics(image, mask), atol=1e-6)


def test_the_regressor_starts_at_nothing_and_learns():
    regressor, (image, mask) = ColorRegressor(6), picture()

    first = regressor(image, mask)
    first.sum().backward()

    assert first.shape == (2, 6)
    assert not first.any()
    assert regressor.layers[-1].weight.grad.any()


def test_harmonizer_with_colors_adds_them_to_its_arguments():
    image, mask = picture(64)
    model = models.create("harmonizer", width=0.25, size=64, colors=True, init="identity").eval()
    with torch.no_grad():
        before = model.predict_arguments(image, mask)
        model.colors.layers[-1].bias.fill_(0.125)
        after = model.predict_arguments(image, mask)

    assert torch.allclose(after, before + 0.125)
