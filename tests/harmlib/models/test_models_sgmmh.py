"""Sg-MMH against the authors' golden numbers (``tests/authors/sgmmh.npz``), and what the retoucher promises."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from authors import Thinned, assert_agrees, assert_equals, authors
from golden_fill import NARROW, authors_model, noise8, read_list
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from harmlib import models
from harmlib.errors import CheckpointError, ParameterError
from harmlib.io import images
from harmlib.models.base import to_signed
from harmlib.models.layers.losses import charbonnier, relativistic_discriminator_loss, relativistic_generator_loss
from harmlib.models.layers.retoucher import OPERATORS, edit, edit_masks, lab_to_rgb, lab_to_signed_rgb, quantize, retouch, rgb_to_lab

MASK_TOLERANCE = MAP_TOLERANCE = 1e-5
# The note gives no tolerance for single levels: even our float64 values differ from the file by 1.6e-5, its own rounding.
LEVEL_TOLERANCE = 2e-5
# The map of the fake starts from our masks, not from the file's: their difference arrives as 2.6e-5.
FAKE_MAP_TOLERANCE = 5e-5
LOSS_TOLERANCE = 1e-6
# Truncation turns rounding errors into whole levels for almost-integers: 0.1 % of the pixels may differ.
TRUNCATED_SHARE = 1e-3
IDENTITY = torch.tensor([0.0, 1.0] * 3).view(1, 6, 1, 1)


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("sgmmh")


@pytest.fixture(scope="module")
def filled(public_lists: Path) -> models.registry.HarmonizationModel:
    """The full-width OMGAN model with the golden weights."""
    return authors_model(
        "sgmmh_omgan", {"generator": public_lists / "sgmmh.json", "discriminator": public_lists / "sgmmh_discriminator.json"}
    )


@pytest.fixture(scope="module")
def activations(filled: Any) -> dict[str, Tensor]:
    """Every layer's output on the golden picture, beside the prediction's parts."""
    found: dict[str, Tensor] = {}
    unet = filled.generator
    hooks = [
        layer.register_forward_hook(lambda _module, _inputs, output, key=f"{kind}{level}": found.__setitem__(key, output))
        for kind, layers in (("down", unet.downs), ("up", unet.ups), ("block", unet.gates))
        for level, layer in enumerate(layers)
    ]
    with torch.inference_mode():
        prediction = filled(noise8(12345))
    for hook in hooks:
        hook.remove()
    return {**found, **prediction.extras, "image": prediction.image}


def share_of_other_values(image: Tensor, expected: Thinned) -> float:
    """Return the share of the sampled bytes of uint8 (H, W, 3) in which a picture (1, 3, H, W) differs."""
    return float((expected.sample(images.to_array(image[0])) != expected.values).mean())


@pytest.mark.slow
def test_operator_masks_agree_with_the_authors(activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    assert_agrees(activations["operator_masks"], golden["om/masks"], atol=MASK_TOLERANCE)


@pytest.mark.parametrize(
    "key", [*(f"{kind}{level}" for kind in ("down", "up") for level in range(8)), *(f"block{level}" for level in range(1, 8))]
)
def test_every_level_agrees_with_the_authors(key: str, activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    expected = golden[f"om/{key}_slice"]

    found = activations[key][:, : expected.shape[1], : expected.shape[2], : expected.shape[3]]

    assert_agrees(found, expected, atol=LEVEL_TOLERANCE)


def test_harmonized_picture_agrees_with_the_authors(activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    assert share_of_other_values(activations["image"], golden["om/harmonized_rgb8"]) <= TRUNCATED_SHARE


@pytest.mark.slow
def test_rgb_baseline_agrees_with_the_authors(public_lists: Path, golden: Mapping[str, Any]) -> None:
    model = authors_model("sgmmh_rgb", {"generator": public_lists / "sgmmh_rgb.json"})

    with torch.inference_mode():
        raw, image = model.generator(to_signed(noise8(12345))), model(noise8(12345)).image

    assert_agrees(raw, golden["rgb/raw"], atol=MAP_TOLERANCE)
    assert share_of_other_values(image, golden["rgb/out_rgb8"]) <= TRUNCATED_SHARE


def test_patch_maps_and_their_losses_agree_with_the_authors(filled: Any, activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    with torch.inference_mode():
        real, fake = filled.discriminator(rgb_to_lab(noise8(54321))), filled.discriminator(activations["harmonized_lab"])

    assert_agrees(real, golden["D/real_lab"], atol=MAP_TOLERANCE)
    assert_agrees(fake, golden["D/fake_lab"], atol=FAKE_MAP_TOLERANCE)
    found = [0.005 * relativistic_generator_loss(real, fake), relativistic_discriminator_loss(real, fake)]
    assert_agrees(found, [golden["ragan_model/g_total"], golden["ragan_model/d_total"]], atol=LOSS_TOLERANCE)


def test_relativistic_losses_agree_with_the_authors(golden: Mapping[str, Any]) -> None:
    real, fake = torch.from_numpy(golden["ragan/real_pred"]), torch.from_numpy(golden["ragan/fake_pred"])

    found = [0.005 * relativistic_generator_loss(real, fake), relativistic_discriminator_loss(real, fake)]

    assert_agrees(found, [golden["ragan/g_total"], golden["ragan/d_total"]], atol=LOSS_TOLERANCE)


def test_charbonnier_and_its_gradient_agree_with_the_authors(golden: Mapping[str, Any]) -> None:
    pred = torch.from_numpy(golden["char/pred"]).requires_grad_()

    loss = charbonnier(pred, torch.from_numpy(golden["char/target"]))
    loss.backward()

    assert loss.item() == pytest.approx(float(golden["char/loss"]), abs=LOSS_TOLERANCE)
    assert_agrees(pred.grad, golden["char/grad_pred"], atol=LOSS_TOLERANCE)


def test_training_loss_of_the_golden_pair_agrees_with_the_authors(filled: Any, golden: Mapping[str, Any]) -> None:
    with torch.inference_mode():
        losses = filled.training_loss({"composite": noise8(12345), "target": noise8(54321)})

    assert losses["charbonnier"].item() == pytest.approx(float(golden["char/loss_model"]), abs=LOSS_TOLERANCE)


def test_retoucher_agrees_with_the_authors(golden: Mapping[str, Any]) -> None:
    found = retouch(torch.from_numpy(golden["retouch/x"]), torch.from_numpy(golden["retouch/masks"]))

    assert_agrees(found, golden["retouch/out"], atol=1e-6)


def test_quantization_loses_the_same_codes_as_the_authors(golden: Mapping[str, Any]) -> None:
    codes = torch.arange(256, dtype=torch.float32) / 255

    assert_equals(quantize(to_signed(codes)), golden["quant/roundtrip_table"])


def test_untouched_input_comes_back_as_the_authors_have_it(golden: Mapping[str, Any]) -> None:
    there_and_back = lab_to_rgb(rgb_to_lab(noise8(12345)))

    assert_equals(images.to_array(there_and_back[0]), golden["om/input_roundtrip_rgb8"])


@pytest.mark.parametrize(("method", "file", "count"), [("sgmmh_om", "sgmmh", 39_501_830), ("sgmmh_rgb", "sgmmh_rgb", 39_498_371)])
def test_generator_has_the_authors_parameters(method: str, file: str, count: int, public_lists: Path) -> None:
    model = models.create(method)

    own = model.state_dict()
    found = {public: list(own[name].shape) for public, name in model.public_names["generator"].items()}

    assert found == read_list(public_lists / f"{file}.json")
    assert sum(parameter.numel() for parameter in model.parameters()) == count


def test_discriminator_has_the_authors_parameters(filled: Any, public_lists: Path) -> None:
    own = filled.state_dict()

    found = {public: list(own[name].shape) for public, name in filled.public_names["discriminator"].items()}

    assert found == read_list(public_lists / "sgmmh_discriminator.json")
    assert sum(parameter.numel() for parameter in filled.discriminator.parameters()) == 2_764_737


def test_level_seven_is_dead_at_the_working_size(filled: Any) -> None:
    numbers = dict(filled.named_parameters())

    dead = sum(numbers[name].numel() for name in filled.untrained_parameters if ".7." in name)

    assert dead == 6_554_624  # docs/methods/sgmmh.md


def test_identity_init_starts_from_doing_nothing() -> None:
    model = models.create("sgmmh_om", width=NARROW, init="identity").eval()

    with torch.inference_mode():
        masks = model(noise8(1))["operator_masks"]

    assert torch.equal(masks, IDENTITY.expand_as(masks))


def test_residual_rgb_starts_from_doing_nothing_and_learns(batch: dict[str, Any]) -> None:
    model = models.create("sgmmh_rgb", width=NARROW, residual=True)

    start = model.training_loss({**batch, "target": batch["composite"]})["total"]

    assert start < 1e-5  # the Charbonnier loss of two equal pictures is 1e-6
    rates = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(2):  # the first one reaches the last layer alone
        rates.zero_grad()
        model.training_loss(batch)["total"].backward()
        rates.step()
    first = next(model.generator.parameters())
    assert first.grad is not None
    assert first.grad.abs().sum() > 0


def test_residual_rgb_is_of_the_own_network_only() -> None:
    with pytest.raises(ParameterError, match="residual needs the backbone unet, not ht"):
        models.create("sgmmh_rgb", width=NARROW, residual=True, backbone="ht")


def test_batch_codes_win_over_the_rounded_picture(batch: dict[str, Any]) -> None:
    model = models.create("sgmmh_om", width=NARROW).eval()
    codes = {f"{name}_lab": (rgb_to_lab(batch[name]) + 1) / 2 for name in ("composite", "target")}

    from_pictures = model.training_loss(batch)["total"]
    from_codes = model.training_loss({**codes, "mask": batch["mask"]})["total"]
    from_shifted_codes = model.training_loss({**batch, **codes, "target_lab": codes["target_lab"] + 0.3 / 255})["total"]

    assert from_codes.item() == pytest.approx(from_pictures.item(), abs=1e-6)
    assert from_shifted_codes.item() != pytest.approx(from_pictures.item(), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("term", ["lpips", "vgg19_conv5_4"])
def test_a_perceptual_term_without_its_weights_says_which_file(
    term: str, batch: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    model = models.create("sgmmh_om", width=NARROW, perceptual=term)

    with pytest.raises(CheckpointError, match=r'weights vgg1.*\.pth in torch\'s hub cache.*perceptual="none"'):
        model.training_loss(batch)


def test_float_rgb_agrees_with_the_8_bit_one() -> None:
    smooth = torch.nn.functional.interpolate(noise8(1, 4, 4), size=(64, 64), mode="bilinear")
    lab = rgb_to_lab(smooth)

    found = (lab_to_signed_rgb(lab) + 1) / 2

    assert (found - smooth).abs().mean() < 1.5 / 255  # half a code of LAB is about one level of RGB


@given(lab=st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3))
def test_retoucher_with_neutral_operators_changes_nothing(lab: list[float]) -> None:
    pixel = torch.tensor(lab).view(1, 3, 1, 1)

    assert torch.equal(retouch(pixel, IDENTITY), pixel)


def test_scaling_one_operator_leaves_the_others() -> None:
    masks = torch.rand(1, 6, 4, 4)

    edited = edit_masks(masks, scale={"add_a": 2.0})

    changed = [name for index, name in enumerate(OPERATORS) if not torch.equal(edited[:, index], masks[:, index])]
    assert changed == ["add_a"]
    assert torch.equal(edited[:, 2], 2 * masks[:, 2])


def test_edit_stays_inside_its_region() -> None:
    composite, region = noise8(1, 32, 32), torch.zeros(1, 1, 32, 32)
    region[..., :16] = 1

    masks = IDENTITY.expand(1, 6, 32, 32)
    edited, plain = edit(composite, masks, shift={"add_L": 0.3}, region=region), edit(composite, masks)

    assert torch.equal(edited[..., 16:], plain[..., 16:])
    assert edited[..., :16].mean() > plain[..., :16].mean()


def test_an_unknown_operator_is_told_the_known_ones() -> None:
    with pytest.raises(ParameterError, match='no operator "add_l": choose from add_L, mul_L'):
        edit_masks(torch.zeros(1, 6, 2, 2), scale={"add_l": 2.0})


def test_full_size_result_keeps_the_composites_detail() -> None:
    model = models.create("sgmmh_om", width=NARROW, init="identity").eval()
    full = noise8(5, 300, 520)

    with torch.inference_mode():
        harmonized = model.upscale(model(noise8(1)), full, None)

    assert torch.equal(harmonized, lab_to_rgb(rgb_to_lab(full)))
