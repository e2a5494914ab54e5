"""Two devices (here two CPU processes) train as one device does on both of their batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from harmlib import models
from harmlib.training.loop import make_fabric, prepare, take_step
from harmlib.training.plan import RunPlan
from harmlib.training.state import TrainingState

PLAN = RunPlan("sgmmh_om", "random", iterations=3, batch_size=1, options={"width": 1 / 16})

# Both in one pair of processes, whose imports take longer than their steps.
SCRIPT = """
import sys
import torch
from test_devices import PLAN, RUN, Entries, batch, fresh_state, judged
from harmlib import models
from harmlib.training.loop import make_fabric, take_step, train

fabric = make_fabric(PLAN, devices=2, accelerator="cpu")
fabric.launch()
state = fresh_state(fabric)
for step in range(PLAN.iterations):
    take_step(state, [batch(step, fabric.global_rank)], fabric)
torch.save(state.model.state_dict(), f"{sys.argv[1]}/{fabric.global_rank}.pt")

torch.manual_seed(7)
model = models.create("sgmmh_om", **PLAN.options)
train(model, Entries(), f"{sys.argv[1]}/run", RUN, seed=1, fabric=fabric, validate=lambda model: judged(sys.argv[1]))
"""


def fresh_state(fabric: Fabric) -> TrainingState:
    """A model to train without dropout, which would differ between devices, and by plain gradients: Adam turns rounding into steps."""
    torch.manual_seed(7)
    state = prepare(models.create("sgmmh_om", **PLAN.options), PLAN, 1, fabric)
    state.model.eval()
    state.optimizers = {player: torch.optim.SGD(parameters, 0.1) for player, parameters in state.model.players().items()}
    return state


def batch(step: int, rank: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(10 * step + rank)
    names = ("composite", "target", "composite_lab", "target_lab")
    return {name: torch.rand((1, 3, 256, 256), generator=generator) for name in names}


RUN = replace(PLAN, iterations=2, batch_size=2, accumulate=2, selection=1, validations=2)


class Entries:
    """Four items, different at every visit."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, key: tuple[int, int]) -> dict[str, torch.Tensor]:
        return {name: values[0] for name, values in batch(*key).items()}


def judged(folder: str) -> dict[str, float]:
    """Note which process validates."""
    with (Path(folder) / "judges.txt").open("a") as stream:
        stream.write(f"{os.getpid()}\n")
    return {"val_error": 1.0}


@pytest.fixture(scope="module")
def two_devices(tmp_path_factory):
    """What a script left that started its own second process."""
    folder = tmp_path_factory.mktemp("two devices")
    (folder / "two.py").write_text(SCRIPT)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, str(folder / "two.py"), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.slow
def test_one_of_two_devices_validates_and_writes_and_the_manifest_counts_both(two_devices):
    manifest = json.loads((two_devices / "run" / "manifest.json").read_text())
    assert (manifest["devices"], manifest["batch_size"], manifest["accumulate"]) == (2, 2, 2)
    judges = (two_devices / "judges.txt").read_text().split()
    assert len(judges) == RUN.validations
    assert len(set(judges)) == 1
    assert sorted(path.name for path in (two_devices / "run").iterdir()) == ["checkpoint.pt", "history.csv", "last.pt", "manifest.json"]


@pytest.mark.parametrize(("method", "rates"), [("frih", (8e-3, 5e-4)), ("harmonizer", (2.4e-3, 3e-4)), ("sgmmh_om", (2e-4, 2e-4))])
def test_rates_follow_the_pictures_of_an_update_as_printed(method, rates):
    recipe = models.create(method).training_recipe

    assert (recipe.rate_for(128), recipe.rate_for(8)) == pytest.approx(rates)


@pytest.mark.slow
def test_two_devices_train_as_one_does_on_both_batches(two_devices):
    fabric = make_fabric(PLAN, accelerator="cpu")
    state = fresh_state(fabric)
    start = {name: value.clone() for name, value in state.model.state_dict().items()}
    for step in range(PLAN.iterations):
        take_step(state, [batch(step, 0), batch(step, 1)], fabric)

    first, second = (torch.load(two_devices / f"{rank}.pt", weights_only=True) for rank in range(2))
    expected = state.model.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in expected)
    assert max(float((first[name] - expected[name]).abs().max()) for name in expected) < 1e-5
    assert max(float((start[name] - expected[name]).abs().max()) for name in expected) > 1e-3
