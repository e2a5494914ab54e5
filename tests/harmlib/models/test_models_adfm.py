"""ADFM against the authors' golden numbers (``tests/authors/adfm.npz``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from authors import assert_agrees, authors
from golden_fill import NARROW, fill_public, noise, noise8, read_list, standard_mask
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from harmlib import models
from harmlib.models.layers.modulation import MEAN, FeatureModulation, PositionAttention, spread

TOLERANCE = 2e-6
FEATURE_TOLERANCE = 5e-6  # the note gives none: rounding of up to nine convolutions, measured 1.8e-6
RUNS = {"": None, "gamma1_": 1.0}


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("adfm")


@pytest.fixture(scope="module")
def filled(public_lists: Path) -> Any:
    """The full-width model with the golden weights."""
    model = models.create("adfm").eval()
    fill_public(model, model.public_names["model"], public_lists / "adfm.json")
    return model


@pytest.fixture(scope="module")
def activations(filled: Any) -> dict[str, Tensor]:
    """What the network computes on the golden input, under the golden file's names; "gamma1_" is the run with both γ at 1."""
    found: dict[str, Tensor] = {}
    network = filled.network
    modules = {"conv1": network.downs[1], "conv2": network.downs[3], "conv3": network.downs[7], "down9": network.downs[8]}
    for prefix, gamma in RUNS.items():
        if gamma:
            torch.nn.init.constant_(network.modulation.gamma1, gamma)
            torch.nn.init.constant_(network.modulation.gamma2, gamma)
        hooks = [
            module.register_forward_hook(lambda _module, _inputs, output, key=prefix + key: found.__setitem__(key, output))
            for key, module in {**modules, "attended": network.modulation.own, "fb_fmm": network.modulation, "raw": network}.items()
        ]
        with torch.inference_mode():
            found[f"{prefix}out"] = filled(noise(12345), standard_mask()).image
            found[f"{prefix}self_attn"] = found[f"{prefix}down9"] + network.modulation.gamma1 * found[f"{prefix}attended"]
        for hook in hooks:
            hook.remove()
    return found


def small() -> Any:
    torch.manual_seed(0)
    return models.create("adfm", width=NARROW)


