"""S2AM against the authors' golden numbers (``tests/authors/s2am.npz``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from authors import assert_agrees, authors
from golden_fill import NARROW, authors_model, fill_a, noise, noise8, read_list, standard_mask
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from harmlib import models
from harmlib.errors import ParameterError
from harmlib.models.layers.separated import SeparatedAttention, sampled_mask

TOLERANCE = 1e-5
# By option: the authors' architecture, their parameter list, parameters and multiplications.
VARIANTS = {"decoder": ("rascv2", "s2am", 67_003_051, 35.057e9), "skip": ("rascv1", "s2am_s2asc", 57_564_055, 13.314e9)}
GATED_LEVELS = (3, 2, 1)  # an eighth, a quarter and a half of the picture


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("s2am")


@pytest.fixture(scope="module", params=VARIANTS)
def found(request: pytest.FixtureRequest, public_lists: Path) -> tuple[str, dict[str, Tensor]]:
    """The authors' name of a variant, and its picture, attentions and learners on the golden input, in their order."""
    prefix, file, *_ = VARIANTS[request.param]
    model = authors_model("s2am", {"generator": public_lists / f"{file}.json"}, attention=request.param)
    attentions = [model.generator.gates[level] for level in GATED_LEVELS]
    found: dict[str, Tensor] = {}
    for index, attention in enumerate(attentions):
        attention.blur.copy_(SeparatedAttention(8).blur)  # the golden file keeps it
        for key, module in ((f"att{index}", attention), (f"learn{index}", attention.learner)):
            module.register_forward_hook(lambda _module, _inputs, output, key=key: found.__setitem__(key, output))
    with torch.inference_mode():
        found["out"] = model.generate(noise(12345), standard_mask())
    return prefix, found


def small(*, width: float = NARROW, **options: Any) -> Any:
    torch.manual_seed(0)
    return models.create("s2am", width=width, **options)


@pytest.mark.slow
def test_generated_picture_agrees_with_the_authors(found: tuple[str, dict[str, Tensor]], golden: Mapping[str, Any]) -> None:
    prefix, outputs = found
    expected = golden[f"{prefix}__out"]

    step = outputs["out"].shape[2] // expected.shape[2]

    assert_agrees(outputs["out"][:, :, ::step, ::step], expected, atol=TOLERANCE)


@pytest.mark.parametrize("key", [f"{kind}{index}" for kind in ("att", "learn") for index in range(3)])
def test_attention_agrees_with_the_authors(key: str, found: tuple[str, dict[str, Tensor]], golden: Mapping[str, Any]) -> None:
    prefix, outputs = found

    assert_agrees(outputs[key][:, ::16, ::8, ::8], golden[f"{prefix}__{key}"], atol=TOLERANCE)


@pytest.mark.parametrize("side", [32, 64, 128])
def test_softened_mask_agrees_with_the_authors(side: int, golden: Mapping[str, Any]) -> None:
    soft = SeparatedAttention(8).soften(standard_mask(), torch.empty(1, 8, side, side))

    # The largest one is in half precision.
    assert_agrees(soft[0, 0], golden[f"softmask_{side}"], atol=5e-4 if side == 128 else 1e-6)


@pytest.mark.slow
def test_discriminator_agrees_with_the_authors(golden: Mapping[str, Any]) -> None:
    model = models.create("s2am", gan=True).eval()
    own, names = model.discriminator.state_dict(), model.discriminator.public_names()
    filled = fill_a((public, list(own[name].shape)) for public, name in names.items())
    model.discriminator.load_state_dict({names[public]: values for public, values in filled.items()})

    with torch.inference_mode():
        scores = model.discriminator(torch.cat([noise(12346), noise(12345)], 1))

    assert_agrees(scores, golden["disc__out"], atol=TOLERANCE)


@pytest.mark.parametrize("attention", VARIANTS)
def test_network_has_the_authors_parameters(attention: str, public_lists: Path) -> None:
    with torch.device("meta"):
        model = models.create("s2am", attention=attention)
    own = model.state_dict()

    _, file, parameters, _ = VARIANTS[attention]
    shapes = {public: list(own[name].shape) for public, name in model.public_names["generator"].items()}
    assert shapes == read_list(public_lists / f"{file}.json")
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


def test_discriminator_has_the_authors_parameters() -> None:
    with torch.device("meta"):
        model = models.create("s2am", gan=True)

    assert sum(parameter.numel() for parameter in model.players()["discriminator"]) == 2_767_808
    assert [name for name in model.public_names["discriminator"] if name.endswith("bias")] == [f"model.{i}.bias" for i in (0, 2, 5, 8)]


@pytest.mark.parametrize("attention", VARIANTS)
def test_network_multiplies_as_often_as_the_authors(attention: str) -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        models.create("s2am", attention=attention).eval()(torch.empty(1, 3, 256, 256), torch.empty(1, 1, 256, 256))

    # Half a million fewer: the soft background is one minus the soft foreground, not a second blur.
    assert counter.get_total_flops() / 2 == pytest.approx(VARIANTS[attention][3], rel=1e-4)


