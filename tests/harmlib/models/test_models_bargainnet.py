"""BargainNet against the authors' golden numbers (``tests/authors/bargainnet.npz``), and what its codes promise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from authors import assert_agrees, assert_equals, authors
from golden_fill import NARROW, authors_model, narrow_model, noise, noise8, read_list, standard_mask
from torch import Tensor

from harmlib import models
from harmlib.models.bargainnet import triplet_loss
from harmlib.models.base import to_signed

CODE_TOLERANCE = GENERATOR_TOLERANCE = LOSS_TOLERANCE = 1e-6
# A triplet loss is the difference of two distances between codes, each of which is 1e-6 off at most.
TRIPLET_TOLERANCE = 2e-6
LEVEL_TOLERANCE = 2e-5  # the note gives none: of values up to 18 our float64 ones differ from the file by 1.5e-5, its own rounding
HALF_TOLERANCE = 1e-3
# As with DoveNet: norms over planes of 2x2 enlarge the rounding of both sides.
OWN_STATISTICS_TOLERANCE = 2e-5
LEVELS = range(1, 6)


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("bargainnet")


@pytest.fixture(scope="module")
def filled(public_lists: Path) -> Any:
    """The full-width model with the golden weights."""
    return authors_model("bargainnet", {"generator": public_lists / "bargainnet.json", "encoder": public_lists / "bargainnet_encoder.json"})


@pytest.fixture(scope="module")
def signed() -> dict[str, Tensor]:
    """The golden pictures in [-1, 1]."""
    return {"comp": to_signed(noise(12345)), "real": to_signed(noise(54321))}


@pytest.fixture(scope="module")
def batch_of_one() -> dict[str, Tensor]:
    """The golden pictures as a training batch."""
    return {"composite": noise(12345), "target": noise(54321), "mask": standard_mask()}


def code(golden: Mapping[str, Any], name: str) -> Tensor:
    """Return one of the authors' codes, (1, 16)."""
    return torch.from_numpy(golden[f"code/{name}"])[None]


@pytest.mark.slow
@pytest.mark.parametrize("picture", ["real", "comp"])
def test_codes_of_both_regions_agree_with_the_authors(
    picture: str, filled: Any, signed: dict[str, Tensor], golden: Mapping[str, Any]
) -> None:
    with torch.inference_mode():
        found = {name: filled.encoder(signed[picture], mask) for name, mask in (("fg", standard_mask()), ("bg", 1 - standard_mask()))}

    for name, values in found.items():
        np.testing.assert_allclose(values, code(golden, f"z_{name}_{picture}"), atol=CODE_TOLERANCE, err_msg=name)


def test_code_of_the_harmonized_foreground_agrees_with_the_authors(
    filled: Any, signed: dict[str, Tensor], golden: Mapping[str, Any]
) -> None:
    with torch.inference_mode():
        harmonized = filled.generate(signed["comp"], standard_mask(), code(golden, "z_bg_real"))
        found = filled.encoder(harmonized, standard_mask())

    np.testing.assert_allclose(found, code(golden, "z_fg_harm"), atol=CODE_TOLERANCE)