@pytest.mark.slow
@pytest.mark.parametrize(("key", "step"), [("out", 1), ("gamma1_out", 2), ("raw", 2)])
def test_picture_agrees_with_the_authors(key: str, step: int, activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    assert_agrees(activations[key][:, :, ::step, ::step], golden[key], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("key", ["conv1", "conv2", "conv3", "down9", "self_attn", "fb_fmm", "gamma1_fb_fmm"])
def test_features_agree_with_the_authors(key: str, activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    assert_agrees(activations[key][:, ::16, ::4, ::4], golden[key], atol=FEATURE_TOLERANCE, rtol=0)


@pytest.mark.parametrize("key", ["out", "raw", "self_attn", "fb_fmm", "gamma1_out", "gamma1_self_attn", "gamma1_fb_fmm"])
def test_statistics_agree_with_the_authors(key: str, activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    values = activations[key].double()

    found = [values.mean(), values.std(correction=0), values.min(), values.max(), values.abs().sum()]

    assert_agrees(found, golden[f"{key}_stat"], rtol=1e-5, atol=1e-6)


def test_loss_agrees_with_the_authors(activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    loss = (activations["out"] - noise(12352)).square().mean()

    assert loss.item() == pytest.approx(golden["loss_mse"].item(), abs=TOLERANCE)


def test_network_has_the_authors_parameters(public_lists: Path) -> None:
    with torch.device("meta"):
        model = models.create("adfm")
    own = model.state_dict()

    shapes = {public: list(own[name].shape) for public, name in model.public_names["model"].items()}
    assert shapes == read_list(public_lists / "adfm.json")
    assert sum(parameter.numel() for parameter in model.parameters()) == 11_590_789


def test_network_multiplies_as_often_as_the_authors() -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        models.create("adfm").eval()(torch.empty(1, 3, 256, 256), torch.empty(1, 1, 256, 256))

    assert counter.get_total_flops() / 2 == pytest.approx(22.279e9, rel=1e-4)


def test_loss_is_the_mean_squared_error_of_the_clamped_picture(batch: dict[str, Any]) -> None:
    model = small().eval()

    loss = model.training_loss(batch)["total"]

    residual = torch.tanh(model.network(batch["composite"], batch["mask"]))
    expected = ((batch["composite"] + residual).clamp(0, 1) - batch["target"]).square().mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


def test_background_may_change() -> None:
    composite, mask = noise8(1), standard_mask()

    with torch.inference_mode():
        image = small().eval()(composite, mask).image

    assert ((image - composite).abs() * (1 - mask)).mean() > 1e-3


def test_mean_is_taken_from_the_picture_and_not_from_the_mask() -> None:
    seen = {}
    model = small().eval()
    model.network.downs[0].register_forward_hook(lambda _module, inputs, _output: seen.update(inputs=inputs[0]))

    with torch.inference_mode():
        model(noise8(1), standard_mask())

    torch.testing.assert_close(seen["inputs"], torch.cat([noise8(1) - MEAN, standard_mask()], 1))


def test_modulation_starts_as_the_identity() -> None:
    features = torch.randn(2, 16, 8, 8)

    assert torch.equal(FeatureModulation(16)(features, torch.ones(2, 1, 64, 64)), features)


def test_attention_is_a_softmax_over_the_asked_positions() -> None:
    torch.manual_seed(0)
    attention, asking, asked = PositionAttention(8), torch.randn(1, 8, 2, 3), torch.randn(1, 8, 2, 3)

    with torch.inference_mode():
        found = attention(asking, asked)[0, :, 1, 2]
        query = attention.query(asking)[0, :, 1, 2]
        scores = (attention.key(asked)[0] * query[:, None, None]).sum(0)
        expected = (attention.value(asked)[0] * (scores.exp() / scores.exp().sum())).sum((1, 2))

    torch.testing.assert_close(found, expected)


def test_modulated_foreground_takes_the_spread_of_the_attended_background() -> None:
    torch.manual_seed(0)
    block, features, mask = FeatureModulation(16), torch.randn(1, 16, 8, 8), torch.zeros(1, 1, 16, 16)
    mask[..., 4:12, 2:10] = 1
    torch.nn.init.ones_(block.gamma2)
    inside = mask[..., ::2, ::2]

    with torch.inference_mode():
        change = block(features, mask) - features
        attended = block.background(features * inside, features * (1 - inside))

    expected = features * inside * spread(attended) / spread(features * inside)
    torch.testing.assert_close(change, expected, atol=1e-6, rtol=1e-5)


def test_spread_counts_all_positions_and_is_unbiased() -> None:
    features = torch.tensor([3.0, 0, 0, 0]).view(1, 1, 2, 2)

    assert spread(features).item() == pytest.approx(np.sqrt(np.var([3, 0, 0, 0], ddof=1) + 1e-5))


def test_a_picture_without_foreground_is_finite() -> None:
    block = FeatureModulation(16)
    torch.nn.init.ones_(block.gamma2)
    features = torch.randn(1, 16, 8, 8)

    assert torch.equal(block(features, torch.zeros(1, 1, 64, 64)), features)


@pytest.mark.slow
def test_attentions_are_trained_once_their_weights_have_left_zero(batch: dict[str, Any]) -> None:
    model = small().double().train()
    exact = {key: value.double() if isinstance(value, Tensor) else value for key, value in batch.items()}
    at_start = model.untrained_parameters
    for gamma in (model.network.modulation.gamma1, model.network.modulation.gamma2):
        torch.nn.init.ones_(gamma)

    model.training_loss(exact)["total"].backward()

    sizes = {name: parameter.grad.abs().max().item() for name, parameter in model.named_parameters()}
    silent = {name for name, size in sizes.items() if size < 1e-12 * max(sizes.values())}
    assert silent == set(model.untrained_parameters)
    assert {name.removeprefix("network.modulation.") for name in at_start - silent} == {
        *(f"own.{name}" for name in ("query.weight", "query.bias", "key.weight", "value.weight", "value.bias")),
        *(f"background.{name}" for name in ("query.weight", "query.bias", "key.weight", "value.weight")),
    }
