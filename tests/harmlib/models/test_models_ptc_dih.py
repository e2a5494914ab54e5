"""PTC-DIH: the detected mask and what it is for, the frozen encoder, and that no given mask is ever looked at."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from golden_fill import NARROW, narrow_model, noise8, standard_mask
from torch import nn

from harmlib import models
from harmlib.errors import ParameterError, ShapeError
from harmlib.inference.pictures import harmonize

SIDE = 64
FUSIONS = ("ptc_dih", "ptc_att_dih")
WITHOUT_MASK = [
    name for name in models.list_models() if models.describe(name).paper == "perceptual" and not models.describe(name).needs_mask
]
# What a model can be given: nothing, everything, a part, and a soft mask.
MASKS = (None, torch.ones(1, 1, 256, 256), standard_mask(), 0.3 * standard_mask())


def small(name: str = "ptc_dih", **options: Any) -> Any:
    """Return a narrow model with seeded weights."""
    torch.manual_seed(0)
    return models.create(name, **{"width": NARROW, "detector_size": SIDE, **options})


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_every_part_has_the_papers_number_of_parameters() -> None:
    with torch.device("meta"):
        model: Any = models.create("ptc_dih")

    # The head makes one mask of 64 channels, not three classes.
    assert [count(part) for part in (model.encoder, model.decoder, model.head, model.harmonizer)] == [16_419_687, 491_904, 65, 8_268_800]


def test_outer_variant_has_the_larger_harmonizer() -> None:
    with torch.device("meta"):
        model: Any = models.create("ptc_dih", variant="outer")

    assert count(model.harmonizer) == 24_919_939


def test_detector_is_as_wide_as_the_harmonizer_unless_told() -> None:
    with torch.device("meta"):
        narrow, wide = (models.create("ptc_dih", width=0.25, **options) for options in ({}, {"detector_width": 1.0}))

    assert count(narrow.encoder) == count(models.create("ptc", width=0.25).encoder)
    assert count(wide.encoder) == 16_419_687


@pytest.mark.parametrize("logit", [-1.0, 0.0, 2.0])
def test_harmonizer_is_dih_with_the_sigmoid_of_the_head_as_its_mask(logit: float) -> None:
    model = narrow_model("ptc_dih")
    nn.init.zeros_(model.head[1].weight)
    nn.init.constant_(model.head[1].bias, logit)
    dih = models.create("dih_m", width=NARROW).eval()
    dih.harmonizer.load_state_dict(model.harmonizer.state_dict())
    mask = torch.full((1, 1, 256, 256), 1 / (1 + math.exp(-logit)))

    with torch.inference_mode():
        prediction = model(noise8(1))

        torch.testing.assert_close(prediction["detected_mask"], mask)
        torch.testing.assert_close(prediction.image, dih(noise8(1), mask).image)


def test_detected_mask_is_soft_and_differs_from_place_to_place() -> None:
    with torch.inference_mode():
        detected = narrow_model("ptc_dih")(noise8(1))["detected_mask"]

    assert detected.shape == (1, 1, 256, 256)
    assert 0 <= detected.min() < detected.max() <= 1


@pytest.mark.parametrize("size", [64, 112])
@pytest.mark.parametrize("name", FUSIONS)
def test_detector_sees_the_signed_picture_at_its_own_size(name: str, size: int) -> None:
    model = small(name, detector_size=size)
    seen = []
    model.encoder.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))

    model(torch.full((1, 3, 256, 256), 0.75))

    torch.testing.assert_close(seen[0], torch.full((1, 3, size, size), 0.5))


@pytest.mark.parametrize("name", WITHOUT_MASK)
def test_result_is_the_same_whatever_mask_is_given(name: str) -> None:
    model = narrow_model(name)

    with torch.inference_mode():
        predictions = [model(noise8(1), mask) for mask in MASKS]

    for prediction in predictions[1:]:
        assert torch.equal(prediction.image, predictions[0].image)
        assert all(torch.equal(prediction[key], values) for key, values in predictions[0].extras.items())


@pytest.mark.parametrize("name", [name for name in WITHOUT_MASK if narrow_model(name).harmonizes])
def test_harmonized_photograph_is_the_same_whatever_mask_is_given(name: str, photo_array: np.ndarray) -> None:
    model = narrow_model(name)
    part = np.zeros(photo_array.shape[:2], np.uint8)
    part[10:30, 20:50] = 255

    found = [harmonize(model, photo_array, mask) for mask in (None, np.full_like(part, 255), part, part // 3 * 2)]

    assert len({picture.tobytes() for picture in found}) == 1


def test_loss_is_that_of_the_whole_raw_picture_from_minus_one_to_one(batch: dict[str, Any]) -> None:
    model = small()
    nn.init.zeros_(model.harmonizer.output.weight)  # a gray picture, 0 in [-1, 1]

    loss = model.training_loss({**batch, "target": torch.tensor([0.75, 1.0]).view(2, 1, 1, 1).expand(2, 3, 256, 256)})["total"]

    assert loss.item() == pytest.approx((0.5**2 + 1**2) / 2)


@pytest.mark.parametrize("name", FUSIONS)
def test_loss_does_not_look_at_the_true_mask(name: str, batch: dict[str, Any]) -> None:
    model = small(name).eval()

    losses = [model.training_loss({**batch, "mask": mask})["total"].item() for mask in (batch["mask"], 1 - batch["mask"])]

    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("name", "learning"),
    [
        ("ptc_dih", {"decoder.1.0.weight", "decoder.1.1.running_mean", "head.1.weight", "harmonizer.code.weight"}),
        ("ptc_att_dih", {"attention.fc1.weight", "attention.fc2.weight", "attention.fc3.weight", "harmonizer.output.weight"}),
    ],
)
def test_encoder_stays_as_it_is_while_the_rest_learns(name: str, learning: set[str], batch: dict[str, Any]) -> None:
    model = small(name).train()
    before = {key: values.clone() for key, values in model.state_dict().items()}
    optimizer = torch.optim.Adam(model.players()["model"], 1e-3)

    model.training_loss(batch)["total"].backward()
    optimizer.step()

    changed = {key for key, values in model.state_dict().items() if not torch.equal(values, before[key])}
    assert not any(key.startswith("encoder.") for key in changed)
    assert learning <= changed


@pytest.mark.parametrize("name", FUSIONS)
def test_training_mode_leaves_the_encoder_without_dropout(name: str) -> None:
    model = small(name).train()

    with torch.no_grad():
        assert torch.equal(model.bottleneck(noise8(1)), model.bottleneck(noise8(1)))


@pytest.mark.parametrize("name", FUSIONS)
def test_trained_encoder_of_the_detector_fits(name: str) -> None:
    detector: Any = models.create("ptc", width=NARROW, size=SIDE)

    assert small(name).encoder.load_state_dict(detector.encoder.state_dict())


def test_outer_variant_declares_its_silent_biases(batch: dict[str, Any]) -> None:
    silent = small(variant="outer").untrained_parameters - small().untrained_parameters

    # Behind each of six convolutions and six transposed ones stands a batch norm.
    assert len(silent) == 12
    assert all(name.startswith("harmonizer.") and name.endswith("bias") for name in silent)


@pytest.mark.parametrize("name", FUSIONS)
def test_another_size_is_refused(name: str) -> None:
    with pytest.raises(ShapeError, match=f'composite is 320x256, "{name}" works at 256x256 only: resize it'):
        small(name)(torch.zeros(1, 3, 320, 256))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"detector_width": 0.0}, "width is 0.0, expected a factor above 0"),
        ({"detector_size": 100}, "size is 100, expected the side of the detector's pictures, a multiple of 8"),
        ({"variant": "tf256"}, 'variant is "tf256": choose from inner, outer'),
    ],
)
@pytest.mark.parametrize("name", ["ptc_dih", "ptc_dih_twostage"])
def test_bad_options_get_one_sentence(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        small(name, **options)
