"""IIH against the authors' golden numbers (``tests/authors/iih.npz``), its blocks and its losses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as functional
from authors import assert_agrees, authors
from golden_fill import NARROW, authors_model, ellipse, fill_a, fill_public, noise, noise8, read_list, standard_mask
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from harmlib import models
from harmlib.errors import ShapeError
from harmlib.models.iih import LOSS_WEIGHTS, gradient_loss, matching_loss, smoothness_loss
from harmlib.models.layers.intrinsic import LightEncoder, LightTransfer, Recomposition, matching_scores

TOLERANCE = 2e-5
WHOLE_GAMMA_TOLERANCE = 1e-4
PARAMETERS = 40_863_086
MULTIPLICATIONS = 213.56e9
SIDE = 64
RESULTS = ("harmonized", "reflectance", "illumination", "ifm_mean", "l_fg", "l_bg", "score")
LOSS_NAMES = {"l1": "L1", "gradient": "R_gradient", "illumination": "I_L2", "smoothness": "I_smooth", "matching": "IF_dssim_cs"}


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("iih")


@pytest.fixture(scope="module")
def filled(public_lists: Path) -> Any:
    """The full-width model with the golden weights."""
    return authors_model("iih", {"model": public_lists / "iih.json"})


@pytest.fixture(scope="module")
def activations(filled: Any) -> dict[str, Tensor]:
    """What it makes of the golden picture, part by part."""
    return run(filled)


@pytest.fixture(scope="module")
def whole_gamma(public_lists: Path, activations: dict[str, Tensor], filled: Any) -> dict[str, Tensor]:
    """The same with every γ one more, which keeps the matching branch alive."""
    for name, values in fill_a(read_list(public_lists / "iih.json").items()).items():
        if name.endswith("gamma"):
            filled.get_parameter(filled.public_names["model"][name]).data.copy_(1 + values)
    whole = run(filled)
    fill_public(filled, filled.public_names["model"], public_lists / "iih.json")
    return whole


def run(model: Any) -> dict[str, Tensor]:
    """Return what a model makes of the golden picture, under the golden file's names."""
    found: dict[str, Any] = {}
    parts = {
        "r_enc": model.reflectance_blocks,
        "i_enc": model.illumination_encoder,
        "i_light": model.light_blocks[-1],
        "r_rec": model.reflectance_recompositions[-1],
        "i_rec": model.illumination_recompositions[-1],
        "lights": model.light,
        "features": model.matching,
    }
    hooks = [part.register_forward_hook(lambda _m, _i, output, key=key: found.__setitem__(key, output)) for key, part in parts.items()]
    with torch.inference_mode():
        reflectance, illumination, matching = model.decompose(noise(12345), standard_mask())
        scores = matching_scores(found.pop("features"), standard_mask()[:, :, ::8, ::8])
    for hook in hooks:
        hook.remove()
    found["l_fg"], found["l_bg"] = found.pop("lights")
    pictures = {"reflectance": reflectance, "illumination": illumination, "harmonized": reflectance * illumination}
    return {**found, **pictures, "ifm_mean": matching, "score": scores.view(1, 1024, 32, 32)}


