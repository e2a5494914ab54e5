"""The shell with what people have: nothing that exists is destroyed, and what the system refuses is one sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from harmlib.__main__ import main
from harmlib.commands.harmonize import harmonize_files
from harmlib.errors import DataError, ImageError
from harmlib.evaluation.methods import score_folder
from harmlib.evaluation.table import read_scores
from harmlib.io.images import read_image, write_png
from harmlib.metrics.protocols import get_protocol
from harmlib.models.base import HarmonizationModel, Prediction
from harmlib.video import harmonize_video, write_video

RUN = ["harmonize", "--model", "reinhard_lab"]


class Filtering(HarmonizationModel):
    """Predicts a filter argument and changes nothing."""

    name, filters, working_size = "filtering", ("brightness",), None

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the composite, and one argument."""
        return Prediction(composite, {"arguments": torch.tensor([[0.25]])})


@pytest.fixture
def folder(tmp_path: Path, photo_array: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A composite, its mask, and one picture each in p, r and k, to be scored; the working directory."""
    mask = np.zeros(photo_array.shape[:2], np.uint8)
    mask[10:30, 20:50] = 255
    for name, array in (
        ("c.png", photo_array),
        ("m.png", mask),
        ("p/a.png", photo_array),
        ("r/a.png", 255 - photo_array),
        ("k/a.png", mask),
    ):
        write_png(tmp_path / name, array)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Return every file's content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must end with one sentence and change nothing, and return the sentence."""
    before = bytes_of(folder)
    code = main(arguments)
    error = capsys.readouterr().err
    assert code == 2
    assert bytes_of(folder) == before
    return error


@pytest.mark.parametrize("content", [b"first line\nno end", b'{"answers": [1]}', b"benchmark,sub", b"\x89PNG\r\n\x1a\n\0\n", b"\n\n"])
def test_a_file_that_is_no_score_table_is_left_byte_for_byte(content: bytes, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine").write_bytes(content)

    assert '"mine" is no score table' in refused(folder, capsys, "score", "p", "r", "k", "--out", "mine")


def test_a_table_that_cannot_be_written_is_known_before_the_work(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 'because "c.png" is a file' in refused(folder, capsys, "score", "p", "r", "k", "--out", "c.png/s.csv")
    assert '"p" is a folder' in refused(folder, capsys, "score", "p", "r", "k", "--out", "p")


@pytest.mark.parametrize("protocol", ["harmlib", "idih"])
@pytest.mark.parametrize("changed", ["p/a.png", "r/a.png", "k/a.png"])
def test_stale_scores_are_refused(changed: str, protocol: str, folder: Path) -> None:
    score_folder("p", "r", "k", protocol, out="s.csv")
    later = (folder / "s.csv").stat().st_mtime + 10
    os.utime(folder / changed, (later, later))

    with pytest.raises(DataError, match=f'"{changed}" is newer than its scores in "s.csv"'):
        score_folder("p", "r", "k", out="s.csv")


@pytest.mark.parametrize("changed", ["p/a.png", "r/a.png", "k/a.png"])
def test_scores_of_a_file_that_was_replaced_by_an_older_one_are_refused(changed: str, folder: Path) -> None:
    score_folder("p", "r", "k", out="s.csv")
    with Image.open(folder / changed) as picture:
        other = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    other.save(folder / changed)
    os.utime(folder / changed, (0, 0))

    with pytest.raises(DataError, match=r'"p/a\.png" is not the picture that has its scores in "s\.csv": remove that table'):
        score_folder("p", "r", "k", out="s.csv")


def test_scores_under_a_protocol_of_ones_own_are_taken_up(folder: Path) -> None:
    own = replace(get_protocol("harmlib"), name="my rules")
    for protocol in (own, own, "idih"):
        score_folder("p", "r", "k", protocol, out="s.csv")

    assert list(read_scores("s.csv")["protocol"]) == ["idih", "my rules"]


def test_a_file_that_cannot_be_scored_does_not_stop_the_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind in "prk":
        shutil.copy(f"{kind}/a.png", f"{kind}/b.png")
    Path("p/a.png").write_bytes(b"no picture")

    assert main(["score", "p", "r", "k", "--out", "s.csv"]) == 2
    assert '"p/a.png" is not a picture that can be read' in capsys.readouterr().err
    assert list(read_scores("s.csv")["id"]) == ["b"]


def test_scores_that_are_kept_are_counted(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    score_folder("p", "r", "k", out="s.csv")
    with caplog.at_level("INFO"):
        score_folder("p", "r", "k", out="s.csv")

    assert '1 pictures have their scores in "s.csv" already, which are kept' in caplog.text


def test_scores_of_cut_outs_and_of_0_and_1_agree_with_those_of_the_mask(folder: Path) -> None:
    expected = score_folder("p", "r", "k")
    levels = np.asarray(Image.open("k/a.png"))
    for kind in (np.dstack([np.zeros((*levels.shape, 3), np.uint8), levels]), levels // 255):
        Image.fromarray(kind).save("k/a.png")
        assert score_folder("p", "r", "k").equals(expected)


def test_arguments_never_replace_a_file_that_is_not_theirs(folder: Path) -> None:
    (folder / "o.json").write_text('{"shapes": ["labelme"]}')

    with pytest.raises(DataError, match=r'o\.json" is there and holds no filter arguments'):
        harmonize_files(Filtering(), folder / "c.png", folder / "m.png", folder / "o.png", arguments=True)
    assert not (folder / "o.png").exists()

    (folder / "o.json").unlink()
    for _ in range(2):  # their own they replace
        harmonize_files(Filtering(), folder / "c.png", folder / "m.png", folder / "o.png", arguments=True)


def test_foreign_arguments_in_a_folder_of_results_are_not_taken_for_done(folder: Path) -> None:
    harmonize_files(Filtering(), folder / "p", folder / "k", folder / "o", arguments=True)
    (folder / "o" / "a.json").write_text("{}")

    with pytest.raises(DataError, match="holds no filter arguments"):
        harmonize_files(Filtering(), folder / "p", folder / "k", folder / "o", arguments=True)


def test_a_video_never_replaces_its_inputs_or_a_foreign_table(folder: Path, photo_array: np.ndarray) -> None:
    write_video("a.mp4", [photo_array], 25, lossless=True)
    write_video("m.mp4", [np.full_like(photo_array, 255)], 25, lossless=True)
    (folder / "o.csv").write_text("mine\n")
    before = bytes_of(folder)

    for out in ("a.mp4", "m.mp4"):
        with pytest.raises(DataError, match="is an input"):
            harmonize_video(Filtering(), "a.mp4", "m.mp4", out)
    with pytest.raises(DataError, match=r'o\.csv" is there and is no table of these arguments'):
        harmonize_video(Filtering(), "a.mp4", "m.mp4", "o.mp4", arguments_path="o.csv")
    assert bytes_of(folder) == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["c.png", "--mask", "m.png", "-o", "c.png/x.png"], 'because "c.png" is a file'),
        (["c.png", "--mask", "m.png", "-o", "n" * 300 + ".png"], "File name too long"),
        (["c.png", "--mask", "m.png", "-o", "m.png"], '"m.png" is an input'),
        (["typo/", "--mask", "k", "-o", "out"], '"typo/" does not exist'),
        (["c.m4v", "--mask", "m.png", "-o", "o.mp4"], '"c.m4v" is a picture, expected a video'),
        (["c.xyz", "--mask", "m.png", "-o", "o.png"], "videos end in .mp4"),
        (["c.png", "--mask", "k", "-o", "o.png"], '"k" is a folder: name a picture in it'),
        (["c.png", "--mask", "turned.png", "-o", "o.png"], "it lies on its side"),
        (["c.png", "--mask", "labels.png", "-o", "o.png"], "holds the values 0, 2"),
        (["deep.png", "--mask", "m.png", "-o", "o.png"], "more than 8 bits"),
    ],
)
def test_the_sentence_names_the_true_cause(arguments: list[str], sentence: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "c.m4v").hardlink_to(folder / "c.png")
    (folder / "c.xyz").write_text("no picture")
    levels = np.asarray(Image.open("m.png"))
    write_png(folder / "turned.png", levels.T.copy())
    write_png(folder / "labels.png", levels // 255 * np.uint8(2))
    Image.fromarray(levels.astype(np.uint16)).save("deep.png")

    assert sentence in refused(folder, capsys, *RUN, *arguments)


def test_all_suffixes_of_a_folder_are_harmonized(folder: Path, photo_array: np.ndarray) -> None:
    for name in ("a.PNG", "b.webp", "c.tif", "d.bmp"):
        (folder / "c").mkdir(exist_ok=True)
        Image.fromarray(photo_array).save(folder / "c" / name, **({"lossless": True} if name == "b.webp" else {}))
        (folder / "masks").mkdir(exist_ok=True)
        Image.open("m.png").save(folder / "masks" / f"{name[0]}.PNG")

    assert main([*RUN, "c", "--mask", "masks", "-o", "out"]) == 0

    found = {path.name: read_image(path) for path in (folder / "out").iterdir()}
    assert sorted(found) == ["a.PNG", "b.webp", "c.tif", "d.bmp"]
    assert all(np.array_equal(picture, found["a.PNG"]) for picture in found.values())


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(PermissionError(13, "Permission denied", "x.png"), '"x.png": Permission denied'), (MemoryError(), "not enough memory")],
)
def test_what_no_door_foresaw_is_one_sentence(error: Exception, sentence: str, folder: Path, capsys, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Image.Image, "save", fail)

    assert sentence in refused(folder, capsys, *RUN, "c.png", "--mask", "m.png", "-o", "o.png")


@pytest.mark.parametrize(
    ("source", "mask", "sentence"),
    [("c.png", "m.png", "nothing was written, and the same command starts again"), ("p", "k", "goes on where it stopped")],
)
def test_an_interrupt_tells_what_happens_next(source: str, mask: str, sentence: str, folder: Path, capsys, monkeypatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", interrupt)

    assert main([*RUN, source, "--mask", mask, "-o", "o.png" if source == "c.png" else "o"]) == 130
    assert sentence in capsys.readouterr().err


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        [sys.executable, "-m", "harmlib", "models", "reinhard_lab"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("place", [1, 3, 5])
def test_an_empty_argument_is_no_name_of_the_current_folder(place: int, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["harmonize", "c.png", "--mask", "m.png", "-o", "o.png", "--model", "xiao_ma"]
    arguments[place] = ""

    assert "an argument is empty: a variable of the shell may not be set" in refused(folder, capsys, *arguments)


@pytest.mark.parametrize("place", ["composite", "mask"])
def test_a_pipe_is_refused_and_not_waited_for(place: str, folder: Path, tmp_path_factory, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path_factory.mktemp("elsewhere") / "pipe.png"
    os.mkfifo(pipe)
    given = {"composite": "c.png", "mask": "m.png"} | {place: str(pipe)}

    error = refused(folder, capsys, "harmonize", given["composite"], "--mask", given["mask"], "-o", "o.png", "--model", "xiao_ma")

    assert "is a pipe or a device: save it as a file first" in error
    with pytest.raises(ImageError, match="is a pipe or a device"):
        read_image(pipe)


def test_a_cut_picture_is_told_as_cut_and_not_as_malformed_exif(folder: Path, capsys, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "cut.png").write_bytes((folder / "c.png").read_bytes()[:200])

    with caplog.at_level("INFO"):
        error = refused(folder, capsys, "harmonize", "cut.png", "--mask", "m.png", "-o", "o.png", "--model", "xiao_ma")

    assert '"cut.png" is damaged or truncated' in error
    assert "EXIF" not in caplog.text


@pytest.mark.parametrize("command", [[], ["harmonize"], ["detect"], ["models"], ["score"]])
def test_the_version_is_told(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*command, "--version"])

    assert capsys.readouterr().out.startswith("harmlib 0.")
