"""Optimizers, their rates per module, and the moving average of the weights."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from harmlib import models
from harmlib.errors import ParameterError
from harmlib.training.loop import make_fabric, prepare, take_step
from harmlib.training.plan import RunPlan
from harmlib.training.state import Ema, make_optimizer, rate_groups


@pytest.mark.parametrize(("method", "eps"), [("dih_m", 1e-7), ("ptc", 1e-7), ("sgmmh_om", 1e-8)])
def test_adam_has_the_eps_of_the_authors_framework(method, eps):
    model = models.create(method, width=1 / 16)

    assert make_optimizer(list(model.parameters()), model.training_recipe).param_groups[0]["eps"] == eps


def test_the_moving_average_follows_its_formula():
    model = torch.nn.Linear(1, 1)
    ema = Ema(model, 0.9)
    start = model.weight.item()
    with torch.no_grad():
        model.weight.fill_(start + 1)

    ema.update(model, 0)

    assert ema.weights["weight"].item() == pytest.approx(start + 0.1)


def test_a_warm_average_soon_forgets_the_start():
    model = torch.nn.Linear(1, 1)
    ema = Ema(model, 0.999, warmup=True)
    start = model.weight.item()
    with torch.no_grad():
        model.weight.fill_(start + 1)

    ema.update(model, 0)  # decay (1 + 0) / (10 + 0)

    assert ema.weights["weight"].item() == pytest.approx(start + 0.9)


KINDS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "adadelta": torch.optim.Adadelta, "rmsprop": torch.optim.RMSprop}


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_the_recipe_names_the_optimizer(name, kind):
    recipe = dataclasses.replace(models.create("sgmmh_om", width=1 / 16).training_recipe, optimizer=name, learning_rate=0.5)

    optimizer = make_optimizer([{"params": [torch.nn.Parameter(torch.zeros(1))], "factor": 1.0}], recipe)

    assert type(optimizer) is kind
    assert optimizer.param_groups[0]["lr"] == 0.5


def test_a_module_learns_at_its_own_share_of_the_rate():
    model = models.create("harmonizer", width=0.25, size=64)
    plan = RunPlan("harmonizer", "mini", iterations=1, batch_size=2, rates={"regressor": 0.1, "backbone": 0})
    fabric = make_fabric(plan, accelerator="cpu")
    state = prepare(model, plan, 1, fabric)
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    batch = {"composite": torch.rand(2, 3, 64, 64), "target": torch.rand(2, 3, 64, 64), "mask": torch.ones(2, 1, 64, 64)}
    state.set_rate(1e-3)

    take_step(state, [batch], fabric)

    moved = {name: (parameter - before[name]).abs().max().item() for name, parameter in model.named_parameters()}
    # Adam's first step is the rate itself, whatever the gradient.
    assert moved["regressor.f.weight"] == pytest.approx(1e-4, rel=0.05)
    assert not any(moved[name] for name in moved if name.startswith("backbone."))


def test_a_rate_for_a_module_that_is_not_there_is_refused():
    model = models.create("harmonizer", width=0.25, size=64)
    with pytest.raises(ParameterError, match='rates names "decoder", which has no parameters here: choose from backbone, regressor'):
        rate_groups(model, list(model.parameters()), {"decoder": 0.1})


def test_a_player_may_have_an_optimizer_of_its_own():
    recipe = models.create("s2crnet", width=0.25).training_recipe
    weights = torch.nn.Parameter(torch.zeros(1))

    generator, discriminator = (
        make_optimizer([{"params": [weights], "factor": 1.0}], recipe, player) for player in ("generator", "discriminator")
    )

    assert (type(generator), generator.param_groups[0]["weight_decay"]) == (torch.optim.AdamW, 0.01)
    assert (type(discriminator), discriminator.param_groups[0]["weight_decay"]) == (torch.optim.RMSprop, 0.0)
