"""``release``: a finished run becomes weights and a card that says what the run and its scores said."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from harmlib import models
from harmlib.errors import CheckpointError, DataError
from harmlib.evaluation.table import COLUMNS
from harmlib.io.files import write_manifest
from harmlib.models.released import load_released, read_card
from reproduction.__main__ import main
from reproduction.release import release

NARROW = 1 / 64


def score_rows(method: str, errors: np.ndarray, protocol: str = "harmlib") -> pd.DataFrame:
    """Return the scores of one method: one row per error, fMSE twice as large."""
    rows = pd.DataFrame({"id": [f"p-{index}_1_1" for index in range(len(errors))], "mse": errors, "fmse": 2 * errors})
    keys = {"benchmark": "mini", "subset": "camvid", "split": "test", "method": method, "protocol": protocol}
    return rows.assign(**keys, psnr=30.0, ssim=0.9).reindex(columns=list(COLUMNS))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The finished run of a narrow DoveNet with a label, on two packs, with an older run behind it, and its scores."""
    root = tmp_path / "night"
    torch.manual_seed(0)
    for name, start in (("dovenet-old", None), ("dovenet_long-mini", "dovenet-old@32")):
        models.save_checkpoint(models.create("dovenet", width=NARROW), root / "runs" / name / "checkpoint.pt")
        settings = {"method": "dovenet", "benchmark": "old" if start is None else "mini", "label": None if start is None else "long"}
        write_manifest(
            root / "runs" / name, started=time.time(), data="mini, camvid", iterations=9, batch_size=4, start_from=start, **settings
        )
    write_manifest(root / "benchmarks" / "mini", started=time.time(), inputs={"camvid": "0", "embedded-people": "1"})
    write_manifest(root / "benchmarks" / "old", started=time.time(), inputs={"attic": "2"})
    errors = np.arange(10.0, 30)
    tables = [score_rows("dovenet_long", errors), score_rows("composite", errors + 5), score_rows("dovenet", errors + 1)]
    (root / "scores" / "paper").mkdir(parents=True)
    pd.concat(tables).to_csv(root / "scores" / "paper" / "scores.csv", index=False)
    return root / "runs" / "dovenet_long-mini"


def test_the_weights_load_under_their_name(run: Path, tmp_path: Path) -> None:
    release(run, "dovenet", released=tmp_path / "out")

    loaded, own = load_released("dovenet", released=tmp_path / "out"), models.load(run)

    assert torch.equal(loaded.state_dict()["generator.ups.0.bias"], own.state_dict()["generator.ups.0.bias"].half().float())


def test_the_card_tells_run_budget_photographs_and_licenses(run: Path, tmp_path: Path) -> None:
    release(run, "dovenet", notes="fails on glass", released=tmp_path / "out")

    card = read_card("dovenet", released=tmp_path / "out")

    assert (card["run"], card["profile"], card["data"], card["notes"]) == ("dovenet_long-mini", "night", "mini, camvid", "fails on glass")
    assert card["budget"] == {"iterations": 9, "batch_size": 4}
    assert card["photographs"].keys() == {"camvid", "embedded-people", "attic"}  # the older run's too
    assert card["photographs"]["camvid"] == "CC BY-NC 4.0"
    assert "labels/README.md" in card["photographs"]["embedded-people"]
    assert "none on record" in card["photographs"]["attic"]


def test_the_card_tells_scores_beside_the_composites(run: Path, tmp_path: Path) -> None:
    release(run, "dovenet", released=tmp_path / "out")

    scores = {entry["metric"]: entry for entry in read_card("dovenet", released=tmp_path / "out")["scores"]}

    assert set(scores) == {"mse", "fmse", "psnr", "ssim"}
    found = scores["mse"]
    assert (found["benchmark"], found["split"], found["protocol"], found["n"]) == ("mini", "test", "harmlib", 20)
    assert (found["mean"], found["composite"], found["difference"]) == (19.5, 24.5, [-5, -5, -5])
    assert found["low"] < 19.5 < found["high"]


def test_scores_without_a_composite_stand_alone(run: Path, tmp_path: Path) -> None:
    score_rows("dovenet_long", np.arange(5.0)).to_csv(tmp_path / "alone.csv", index=False)

    release(run, "dovenet", scores=[tmp_path / "alone.csv"], released=tmp_path / "out")

    (found,) = [entry for entry in read_card("dovenet", released=tmp_path / "out")["scores"] if entry["metric"] == "mse"]
    assert found["mean"] == 2
    assert "composite" not in found


def test_an_unfinished_run_is_refused(run: Path, tmp_path: Path) -> None:
    (run / "manifest.json").unlink()

    with pytest.raises(DataError, match=r"has no manifest\.json, so it is unfinished"):
        release(run, "dovenet", released=tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_a_manifest_of_another_method_is_refused(run: Path, tmp_path: Path) -> None:
    content = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**content, "method": "frih"}))

    with pytest.raises(CheckpointError, match='holds "dovenet", and its manifest tells of "frih"'):
        release(run, "dovenet", released=tmp_path / "out")


def test_the_shell_says_where_the_weights_are(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["release", str(run), "--name", "mine", "--out", str(tmp_path / "out")])

    assert code == 0
    assert f"{tmp_path / 'out' / 'mine.safetensors'}: " in capsys.readouterr().out
