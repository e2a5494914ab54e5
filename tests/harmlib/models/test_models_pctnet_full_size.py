"""PCT-Net's way to full size: the compiled pass over bytes against the plain form on tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from golden_fill import NARROW
from torch import Tensor

from harmlib import models
from harmlib.inference.pictures import harmonize
from harmlib.io import images
from harmlib.models.base import Prediction
from harmlib.models.layers.pixel_transforms import CNN_TRANSFORMS, VIT_TRANSFORMS
from harmlib.models.pctnet import PctNet, PctNetCnn

METHODS = ("pctnet", "pctnet_vit")
# Enlarged, at the map's own size, shrunk, of odd and of extreme shapes.
SIZES = [(40, 64), (32, 32), (9, 50), (131, 67), (1, 1), (3, 200)]
SIDE = 32


def prediction(model: PctNet, generator: np.random.Generator, spread: float = 0.5) -> Prediction:
    """Return maps of noise, (1, C, 32, 32): neighbors differ as they never would in a trained network."""
    coefficients = generator.normal(0, spread, (1, model.transform.coefficients, SIDE, SIDE))
    maps = {"coefficients": coefficients}
    if isinstance(model, PctNetCnn):
        maps["blending"] = generator.uniform(0, 1, (1, 1, SIDE, SIDE))
    tensors = {name: torch.from_numpy(values.astype(np.float32)) for name, values in maps.items()}
    return Prediction(torch.zeros(1, 3, SIDE, SIDE), tensors)


def picture(size: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    """Return noise, uint8 (H, W, 3)."""
    return generator.integers(0, 256, (*size, 3), dtype=np.uint8)


def plain(model: PctNet, found: Prediction, composite: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the plain form's bytes."""
    full: Tensor = model.upscale(found, images.to_tensor(composite)[None], torch.from_numpy(mask)[None, None])
    return images.to_array(full[0])


def largest_difference(model: PctNet, size: tuple[int, int], generator: np.random.Generator) -> int:
    """Return by how many levels both forms differ on noise with a soft mask."""
    composite, mask = picture(size, generator), generator.uniform(0, 1, size).astype(np.float32)
    found = prediction(model, generator)
    return np.abs(model.upscale_picture(found, composite, mask).astype(int) - plain(model, found, composite, mask)).max()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", METHODS)
def test_bytes_agree_with_tensors_at_every_size(name: str, size: tuple[int, int], generator: np.random.Generator) -> None:
    assert largest_difference(models.create(name, width=NARROW), size, generator) <= 1


@pytest.mark.parametrize(
    ("name", "transform"), [*(("pctnet", name) for name in CNN_TRANSFORMS), *(("pctnet_vit", name) for name in VIT_TRANSFORMS)]
)
def test_bytes_agree_with_tensors_for_every_transform(name: str, transform: str, generator: np.random.Generator) -> None:
    assert largest_difference(models.create(name, width=NARROW, transform=transform), (45, 70), generator) <= 1


@pytest.mark.parametrize("options", [{}, {"keep_background": False}])
def test_bytes_agree_with_tensors_with_and_without_the_background(options: dict[str, Any], generator: np.random.Generator) -> None:
    assert largest_difference(models.create("pctnet", width=NARROW, **options), (45, 70), generator) <= 1


@pytest.mark.parametrize("name", METHODS)
def test_what_is_outside_the_mask_keeps_its_bytes(name: str, generator: np.random.Generator) -> None:
    model = models.create(name, width=NARROW)
    composite, mask = picture((50, 80), generator), np.zeros((50, 80), np.float32)
    mask[10:30, 20:70] = 1
    before = composite.copy()

    harmonized = model.upscale_picture(prediction(model, generator), composite, mask)

    assert np.array_equal(harmonized[mask == 0], composite[mask == 0])
    assert (harmonized[mask == 1] != composite[mask == 1]).mean() > 0.5
    assert np.array_equal(composite, before)


def test_background_is_kept_unless_the_authors_picture_is_asked_for(photo_array: np.ndarray) -> None:
    mask = np.zeros(photo_array.shape[:2], np.float32)
    mask[10:30, 20:50] = 1
    outside = mask == 0

    torch.manual_seed(0)
    pasted, whole = (models.create("pctnet", width=NARROW, keep_background=kept).eval() for kept in (True, False))
    whole.load_state_dict(pasted.state_dict())
    results = [np.asarray(harmonize(model, photo_array, mask, background="keep")) for model in (pasted, whole)]

    assert np.array_equal(results[0][outside], photo_array[outside])
    assert (results[1][outside] != photo_array[outside]).mean() > 0.5
    assert np.array_equal(results[0][~outside], results[1][~outside])


@pytest.mark.parametrize("name", METHODS)
def test_a_transform_that_changes_nothing_keeps_every_byte(name: str, generator: np.random.Generator) -> None:
    model = models.create(name, width=NARROW, init="identity").eval()
    composite = picture((37, 61), generator)

    with torch.inference_mode():
        found = model(torch.rand(1, 3, SIDE, SIDE), torch.ones(1, 1, SIDE, SIDE))

    assert np.array_equal(model.upscale_picture(found, composite, np.ones((37, 61), np.float32)), composite)


def test_a_flat_map_gives_the_transform_itself(generator: np.random.Generator) -> None:
    model = models.create("pctnet_vit", width=NARROW)
    matrix, offset = np.array([[0.5, 0.2, 0], [0, 1, 0], [0.1, 0, 0.6]]), np.array([0.05, -0.1, 0.2])
    coefficients = torch.from_numpy(np.concatenate([matrix.flatten(), offset])).float().view(1, 12, 1, 1).expand(-1, -1, SIDE, SIDE)
    composite = picture((20, 30), generator)

    found = model.upscale_picture(Prediction(torch.zeros(1), {"coefficients": coefficients}), composite, np.ones((20, 30), np.float32))

    expected = 255 * (composite / 255 @ matrix.T + offset).clip(0, 1)
    assert np.abs(found - expected).max() < 0.501
