"""The page of a profile's results says what was trained and how far every method is from the composite."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
import pytest
from miniature_frih import BENCHMARK, FMSE, IMAGES, score_rows

from harmlib.io.files import CHECKPOINT, write_manifest
from harmlib.training.plan import RunPlan
from reproduction.kit.overview import write_overview
from reproduction.profiles import PaperPlan, Profile
from reproduction.stages import Results
from reproduction.workspace import Workspace

RUN = RunPlan("frih", BENCHMARK.name, 4, 2)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A profile of two papers that share their scores and one trained run."""
    plan = PaperPlan("frih", (BENCHMARK,), (RUN,), {"harmlib": ()}, ())
    plans = {"frih": plan, "baselines": plan}
    results = Results(tmp_path, "mini")
    folder = results.run(RUN.name)
    write_manifest(folder, started=time.time(), iterations=4, batch_size=2, options={"width": 0.125}, data="a title")
    (folder / CHECKPOINT).touch()
    (folder / "history.csv").write_text(
        "step,seconds,learning_rate,model_total,val_error,val_composite\n1,1,0.1,0.5,,\n2,2,0.1,0.4,90.2,100\n4,4,0.1,0.3,80.7,100\n"
    )
    for paper in plans:
        table = results.scores(paper) / "scores.csv"
        table.parent.mkdir(parents=True)
        score_rows({name: FMSE[name] for name in ("composite", "frih")}).to_csv(table, index=False)
        write_manifest(table.parent, started=time.time())
    return Workspace(Profile("mini", 0, {}, {"cpu": plans, "gpu": plans}), results, None)


def cells(page: str, first: str) -> list[str]:
    """The cells of the only line of the page that begins with a word."""
    (line,) = [line for line in page.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_method_stands_beside_the_composite_with_an_interval(workspace: Workspace) -> None:
    _, fmse, mse, _, better = cells(write_overview(workspace).partition("## iHarmony4-style, mini")[2], "FRIH")

    assert fmse.startswith("200, -700 [-70")
    assert mse.startswith("32.5, -113.")
    assert better == "100%"


def test_scores_that_two_papers_share_stand_once(workspace: Workspace) -> None:
    page = write_overview(workspace)

    assert page.count("## iHarmony4-style, mini") == 1
    assert f"Composites: {IMAGES}, of photographs: {IMAGES}; protocol harmlib." in page
    assert len(pd.read_csv(workspace.results.root / "per-image.csv.gz")) == 2 * IMAGES


def test_a_finished_run_stands_with_its_errors_in_the_order_of_the_validations(workspace: Workspace) -> None:
    assert cells(write_overview(workspace).partition("## iHarmony4")[0], "FRIH") == [
        "FRIH",
        "4 of 2",
        "width: 0.125",
        "a title",
        "100: 90, 81",
    ]


def test_what_is_not_finished_is_left_out(workspace: Workspace) -> None:
    for paper in ("frih", "baselines"):
        (workspace.results.scores(paper) / "manifest.json").unlink()
    (workspace.results.run(RUN.name) / "manifest.json").unlink()

    page = write_overview(workspace)

    assert "FRIH" not in page
    assert (workspace.results.root / "README.md").read_text(encoding="utf-8") == page
