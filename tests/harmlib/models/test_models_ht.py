"""HT against the authors' golden numbers (``tests/authors/dht.npz``), and the blocks that D-HT shares."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from authors import assert_agrees, authors
from golden_fill import NARROW, ellipse, fill_public, noise, noise8, read_list, standard_mask
from torch import Tensor

from harmlib import models
from harmlib.errors import ShapeError
from harmlib.models.base import Prediction
from harmlib.models.ht import paste
from harmlib.models.layers.picture import SampleNorm
from harmlib.models.layers.transformer import sine_positions

OUTPUT_TOLERANCE = 5e-6
TOKEN_TOLERANCE = 2e-5  # rounding of tokens of up to 5 behind the norms; the note gives none
# The authors multiply phases in float32, we in float64: 6e-7 and 7e-7.
POSITION_TOLERANCE = 1e-6
PARAMETERS = 6_446_275


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("dht")


@pytest.fixture(scope="module")
def activations(public_lists: Path) -> dict[str, Tensor]:
    """What the full-width model with the golden weights makes of the golden picture: encoder, first layer, transformer, picture."""
    model = models.create("ht").eval()
    fill_public(model, model.public_names["model"], public_lists / "ht.json")
    found: dict[str, Tensor] = {}
    layers = {"ht_enc": model.encoder, "ht_layer0": model.transformer.layers[0], "ht_tr": model.transformer}
    for key, layer in layers.items():
        layer.register_forward_hook(lambda _module, _inputs, output, key=key: found.__setitem__(key, output))
    with torch.inference_mode():
        found["ht_out"] = model.generate(noise(12345), standard_mask())
    return found


def small() -> Any:
    torch.manual_seed(0)
    return models.create("ht", width=NARROW).eval()


@pytest.mark.slow
def test_generated_picture_agrees_with_the_authors(activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    assert_agrees(activations["ht_out"], golden["ht_out"], atol=OUTPUT_TOLERANCE, rtol=0)


def test_tokens_agree_with_the_authors(activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    for key in ("ht_layer0", "ht_tr"):
        tokens = activations[key].transpose(0, 1)[::64, :, ::8]
        assert_agrees(tokens, golden[key], atol=TOKEN_TOLERANCE, rtol=0, err_msg=key)


def test_encoder_agrees_with_the_authors(activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    assert_agrees(activations["ht_enc"][:, ::16, ::8, ::8], golden["ht_enc"], atol=TOKEN_TOLERANCE, rtol=0)


def test_pasted_picture_agrees_with_the_authors(activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    pasted = paste(activations["ht_out"], noise(12345), standard_mask()).double()

    found = [pasted.mean(), pasted.std(correction=0), pasted.min(), pasted.max(), pasted.abs().sum()]
    assert_agrees(found, golden["ht_final_stat"], rtol=1e-6, atol=OUTPUT_TOLERANCE)


@pytest.mark.parametrize(("key", "side", "step"), [("pixel_pos", 64, 8), ("patch_pos", 32, 4)])
def test_positions_agree_with_the_authors(key: str, side: int, step: int, golden: Mapping[str, Any]) -> None:
    positions = sine_positions(side, side, 256, torch.zeros(1)).T.unflatten(1, (side, side))

    assert_agrees(positions[::8, ::step, ::step], golden[key], atol=POSITION_TOLERANCE, rtol=0)


def test_parameters_are_the_authors(public_lists: Path) -> None:
    with torch.device("meta"):
        model = models.create("ht")
    own = model.state_dict()

    public = {public: list(own[name].shape) for public, name in model.public_names["model"].items()}

    assert public == read_list(public_lists / "ht.json")
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS


def test_positions_tell_rows_in_the_first_half_and_count_from_one() -> None:
    positions = sine_positions(2, 3, 8, torch.zeros(1))

    slow = 10_000 ** (-2 / 4)
    last = [wave(position * frequency) for position in (2, 3) for frequency in (1, slow) for wave in (math.sin, math.cos)]
    assert positions.shape == (6, 8)
    assert positions[-1].tolist() == pytest.approx(last, abs=1e-6)
    assert positions[0, 0].item() == pytest.approx(math.sin(1), abs=1e-6)


def test_sample_norm_uses_the_unbiased_deviation_of_the_whole_picture() -> None:
    norm = SampleNorm(2)
    features = torch.tensor([1.0, 2.0, 3.0, 6.0]).view(1, 2, 1, 2)

    found = norm(features)

    deviation = math.sqrt((4 + 1 + 0 + 9) / 3) + 1e-5
    expected = torch.tensor([-2.0, -1.0, 0.0, 3.0]).view(1, 2, 1, 2) / deviation * norm.gamma.view(1, 2, 1, 1)
    torch.testing.assert_close(found, expected)


def test_fresh_weights_are_the_authors_start() -> None:
    torch.manual_seed(0)
    model = models.create("ht")
    attention = model.transformer.layers[4].self_attention.heads

    assert attention.out_proj.weight.std().item() == pytest.approx(0.02, rel=0.03)
    assert model.encoder[2].conv.weight.std().item() == pytest.approx(0.02, rel=0.03)
    # Xavier's uniform weights of the packed input matrix stay.
    assert attention.in_proj_weight.abs().max().item() == pytest.approx(math.sqrt(6 / (256 + 768)), rel=0.01)
    assert 0 <= model.decoder[1].norm.gamma.min() < model.decoder[1].norm.gamma.max() <= 1


def test_loss_is_a_hundred_times_l1_of_the_raw_picture() -> None:
    model = small()
    batch = {"composite": noise8(1, 64, 64), "target": noise8(2, 64, 64), "mask": ellipse(64, 64, (30, 30), (20, 15))}

    loss = model.training_loss(batch)["total"]

    raw = model.generate(batch["composite"], batch["mask"])
    assert raw.min() < 0
    assert loss.item() == pytest.approx(100 * (raw - batch["target"]).abs().mean().item(), rel=1e-5)


def test_foreground_is_the_raw_picture_without_rescaling() -> None:
    model = small()
    with torch.inference_mode():
        image = model(noise8(1, 64, 64), torch.ones(1, 1, 64, 64)).image
        raw = model.generate(noise8(1, 64, 64), torch.ones(1, 1, 64, 64))

    torch.testing.assert_close(image, raw.clamp(0, 1), atol=1e-6, rtol=0)


def test_upscaled_foreground_is_the_resized_picture() -> None:
    small_image = torch.full((1, 3, 8, 8), 0.25)
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 4:8, 4:8] = 1

    full = small().upscale(Prediction(small_image), torch.full((1, 3, 16, 16), 0.75), mask)

    assert torch.equal(full, torch.where(mask > 0, 0.25, 0.75).expand(1, 3, 16, 16))


def test_sides_that_are_multiples_of_eight_come_back() -> None:
    with torch.inference_mode():
        image = small()(noise8(1, 24, 40), torch.ones(1, 1, 24, 40)).image

    assert image.shape == (1, 3, 24, 40)


def test_other_sides_are_refused() -> None:
    with pytest.raises(ShapeError, match='composite is 28x40, "ht" needs multiples of 8'):
        small()(noise8(1, 28, 40), torch.ones(1, 1, 28, 40))


@pytest.mark.parametrize("width", [1 / 64, 0.1, 0.3])
def test_narrow_tokens_are_shared_by_the_heads(width: float) -> None:
    model = models.create("ht", width=width).eval()

    with torch.inference_mode():
        image = model(noise8(1, 16, 16), torch.ones(1, 1, 16, 16)).image

    assert image.isfinite().all()
