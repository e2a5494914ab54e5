"""The transfers as methods: the same function as on data, with the composite's own background as the reference."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from golden_fill import noise, noise8, standard_mask

from harmlib import models
from harmlib.inference.pictures import harmonize
from harmlib.io.images import to_array, to_tensor
from harmlib.transfers import transfer

NAMES = {"reinhard_lalphabeta": "reinhard", "xiao_ma": "xiao_ma", "histogram": "histogram", "idt": "idt"}


@pytest.fixture
def foreground(photo_array: np.ndarray) -> np.ndarray:
    region = np.zeros(photo_array.shape[:2], bool)
    region[8:40, 10:50] = True
    return region


@pytest.mark.parametrize("name", NAMES)
def test_foreground_takes_over_its_own_backgrounds_colors(name: str, photo_array: np.ndarray, foreground: np.ndarray) -> None:
    harmonized = harmonize(models.create(name), photo_array, foreground)

    assert np.array_equal(harmonized, transfer(NAMES[name], photo_array, foreground, photo_array, ~foreground))


@pytest.mark.parametrize("name", NAMES)
def test_foreground_comes_closer_to_the_background(name: str, photo_array: np.ndarray, foreground: np.ndarray) -> None:
    tinted = photo_array.copy()
    tinted[foreground] = tinted[foreground] // 2 + np.array([100, 0, 40], np.uint8)

    harmonized = harmonize(models.create(name), tinted, foreground)

    def distance(picture: np.ndarray) -> float:
        return float(np.abs(picture[foreground].mean(0) - picture[~foreground].mean(0)).max())

    assert distance(harmonized) < 0.7 * distance(tinted)  # regraining takes IDT back to 0.55


@pytest.mark.parametrize("filling", [0.0, 1.0], ids=["empty", "full"])
@pytest.mark.parametrize("name", NAMES)
def test_a_mask_that_is_empty_or_full_returns_the_composite(name: str, filling: float) -> None:
    composite = noise(1, 32, 32)

    assert torch.equal(models.create(name)(composite, torch.full((1, 1, 32, 32), filling)).image, composite)


def test_a_background_that_is_not_8_bit_is_not_rounded() -> None:
    composite, mask = noise(1), standard_mask()

    harmonized = models.create("xiao_ma")(composite, mask).image

    assert torch.equal(harmonized * (1 - mask), composite * (1 - mask))


def test_masks_are_thresholded_at_half() -> None:
    model, mask = models.create("histogram"), standard_mask()

    assert torch.equal(model(noise8(1), 0.6 * mask + 0.3 * (1 - mask)).image, model(noise8(1), mask).image)


def test_pictures_with_and_without_foreground_share_a_batch() -> None:
    model, mask = models.create("reinhard_lalphabeta"), standard_mask()
    composites = torch.cat([noise8(1), noise8(2)])

    harmonized = model(composites, torch.cat([mask, torch.zeros_like(mask)])).image

    assert torch.equal(harmonized[1], composites[1])
    assert not torch.equal(harmonized[0], composites[0])


def test_results_are_8_bit_inside_the_foreground(photo_array: np.ndarray, foreground: np.ndarray) -> None:
    tensor = to_tensor(photo_array)[None]

    harmonized = models.create("idt")(tensor, to_tensor(foreground)[None]).image[0]

    assert torch.equal(to_tensor(to_array(harmonized)), harmonized)
