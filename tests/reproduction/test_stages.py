"""The paper profile on miniature trees in the public layouts: a dry run and one step of every method."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from benchmarks.public_trees import write_public_trees
from harmlib import models
from harmlib.data.pairs import read_pairs
from harmlib.errors import CheckpointError, ParameterError
from reproduction.__main__ import main
from reproduction.profiles import load_profile
from reproduction.stages import Results, build_benchmarks, score_papers, train_run, train_runs, training_data
from reproduction.status import status_table
from reproduction.workflow import train_only


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """ADE20K (SceneParsing release), COCO, LIP and iHarmony4 in miniature; only to be read."""
    root = tmp_path_factory.mktemp("photographs") / "data {x}"
    write_public_trees(root, subsets=("HCOCO", "HFlickr"))
    return root


STEP = {"iterations": 1, "batch_size": 2, "accumulate": 1}


@pytest.fixture
def one_step(tmp_path):
    """The paper profile, cut to one narrow step a run."""
    return write_one_step(tmp_path)


@pytest.fixture(scope="module")
def sgmmh(data, tmp_path_factory):
    """That profile's results with the benchmarks, runs and scores of Sg-MMH, and what its stages returned; only to be read."""
    folder = tmp_path_factory.mktemp("sgmmh")
    profile, results = load_profile(write_one_step(folder)), Results(folder / "results", "one-step")
    manifests = build_benchmarks(profile, ["sgmmh"], data=data, results=results, workers=0)
    folders = train_runs(profile, ["sgmmh"], data=data, results=results)
    return results, manifests, folders, score_papers(profile, ["sgmmh"], results=results)["sgmmh"]


def write_one_step(folder: Path) -> Path:
    """Write the profile into a folder."""
    narrow, kept = {"width": 1 / 16}, {**STEP, "keep": [1]}
    detector = {**STEP, "perturb_at": "64", "options": {**narrow, "size": 64, "pretrained": False}}
    fused = {"options": {**narrow, "detector_width": 1 / 16, "detector_size": 64}}
    budgets = {
        "sgmmh": {
            "options": narrow,
            "runs": dict.fromkeys(("sgmmh_rgb-hlip", "sgmmh_omgan-hscene", "sgmmh_omgan-hlip"), STEP)
            | dict.fromkeys(("sgmmh_om", "sgmmh_om-hlip"), kept),
        },
        "harmonizer": {"options": {"width": 0.25, "size": 64, "pretrained": False}},
        "perceptual": {
            "options": narrow,
            "runs": {"ptc_aet": detector, "ptc": detector} | dict.fromkeys(("ptc_att_dih", "ptc_dih", "ptc_dih_twostage"), fused),
        },
        "baselines": {"options": narrow, "runs": {"dovenet": STEP}},
    }
    content = {
        "extends": "paper.yaml",
        "benchmarks": {"coco-exp": {"draws": {"test": 1}}},
        "budgets": {name: {**STEP, "workers": 0, **budget} for name, budget in budgets.items()},
    }
    path = folder / "one-step.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.slow
def test_the_paper_profile_takes_one_step_on_miniature_trees(sgmmh, one_step, tmp_path):
    made, manifests, folders, scores = sgmmh

    assert manifests["hscene"]["counts"]["ade20k"]["train"] == {"photographs": 2, "used": 2, "composites": 0, "skipped": {}}
    assert set(folders) == {f"{method}-{name}" for method in ("sgmmh_rgb", "sgmmh_om", "sgmmh_omgan") for name in ("hscene", "hlip")}
    assert len(scores) == 2 * 2 * 4
    assert scores["mse"].gt(0).all()
    results = Results(tmp_path / "results", "one-step")
    shutil.copytree(made.root, results.root, ignore=shutil.ignore_patterns("scores"))
    again = score_papers(load_profile(one_step), ["sgmmh"], results=results, workers=2)["sgmmh"]
    pd.testing.assert_frame_equal(again, scores)


