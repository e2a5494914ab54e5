"""PTC-att-DIH: equation 3 against its golden numbers (``tests/authors/perceptual_ops.npz``), and its place in DIH."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from authors import authors
from golden_fill import NARROW, narrow_model, noise8
from torch import nn

from harmlib import models
from harmlib.errors import ParameterError
from harmlib.models.base import to_signed, to_unit
from harmlib.models.ptc_att_dih import JointAttention


def hand_made(scale: float = 1.0) -> JointAttention:
    """Return two units whose attention is 1/4 and 3/4, whose values are 8 and 12, and whose outputs are their sum and their difference."""
    attention = JointAttention(1, 1, 2, scale=scale)
    weights = {"fc1": [[0.0], [1.0]], "fc2": [[4.0], [6.0]], "fc3": [[1.0, 1.0], [1.0, -1.0]]}
    attention.load_state_dict({f"{fc}.weight": torch.tensor(values) for fc, values in weights.items()}, strict=False)
    return attention


def test_joint_code_agrees_with_the_golden_numbers() -> None:
    golden = {key: torch.from_numpy(values) for key, values in authors("perceptual_ops").items() if key[:4] == "att_"}
    attention = JointAttention(24, 40, 8, scale=1.0).to(golden["att_joint"].dtype)
    weights = {
        f"fc{layer}.{kind}": golden[f"att_{letter}{layer}"] for layer in (1, 2, 3) for kind, letter in (("weight", "W"), ("bias", "b"))
    }
    attention.load_state_dict(weights)

    with torch.inference_mode():
        found = attention(golden["att_a_ptc"], golden["att_a_dih"])

    torch.testing.assert_close(found, golden["att_joint"])


@pytest.mark.parametrize(("scale", "expected"), [(1.0, [11.0, -7.0]), (2.0, [22.0, -14.0])])
def test_joint_code_of_two_units_computed_by_hand(scale: float, expected: list[float]) -> None:
    joint = hand_made(scale)(torch.tensor([[3.0]]).log(), torch.tensor([[2.0]]))

    # 1/4 * 8 + 3/4 * 12 and 1/4 * 8 - 3/4 * 12, times the scale
    assert joint[0].tolist() == pytest.approx(expected, rel=1e-6)


def test_every_part_has_the_papers_number_of_parameters() -> None:
    with torch.device("meta"):
        model: Any = models.create("ptc_att_dih")

    counts = [sum(values.numel() for values in part.parameters()) for part in (model.encoder, model.attention, model.harmonizer)]
    assert counts == [16_419_687, 8_381_952, 6_170_112]
    fcs = [model.attention.fc1, model.attention.fc2, model.attention.fc3]
    assert [(fc.in_features, fc.out_features) for fc in fcs] == [(11_760, 512), (4096, 512), (512, 512)]


def test_joint_code_stands_in_for_the_code_of_dih() -> None:
    model = narrow_model("ptc_att_dih")
    nn.init.zeros_(model.attention.fc3.weight)
    net = models.create("dih_nm", width=NARROW).eval().harmonizer
    net.load_state_dict(model.harmonizer.state_dict(), strict=False)
    nn.init.zeros_(net.code.weight)
    net.code.bias.data = model.attention.fc3.bias.data  # what is left of the code, with either layer

    with torch.inference_mode():
        expected = to_unit(net(to_signed(noise8(1)))).clamp(0, 1)

        torch.testing.assert_close(model(noise8(1)).image, expected)


def test_what_the_detector_sees_changes_the_picture() -> None:
    model = narrow_model("ptc_att_dih")
    with torch.inference_mode():
        before = model(noise8(1)).image

        model.bottleneck = lambda composite: torch.ones(1, 15, 28, 28)

        assert not torch.allclose(model(noise8(1)).image, before, atol=1e-4)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_scale_that_is_no_positive_factor_is_refused(scale: float) -> None:
    with pytest.raises(ParameterError, match=r"attention_scale is .*, expected a factor above 0, such as 1 or 512"):
        models.create("ptc_att_dih", width=NARROW, attention_scale=scale)