def test_kernel_of_the_masks_has_deviation_root_two(golden: Mapping[str, Any]) -> None:
    kernel = SeparatedAttention(8).blur[0, 0]

    assert_agrees(kernel, golden["gauss5"], atol=1e-7)


def test_kernel_falls_by_the_square_of_half_the_distance() -> None:
    kernel = SeparatedAttention(8).blur[0, 0]

    assert kernel.sum().item() == pytest.approx(1)
    assert (kernel[2] / kernel[2, 2]).tolist() == pytest.approx(np.exp([-1, -0.25, 0, -0.25, -1]).tolist())


@pytest.mark.parametrize(
    ("pixels", "expected"), [([(0, 0), (0, 1), (1, 0)], 1), ([(0, 0), (0, 1)], 0), ([(2, 2), (2, 3), (3, 2), (3, 3)], 0)]
)
def test_only_the_top_left_pixels_of_a_cell_decide(pixels: list[tuple[int, int]], expected: int) -> None:
    mask = torch.zeros(1, 1, 8, 8)
    for row, column in pixels:
        mask[0, 0, 4 + row, column] = 1

    small_mask = sampled_mask(mask, torch.empty(1, 1, 2, 2))

    assert small_mask.tolist() == [[[[0, 0], [expected, 0]]]]


def test_background_features_pass_one_gate_only() -> None:
    torch.manual_seed(0)
    attention, features = SeparatedAttention(8).eval(), torch.randn(1, 8, 16, 16)

    with torch.inference_mode():
        outside = attention(features, torch.zeros(1, 1, 32, 32))
        inside = attention(features, torch.ones(1, 1, 32, 32))
        learned = attention.learner(attention.foreground(features)) + attention.mix(features)

    torch.testing.assert_close(outside, attention.background(features), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(inside, learned, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("attention", VARIANTS)
def test_background_is_the_composites(attention: str) -> None:
    composite, mask = noise8(1), standard_mask()

    with torch.inference_mode():
        image = small(attention=attention).eval()(composite, mask).image

    assert torch.equal(image * (1 - mask), composite * (1 - mask))
    assert ((image - composite).abs() * mask).mean() > 0.01


def test_foreground_is_the_networks_output_without_any_squashing() -> None:
    composite, mask, model = noise8(1), standard_mask(), small().eval()

    with torch.inference_mode():
        image, raw = model(composite, mask).image, model.generator(composite, mask)

    assert raw.min() < -0.01  # nothing bounds it
    torch.testing.assert_close(image * mask, raw.clamp(0, 1) * mask)


def test_residual_adds_the_composite() -> None:
    composite, mask = noise8(1), standard_mask()

    with torch.inference_mode():
        plain, residual = (small(residual=residual).eval().generate(composite, mask) for residual in (False, True))

    torch.testing.assert_close(residual, plain + composite)


def test_loss_is_the_error_of_the_whole_unpasted_picture(batch: dict[str, Any]) -> None:
    model = small().eval()

    losses = model.training_loss(batch)

    expected = (model.generate(batch["composite"], batch["mask"]) - batch["target"]).square().mean().item()
    assert losses["mse"].item() == pytest.approx(expected, rel=1e-5)
    assert losses["total"].item() == pytest.approx(1e10 * expected, rel=1e-5)


def test_adversarial_losses_are_least_squares(batch: dict[str, Any]) -> None:
    model = small(gan=True).eval()
    for parameter in model.discriminator.parameters():
        torch.nn.init.zeros_(parameter)  # all scores are 0

    values = {player: {name: value.item() for name, value in losses.items()} for player, losses in model.training_losses(batch)}

    l1 = 100 * functional.l1_loss(model.generate(batch["composite"], batch["mask"]), batch["target"]).item()
    assert values["generator"] == pytest.approx({"total": 1 + l1, "adversarial": 1, "l1": l1})
    assert values["discriminator"] == {"total": 0.5, "real": 1, "fake": 0}


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"attention": "skip"}, {"gan": True}])
def test_every_parameter_of_the_variants_is_trained(options: dict[str, Any], batch: dict[str, Any]) -> None:
    model = small(width=2 * NARROW, **options).double().train()  # with fewer units, chance kills all of a gate
    exact = {key: value.double() if isinstance(value, Tensor) else value for key, value in batch.items()}

    sizes: dict[str, float] = {}
    for player, losses in model.training_losses(exact):
        model.zero_grad()
        losses["total"].backward()
        owned = {id(parameter) for parameter in model.players()[player]}
        found = {name: parameter.grad.abs().max().item() for name, parameter in model.named_parameters() if id(parameter) in owned}
        sizes |= {name: size / max(found.values()) for name, size in found.items()}

    assert {name for name, size in sizes.items() if size < 1e-12} == set(model.untrained_parameters)


def test_weights_start_as_he_draws_them() -> None:
    torch.manual_seed(0)
    deep = models.create("s2am", width=0.25).generator.downs[4].weight

    assert deep.std().item() == pytest.approx(np.sqrt(2 / (deep.shape[1] * 16)), rel=0.02)


def test_unknown_attention_is_named_with_the_choices() -> None:
    with pytest.raises(ParameterError, match='attention is "both": choose from decoder, skip'):
        models.create("s2am", attention="both")