def check(values: Tensor, golden: Mapping[str, Any], key: str, tolerance: float) -> None:
    """Compare one tensor with the golden slice of it."""
    expected = golden[key]
    steps = [have // want for have, want in zip(values.shape, expected.shape, strict=True)]
    assert_agrees(values[tuple(slice(None, None, step) for step in steps)], expected, atol=tolerance, rtol=0)


def small() -> Any:
    torch.manual_seed(0)
    return models.create("iih", width=NARROW).eval()


def small_mask() -> Tensor:
    return ellipse(SIDE, SIDE, (30, 30), (20, 15))


@pytest.mark.slow
@pytest.mark.parametrize("key", [*RESULTS, "r_enc", "i_enc", "i_light", "r_rec", "i_rec"])
def test_results_agree_with_the_authors(key: str, activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    check(activations[key], golden, key, TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("key", ["harmonized", "ifm_mean", "score"])
def test_results_with_the_matching_branch_alive_agree_with_the_authors(
    key: str, whole_gamma: dict[str, Tensor], golden: Mapping[str, Any]
) -> None:
    check(whole_gamma[key], golden, f"g1_{key}", WHOLE_GAMMA_TOLERANCE)


def test_pasted_picture_agrees_with_the_authors(filled: Any, activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    composite, mask = noise(12345).double(), standard_mask().double()

    pasted = composite * (1 - mask) + activations["harmonized"] * mask

    found = [pasted.mean(), pasted.std(correction=0), pasted.min(), pasted.max(), pasted.abs().sum()]
    assert_agrees(found, golden["final_stat"], rtol=1e-5)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_losses_agree_with_the_authors(name: str, activations: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    target, pictures = noise(12352), activations
    losses = {
        "l1": lambda: functional.l1_loss(pictures["harmonized"], target),
        "gradient": lambda: gradient_loss(pictures["reflectance"], target),
        "illumination": lambda: functional.mse_loss(pictures["illumination"], target),
        "smoothness": lambda: smoothness_loss(pictures["illumination"]),
        "matching": lambda: matching_loss(pictures["ifm_mean"], target),
    }

    assert losses[name]().item() == pytest.approx(golden[f"loss_{LOSS_NAMES[name]}"].item(), abs=1e-6)


def test_parameters_are_the_authors(public_lists: Path) -> None:
    with torch.device("meta"):
        model = models.create("iih")
    own = model.state_dict()

    public = {public: list(own[name].shape) for public, name in model.public_names["model"].items()}

    assert public == read_list(public_lists / "iih.json")
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS


def test_a_picture_costs_the_authors_multiplications() -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        models.create("iih").decompose(torch.zeros(1, 3, 256, 256), torch.zeros(1, 1, 256, 256))

    assert counter.get_total_flops() / 2 == pytest.approx(MULTIPLICATIONS, rel=1e-4)


def test_picture_is_the_product_in_the_composites_background() -> None:
    composite, mask = noise8(1, SIDE, SIDE), small_mask()

    with torch.inference_mode():
        prediction = small()(composite, mask)

    expected = torch.where(mask > 0, prediction["reflectance"] * prediction["illumination"], composite)
    torch.testing.assert_close(prediction.image, expected, atol=1e-7, rtol=0)


@pytest.mark.parametrize("inside", [0.0, 1.0])
def test_a_mask_without_one_of_the_regions_gives_finite_colors(inside: float) -> None:
    with torch.inference_mode():
        parts = small().decompose(noise8(1, SIDE, SIDE), torch.full((1, 1, SIDE, SIDE), inside))

    assert all(part.isfinite().all() for part in parts)


def test_light_of_a_region_does_not_see_far_into_the_other() -> None:
    torch.manual_seed(0)
    encoder, left = LightEncoder(width=NARROW), torch.zeros(1, 1, 16, 16)
    left[..., :6] = 1
    inputs = torch.rand(1, 4, SIDE, SIDE)
    changed = inputs.clone()
    changed[..., SIDE // 2 :] = 0.5

    with torch.inference_mode():
        before, after = encoder(inputs, left), encoder(changed, left)

    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])


def test_foreground_under_the_backgrounds_light_keeps_the_sum_of_its_colors() -> None:
    transfer = LightTransfer(8)
    light = torch.rand(1, 8)
    features, mask = torch.rand(1, 8, 4, 4), torch.ones(1, 1, 4, 4)

    with torch.inference_mode():
        lit = transfer(features, mask, (light, light))
        parts = transfer.colors(features).unflatten(1, (3, 8))

    torch.testing.assert_close(lit, parts.sum(1), atol=1e-5, rtol=1e-5)


def test_light_is_transferred_into_the_foreground_only() -> None:
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., :2] = 1
    features = torch.rand(1, 8, 4, 4)

    with torch.inference_mode():
        lit = LightTransfer(8)(features, mask, (torch.rand(1, 8), torch.rand(1, 8)))

    assert torch.equal(lit[..., 2:], features[..., 2:])
    assert not torch.equal(lit[..., :2], features[..., :2])


def test_scores_of_a_foreground_position_sum_to_one_over_the_background() -> None:
    features, mask = torch.randn(2, 8, 4, 4), torch.zeros(2, 1, 4, 4)
    mask[..., :2] = 1

    scores = matching_scores(features, mask)

    torch.testing.assert_close(scores.sum(1), torch.ones(2, 16))
    # The background's own columns are zeros against everything: nothing stands out.
    torch.testing.assert_close(scores[:, :, 2], torch.full((2, 16), 1 / 16))


def test_scores_are_softmax_of_ten_covariances() -> None:
    features = torch.tensor([[1.0, 2.0], [-1.0, 0.0]]).view(1, 2, 1, 2)  # two positions, (1, -1) and (2, 0)
    mask = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)

    scores = matching_scores(features, mask)

    # Centered over the channels both are (1, -1): covariance 2 where background meets foreground, 0 elsewhere.
    expected = torch.softmax(torch.tensor([0.0, 20.0]), 0)
    torch.testing.assert_close(scores[0, :, 0], expected)


def test_recomposition_by_identity_gives_the_features_back() -> None:
    block, features = Recomposition(8), torch.rand(1, 8, 8, 8)
    joined: list[Tensor] = []
    block.join.register_forward_pre_hook(lambda _module, inputs: joined.append(inputs[0]))

    block(features, torch.eye(16)[None])

    inner = joined[0][:, 8:, 1:-1, 1:-1]  # fewer patches reach the border
    torch.testing.assert_close(inner, features[..., 1:-1, 1:-1])


def test_only_the_reflectance_teaches_what_matches() -> None:
    model = small().train()
    batch = [noise8(1, SIDE, SIDE), small_mask()]
    found = []

    for index in (0, 1):
        model.zero_grad()
        model.decompose(*batch)[index].sum().backward()
        found.append(model.matching[2].conv.weight.grad)

    assert found[0].any()
    assert found[1] is None


def test_gradient_loss_adds_the_channels_up_and_sees_zeros_beyond_the_border() -> None:
    target = torch.zeros(1, 3, 2, 2)
    pred = target.clone()
    pred[0, 0, 0, 0], pred[0, 1, 0, 0] = 0.5, -0.5  # cancel in the sum
    pred[0, 2, 1, 0] = 0.3

    # Steps of 0.3: into the pixel from the left border and from above, and out of it to the right.
    assert gradient_loss(pred, target).item() == pytest.approx(3 * 0.3 / 4)


def test_smoothness_is_nothing_on_a_ramp_and_counts_a_bend() -> None:
    ramp = (torch.arange(4.0) + torch.arange(3.0)[:, None]).expand(1, 3, 3, 4)
    bent = ramp.clone()
    bent[..., 3] += 1

    assert smoothness_loss(ramp).item() == 0
    assert smoothness_loss(bent).item() == pytest.approx(0.5)  # one of the two second differences of every row


def test_matching_loss_of_the_gray_target_is_nothing_and_of_its_negative_nearly_one() -> None:
    target = noise8(1, 128, 128).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    gray = target[:, :1, ::8, ::8] * (0.2989 + 0.5870 + 0.1140)

    same, opposite = (matching_loss(matching, target).item() for matching in (gray, -gray))

    assert same == pytest.approx(0, abs=1e-6)
    assert opposite == pytest.approx(1, abs=0.05)


def test_total_is_the_sum_of_the_weighed_losses() -> None:
    model = small()
    batch = {"composite": noise8(1, SIDE, SIDE), "target": noise8(2, SIDE, SIDE), "mask": small_mask()}

    with torch.inference_mode():
        losses = model.training_loss(batch)
        reflectance, illumination, _ = model.decompose(batch["composite"], batch["mask"])

    assert losses["l1"].item() == pytest.approx(100 * functional.l1_loss(reflectance * illumination, batch["target"]).item())
    assert losses["illumination"].item() == pytest.approx(functional.mse_loss(illumination, batch["target"]).item())
    assert losses["total"].item() == pytest.approx(sum(losses[name].item() for name in LOSS_WEIGHTS))


def test_pictures_and_losses_keep_full_precision_in_mixed_training() -> None:
    model = small()
    batch = {"composite": noise8(1, SIDE, SIDE), "target": noise8(2, SIDE, SIDE), "mask": small_mask()}

    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        losses = model.training_loss(batch)
        reflectance, illumination, matching = model.decompose(batch["composite"], batch["mask"])

    assert {reflectance.dtype, illumination.dtype} == {torch.float32}
    assert losses["matching"].item() == pytest.approx(100 * matching_loss(matching, batch["target"]).item(), rel=1e-5)


def test_a_size_that_is_no_multiple_of_8_is_refused() -> None:
    with pytest.raises(ShapeError, match='"iih" needs multiples of 8'):
        small()(noise8(1, 60, 64), torch.ones(1, 1, 60, 64))
