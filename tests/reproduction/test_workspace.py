"""What a notebook is told about where it works: by its parameters, by the environment, and when something is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harmlib.errors import DataError, ParameterError
from reproduction.checkout import CHECKOUT
from reproduction.kit.artefacts import open_artefacts
from reproduction.profiles import load_profile
from reproduction.stages import Results, score_papers, train_runs
from reproduction.workspace import Workspace, check_parameters, open_workspace


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that says nothing."""
    for name in ("HARMLIB_PROFILE", "HARMLIB_DATA"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_without_a_word_the_profile_is_smoke_and_there_are_no_photographs(unset, tmp_path):
    workspace = open_workspace(results=str(tmp_path))

    assert (workspace.profile.name, workspace.data) == ("smoke", None)


def test_smoke_has_one_thread_and_a_profile_that_names_none_changes_nothing(unset, tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        open_workspace("small", results=str(tmp_path))
        assert torch.get_num_threads() == 3
        open_workspace("smoke", results=str(tmp_path))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_the_environment_tells_what_no_parameter_says(unset, tmp_path):
    unset.setenv("HARMLIB_PROFILE", "small")
    unset.setenv("HARMLIB_DATA", "tests")

    workspace = open_workspace(results=str(tmp_path))

    assert (workspace.profile.name, workspace.data) == ("small", CHECKOUT / "tests")


def test_a_parameter_goes_before_the_environment(unset, tmp_path):
    unset.setenv("HARMLIB_PROFILE", "small")
    unset.setenv("HARMLIB_DATA", "photographs")

    workspace = open_workspace("night", data=str(tmp_path), results=str(tmp_path))

    assert (workspace.profile.name, workspace.data) == ("night", tmp_path)


def test_a_folder_of_photographs_that_is_not_there_is_refused(unset, tmp_path):
    unset.setenv("HARMLIB_DATA", str(tmp_path / "fotos"))

    with pytest.raises(DataError, match=r'there is no folder of photographs ".*fotos": give its path as data or in HARMLIB_DATA'):
        open_workspace(results=str(tmp_path))


@pytest.mark.parametrize(
    ("annotation", "value", "sentence"),
    [
        (str, 5, "the parameter x is 5, expected text"),
        (int, "two", "the parameter x is 'two', expected a whole number from 1"),
        (int, 2.0, "is 2.0, expected a whole number"),
        (int, True, "is True, expected a whole number"),
        (int, 0, "is 0, expected a whole number from 1"),
        (float, "2", "is '2', expected a number"),
        (list[float], "[1, 2]", "is '\\[1, 2]', expected a list of numbers"),
        (list[float], [1, "2"], "expected a list of numbers"),
        (list[str], "sgmmh", "is 'sgmmh', expected a list of names"),
        (list[str], [], "is \\[], expected a list of names"),
    ],
)
def test_a_parameter_of_another_kind_than_its_cell_says_is_refused(annotation, value, sentence):
    with pytest.raises(ParameterError, match=sentence):
        check_parameters({"__annotations__": {"x": annotation}, "x": value})


@pytest.mark.parametrize(
    ("annotation", "value"),
    [(str, "smoke"), (str, None), (int, 3), (float, 2), (list[float], [1, 1.5]), (list[str], ["sgmmh"]), (dict, 5)],
)
def test_a_parameter_of_its_kind_passes(annotation, value):
    check_parameters({"__annotations__": {"x": annotation, "only_declared": int}, "x": value})


def test_an_unknown_profile_of_the_environment_is_refused(unset, tmp_path):
    unset.setenv("HARMLIB_PROFILE", "medium")

    with pytest.raises(ParameterError, match='there is no profile "medium": choose one of'):
        open_workspace(results=str(tmp_path))


@pytest.fixture
def bare(tmp_path: Path) -> Workspace:
    """The small profile, of which nothing was made."""
    return Workspace(load_profile("small"), Results(tmp_path, "small"), None)


def test_missing_scores_name_the_command_and_the_notebook_that_make_them(bare):
    with pytest.raises(DataError, match=r"scores/sgmmh.* make reproduce PROFILE=small DATA=folder PAPER=sgmmh, or with notebook 30"):
        open_artefacts(bare, "sgmmh", {})


def test_a_missing_benchmark_names_the_command_that_makes_it(bare):
    for stage in (train_runs, score_papers):
        options = {"data": None} if stage is train_runs else {}
        with pytest.raises(DataError, match=r'"benchmarks/.* PROFILE=small DATA=folder PAPER=frih, or with notebook 10'):
            stage(bare.profile, ["frih"], results=bare.results, **options)


def test_a_profile_of_embedded_photographs_needs_no_folder(tmp_path):
    workspace = Workspace(load_profile("smoke"), Results(tmp_path, "smoke"), None)

    with pytest.raises(DataError, match="make reproduce PROFILE=smoke PAPER=frih"):
        open_artefacts(workspace, "frih", {})
