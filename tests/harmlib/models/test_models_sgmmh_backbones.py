"""Sg-MMH's heads on the networks of other methods: with and without the mask, and HT's operator masks against the authors'."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from authors import assert_agrees, authors
from golden_fill import NARROW, fill_a, fill_public, noise8, read_list, standard_mask
from torch import Tensor

from harmlib import models
from harmlib.errors import CheckpointError, MaskError, ParameterError, ShapeError
from harmlib.inference.pictures import harmonize
from harmlib.models.base import HarmonizationModel, paste, to_signed, to_unit
from harmlib.models.layers.retoucher import retouch, rgb_to_lab
from harmlib.models.layers.sgmmh_backbones import BACKBONES, signed_operators

HEADS = ("sgmmh_rgb", "sgmmh_om")
# Backbone -> parameters with the RGB head, with the OM head, and how many more once the mask is a channel of the input.
PARAMETERS = {
    "unet": (39_498_371, 39_501_830, 1_024),
    "dovenet": (54_754_563, 54_760_710, 1_024),
    "rainnet": (54_759_043, 54_765_190, 0),
    "bargainnet": (58_694_676, 58_700_823, 1_024),
    "ht": (4_768_771, 4_781_062, 4_096),
    "dht": (26_512_518, 24_469_126, 3_136),
}
# What they are measured against: the networks they were taken from, whose heads are as wide, where these see the same input.
OWN = {
    ("unet", 0, False): 39_498_371,  # the RGB baseline
    ("unet", 1, False): 39_501_830,
    ("rainnet", 0, False): 54_759_043,  # RainNet's released network
    ("bargainnet", 0, True): 54_776_324 + 3_919_376,  # G and E
    ("ht", 0, True): 4_772_867,  # the patch-embedding HT of the main branch
    ("ht", 1, True): 4_785_158,  # the authors' HT with operator masks
    ("dht", 0, True): 26_515_654,  # D-HT
}
# In float64, a gradient this small beside the largest one of its loss is rounding.
ROUNDING = 1e-12
MASK_TOLERANCE = 1e-5
HALF_TOLERANCE = 1e-3  # the file keeps the retouched pictures in half precision
IDENTITY = torch.tensor([0.0, 1.0] * 3).view(1, 6, 1, 1)

each_backbone = pytest.mark.parametrize("backbone", BACKBONES)
each_head = pytest.mark.parametrize("name", HEADS)
with_and_without = pytest.mark.parametrize("mask_input", [False, True])


def small(name: str, backbone: str, **options: Any) -> Any:
    """Return a narrow model with seeded fresh weights, in evaluation mode."""
    torch.manual_seed(0)
    return models.create(name, width=NARROW, backbone=backbone, **options).eval()


def side_for(model: HarmonizationModel) -> int:
    """Return the working size, or a smaller one for transformers, whose time grows with the fourth power of the side."""
    return max(model.size_multiple, 64)


def pictures(model: HarmonizationModel, *seeds: int) -> Tensor:
    return torch.cat([noise8(seed, side_for(model), side_for(model)) for seed in seeds])


def mask_for(model: HarmonizationModel, count: int = 1) -> Tensor:
    side = side_for(model)
    return functional.interpolate(standard_mask(), (side, side)).expand(count, -1, -1, -1)


@with_and_without
@pytest.mark.parametrize("head", range(len(HEADS)))
@each_backbone
def test_parameters_are_those_of_the_backbone_and_its_head(backbone: str, head: int, mask_input: bool) -> None:
    with torch.device("meta"):
        model = models.create(HEADS[head], backbone=backbone, mask_input=mask_input)

    found = sum(parameter.numel() for parameter in model.parameters())

    expected = PARAMETERS[backbone][head] + PARAMETERS[backbone][2] * mask_input
    assert found == expected == OWN.get((backbone, head, mask_input), expected)


@each_head
@each_backbone
def test_every_backbone_works_without_a_mask(backbone: str, name: str) -> None:
    model = small(name, backbone)
    composite = pictures(model, 1, 2)

    with torch.inference_mode():
        prediction = model(composite)

    assert prediction.image.shape == composite.shape
    assert 0 <= prediction.image.min() <= prediction.image.max() <= 1
    assert prediction.image.std() > 0


@each_backbone
def test_multiplying_masks_are_never_negative(backbone: str) -> None:
    model = small("sgmmh_om", backbone)

    with torch.inference_mode():
        masks = model(pictures(model, 1))["operator_masks"]

    assert masks.shape == (1, 6, side_for(model), side_for(model))
    assert masks[:, 1::2].min() >= 0
    assert masks[:, 0::2].min() < 0


@each_head
@each_backbone
def test_a_mask_nobody_asked_for_changes_nothing(backbone: str, name: str) -> None:
    model = small(name, backbone)

    with torch.inference_mode():
        alone, masked = (model(pictures(model, 1), mask).image for mask in (None, mask_for(model)))

    assert torch.equal(alone, masked)


@with_and_without
@each_head
@each_backbone
def test_every_parameter_gets_a_gradient_unless_declared_untrained(backbone: str, name: str, mask_input: bool) -> None:
    model = small(name, backbone, mask_input=mask_input).double().train()
    batch = {"composite": pictures(model, 1, 2), "target": pictures(model, 3, 4), "mask": mask_for(model, 2)}

    model.training_loss({key: values.double() for key, values in batch.items()})["total"].backward()

    sizes = {key: 0.0 if value.grad is None else value.grad.abs().max().item() for key, value in model.named_parameters()}
    largest = max(sizes.values())
    assert {key for key, size in sizes.items() if size < ROUNDING * largest} == set(model.untrained_parameters)


@each_head
@each_backbone
def test_saved_backbone_loads_with_the_same_output(backbone: str, name: str, tmp_path: Path) -> None:
    model = small(name, backbone, mask_input=True)
    models.save_checkpoint(model, tmp_path / "checkpoint.pt")

    loaded = models.load(tmp_path)

    with torch.inference_mode():
        found, expected = (each(pictures(model, 1), mask_for(model)).image for each in (loaded, model))
    assert torch.equal(found, expected)
    assert loaded.options["backbone"] == backbone


@each_backbone
def test_identity_init_starts_from_doing_nothing(backbone: str) -> None:
    model = small("sgmmh_om", backbone, init="identity")

    with torch.inference_mode():
        masks = model(pictures(model, 1))["operator_masks"]

    assert torch.equal(masks, IDENTITY.expand_as(masks))


@pytest.mark.parametrize(
    ("backbone", "module", "value"), [("rainnet", "up_norms.1", 0), ("bargainnet", "encoder", 1), ("dht", "network.light", 0)]
)
def test_without_a_mask_everything_is_background(backbone: str, module: str, value: int) -> None:
    model = small("sgmmh_rgb", backbone)
    regions = []
    model.generator.get_submodule(module).register_forward_hook(lambda _module, inputs, _output: regions.append(inputs[1]))

    with torch.inference_mode():
        model(pictures(model, 1))

    assert len(regions) == 1
    assert (regions[0] == value).all()


def test_rain_without_a_mask_is_an_instance_norm() -> None:
    norm = small("sgmmh_rgb", "rainnet").generator.up_norms[1]
    torch.nn.init.normal_(norm.background_gamma)
    features = torch.rand(1, len(norm.background_gamma), 8, 8)

    found = norm(features, torch.zeros(1, 1, 8, 8))

    expected = functional.instance_norm(features, weight=1 + norm.background_gamma, bias=norm.background_beta)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@each_head
@each_backbone
def test_a_backbone_with_the_mask_demands_one(backbone: str, name: str) -> None:
    model = small(name, backbone, mask_input=True)

    with pytest.raises(MaskError, match=f'"{name}" needs a mask'):
        model(pictures(model, 1))


@each_head
@each_backbone
def test_a_backbone_with_the_mask_uses_it(backbone: str, name: str) -> None:
    model = small(name, backbone, mask_input=True)
    picture, mask = to_signed(pictures(model, 1)), mask_for(model)

    with torch.inference_mode():
        found = [model.generator(picture, region) for region in (mask, mask.roll(side_for(model) // 4, 3))]

    assert not torch.equal(*found)


@each_head
def test_a_backbone_with_the_mask_keeps_large_backgrounds(name: str, generator: np.random.Generator) -> None:
    composite = generator.integers(0, 256, (70, 90, 3), dtype=np.uint8)
    mask = np.zeros((70, 90), bool)
    mask[20:50, 30:70] = True
    model = small(name, "ht", mask_input=True)
    model.working_size = 64

    harmonized = harmonize(model, composite, mask)

    assert np.array_equal(harmonized[~mask], composite[~mask])
    assert not np.array_equal(harmonized[mask], composite[mask])


def test_operators_of_codes_up_to_one_do_the_same_on_the_network_scale() -> None:
    unit, add, multiply = torch.rand(2, 3, 5, 5), torch.randn(2, 3, 5, 5), torch.randn(2, 3, 5, 5)

    found = to_unit(retouch(to_signed(unit), signed_operators(add, multiply)))

    torch.testing.assert_close(found, (unit * multiply.clamp(min=0) + add.tanh()).clamp(0, 1), atol=1e-6, rtol=0)


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("sgmmh")


@pytest.fixture(scope="module")
def published(public_lists: Path) -> tuple[Tensor, Tensor]:
    """Operator masks and retouched LAB codes in [0, 1] of HT with the golden weights on the golden picture."""
    model = models.create("sgmmh_om", backbone="ht", mask_input=True).eval()
    fill_public(model, model.public_names["generator"], public_lists / "sgmmh_ht_om.json")
    with torch.inference_mode():
        prediction = model(noise8(12345), standard_mask())
    return prediction["operator_masks"], to_unit(prediction["harmonized_lab"])


@pytest.mark.slow
def test_operator_masks_of_ht_agree_with_the_authors(published: tuple[Tensor, Tensor], golden: Mapping[str, Any]) -> None:
    add, multiply = published[0][:, 0::2], published[0][:, 1::2]

    on_unit_scale = torch.cat([(add - multiply + 1) / 2, multiply], 1)

    assert_agrees(on_unit_scale, golden["ht/masks"], atol=MASK_TOLERANCE)


def test_retouched_picture_of_ht_agrees_with_the_authors(published: tuple[Tensor, Tensor], golden: Mapping[str, Any]) -> None:
    composite = to_unit(rgb_to_lab(noise8(12345)))

    found = [published[1], paste(published[1], composite, standard_mask())]

    for values, key in zip(found, ("ht/harmonized_train", "ht/harmonized_test"), strict=True):
        assert_agrees(values, golden[key], atol=HALF_TOLERANCE, err_msg=key)


def test_published_weights_of_ht_load_by_name(public_lists: Path, tmp_path: Path) -> None:
    filled = fill_a(read_list(public_lists / "sgmmh_ht_om.json").items())
    torch.save({"params": filled}, tmp_path / "ht.pth")

    model = models.load_public_checkpoint("sgmmh_om", tmp_path / "ht.pth", backbone="ht", mask_input=True)

    own = model.state_dict()
    assert model.public_names["generator"].keys() == filled.keys()
    assert sorted(model.public_names["generator"].values()) == sorted(own)
    assert all(torch.equal(own[name], filled[public]) for public, name in model.public_names["generator"].items())


def test_published_weights_of_ht_are_refused_without_the_mask(public_lists: Path, tmp_path: Path) -> None:
    torch.save(fill_a(read_list(public_lists / "sgmmh_ht_om.json").items()), tmp_path / "ht.pth")

    with pytest.raises(CheckpointError, match=r"other shapes for patch_to_embedding\.1\.weight \(256x64 instead of 256x48\)"):
        models.load_public_checkpoint("sgmmh_om", tmp_path / "ht.pth", backbone="ht")


def test_a_backbone_without_published_heads_says_so(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match='no public weights of "sgmmh_rgb" are known'):
        models.load_public_checkpoint("sgmmh_rgb", tmp_path / "none.pth", width=NARROW, backbone="dovenet")


@pytest.mark.parametrize(("backbone", "multiple"), [("dovenet", 256), ("ht", 4), ("dht", 8)])
def test_sides_are_multiples_of_the_backbones_own(backbone: str, multiple: int) -> None:
    with pytest.raises(ShapeError, match=f'"sgmmh_om" needs multiples of {multiple}: resize it'):
        small("sgmmh_om", backbone)(noise8(1, 2 * multiple, multiple + 2))


@each_head
def test_an_unknown_backbone_is_told_the_known_ones(name: str) -> None:
    with pytest.raises(ParameterError, match=r'backbone is "resnet": choose from unet, dovenet, rainnet, bargainnet, ht, dht$'):
        models.create(name, backbone="resnet")
