"""Errors on validation pairs, checked against a model whose error is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from harmlib.models.base import HarmonizationModel, Prediction
from harmlib.training.validation import Validation

SIDE = 8


class Brighter(HarmonizationModel):
    """Adds 10 levels everywhere."""

    def __init__(self, *, needs_mask: bool = True) -> None:
        super().__init__()
        self.needs_mask = needs_mask
        self.level = nn.Parameter(torch.tensor(10 / 255))

    def predict(self, composite: torch.Tensor, mask: torch.Tensor | None) -> Prediction:
        return Prediction(image=composite + self.level)


class Pairs:
    """Three pairs: the composite is right, or 10 levels too dark in its upper half, or 30 everywhere outside of it."""

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        target = np.full((SIDE, SIDE, 3), 100, np.uint8)
        mask = np.zeros((SIDE, SIDE), np.float32)
        mask[: SIDE // 2] = 1
        composite = target.copy()
        if index == 1:
            composite[mask == 1] -= 10
        if index == 2:
            composite[mask == 0] -= 30
        return {"composite": composite, "target": target, "mask": mask}


def test_errors_are_those_of_the_pasted_picture_by_source():
    errors = Validation(Pairs(), ["a", "a", "b"])(Brighter().eval())

    # Half a picture 10 levels off; right; half of it 10 off and the other, pasted, 30.
    assert errors == pytest.approx(
        {
            "val_error": (50 + 0 + 500) / 3,
            "val_a": 25,
            "val_b": 500,
            "val_composite": (50 + 450) / 3,
            "val_robust": (50 * 0.01 * 500) ** (1 / 3),
        },
        rel=1e-4,
    )


def test_a_method_without_mask_answers_for_the_background_too():
    errors = Validation(Pairs(), ["a", "a", "b"])(Brighter(needs_mask=False).eval())

    assert errors["val_error"] == pytest.approx((100 + 50 + (50 + 200)) / 3, rel=1e-4)
