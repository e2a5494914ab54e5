"""FRIH's networks: the paper's numbers of parameters, and the convolution that never builds its input."""

from __future__ import annotations

import torch
import torch.nn.functional as functional

from harmlib import models
from harmlib.models.base import resize_to
from harmlib.models.layers.cascade import FusionConv

# Ours (docs/methods/frih.md); the paper prints 11.98 M in all, 2.68 M or 22.4 % of them in stage two.
STAGE_ONE = {"encoder": 3_612_160, "decoder": 5_688_008, "head": 100}
STAGE_TWO = {"encoder": 518_512, "transfer": 1_415_136, "fuse": 113_872, "decoder": 521_248, "head": 110_883}
STAGE_TWO_WITHOUT_FUSION = 2_568_819
ABLATIONS = {
    "baseline": {"cascade": "none"},
    "globalmask": {"cascade": "global", "fusion": False},
    "submask": {"fusion": False},
    "frih": {},
}


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_are_as_many_as_the_paper_prints() -> None:
    model = models.create("frih")

    found = (
        {part: count(getattr(model.base, part)) for part in STAGE_ONE},
        {part: count(getattr(model.cascade, part)) for part in STAGE_TWO},
    )

    assert found == (STAGE_ONE, STAGE_TWO)
    assert round(count(model) / 1e6, 2) == 11.98
    assert round(count(model.cascade) / 1e6, 2) == 2.68
    assert round(100 * count(model.cascade) / count(model), 1) == 22.4


def test_ablations_have_the_parts_they_name() -> None:
    found = {name: count(models.create("frih", **options)) for name, options in ABLATIONS.items()}

    stage_one = sum(STAGE_ONE.values())
    without_fusion = stage_one + STAGE_TWO_WITHOUT_FUSION
    whole = stage_one + sum(STAGE_TWO.values())
    assert found == {"baseline": stage_one, "globalmask": without_fusion, "submask": without_fusion, "frih": whole}


def test_convolution_of_all_decoder_steps_equals_that_of_their_concatenation() -> None:
    torch.manual_seed(0)
    widths = (5, 4, 4, 3, 3, 2, 2)
    conv = FusionConv(widths, 6).double()
    steps = [torch.randn(2, width, 2 * 2**step, 3 * 2**step).double() for step, width in enumerate(widths)]

    found = conv(steps)

    concatenated = torch.cat([resize_to(features, steps[-1]) for features in steps], 1)
    torch.testing.assert_close(found, functional.conv2d(concatenated, conv.weight, conv.bias, padding=1), rtol=1e-10, atol=1e-10)
