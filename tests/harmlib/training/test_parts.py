"""A method put together from the parts of finished runs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from harmlib import models
from harmlib.data.datasets import OnlineComposites, ResizedSource
from harmlib.errors import CheckpointError
from harmlib.models.base import HarmonizationModel
from harmlib.training.loop import train
from harmlib.training.parts import load_parts
from harmlib.training.plan import RunPlan


def fresh(seed: int, width: float = 1 / 16) -> HarmonizationModel:
    torch.manual_seed(seed)
    return models.create("dovenet", width=width)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder of runs with one in it, "giver"."""
    models.save_checkpoint(fresh(1), tmp_path / "runs" / "giver" / "checkpoint.pt")
    return tmp_path / "runs"


def equal(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    return all(torch.equal(values, other.state_dict()[name]) for name, values in one.state_dict().items())


def test_a_module_takes_the_weights_of_its_counterpart_only(runs):
    model, before = fresh(2), fresh(2)

    load_parts(model, runs, {"generator": "giver:generator"})

    assert equal(model.generator, fresh(1).generator)
    assert equal(model.discriminator, before.discriminator)


def test_a_whole_method_can_be_a_part(runs):
    model = fresh(2)

    load_parts(model, runs, {"": "giver"})

    assert equal(model, fresh(1))


def test_an_unknown_module_is_named_with_the_known_ones(runs):
    with pytest.raises(CheckpointError, match='run "giver" has no module "encoder": choose from generator, discriminator'):
        load_parts(fresh(2), runs, {"generator": "giver:encoder"})


def test_a_part_of_another_width_is_refused(runs):
    with pytest.raises(CheckpointError, match="other shapes"):
        load_parts(fresh(2, width=1 / 8), runs, {"generator": "giver:generator"})


def test_a_run_that_is_not_there_is_named(runs):
    with pytest.raises(CheckpointError, match="check the path, or train a run"):
        load_parts(fresh(2), runs, {"generator": "taker:generator"})


def test_a_run_without_iterations_keeps_its_parts_as_they_are(runs, folder_source, tmp_path):
    dataset = OnlineComposites([ResizedSource(folder_source, "train", tmp_path / "cache")], "sgmmh", seed=1)
    plan = RunPlan("dovenet", "mini", iterations=0, batch_size=2, options={"width": 1 / 16}, parts={"": "giver"})

    folder = train(fresh(2), dataset, runs / "taker", plan, seed=1)

    assert equal(models.load(folder), fresh(1))
    assert pd.read_csv(folder / "history.csv").empty


@pytest.mark.slow
def test_training_starts_from_the_parts(runs, folder_source, tmp_path):
    dataset = OnlineComposites([ResizedSource(folder_source, "train", tmp_path / "cache")], "sgmmh", seed=1)
    plan = RunPlan("dovenet", "mini", iterations=1, batch_size=2, options={"width": 1 / 16}, parts={"": "giver"}, learning_rate=1e-30)

    folder = train(fresh(2), dataset, runs / "taker", plan, seed=1)

    trained, given = models.load(folder).generator.state_dict(), fresh(1).generator.state_dict()
    assert all(torch.allclose(trained[name], given[name], atol=1e-20) for name in given)
