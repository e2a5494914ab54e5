"""Weights that runs start from are asked for before anything runs."""

from __future__ import annotations

import pytest

from harmlib import models
from harmlib.errors import CheckpointError
from harmlib.io.files import write_json
from harmlib.models.layers.imagenet import hub_path
from harmlib.training.plan import RunPlan
from reproduction.checkout import CHECKOUT
from reproduction.pretrained import check_pretrained
from reproduction.profiles import load_profile, unique_runs
from reproduction.stages import Results

ZHU = RunPlan("zhu", "iharmony4", iterations=1, batch_size=1, options={"pretrained": True})


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path / "results", "paper")


def test_missing_weights_are_one_sentence(results):
    with pytest.raises(CheckpointError, match=r"vgg16-397923af.pth for zhu-iharmony4\): fetch them .* or give --without-pretrained"):
        check_pretrained([ZHU], results)


def test_weights_that_are_there_are_enough(results):
    hub_path("vgg16-397923af.pth").parent.mkdir(parents=True)
    hub_path("vgg16-397923af.pth").touch()

    check_pretrained([ZHU], results)


def test_runs_that_need_none_or_are_finished_are_not_asked(results):
    write_json(results.run(ZHU.name) / "manifest.json", {})

    check_pretrained([ZHU, RunPlan("zhu", "other", iterations=1, batch_size=1)], results)


@pytest.mark.slow
def test_the_page_of_the_data_names_every_file_that_the_paper_profile_starts_from():
    profile = load_profile("paper")
    runs = unique_runs(profile.paper(name, "gpu") for name in profile.papers).values()
    plans = {(run.method, str(run.options)): run for run in runs if run.options.get("pretrained")}

    files = {models.create(run.method, **run.options).imagenet_file for run in plans.values()}

    page = (CHECKOUT / "data" / "README.md").read_text()
    assert len(files) == 3
    assert all(file in page for file in files)