@pytest.mark.slow
def test_what_two_papers_share_is_made_once(data, one_step, tmp_path):
    content = yaml.safe_load(one_step.read_text())
    names = ["composite", "harmonizer", "dovenet"]
    content["papers"] = {
        "harmonizer": {"runs": names[1:], "protocols": {"harmonizer_256": names}},
        "baselines": {"runs": names[1:], "weightless": ["composite"], "protocols": {"harmlib": names, "harmonizer_256": names}},
    }
    content["papers"]["harmonizer"]["protocols"]["harmonizer_full"] = ["composite"]
    content["papers"]["baselines"]["protocols"]["harmonizer_full"] = ["composite"]
    content["budgets"]["baselines"]["runs"]["dovenet"] = {**STEP, "repeats": 2}
    one_step.write_text(yaml.safe_dump(content))
    profile, results = load_profile(one_step), Results(tmp_path / "results", "one-step")
    papers = ["harmonizer", "baselines"]

    build_benchmarks(profile, papers, data=data, results=results, workers=0)
    folders = train_runs(profile, papers, data=data, results=results)
    scores = score_papers(profile, papers, results=results)

    assert list(folders) == ["harmonizer-iharmony4", "dovenet-iharmony4", "dovenet-iharmony4-s1"]
    seeds = [json.loads((folder / "manifest.json").read_text())["seed"] for folder in folders.values()]
    assert seeds == [2021, 2021, 2022]
    weights = [next(models.load(folders[name]).parameters()) for name in list(folders)[1:]]
    assert not torch.equal(*weights)
    assert len(list(results.score_parts.iterdir())) == 4 + 4 + 1
    shared = [table[table["protocol"] == "harmonizer_256"].reset_index(drop=True) for table in scores.values()]
    pd.testing.assert_frame_equal(*shared)
    assert list(shared[0]["method"].unique()) == [*names, "dovenet-s1"]


@pytest.mark.slow
def test_single_runs_are_trained_with_what_they_need(data, one_step, tmp_path):
    chosen = ["dovenet", "frih_dc0.01-iharmony4"]
    content = yaml.safe_load(one_step.read_text())
    content["budgets"]["frih"] = {**STEP, "workers": 0, "options": {"width": 1 / 16, "blended": True, "min_area": 100}}
    one_step.write_text(yaml.safe_dump(content))

    folders = train_only(str(one_step), chosen, data=str(data), results=str(tmp_path / "results"))

    assert list(folders) == ["dovenet-iharmony4", "frih_dc0.01-iharmony4"]
    assert sorted(path.name for path in (tmp_path / "results" / "one-step" / "benchmarks").iterdir()) == ["iharmony4"]
    table = status_table(str(one_step), results=str(tmp_path / "results")).set_index("name")
    assert table.loc["dovenet-iharmony4", "state"] == "done"
    assert table.loc["harmonizer-iharmony4", ["state", "budget"]].tolist() == ["left", "1 updates of 2"]
    assert table["state"].value_counts().to_dict()["done"] == 3


def test_an_unknown_run_is_refused(one_step, tmp_path):
    with pytest.raises(ParameterError, match='has no run "dovnet-iharmony4": choose from dovenet-iharmony4'):
        train_only(str(one_step), ["dovnet-iharmony4"], results=str(tmp_path))


@pytest.mark.slow
def test_a_published_benchmark_is_trained_and_scored_where_it_lies(data, one_step, tmp_path):
    profile, results = load_profile(one_step), Results(tmp_path / "results", "one-step")

    build_benchmarks(profile, ["harmonizer"], data=data, results=results, workers=0)
    train_runs(profile, ["harmonizer"], data=data, results=results)
    scores = score_papers(profile, ["harmonizer"], results=results)["harmonizer"]

    counts = scores.groupby("protocol")["method"].nunique().to_dict()
    assert counts == {"harmonizer_256": 13, "harmonizer_full": 5}
    assert set(scores["subset"]) == {"HCOCO", "HFlickr"}


@pytest.mark.slow
def test_a_detector_is_trained_in_two_steps_and_handed_on(data, one_step, tmp_path):
    profile, results = load_profile(one_step), Results(tmp_path / "results", "one-step")

    build_benchmarks(profile, ["perceptual"], data=data, results=results, workers=0)
    folders = train_runs(profile, ["perceptual"], data=data, results=results)
    scores = score_papers(profile, ["perceptual"], results=results)["perceptual"]

    trained = {name: models.load(folder) for name, folder in folders.items()}
    pretrained, detector, fused = (trained[name].encoder for name in ("ptc_aet-exposure-uniform", "ptc-exposure", "ptc_dih-iharmony4"))
    assert all(torch.equal(values, pretrained.state_dict()[name]) for name, values in detector.state_dict().items())
    assert all(torch.equal(values, detector.state_dict()[name]) for name, values in fused.state_dict().items())
    assert scores.groupby("benchmark")["method"].nunique().to_dict() == {"coco-exp": 6, "iharmony4": 6}


