from __future__ import annotations

import dataclasses
import json
import os

import pandas as pd
import pytest
import torch

from harmlib import models
from harmlib.data.datasets import OnlineComposites, ResizedSource
from harmlib.errors import CheckpointError, ParameterError
from harmlib.training.loop import TrainingError, make_fabric, take_step, train
from harmlib.training.parts import start_from
from harmlib.training.plan import RunPlan
from harmlib.training.state import TrainingState, rate_groups

PLAN = RunPlan("sgmmh_om", "mini", iterations=6, batch_size=2, options={"width": 1 / 16}, keep=(4,), save_seconds=0)


@pytest.fixture
def dataset(folder_source, tmp_path):
    # 256 is the least side that the eight-level U-Net takes.
    return OnlineComposites([ResizedSource(folder_source, "train", tmp_path / "cache")], "sgmmh", seed=1, space="lab")


def fresh(method="sgmmh_om", **options):
    torch.manual_seed(7)
    return models.create(method, width=1 / 16, **options)


class KilledError(Exception):
    pass


class Killing:
    """A data set that stops the process's work at its n-th item."""

    def __init__(self, dataset, after):
        self.dataset, self.left = dataset, after

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, key):
        self.left -= 1
        if self.left < 0:
            raise KilledError
        return self.dataset[key]


def weights(folder):
    return torch.load(folder / "checkpoint.pt", weights_only=True)["weights"]


@pytest.mark.slow
def test_a_run_leaves_checkpoint_history_and_manifest(dataset, tmp_path):
    folder = train(fresh(), dataset, tmp_path / "run", PLAN, seed=1)

    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint.pt", "history.csv", "manifest.json", "step-4.pt"]
    assert pd.read_csv(folder / "history.csv")["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert json.loads((folder / "manifest.json").read_text())["parameters"] == sum(p.numel() for p in fresh().parameters())


@pytest.mark.slow
def test_training_lowers_the_loss(dataset, tmp_path):
    plan = dataclasses.replace(PLAN, iterations=25, keep=())

    history = pd.read_csv(train(fresh(), dataset, tmp_path / "run", plan, seed=1) / "history.csv")

    first, last = history["model_total"].head(8).mean(), history["model_total"].tail(8).mean()
    assert last < first


@pytest.mark.slow
@pytest.mark.parametrize("method", ["sgmmh_om", "sgmmh_omgan"])
def test_a_resumed_run_ends_in_the_same_weights(dataset, tmp_path, method):
    plan = dataclasses.replace(PLAN, method=method)
    whole = train(fresh(method), dataset, tmp_path / "whole", plan, seed=1)

    with pytest.raises(KilledError):
        train(fresh(method), Killing(dataset, 7), tmp_path / "cut", plan, seed=1)
    cut = train(fresh(method), dataset, tmp_path / "cut", plan, seed=1)

    expected, found = weights(whole), weights(cut)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    losses = [pd.read_csv(folder / "history.csv").drop(columns="seconds") for folder in (whole, cut)]
    assert losses[0].equals(losses[1])


@pytest.mark.slow
def test_a_finished_run_is_left_alone(dataset, tmp_path):
    folder = train(fresh(), dataset, tmp_path / "run", PLAN, seed=1)
    before = (folder / "checkpoint.pt").stat().st_mtime_ns

    train(fresh(), dataset, folder, PLAN, seed=1)

    assert (folder / "checkpoint.pt").stat().st_mtime_ns == before


@pytest.mark.slow
def test_a_finished_run_with_other_settings_is_not_replaced(dataset, tmp_path):
    folder = train(fresh(), dataset, tmp_path / "run", PLAN, seed=1)

    with pytest.raises(CheckpointError, match="was trained with another iterations, seed: remove the folder"):
        train(fresh(), dataset, folder, dataclasses.replace(PLAN, iterations=7), seed=2)


def test_a_run_with_other_settings_is_not_resumed(dataset, tmp_path):
    with pytest.raises(KilledError):
        train(fresh(), Killing(dataset, 7), tmp_path / "run", PLAN, seed=1)

    with pytest.raises(CheckpointError, match="belongs to a run with another batch_size"):
        train(fresh(), dataset, tmp_path / "run", dataclasses.replace(PLAN, batch_size=3), seed=1)


def test_a_damaged_state_is_one_sentence(dataset, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "resume.pt").write_bytes(os.urandom(100))

    with pytest.raises(CheckpointError, match=r'resume.pt" .*, so it cannot be resumed: remove it to start this run again'):
        train(fresh(), dataset, tmp_path / "run", PLAN, seed=1)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("history"), 'lacks the key "history", so it cannot be resumed'),
        (lambda state: state.update(step="3"), "step is '3', expected a whole number, so it cannot be resumed"),
        (lambda state: state["optimizers"].clear(), "holds no state of this run"),
        (lambda state: first_moment(state).fill_(float("nan")), "holds no state of this run .exp_avg"),
        (
            lambda state: first_moment(state).resize_(3),
            "holds no state of this run .exp_avg of a parameter is not finite, or not",
        ),
        (lambda state: next(iter(state["model"].values())).fill_(float("nan")), "has NaN, infinite or huge values in"),
        (lambda state: make_sparse(state), r"holds no state of this run \(.{1,120}\): remove it"),
        (lambda state: state.update(cpu_generator=state["cpu_generator"][:5]), "holds no state of this run"),
    ],
)
def test_a_state_of_another_structure_is_one_sentence(interrupted, dataset, tmp_path, change, sentence):
    change(interrupted)
    torch.save(interrupted, tmp_path / "run" / "resume.pt")

    with pytest.raises(CheckpointError, match=sentence):
        train(fresh(), dataset, tmp_path / "run", PLAN, seed=1)


