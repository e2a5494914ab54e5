from __future__ import annotations

import shlex
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from harmlib.__main__ import main
from harmlib.io.images import write_png


@pytest.fixture
def folders(tmp_path, photo_array):
    """One prediction, its photograph and its mask, named as iHarmony4 does."""
    mask = np.zeros(photo_array.shape[:2], np.uint8)
    mask[10:30, 10:40] = 255
    write_png(tmp_path / "predictions" / "a_1_1.png", np.where(mask[..., None] > 0, photo_array // 2, photo_array).astype(np.uint8))
    write_png(tmp_path / "reals" / "a.png", photo_array)
    write_png(tmp_path / "masks" / "a_1.png", mask)
    return tmp_path


def test_anybodys_folder_is_scored(folders, capsys):
    names = [str(folders / name) for name in ("predictions", "reals", "masks")]

    code = main(["score", *names, "--out", str(folders / "scores.csv")])

    assert code == 0
    assert "fmse" in capsys.readouterr().out
    assert pd.read_csv(folders / "scores.csv")["mse"].item() > 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["score", "nowhere", "nowhere", "nowhere"], "does not exist"),
        (["score", "{predictions}", "{reals}", "{masks}", "--protocol", "mine"], "mine"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(folders, capsys, monkeypatch, request, arguments, sentence):
    monkeypatch.chdir(request.config.rootpath)

    code = main([argument.format(**{name: folders / name for name in ("predictions", "reals", "masks")}) for argument in arguments])

    error = capsys.readouterr().err
    assert code == 2
    assert sentence in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&-"])
def test_streams_that_the_shell_has_closed_stop_nothing(folders, streams):
    paths = [str(folders / name) for name in ("predictions", "reals", "masks", "scores.csv")]
    words = [sys.executable, "-m", "harmlib", "score", *paths[:3], "--out", paths[3]]

    done = subprocess.run(f"{shlex.join(words)} {streams}", shell=True, check=False)

    assert done.returncode == 0
    assert len((folders / "scores.csv").read_text().splitlines()) == 2


def test_the_command_starts_without_loading_torch():
    script = "import sys, harmlib.__main__ as m; m._parser(); print('torch' in sys.modules, 'pandas' in sys.modules, 'cv2' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False False False"
