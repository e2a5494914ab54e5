"""The real runner: notebooks, the Snakefile, the smoke profile from a bare folder to its scoreboard."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from miniature_run import write_run

from harmlib.errors import BusyError, DataError, ParameterError
from harmlib.io.locks import alone
from reproduction.__main__ import main
from reproduction.papers import exhibits
from reproduction.profiles import load_profile
from reproduction.workflow import NotebookError, parse_parameters, reproduce, run_notebook

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def command(results: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "reproduction", "reproduce", "--profile", "smoke", "--results", str(results), *more]


def write_notebook(path: Path, parameters: str, code: str) -> Path:
    """Write a notebook of two cells, the first tagged as its parameters."""
    cells = [nbformat.v4.new_code_cell(parameters), nbformat.v4.new_code_cell(code)]
    cells[0].metadata["tags"] = ["parameters"]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


@pytest.fixture
def tiny(tmp_path):
    """A notebook with one parameter that fails when asked to."""
    return write_notebook(tmp_path / "tiny.ipynb", "number = 1", "print(10 / number)")


@pytest.mark.notebooks
def test_an_executed_copy_has_its_manifest(tiny, tmp_path):
    out = tmp_path / "{x} {} }{"  # names that papermill would fill in

    copy = run_notebook(tiny.rename(tmp_path / "{tiny}.ipynb"), out / "copy.ipynb", {"number": 5})

    assert "2.0" in copy.read_text()
    assert json.loads((out / "copy.manifest.json").read_text())["parameters"] == {"number": 5}


def test_an_unknown_parameter_is_refused(tiny, tmp_path):
    with pytest.raises(ParameterError, match='has no parameter "nubmer": choose among number'):
        run_notebook(tiny, tmp_path / "copy.ipynb", {"nubmer": 5})


@pytest.mark.parametrize("content", [b"[]", b"\x89PNG\r\n", b"", b'{"cells": []}', b'{"metadata": 1, "cells": 2, "nbformat": 4}'])
def test_what_is_no_notebook_is_refused(content, tmp_path):
    (tmp_path / "a.ipynb").write_bytes(content)

    with pytest.raises(ParameterError, match=r'a\.ipynb" is no notebook: give the path of an \.ipynb file'):
        run_notebook(tmp_path / "a.ipynb", tmp_path / "b.ipynb", {})


@pytest.mark.parametrize("content", ["my notes", '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'])
def test_a_copy_replaces_no_file_but_an_executed_notebook(content, tiny, tmp_path):
    (tmp_path / "mine.ipynb").write_text(content)

    with pytest.raises(DataError, match=r'mine\.ipynb" is there and is no executed notebook: move it away'):
        run_notebook(tiny, tmp_path / "mine.ipynb", {"number": 5})

    assert (tmp_path / "mine.ipynb").read_text() == content


@pytest.mark.notebooks
def test_a_notebook_that_stops_leaves_no_manifest(tiny, tmp_path):
    with pytest.raises(NotebookError, match="ZeroDivisionError"):
        run_notebook(tiny, tmp_path / "copy.ipynb", {"number": 0})

    assert not (tmp_path / "copy.manifest.json").exists()
    assert not (tmp_path / "copy.ipynb").exists()


@pytest.mark.notebooks
def test_only_a_notebook_that_stopped_leaves_a_failed_copy(tiny, tmp_path):
    with pytest.raises(NotebookError, match=r'"copy\.failed\.ipynb" shows where'):
        run_notebook(tiny, tmp_path / "copy.ipynb", {"number": 0})
    assert {path.name for path in tmp_path.glob("copy.*")} == {"copy.failed.ipynb"}

    run_notebook(tiny, tmp_path / "copy.ipynb", {"number": 2})

    assert {path.name for path in tmp_path.glob("copy.*")} == {"copy.ipynb", "copy.manifest.json"}


@pytest.mark.notebooks
def test_a_running_copy_is_called_running(tmp_path):
    names = "from pathlib import Path\nprint(sorted(path.name for path in Path(folder).iterdir()))"
    notebook = write_notebook(tmp_path / "names.ipynb", 'folder: str = ""', names)

    copy = run_notebook(notebook, tmp_path / "out" / "copy.ipynb", {"folder": str(tmp_path / "out")})

    assert nbformat.read(copy, 4).cells[-1].outputs[0].text == "['copy.running.ipynb']\n"


@pytest.mark.notebooks
def test_a_progress_bar_is_one_line_of_the_copy(tmp_path):
    bar = """
        from tqdm import tqdm
        for _ in tqdm(range(3), mininterval=0, bar_format="{n} of {total}"):
            print(end="", flush=True)
    """
    notebook = write_notebook(tmp_path / "bar.ipynb", "number = 1", textwrap.dedent(bar).strip())

    copy = run_notebook(notebook, tmp_path / "copy.ipynb", {})

    assert [output.text for output in nbformat.read(copy, 4).cells[-1].outputs] == ["3 of 3\n"]


def test_parameters_are_read_as_json_or_text():
    assert parse_parameters(["a=3", "b=null", "c=small", "d=x=y"]) == {"a": 3, "b": None, "c": "small", "d": "x=y"}
    assert parse_parameters(["a=" + "9" * 5000, "b=" + "[" * 100_000]) == {"a": "9" * 5000, "b": "[" * 100_000}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_stripped_and_have_their_parameters(path):
    notebook = nbformat.read(path, 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]

    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
    assert max(len(cell.source.splitlines()) for cell in code) <= 25
    assert any("what we saw" in cell.source.lower() for cell in notebook.cells if cell.cell_type == "markdown")
    assert not re.search(r"(!pip|%autoreload|/(home|tmp)/)", path.read_text())


@pytest.fixture
def planned(capfd):
    """What a dry run says that it would do."""

    def plan(*words: str) -> str:
        assert main([*words, "--dry-run"]) == 0
        said = capfd.readouterr()
        return said.out + said.err

    return plan


@pytest.mark.slow
def test_a_dry_run_plans_every_stage_whatever_the_folders_are_called(planned, tmp_path):
    folder = tmp_path / "{x}; $(y) } {{"  # names in braces are wildcards to Snakemake
    folder.mkdir()
    profile = shutil.copy(ROOT / "config" / "smoke.yaml", folder)

    text = planned("reproduce", "--profile", str(profile), "--data", str(folder), "--results", str(folder / "results"))

    for rule in ("start_here", "build", "train", "score", "exhibits_40_sgmmh", "scoreboard"):
        assert rule in text


@pytest.mark.slow
def test_stages_run_again_when_the_profile_says_something_else(planned, tmp_path):
    folder = tmp_path / "{x}"
    profile, working = write_run(folder), folder / "results" / "kill"
    words = ("reproduce", "--profile", str(profile), "--data", str(folder), "--results", str(folder / "results"))
    first = planned(*words)
    for name in ("00_start_here", "10_build_benchmark", "20_train", "30_score", "90_scoreboard"):
        (working / "notebooks").mkdir(exist_ok=True)
        (working / "notebooks" / f"{name}.manifest.json").touch()
    files = ["--snakefile", "Snakefile", "--directory", str(working), "--configfile", str(working / "workflow.json")]
    settled = [sys.executable, "-m", "snakemake", *files, "--cores", "1", "--touch", "--forceall", "--nolock"]
    subprocess.run(settled, cwd=ROOT, capture_output=True, check=True)

    profile.touch()
    assert "Nothing to be done" in planned(*words)
    profile.write_text(profile.read_text().replace("iterations: 12", "iterations: 13"))
    assert re.search(r"params have changed since last execution:\s+build, start_here", planned(*words))
    assert all(rule in first for rule in ("build", "train", "score"))  # also of a profile without exhibits


def test_a_refused_second_run_has_touched_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("reproduction.supervision.PATIENCE", 0)
    profile, working = write_run(tmp_path), tmp_path / "results" / "kill"
    working.mkdir(parents=True)
    (working / "workflow.json").write_text("of the first")

    with alone(working, "the first"), pytest.raises(BusyError, match=r"another run is working in .*: wait for it to end"):
        reproduce(str(profile), papers=["sgmmh"], data=str(tmp_path), results=str(tmp_path / "results"))

    assert [path.read_text() for path in working.iterdir()] == ["of the first"]


@pytest.mark.slow
def test_a_stage_that_stops_is_a_sentence_and_exit_code_2(tmp_path, capfd):
    profile, results = write_run(tmp_path), tmp_path / "results"
    (results / "kill").mkdir(parents=True)
    (results / "kill" / "notebooks").write_text("a file where the copies must go")
    words = ["reproduce", "--profile", str(profile), "--data", str(tmp_path), "--results", str(results)]

    code = main(words)

    assert code == 2
    assert capfd.readouterr().err.splitlines()[-1].startswith('reproduction: "kill" is not finished: what stopped it stands above')


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """The smoke profile, run as a user does, into a folder with a space in its name."""
    results = tmp_path_factory.mktemp("smoke run") / "results"
    done = subprocess.run(command(results), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return results / "smoke"


@pytest.mark.notebooks
@pytest.mark.slow
def test_the_smoke_profile_runs_every_notebook(smoke):
    copies = {path.name for path in (smoke / "notebooks").glob("*.manifest.json")}

    plans = [load_profile("smoke").paper(paper) for paper in load_profile("smoke").papers]
    stages = ("10_build_benchmark", "20_train", "30_score")
    exhibited = [notebook for plan in plans for notebook in plan.notebooks]
    lessons = load_profile("smoke").lessons
    assert copies == {f"{name}.manifest.json" for name in ("00_start_here", *stages, *exhibited, *lessons, "90_scoreboard")}


@pytest.mark.notebooks
@pytest.mark.slow
def test_the_smoke_profile_leaves_the_exhibits_it_promises(smoke):
    for row in exhibits().itertuples():
        path = smoke / ("tables" if row.kind == "table" else "figures") / f"{row.id}.{'csv' if row.kind == 'table' else 'png'}"
        assert path.stat().st_size > 0


@pytest.mark.notebooks
@pytest.mark.slow
def test_the_scoreboard_lists_every_exhibit(smoke):
    text = (smoke / "scoreboard.md").read_text()

    assert all(title in text for title in exhibits()["title"])


@pytest.mark.notebooks
@pytest.mark.slow
def test_table_2_has_every_method_on_both_benchmarks(smoke):
    scores = pd.read_csv(smoke / "scores" / "sgmmh" / "scores.csv")

    assert set(scores["method"]) == {"composite", "sgmmh_rgb", "sgmmh_om", "sgmmh_omgan"}
    assert scores.groupby(["benchmark", "method"]).size().groupby("benchmark").nunique().eq(1).all()
