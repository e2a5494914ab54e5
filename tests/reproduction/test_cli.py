"""The reproduction's command: bad input is one sentence and exit code 2."""

from __future__ import annotations

import pytest

from reproduction.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["prepare", "imagenet", "--from", "a", "--to", "b"], "imagenet"),
        (["reproduce", "--profile", "small"], "needs real photographs"),
        (["reproduce", "--profile", "small", "--data", "nowhere"], "DATA has no folder"),
        (["reproduce", "--profile", "large"], 'no profile "large"'),
        (["reproduce", "--paper", "frhi"], 'no paper "frhi"'),
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