@pytest.fixture
def interrupted(dataset, tmp_path) -> dict:
    """What the resume.pt of a run holds that was killed after its first step."""
    with pytest.raises(KilledError):
        train(fresh(), Killing(dataset, 3), tmp_path / "run", PLAN, seed=1)
    return torch.load(tmp_path / "run" / "resume.pt", weights_only=True)


def make_sparse(state):
    """Store what Adam remembers of a parameter in a way that it cannot take."""
    entry = next(iter(state["optimizers"]["model"]["state"].values()))
    entry["exp_avg"] = entry["exp_avg"].to_sparse()


def first_moment(state):
    """What Adam remembers of a parameter."""
    return next(iter(state["optimizers"]["model"]["state"].values()))["exp_avg"]


@pytest.mark.slow
def test_a_second_stage_starts_from_kept_weights(dataset, tmp_path):
    train(fresh(), dataset, tmp_path / "sgmmh_om-mini", PLAN, seed=1)
    kept = models.load(tmp_path / "sgmmh_om-mini" / "step-4.pt").state_dict()
    second = fresh("sgmmh_omgan")

    start_from(second, tmp_path, "sgmmh_om-mini@4")

    state = second.state_dict()
    assert all(torch.equal(state[name], value) for name, value in kept.items())


def test_starting_from_weights_that_were_not_kept_is_one_sentence(tmp_path):
    with pytest.raises(CheckpointError, match=r'run "sgmmh_om-mini" at step 9 are not there'):
        start_from(fresh(), tmp_path, "sgmmh_om-mini@9")


def test_a_method_without_weights_is_not_trained(dataset, tmp_path):
    with pytest.raises(ParameterError, match='"composite" has no parameters to train'):
        train(models.create("composite"), dataset, tmp_path / "run", PLAN, seed=1)


def test_a_loss_that_is_not_a_number_stops_the_run(dataset, tmp_path):
    model = fresh()
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))

    with pytest.raises(TrainingError, match="lower the learning rate"):
        train(model, dataset, tmp_path / "run", PLAN, seed=1)


def test_an_unsupported_precision_lists_the_supported_ones():
    with pytest.raises(ParameterError, match='precision is "16-mixed": choose from 32-true'):
        make_fabric(dataclasses.replace(PLAN, precision="16-mixed"))


def test_mixed_precision_trains(dataset, tmp_path):
    plan = dataclasses.replace(PLAN, precision="bf16-mixed", iterations=2, keep=())

    folder = train(fresh(), dataset, tmp_path / "run", plan, seed=1, fabric=make_fabric(plan, accelerator="cpu"))

    assert all(value.dtype == torch.float32 for value in weights(folder).values())


@pytest.mark.slow
def test_validation_selects_the_checkpoint(dataset, tmp_path):
    errors = iter([5.0, 2.0, 4.0, 4.0, 4.0, 4.0])
    seen = []

    def validate(model):
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return {"val_error": next(errors), "val_mini": 7.0}

    folder = train(fresh(), dataset, tmp_path / "run", PLAN, seed=1, validate=validate)

    found, last = weights(folder), torch.load(folder / "last.pt", weights_only=True)["weights"]
    assert all(torch.equal(found[name], value) for name, value in seen[1].items())
    assert all(torch.equal(last[name], value) for name, value in seen[5].items())
    assert pd.read_csv(folder / "history.csv")["val_mini"].tolist() == [7.0] * 6
    assert json.loads((folder / "manifest.json").read_text())["selected_val_error"] == 2.0