def test_every_level_of_the_encoder_agrees_with_the_authors(filled: Any, signed: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    found: dict[int, tuple[Tensor, Tensor]] = {}
    hooks = [
        conv.register_forward_hook(lambda _module, _inputs, output, level=level: found.__setitem__(level, output))
        for level, conv in zip(LEVELS, filled.encoder.branch.convs, strict=True)
    ]

    with torch.inference_mode():
        filled.encoder(signed["real"], 1 - standard_mask())

    for hook in hooks:
        hook.remove()
    for level, (features, mask) in found.items():
        expected, step = golden[f"E_real_bg/conv{level}f_slice"], 4 if mask.shape[2] > 31 else 1
        part = features[:, : expected.shape[1], : expected.shape[2], : expected.shape[3]]
        assert_agrees(part, expected, atol=LEVEL_TOLERANCE, err_msg=str(level))
        assert_equals(mask[..., ::step, ::step], golden[f"E_real_bg/conv{level}f_mask"])


def test_generator_agrees_with_the_authors(filled: Any, signed: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    with torch.inference_mode():
        found = filled.generate(signed["comp"], standard_mask(), code(golden, "z_bg_real"))

    assert_agrees(found, golden["G/out"], atol=GENERATOR_TOLERANCE)


def test_free_use_takes_the_code_from_the_composite(filled: Any, golden: Mapping[str, Any]) -> None:
    with torch.inference_mode():
        prediction = filled(noise(12345), standard_mask())

    np.testing.assert_allclose(prediction["background_code"], code(golden, "z_bg_comp"), atol=CODE_TOLERANCE)
    assert_agrees(to_signed(prediction.image), golden["G/out_codefromcomp"], atol=HALF_TOLERANCE)


def test_losses_agree_with_the_authors(filled: Any, batch_of_one: dict[str, Tensor], golden: Mapping[str, Any]) -> None:
    with torch.inference_mode():
        losses = filled.training_loss(batch_of_one)

    keys = {"total": "total", "l1": "L1", "triplet_foreground": "tri_ff", "triplet_background": "tri_fb"}
    for name, key in keys.items():
        tolerance = TRIPLET_TOLERANCE if name.startswith("triplet") else LOSS_TOLERANCE
        assert losses[name].item() == pytest.approx(golden[f"loss/{key}"].item(), abs=tolerance), name


def test_triplet_loss_agrees_with_the_authors(golden: Mapping[str, Any]) -> None:
    codes = [torch.from_numpy(golden[f"triplet/{name}"]).flatten(1) for name in "apn"]

    assert triplet_loss(*codes).item() == pytest.approx(golden["triplet/loss"].item(), abs=LOSS_TOLERANCE)


@pytest.mark.slow
def test_batch_norm_with_the_pictures_own_statistics_agrees_with_the_authors(
    filled: Any, signed: dict[str, Tensor], golden: Mapping[str, Any]
) -> None:
    model: Any = models.create("bargainnet", train_mode_bn=True).eval()
    model.load_state_dict(filled.state_dict())

    with torch.inference_mode():
        background = model.encoder(signed["real"], 1 - standard_mask())
        found = model.generate(signed["comp"], standard_mask(), background)

    assert_agrees(background[0], golden["trainbn/z_bg_real"], atol=CODE_TOLERANCE)
    assert_agrees(found, golden["trainbn/G_out_nodropout"], atol=OWN_STATISTICS_TOLERANCE)


def test_parts_have_the_authors_parameters(public_lists: Path) -> None:
    with torch.device("meta"):
        model: Any = models.create("bargainnet")
    own = model.state_dict()

    for (part, names), file in zip(model.public_names.items(), ("bargainnet", "bargainnet_encoder"), strict=True):
        assert {public: list(own[name].shape) for public, name in names.items()} == read_list(public_lists / f"{file}.json"), part
    counts = [sum(p.numel() for p in part.parameters()) for part in (model.generator, model.encoder)]
    assert [counts[0] + model.code_weight.numel(), counts[1]] == [54_776_324, 3_919_376]


def test_triplet_loss_is_the_gap_of_distances_plus_the_margin() -> None:
    anchor, positive, negative = torch.zeros(2, 16), torch.zeros(2, 16), torch.zeros(2, 16)
    positive[:, :2] = torch.tensor([3.0, 4.0])  # distance 5
    negative[0, 7], negative[1, 7] = 2.0, 9.0  # 5 - 2 + 0.1 and nothing: 9 is far enough

    assert triplet_loss(anchor, positive, negative).item() == pytest.approx(3.1 / 2, abs=1e-5)


def test_training_takes_the_code_of_the_real_background(batch: dict[str, Any]) -> None:
    model: Any = narrow_model("bargainnet")
    real, composite, mask = to_signed(batch["target"]), to_signed(batch["composite"]), batch["mask"]

    with torch.inference_mode():
        found = model.training_loss(batch)["l1"]
        harmonized = model.generate(composite, mask, model.encoder(real, 1 - mask))

    assert found.item() == pytest.approx(functional.l1_loss(harmonized, real).item(), rel=1e-6)


@pytest.mark.parametrize("name", ["triplet_foreground", "triplet_background"])
def test_triplet_losses_reach_the_generator(name: str, batch: dict[str, Any]) -> None:
    model: Any = narrow_model("bargainnet")

    model.training_loss(batch)[name].backward()

    assert model.generator.ups[0].weight.grad.any()
    assert model.code_weight.grad.any()


def test_code_weight_counts_as_a_thousandth_at_least() -> None:
    model: Any = narrow_model("bargainnet")
    pictures = []

    for weight in (0.001, -1.0):
        model.code_weight.data.fill_(weight)
        with torch.inference_mode():
            pictures.append(model(noise8(1), standard_mask()).image)

    assert torch.equal(*pictures)


def test_fresh_code_weight_is_a_tenth() -> None:
    assert models.create("bargainnet", width=NARROW).code_weight.tolist() == pytest.approx([0.1])


def test_codes_spread_over_pictures_of_any_batch_and_size() -> None:
    model: Any = narrow_model("bargainnet")
    composite = torch.cat([noise8(1, 256, 512), noise8(2, 256, 512)])
    mask = functional.interpolate(standard_mask(), size=(256, 512)).expand(2, -1, -1, -1)

    with torch.inference_mode():
        prediction = model(composite, mask)

    assert prediction["background_code"].shape == (2, 16)
    assert prediction.image.shape == composite.shape