@pytest.mark.slow
def test_a_run_without_val_split_keeps_what_is_best_on_what_it_holds_out(data, one_step, tmp_path):
    content = yaml.safe_load(one_step.read_text())
    content["budgets"]["baselines"]["runs"]["s2am"] = {**STEP, "iterations": 2, "selection": 4, "validations": 2, "hold_out": 0.5}
    one_step.write_text(yaml.safe_dump(content))

    (folder,) = train_only(str(one_step), ["s2am"], data=str(data), results=str(tmp_path / "results")).values()

    manifest = json.loads((folder / "manifest.json").read_text())
    history = pd.read_csv(folder / "history.csv")
    assert manifest["selected_val_error"] == pytest.approx(history["val_error"].min())
    assert manifest["photographs"] < len(read_pairs(data / "iHarmony4", "train"))
    assert len(history) == 2


def test_large_pairs_are_shrunk_for_a_method_that_crops_and_packed_for_one_that_does_not(data, one_step, tmp_path):
    content = yaml.safe_load(one_step.read_text())
    content["budgets"]["baselines"]["longest_side"] = 32
    one_step.write_text(yaml.safe_dump(content))
    profile, results = load_profile(one_step), Results(tmp_path / "results", "one-step")
    plan = profile.paper("baselines")
    build_benchmarks(profile, ["baselines"], data=data, results=results, workers=0)

    for run in (run for run in plan.runs if run.method in ("issam", "dih")):
        model = models.create(run.method, **run.options)
        visits = training_data(run, plan.benchmarks[0], profile, model, data=data, results=results)
        assert visits[0, 0]["composite"].shape == (3, 256, 256)

    sizes = {Image.open(path).size for path in results.cache.rglob("composite_images/*")}
    assert max(map(max, sizes)) == 32
    assert len(list(results.cache.glob("pairs-256-*.npy"))) == 1


@pytest.mark.slow
def test_a_run_before_those_that_give_its_parts_is_named(data, one_step, tmp_path):
    profile, results = load_profile(one_step), Results(tmp_path / "results", "one-step")
    build_benchmarks(profile, ["perceptual"], data=data, results=results, workers=0)
    plan = profile.paper("perceptual")
    run = next(run for run in plan.runs if run.method == "ptc_dih")
    benchmark = next(benchmark for benchmark in plan.benchmarks if benchmark.name == run.benchmark)

    with pytest.raises(CheckpointError, match='takes its parts from the run "ptc-exposure", which is not there: train that one first'):
        train_run(run, benchmark, profile, data=data, results=results)


@pytest.mark.slow
def test_scoring_twice_changes_nothing(sgmmh, one_step):
    results, *_, first = sgmmh
    stamp = (results.scores("sgmmh") / "manifest.json").stat().st_mtime_ns

    second = score_papers(load_profile(one_step), ["sgmmh"], results=results)["sgmmh"]

    pd.testing.assert_frame_equal(first, second)
    assert (results.scores("sgmmh") / "manifest.json").stat().st_mtime_ns == stamp


@pytest.mark.slow
def test_runs_of_another_device_are_taken_as_they_are(sgmmh, data, one_step):
    results, _, folders, _ = sgmmh
    content = yaml.safe_load(one_step.read_text())
    budget = content["budgets"]["sgmmh"]
    content["budgets"]["sgmmh"] = {"cpu": {**budget, "iterations": 5}, "gpu": budget}
    one_step.write_text(yaml.safe_dump(content))
    stamps = {name: (folder / "manifest.json").stat().st_mtime_ns for name, folder in folders.items()}

    again = train_runs(load_profile(one_step), ["sgmmh"], data=data, results=results)

    assert {name: (folder / "manifest.json").stat().st_mtime_ns for name, folder in again.items()} == stamps


@pytest.mark.slow
def test_the_paper_profile_can_be_planned_on_miniature_trees(data, tmp_path, capfd):
    arguments = ["reproduce", "--profile", "paper", "--data", str(data), "--results", str(tmp_path / "results"), "--dry-run"]

    code = main(arguments)

    said = capfd.readouterr()
    assert code == 0, said.err
    assert "train" in said.out + said.err
