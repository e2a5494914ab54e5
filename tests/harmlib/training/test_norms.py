"""Statistics of batch norms that belong to the weights as they are."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harmlib.models.base import HarmonizationModel, Prediction
from harmlib.training.norms import recompute_statistics


class Normed(HarmonizationModel):
    """A norm on the way to the result, one that is never reached, and a frozen one."""

    needs_mask = False

    def __init__(self) -> None:
        super().__init__()
        self.used, self.judge, self.frozen = nn.BatchNorm2d(3, momentum=0.01), nn.BatchNorm2d(3), nn.BatchNorm2d(3)
        self.dropout = nn.Dropout(0.5)

    def predict(self, composite: torch.Tensor, mask: torch.Tensor | None) -> Prediction:
        return Prediction(image=self.dropout(self.frozen(self.used(composite))))

    def train(self, mode: bool = True) -> Normed:
        super().train(mode)
        self.frozen.eval()
        return self


@pytest.fixture
def batches() -> list[dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(3)
    return [{"composite": torch.rand(4, 3, 8, 8, generator=generator) + shift, "mask": torch.ones(4, 1, 8, 8)} for shift in (0.0, 2.0)]


def test_running_statistics_that_lie_are_replaced_by_those_of_the_batches(batches):
    model = Normed()
    model.used.running_mean.fill_(100)

    count = recompute_statistics(model, batches)

    means = torch.stack([batch["composite"].mean((0, 2, 3)) for batch in batches]).mean(0)
    variances = torch.stack([batch["composite"].var((0, 2, 3)) for batch in batches]).mean(0)
    assert count == 2  # the used one and the one that is never reached
    torch.testing.assert_close(model.used.running_mean, means)
    torch.testing.assert_close(model.used.running_var, variances)
    assert model.used.momentum == 0.01


def test_frozen_and_unreached_norms_keep_theirs(batches):
    model = Normed()
    for norm in (model.judge, model.frozen):
        norm.running_mean.fill_(5)

    recompute_statistics(model, batches)

    assert model.judge.running_mean.tolist() == model.frozen.running_mean.tolist() == [5, 5, 5]


def test_no_random_number_is_drawn(batches):
    torch.manual_seed(1)
    before = torch.get_rng_state()

    recompute_statistics(Normed(), batches)

    assert torch.equal(torch.get_rng_state(), before)


def test_the_error_in_evaluation_mode_is_that_of_the_batch_statistics(batches):
    # A network whose weights ran ahead of its statistics: evaluation mode gives another picture than training mode, until they are redone.
    model = Normed().eval()
    model.dropout.p = 0
    composite = batches[1]["composite"]
    model.used.running_mean.fill_(-3)
    lying = model(composite).image

    recompute_statistics(model, [batches[1]])
    expected = model(composite).image  # in training mode, by the batch's own
    told = model.eval()(composite).image

    assert (lying - expected).abs().max() > 1
    torch.testing.assert_close(told, expected, atol=0.01, rtol=0.01)