@pytest.mark.slow
def test_the_last_weights_are_kept_when_the_plan_says_so(dataset, tmp_path):
    errors = iter([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    chosen = dataclasses.replace(PLAN, select="last")

    folder = train(fresh(), dataset, tmp_path / "run", chosen, seed=1, validate=lambda model: {"val_error": next(errors)})
    plain = train(fresh(), dataset, tmp_path / "plain", PLAN, seed=1)

    found, expected = weights(folder), weights(plain)
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert not (folder / "last.pt").exists()


def test_averaged_weights_are_kept_in_place_of_the_last_ones(dataset, tmp_path):
    plan, model = dataclasses.replace(PLAN, iterations=3, keep=(), average=0.5), fresh()

    found = weights(train(model, dataset, tmp_path / "run", plan, seed=1))

    assert any(not torch.equal(found[name], value) for name, value in model.state_dict().items())


def test_a_run_is_saved_between_two_rows_of_its_history(dataset, tmp_path):
    # 250 steps would log every third; killed at the second, the run must go on from there, with the loss of both in its first row.
    plan = dataclasses.replace(PLAN, iterations=250, keep=())
    with pytest.raises(KilledError):
        train(fresh(), Killing(dataset, 5), tmp_path / "run", plan, seed=1)

    content = torch.load(tmp_path / "run" / "resume.pt", weights_only=True)

    assert (content["step"], content["history"]) == (2, [])
    assert content["sums"]["model_total"] > 0


def state_of(model, learning_rate=1e-2):
    players = model.players().items()
    optimizers = {player: torch.optim.SGD(rate_groups(model, parameters, {}), learning_rate) for player, parameters in players}
    return TrainingState(model, optimizers, None, {})


def test_accumulated_batches_equal_one_large_batch(dataset):
    fabric = make_fabric(PLAN, accelerator="cpu")
    entries = [torch.utils.data.default_collate([dataset[index, visit]]) for index, visit in [(0, 0), (1, 0)]]
    together = torch.utils.data.default_collate([dataset[index, visit] for index, visit in [(0, 0), (1, 0)]])
    apart, whole = state_of(fresh().eval()), state_of(fresh().eval())

    take_step(apart, entries, fabric)
    take_step(whole, [together], fabric)

    for first, second in zip(apart.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.allclose(first, second, atol=1e-6)


def test_a_batch_in_unequal_parts_is_refused(dataset, tmp_path):
    plan = dataclasses.replace(PLAN, batch_size=3, accumulate=2)

    with pytest.raises(ParameterError, match="1 devices cannot share a batch of 3 alike in 2 parts"):
        train(fresh(), dataset, tmp_path / "run", plan, seed=1)


@pytest.mark.parametrize(("devices", "parts"), [(1, 4), (2, 2), (4, 1), (8, 1)])
def test_devices_share_the_parts_of_an_update(devices, parts):
    assert dataclasses.replace(PLAN, batch_size=16, accumulate=4).parts_on_each(devices) == parts


def test_parts_that_devices_cannot_share_are_refused():
    with pytest.raises(ParameterError, match="3 devices cannot share the 4 parts of an update alike"):
        dataclasses.replace(PLAN, accumulate=4).parts_on_each(3)


class Recording(Killing):
    """A data set that notes what it was asked for."""

    def __init__(self, dataset):
        super().__init__(dataset, 10**6)
        self.keys = []

    def __getitem__(self, key):
        self.keys.append(key)
        return super().__getitem__(key)


@pytest.mark.slow
def test_updates_see_the_same_pictures_in_one_part_or_two(dataset, tmp_path):
    seen = []
    for parts in (1, 2):
        recording = Recording(dataset)
        train(fresh(), recording, tmp_path / str(parts), dataclasses.replace(PLAN, iterations=2, keep=(), accumulate=parts), seed=1)
        seen.append(recording.keys)

    assert seen[0] == seen[1]
    assert len(seen[0]) == 2 * PLAN.batch_size


def test_the_generator_step_leaves_the_discriminator_alone(dataset):
    model = fresh("sgmmh_omgan")
    state, batch = state_of(model), torch.utils.data.default_collate([dataset[0, 0]])
    before = [parameter.clone() for parameter in model.players()["discriminator"]]
    state.set_rate(0.0)
    state.optimizers["generator"].param_groups[0]["lr"] = 1e-2

    take_step(state, [batch], make_fabric(PLAN, accelerator="cpu"))

    assert all(torch.equal(first, second) for first, second in zip(before, model.players()["discriminator"], strict=True))
