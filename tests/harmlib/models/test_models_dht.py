"""D-HT against the authors' golden numbers (``tests/authors/dht.npz``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from authors import assert_agrees, authors
from golden_fill import NARROW, authors_model, ellipse, noise, noise8, read_list, standard_mask
from torch import Tensor

from harmlib import models
from harmlib.models.dht import hidden_patches
from harmlib.models.layers.transformer import to_patches

OUTPUT_TOLERANCE = 5e-6
LIGHT_TOLERANCE = 5e-5
TOKEN_TOLERANCE = 2e-5  # rounding of tokens of up to 5 behind the norms; the note gives none
PARAMETERS = 26_515_654
SIDE = 64


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("dht")


@pytest.fixture(scope="module")
def activations(public_lists: Path) -> dict[str, Tensor]:
    """What the full-width model with the golden weights makes of the golden picture, part by part."""
    model = authors_model("dht", {"model": public_lists / "dht.json"})
    found: dict[str, Tensor] = {}
    parts = {
        "dht_renc": model.reflectance_encoder,
        "dht_rtr": model.reflectance_transformer,
        "dht_lenc": model.light.encoder,
        "dht_light": model.light,
        "dht_render": model.render,
    }
    for key, part in parts.items():
        part.register_forward_hook(lambda _module, _inputs, output, key=key: found.__setitem__(key, output))
    with torch.inference_mode():
        found["dht_reflectance"], found["dht_illumination"] = model.decompose(noise(12345), standard_mask())
    return found


def small() -> Any:
    torch.manual_seed(0)
    return models.create("dht", width=NARROW).eval()


def small_mask() -> Tensor:
    return ellipse(SIDE, SIDE, (30, 30), (20, 15))


@pytest.mark.slow
def test_harmonized_picture_agrees_with_the_authors(activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    product = activations["dht_reflectance"] * activations["dht_illumination"]

    assert_agrees(product, golden["dht_harmonized"], atol=OUTPUT_TOLERANCE, rtol=0)


@pytest.mark.parametrize("key", ["dht_reflectance", "dht_illumination"])
def test_parts_agree_with_the_authors(key: str, activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    assert_agrees(activations[key][:, :, ::2, ::2], golden[key], atol=OUTPUT_TOLERANCE, rtol=0)


def test_light_tokens_agree_with_the_authors(activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    assert_agrees(activations["dht_light"].transpose(0, 1), golden["dht_light"], atol=LIGHT_TOLERANCE, rtol=0)


@pytest.mark.parametrize(("key", "step"), [("dht_rtr", 64), ("dht_lenc", 16), ("dht_render", 64)])
def test_tokens_agree_with_the_authors(key: str, step: int, activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    assert_agrees(activations[key].transpose(0, 1)[::step, :, ::8], golden[key], atol=TOKEN_TOLERANCE, rtol=0)


@pytest.mark.slow
def test_parameters_are_the_authors(public_lists: Path) -> None:
    with torch.device("meta"):
        model = models.create("dht")
    own = model.state_dict()

    public = {public: list(own[name].shape) for public, name in model.public_names["model"].items()}

    assert public == read_list(public_lists / "dht.json")
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS


def test_patches_run_by_row_column_and_channel() -> None:
    picture = torch.arange(3 * 16 * 24).view(1, 3, 16, 24)

    patches = to_patches(picture, 8)

    assert patches.shape == (1, 6, 192)
    assert torch.equal(patches[0, 4].view(8, 8, 3), picture[0, :, 8:, 8:16].permute(1, 2, 0))


def test_one_foreground_pixel_hides_its_patch() -> None:
    mask = torch.zeros(1, 1, 16, 24)
    mask[..., 8, 23] = 1

    assert hidden_patches(mask)[0].tolist() == [False, False, False, False, False, True]


def test_a_picture_without_background_hides_nothing() -> None:
    full, half = torch.ones(1, 1, 16, 16), torch.ones(1, 1, 16, 16)
    half[..., :8] = 0

    hidden = hidden_patches(torch.cat([full, half]))

    assert hidden.tolist() == [[False] * 4, [False, True, False, True]]


def test_a_picture_without_background_gives_finite_colors() -> None:
    with torch.inference_mode():
        image = small()(noise8(1, SIDE, SIDE), torch.ones(1, 1, SIDE, SIDE)).image

    assert image.isfinite().all()


def test_light_does_not_see_the_foreground() -> None:
    model, mask = small(), small_mask()
    brighter = noise8(1, SIDE, SIDE) * (1 - mask) + mask

    with torch.inference_mode():
        found = [model.light(picture, mask) for picture in (noise8(1, SIDE, SIDE), brighter)]

    assert torch.equal(*found)


def test_light_sees_the_background() -> None:
    model, mask = small(), small_mask()

    with torch.inference_mode():
        found = [model.light(noise8(seed, SIDE, SIDE), mask) for seed in (1, 2)]

    assert (found[0] - found[1]).abs().max() > 1e-4


def test_image_is_the_product_in_the_composites_background() -> None:
    composite, mask = noise8(1, SIDE, SIDE), small_mask()

    with torch.inference_mode():
        prediction = small()(composite, mask)

    expected = torch.where(mask > 0, prediction["reflectance"] * prediction["illumination"], composite)
    torch.testing.assert_close(prediction.image, expected, atol=1e-7, rtol=0)


def test_loss_is_a_hundred_times_l1_of_the_product() -> None:
    model = small()
    batch = {"composite": noise8(1, SIDE, SIDE), "target": noise8(2, SIDE, SIDE), "mask": small_mask()}

    loss = model.training_loss(batch)["total"]

    reflectance, illumination = model.decompose(batch["composite"], batch["mask"])
    assert loss.item() == pytest.approx(100 * (reflectance * illumination - batch["target"]).abs().mean().item(), rel=1e-5)


def test_first_attention_of_the_light_decoder_learns_once_its_biases_have_moved() -> None:
    model = small().train()
    attention = model.light.decoder.layers[0].self_attention
    torch.nn.init.constant_(attention.heads.in_proj_bias, 0.1)
    torch.nn.init.normal_(attention.heads.out_proj.bias)
    batch = {"composite": noise8(1, SIDE, SIDE), "target": noise8(2, SIDE, SIDE), "mask": small_mask()}

    model.training_loss(batch)["total"].backward()

    assert attention.heads.out_proj.weight.grad.abs().max() > 0
    assert attention.norm.weight.grad.abs().max() > 0
