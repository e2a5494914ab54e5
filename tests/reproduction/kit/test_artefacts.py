"""What stands beside a paper's own runs and scores."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pandas as pd
import pytest

from harmlib import models
from harmlib.errors import DataError
from harmlib.evaluation.table import COLUMNS
from harmlib.io.files import write_manifest, write_text
from harmlib.models import save_checkpoint
from reproduction.kit import artefacts
from reproduction.profiles import load_profile
from reproduction.stages import Results, finished_runs
from reproduction.workspace import Workspace

LABELS = {"composite": "Composite", "frih": "FRIH", "idih": "iDIH"}


def write_scores(results: Results, paper: str, errors: dict[str, float], *, device: str = "cpu", protocol: str = "harmlib") -> None:
    """Finished scores of one image per method."""
    rows = []
    for method, error in errors.items():
        keys = {"benchmark": "iharmony4-style", "subset": "embedded", "split": "test", "method": method, "protocol": protocol}
        rows.append(dict.fromkeys(COLUMNS, 0.5) | {"id": "p_1_1", "height": 4, "width": 6, "mse": error} | keys)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    write_text(results.scores(paper) / "scores.csv", table.to_csv(index=False))
    write_manifest(results.scores(paper), started=time.time(), device=device)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """The smoke profile with FRIH scored and nothing else."""
    workspace = Workspace(load_profile("smoke"), Results(tmp_path, "smoke"), None)
    write_scores(workspace.results, "frih", {"composite": 9.0, "frih": 5.0})
    for name in ("iharmony4-style",):
        write_manifest(workspace.results.benchmark(name), started=time.time(), title=name, dataset="iHarmony4", counts={})
    return workspace


def errors(opened: artefacts.Artefacts) -> dict[str, float]:
    """Method -> MSE."""
    return dict(zip(opened.scores["method"], opened.scores["mse"], strict=True))


def test_a_finished_paper_lends_the_methods_that_are_missing(workspace):
    write_scores(workspace.results, "baselines", {"composite": 1.0, "idih": 7.0})

    compared = artefacts.open_artefacts(workspace, "frih", LABELS).compared

    assert errors(compared) == {"composite": 9.0, "frih": 5.0, "idih": 7.0}
    assert list(compared.scores["data"].unique()) == ["iHarmony4-style, embedded"]
    assert "idih" in {run.scored_as for run in compared.plan.runs}


def test_a_run_that_two_papers_share_stands_once(workspace):
    write_scores(workspace.results, "baselines", {"frih": 7.0})

    compared = artefacts.open_artefacts(workspace, "frih", LABELS).compared

    assert [run.scored_as for run in compared.plan.runs].count("frih") == 1
    assert errors(compared)["frih"] == 5.0


def test_runs_without_scores_are_not_lent(workspace):
    write_scores(workspace.results, "baselines", {"idih": 7.0})

    compared = artefacts.open_artefacts(workspace, "frih", LABELS).compared

    assert "rainnet" not in {run.scored_as for run in compared.plan.runs}


@pytest.mark.parametrize("other", [{"device": "gpu"}, {"protocol": "idih"}])
def test_scores_that_do_not_compare_are_not_lent(workspace, other):
    write_scores(workspace.results, "baselines", {"idih": 7.0}, **other)

    assert "idih" not in errors(artefacts.open_artefacts(workspace, "frih", LABELS).compared)


def test_without_another_finished_paper_nothing_is_lent(workspace):
    opened = artefacts.open_artefacts(workspace, "frih", LABELS)

    assert errors(opened.compared) == errors(opened)


def test_runs_from_other_seeds_are_rows_of_their_method(workspace):
    shutil.rmtree(workspace.results.scores("frih"))
    write_scores(workspace.results, "frih", {"composite": 9.0, "frih": 5.0, "frih-s1": 6.0})
    write_scores(workspace.results, "baselines", {"idih": 7.0, "idih-s1": 8.0})

    opened = artefacts.open_artefacts(workspace, "frih", LABELS)

    rows = opened.compared.scores[["method", "repeat", "mse"]]
    assert sorted(rows.itertuples(index=False, name=None)) == [
        ("composite", 0, 9.0),
        ("frih", 0, 5.0),
        ("frih", 1, 6.0),
        ("idih", 0, 7.0),
        ("idih", 1, 8.0),
    ]
    assert dict(zip(opened.first_runs["method"], opened.first_runs["mse"], strict=True)) == {"composite": 9.0, "frih": 5.0}


def test_repeats_of_another_paper_alone_leave_its_own_runs_first(workspace):
    write_scores(workspace.results, "baselines", {"idih": 7.0, "idih-s1": 8.0})

    rows = artefacts.open_artefacts(workspace, "frih", LABELS).compared.scores

    assert rows.groupby("method")["repeat"].max().to_dict() == {"composite": 0, "frih": 0, "idih": 1}


def finish_run(results: Results, run: str, method: str) -> None:
    """A run's folder with its two files."""
    save_checkpoint(models.create(method, width=0.125), results.run(run) / "checkpoint.pt")
    write_manifest(results.run(run), started=time.time())


def test_models_are_found_whatever_paper_trained_them(workspace):
    finish_run(workspace.results, "idih-iharmony4-style", "idih")

    found = artefacts.load_finished(workspace, ["rainnet", "idih"])

    assert list(found) == ["idih"]
    assert found["idih"].options["width"] == 0.125


def test_the_run_of_a_benchmark_comes_before_the_first(workspace):
    for name in ("sgmmh_om-hscene-style", "sgmmh_om-hlip-style"):
        finish_run(workspace.results, name, "sgmmh_om")

    found = [finished_runs(workspace.profile, workspace.results, name)["sgmmh_om"].name for name in ("", "hlip-style", "elsewhere")]

    assert found == ["sgmmh_om-hscene-style", "sgmmh_om-hlip-style", "sgmmh_om-hscene-style"]


def test_a_run_without_its_weights_is_not_finished(workspace):
    write_manifest(workspace.results.run("idih-iharmony4-style"), started=time.time())

    assert finished_runs(workspace.profile, workspace.results) == {}


def test_a_paper_without_a_method_that_its_exhibits_show_is_refused(workspace):
    artefacts.open_artefacts(workspace, "frih", LABELS, shown=["frih"])

    with pytest.raises(DataError, match='profile "smoke" has no scores of "idih" on "iharmony4-style", which the exhibits of "frih" show'):
        artefacts.open_artefacts(workspace, "frih", LABELS, shown=["frih", "idih"])
