"""The reproduction's command: bad input is one sentence and exit code 2."""

from __future__ import annotations

import json

import pytest
from miniature_run import write_run
from miniature_study import answer_as_page, make_miniature

from reproduction.__main__ import main
from reproduction.checkout import CHECKOUT


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["prepare", "imagenet", "--from", "a", "--to", "b"], "imagenet"),
        (["reproduce", "--profile", "small"], "needs real photographs"),
        (["reproduce", "--profile", "small", "--data", "nowhere"], '"nowhere" has no folder "'),
        (["reproduce", "--profile", "large"], 'no profile "large"'),
        (["reproduce", "--paper", "frhi"], 'no paper "frhi"'),
        (["reproduce", "--executor", "slrm"], 'no executor "slrm": choose from local, slurm'),
        (["reproduce", "--cores", "0"], "--cores is 0: give 1 or more"),
        (["train", "frhi"], 'no paper "frhi"'),
        (["notebook", "notebooks/00_start_here.ipynb", "--out", "x.ipynb", "-p", "profil=smoke"], 'no parameter "profil"'),
        (["notebook", "notebooks/00_start_here.ipynb", "--out", "x.ipynb", "-p", "profile"], "is no parameter"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(capsys, monkeypatch, request, arguments, sentence):
    monkeypatch.chdir(request.config.rootpath)

    code = main(arguments)

    error = capsys.readouterr().err
    assert code == 2
    assert sentence in error
    assert error.count("\n") == 1


@pytest.fixture
def given(tmp_path):
    """What the commands need, and a file where none of their results can lie below."""
    study = make_miniature(tmp_path, "pairs")
    (tmp_path / "answers.json").write_text(json.dumps(answer_as_page(study, "rater-01")))
    write_run(tmp_path)
    (tmp_path / "file").write_text("mine")
    return tmp_path


@pytest.mark.parametrize("out", ["file/below", "file", "n" * 300])
@pytest.mark.parametrize(
    "arguments",
    [
        ["reproduce", "--profile", "kill.yaml", "--data", ".", "--results"],
        ["reproduce", "--profile", "kill.yaml", "--data", ".", "--only", "sgmmh_om", "--results"],
        ["train", "sgmmh", "--profile", "kill.yaml", "--data", ".", "--results"],
        ["notebook", str(CHECKOUT / "notebooks" / "00_start_here.ipynb"), "-p", "profile=kill.yaml", "--out"],
        ["study", "make", "my class", "--methods", "composite", "reinhard_lab", "--raters", "1", "--out"],
        ["study", "merge", "pairs", "answers.json", "--out"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_result_that_cannot_be_written_is_one_sentence_and_exit_code_2(capsys, monkeypatch, given, arguments, out):
    if arguments[0] == "notebook" and out == "file":
        pytest.skip("a copy of a notebook is a file")
    monkeypatch.chdir(given)
    before = sorted(given.rglob("*"))
    capsys.readouterr()  # what the fixture printed

    code = main([*arguments, out])

    error = capsys.readouterr().err
    assert code == 2
    assert error.startswith('reproduction: "')
    assert out[:4] in error
    assert error.count("\n") == 1
    assert (given / "file").read_text() == "mine"
    assert sorted(given.rglob("*")) == before


def test_a_cluster_without_its_plugin_is_one_sentence(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert main(["reproduce", "--executor", "slurm"]) == 2
    assert 'needs the package snakemake-executor-plugin-slurm: pip install ".[slurm]"' in capsys.readouterr().err


@pytest.mark.parametrize("command", [["reproduce"], ["notebook"], ["study"], ["study", "make"], ["study", "merge"]])
def test_every_command_tells_the_version(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command, "--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("harmlib 0.")


def test_a_notebook_is_asked_for_results_like_other_commands(capsys, tmp_path):
    (tmp_path / "a.ipynb").write_text('{"cells": [], "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}')

    code = main(["notebook", str(tmp_path / "a.ipynb"), "--out", str(tmp_path / "b.ipynb"), "--results", "elsewhere"])

    assert code == 2
    assert 'has no parameter "results"' in capsys.readouterr().err
