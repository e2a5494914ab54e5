"""Two devices (here two CPU processes) train as one device does on both of their batches."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from harmlib import models
from harmlib.training.loop import make_fabric, prepare, take_step
from harmlib.training.plan import RunPlan
from harmlib.training.state import TrainingState

PLAN = RunPlan("sgmmh_om", "random", iterations=3, batch_size=1, options={"width": 1 / 16})

SCRIPT = """
import sys
from pathlib import Path
import torch
from test_devices import PLAN, batch, fresh_state
from harmlib.training.loop import make_fabric, take_step

fabric = make_fabric(PLAN, devices=2, accelerator="cpu")
fabric.launch()
state = fresh_state(fabric)
for step in range(PLAN.iterations):
    take_step(state, [batch(step, fabric.global_rank)], fabric)
torch.save(state.model.state_dict(), f"{sys.argv[1]}/{fabric.global_rank}.pt")
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


@pytest.mark.slow
def test_two_devices_train_as_one_does_on_both_batches(tmp_path):
    (tmp_path / "two.py").write_text(SCRIPT)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "two.py"), str(tmp_path)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]

    fabric = make_fabric(PLAN, accelerator="cpu")
    state = fresh_state(fabric)
    start = {name: value.clone() for name, value in state.model.state_dict().items()}
    for step in range(PLAN.iterations):
        take_step(state, [batch(step, 0), batch(step, 1)], fabric)

    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    expected = state.model.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in expected)
    assert max(float((first[name] - expected[name]).abs().max()) for name in expected) < 1e-5
    assert max(float((start[name] - expected[name]).abs().max()) for name in expected) > 1e-3
