"""JSON and YAML: studies, recipes of the editor, manifests and profiles."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
from pathlib import Path

import numpy as np

from benchmarks.fuzz.common import PLAN, Target, each, is_picture, picture
from benchmarks.fuzz.mutations import mutate_bytes, mutate_json, mutate_text, mutate_value
from harmlib.io.files import sha256, write_json, write_manifest


def write_study(folder: Path) -> None:
    """Write a study of every kind, and the answers to it."""
    from miniature_study import answer_as_page, make_miniature

    for kind in ("rankings", "choices", "filters"):
        study = make_miniature(folder, kind)
        write_json(folder / "answers" / f"{kind}.json", answer_as_page(study, "rater-01"))
        shutil.rmtree(study / "pages")


def change_answers(path: Path, draw: random.Random) -> None:
    """Damage a file of answers, of half of them what the check sum does not tell."""
    from miniature_study import signed

    content = mutate_json(path.read_bytes(), draw)
    with contextlib.suppress(ValueError, TypeError, AttributeError, RecursionError):
        if draw.random() < 0.7:
            content = json.dumps(signed(json.loads(content))).encode()
    path.write_bytes(content)


def read_study_answers(folder: Path) -> None:
    """Read keys and answers."""
    from reproduction.userstudy.pages.answers import read_answers
    from reproduction.userstudy.pages.naming import read_key

    for kind in ("rankings", "choices", "filters"):
        read_answers(folder / "answers" / f"{kind}.json", read_key(folder / kind))


def write_records(folder: Path) -> None:
    """Write the records of a study, and a folder to make one from."""
    from miniature_study import write_composites

    write_composites(folder / "items", count=2)
    (folder / "items" / "scenarios.csv").write_text("item,scenario\nphoto-0,indoors\nphoto-1,outdoors\n")
    info = {"name": "a", "kind": "bt_image", "question": "Which?", "methods": ["a", "b", "c"], "items": {"i1": {"a": "x.png"}, "i2": {}}}
    write_json(folder / "study.json", {**info, "date": "2026-03-01", "synthetic": False, "seed": None})
    (folder / "participants.csv").write_text("participant,group,seed\np1,layperson,\np2,expert,3\n")
    ranks = "".join(f"p{p},i{i},{m},{r},{r},2.5\n" for p in (1, 2) for i in (1, 2) for r, m in enumerate("abc", 1))
    (folder / "rankings.csv").write_text(f"participant,item,method,rank,position,seconds\n{ranks}")
    (folder / "pairs.csv").write_text("participant,item,left,right,winner\np1,i1,a,b,left\np2,i2,b,c,tie\n")
    (folder / "choices.csv").write_text("participant,item,scenario,options,chosen\np1,i1,s,a|b|c,b\np2,i2,s,a|b,\n")


def read_records(folder: Path) -> None:
    """Read the records and the folder."""
    from reproduction.userstudy.pages.items import read_items
    from reproduction.userstudy.records import read_study

    read_items(folder / "items")
    read_study(folder)


def write_recipe(folder: Path) -> None:
    """Export an edited picture of either kind."""
    from harmlib.editor.recipe import export
    from harmlib.editor.state import EditorState
    from harmlib.editor.whitebox import FilterArguments, OperatorMasks
    from harmlib.filters import SIX

    composite = picture()
    mask = np.zeros(composite.shape[:2], np.float32)
    mask[8:30, 8:40] = 1
    boxes = (
        OperatorMasks("sgmmh_om", np.full((6, 24, 24), 0.3, np.float32)),
        FilterArguments("harmonizer", (0.1, -0.3, 0.2, 0.4, -0.2, 0.3), SIX),
    )
    for name, box in zip(("masks", "filters"), boxes, strict=True):
        state = EditorState(composite, box, mask)
        state.set(state.names[0], scale=1.5, shift=0.1, region=1)
        export(state, folder / f"{name}.png")


def change_recipe(path: Path, draw: random.Random) -> None:
    """Damage a recipe, or its arrays, whose check sum is then written anew."""
    if path.suffix == ".json":
        path.write_bytes(mutate_json(path.read_bytes(), draw))
        return
    path.write_bytes(mutate_bytes(path.read_bytes(), draw))
    recipe = path.with_suffix(".json")
    content = json.loads(recipe.read_text())
    content["arrays"]["sha256"] = sha256(path)
    recipe.write_text(json.dumps(content))


def read_recipes(folder: Path) -> None:
    """Replay both recipes."""
    from harmlib.editor.recipe import replay

    for name in ("masks", "filters"):
        assert is_picture(replay(folder / f"{name}.json", picture()))


def write_manifests(folder: Path) -> None:
    """Write manifests of a benchmark, a run, scores and a notebook."""
    from harmlib.training.plan import settings

    counts = {"a": {"test": {"photographs": 2, "used": 2, "composites": 3, "skipped": {"gray": 1}}}}
    made = {"benchmark": "a", "composer": "sgmmh", "seed": 1, "draws": {"test": 1}, "splits": ["test"], "inputs": {"a": "0"}}
    write_manifest(folder / "benchmark", started=0, **made, title="A", dataset="a", counts=counts, files={"composites.csv": "00"})
    write_manifest(folder / "run", started=0, run="run", seed=1, **settings(PLAN), training_seconds=3.5, device="cpu", outputs={}, data="A")
    write_manifest(folder / "scores", started=0, paper="sgmmh", protocols={"a": []}, split="test", inputs={}, device="cpu", n=3, files={})
    write_json(folder / "40.manifest.json", {"notebook": "40.ipynb", "sha256": "0", "parameters": {}, "seconds": 1.5})


def read_manifests(folder: Path) -> None:
    """Read them as the stages, the status, the exhibits and the release do."""
    from harmlib.data.built import counts_table, inputs_fingerprint
    from harmlib.io.files import is_finished, read_manifest
    from harmlib.training.plan import changed_settings
    from reproduction import status

    assert isinstance(inputs_fingerprint(folder / "benchmark"), str)
    counts_table({"a": read_manifest(folder / "benchmark", "counts", "title", "dataset")})
    changed_settings(folder / "run", PLAN, seed=1)
    status._expected_seconds(PLAN, [read_manifest(folder / "run", *status.PACE)])
    is_finished(folder / "scores", {"paper": "sgmmh", "inputs": {}})
    assert read_manifest(folder / "scores", "device")["device"]
    for path in sorted(folder.glob("**/*manifest.json")):
        status._row("run", "a", path)


def write_profile(folder: Path) -> None:
    """Copy two profiles, their aliases included."""
    for name in ("smoke", "night"):
        (folder / f"{name}.yaml").write_bytes((Path(__file__).resolve().parents[2] / "config" / f"{name}.yaml").read_bytes())


def read_profiles(folder: Path) -> None:
    """Load both."""
    from reproduction.profiles import load_profile

    each(folder, load_profile, lambda profile: bool(profile.papers))


def change_profile(path: Path, draw: random.Random) -> None:
    """Damage a profile as text, or its values."""
    import yaml

    if draw.random() < 0.5:
        path.write_bytes(mutate_text(path.read_bytes(), draw))
    else:
        path.write_text(yaml.safe_dump(mutate_value(yaml.safe_load(path.read_text()), draw)))


RECORDS = {
    "answers": Target(write_study, read_study_answers, ("answers/*.json",), change=change_answers),
    "study key": Target(write_study, read_study_answers, ("*/key.json",)),
    "records": Target(write_records, read_records, ("*.json", "*.csv", "items/*.csv")),
    "recipe": Target(write_recipe, read_recipes, ("*.json", "*.npz"), change=change_recipe),
    "manifest": Target(write_manifests, read_manifests, ("**/*.json",)),
    "profile": Target(write_profile, read_profiles, ("*.yaml",), change=change_profile),
}
