"""PTC+DIH: the mask between two models that know nothing of each other."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from golden_fill import NARROW, narrow_model, noise8
from torch import Tensor, nn

from harmlib import models
from harmlib.errors import ParameterError, ShapeError

SIDE = 64


def detecting(logits: tuple[float, float, float]) -> Any:
    """Return a narrow model whose detector gives every pixel these logits of the classes."""
    model = narrow_model("ptc_dih_twostage", detector_size=SIDE)
    nn.init.zeros_(model.detector.head[1].weight)
    model.detector.head[1].bias.copy_(torch.tensor(logits))
    return model


def predict(model: Any, composite: Tensor) -> Any:
    with torch.inference_mode():
        return model(composite)


@pytest.mark.parametrize(
    ("logits", "detected"),
    # probabilities 0.6, 0.2 and 0.2 in turn: the mask is the larger one of the first two
    [((math.log(3), 0, 0), 0.6), ((0, math.log(3), 0), 0.6), ((0, 0, math.log(3)), 0.2)],
)
def test_mask_is_the_larger_probability_of_the_two_directions(logits: tuple[float, float, float], detected: float) -> None:
    prediction = predict(detecting(logits), noise8(1))

    torch.testing.assert_close(prediction["detected_mask"], torch.full((1, 1, 256, 256), detected))


def test_picture_is_that_of_dih_m_with_the_soft_mask() -> None:
    model = detecting((math.log(3), 0, 0))

    with torch.inference_mode():
        expected = model.harmonizer(noise8(1), torch.full((1, 1, 256, 256), 0.6)).image

    torch.testing.assert_close(predict(model, noise8(1)).image, expected)


def test_probabilities_are_shown_at_the_detectors_size() -> None:
    prediction = predict(narrow_model("ptc_dih_twostage", detector_size=SIDE), noise8(1))

    assert prediction["probabilities"].shape == (1, 3, SIDE, SIDE)
    assert 0 <= prediction["detected_mask"].min() < prediction["detected_mask"].max() <= 1


def test_parts_are_the_whole_models_with_their_parameters() -> None:
    with torch.device("meta"):
        model: Any = models.create("ptc_dih_twostage")

    assert [sum(values.numel() for values in part.parameters()) for part in (model.detector, model.harmonizer)] == [16_911_786, 8_268_800]


def test_trained_parts_fit() -> None:
    model: Any = models.create("ptc_dih_twostage", width=NARROW, detector_width=0.125, detector_size=SIDE, variant="outer")
    detector, harmonizer = models.create("ptc", width=0.125, size=SIDE), models.create("dih_m", width=NARROW, variant="outer")

    assert model.detector.load_state_dict(detector.state_dict())
    assert model.harmonizer.load_state_dict(harmonizer.state_dict())


def test_parts_come_back_from_a_checkpoint(tmp_path: Path) -> None:
    model = narrow_model("ptc_dih_twostage", detector_size=SIDE)
    models.save_checkpoint(model, tmp_path / "checkpoint.pt")

    loaded = models.load(tmp_path)

    assert torch.equal(predict(loaded, noise8(1)).image, predict(model, noise8(1)).image)


def test_nothing_is_trained(batch: dict[str, Any]) -> None:
    model = models.create("ptc_dih_twostage", width=NARROW)

    assert model.players() == {"model": []}
    assert model.training_recipe is None
    with pytest.raises(ParameterError, match='"ptc_dih_twostage" has no parameters to train'):
        model.training_loss(batch)


def test_another_size_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"composite is 320x256, .* works at 256x256 only: resize it"):
        models.create("ptc_dih_twostage", width=NARROW)(torch.zeros(1, 3, 320, 256))
