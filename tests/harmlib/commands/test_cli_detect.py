"""``python -m harmlib detect``: pictures, folders, checkpoints, and one sentence for bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_files import small_files

from harmlib import models
from harmlib.__main__ import main
from harmlib.errors import ParameterError
from harmlib.inference.detection import detect
from harmlib.io.images import read_image, resize, to_tensor, write_png
from harmlib.models.base import HarmonizationModel

NARROW = {"width": 1 / 16, "size": 32}
ORIENTATION = 0x0112  # EXIF tag


@pytest.fixture
def detector() -> HarmonizationModel:
    """A narrow detector with random weights, its head strong enough for the probabilities to differ."""
    torch.manual_seed(3)
    model = models.create("ptc", **NARROW)
    with torch.no_grad():
        for parameter in model.head.parameters():
            parameter *= 20
    return model.eval()


@pytest.fixture
def folder(tmp_path: Path, photo_array: np.ndarray, detector: HarmonizationModel) -> Path:
    """Three pictures in ``c``, and the detector's checkpoint."""
    for number, name in enumerate(("a", "b.1", "c")):
        write_png(tmp_path / "c" / f"{name}.png", np.roll(photo_array, number, 0))
    models.save_checkpoint(detector, tmp_path / "run" / "checkpoint.pt")
    return tmp_path


def run(folder: Path, image: str, out: str, *arguments: str) -> int:
    """Run the command with the folder's checkpoint."""
    return main(["detect", str(folder / image), "-o", str(folder / out), "--checkpoint", str(folder / "run"), *arguments])


def test_probabilities_are_those_of_the_working_size_resized_bilinearly(detector, photo_array):
    small = to_tensor(resize(photo_array, (32, 32), "bilinear"))[None]
    with torch.inference_mode():
        probabilities = detector(small)["probabilities"]
    expected = torch.nn.functional.interpolate(probabilities, (48, 64), mode="bilinear", align_corners=False)[0].permute(1, 2, 0)

    result = detect(detector, photo_array)

    assert result.dtype == np.float32
    assert result == pytest.approx(expected.numpy(), abs=1e-5)


def test_probabilities_differ_and_sum_to_one(detector, photo_array):
    result = detect(detector, photo_array)

    assert result.std((0, 1)).max() > 0.01
    assert result.sum(2) == pytest.approx(np.ones((48, 64)), abs=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (90, 41)])
def test_any_size_comes_back(detector, size):
    assert detect(detector, np.full((*size, 3), 90, np.uint8)).shape == (*size, 3)


def test_a_pil_picture_is_seen_upright(detector, photo_array, tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # stored lying on its side
    Image.fromarray(np.rot90(photo_array)).save(tmp_path / "turned.png", exif=exif)

    with Image.open(tmp_path / "turned.png") as turned:
        assert np.array_equal(detect(detector, turned), detect(detector, photo_array))


def test_training_mode_is_left_as_it_was(detector, photo_array):
    expected = detect(detector, photo_array)

    assert np.array_equal(detect(detector.train(), photo_array), expected)
    assert detector.training


def test_a_harmonizer_is_no_detector(photo_array):
    with pytest.raises(ParameterError, match='"reinhard_lab" is no detector: use "ptc"'):
        detect(models.create("reinhard_lab"), photo_array)


@pytest.mark.parametrize("out", ["new/mask", "new/mask.png", "new/mask.npy"])
def test_a_map_and_its_probabilities_are_written(folder, detector, photo_array, out):
    assert run(folder, "c/a.png", out) == 0

    assert sorted(path.name for path in (folder / "new").iterdir()) == ["mask.npy", "mask.png"]
    assert np.array_equal(np.load(folder / "new" / "mask.npy"), detect(detector, photo_array))


def test_red_is_darker_green_is_brighter_black_is_neither(folder):
    run(folder, "c/a.png", "mask")

    shown, probabilities = read_image(folder / "mask.png").astype(float), np.load(folder / "mask.npy")
    assert shown[..., :2] == pytest.approx(255 * probabilities[..., :2], abs=0.5)
    assert not shown[..., 2].any()


def test_every_picture_of_a_folder_is_looked_at(folder, detector):
    assert run(folder, "c", "out") == 0

    assert sorted(path.name for path in (folder / "out").iterdir()) == ["a.npy", "a.png", "b.1.npy", "b.1.png", "c.npy", "c.png"]
    assert np.array_equal(np.load(folder / "out" / "b.1.npy"), detect(detector, read_image(folder / "c" / "b.1.png")))


def test_a_bad_picture_stops_a_folder_and_the_next_run_goes_on(folder, capsys, caplog):
    good = (folder / "c" / "c.png").read_bytes()
    (folder / "c" / "c.png").write_bytes(good[: len(good) // 2])

    assert run(folder, "c", "out") == 2

    assert f'harmlib: "{folder / "c" / "c.png"}" is damaged or truncated' in capsys.readouterr().err
    finished = {path: path.stat().st_mtime_ns for path in (folder / "out").iterdir()}
    assert len(finished) == 4

    (folder / "c" / "c.png").write_bytes(good)
    with caplog.at_level("INFO"):
        assert run(folder, "c", "out") == 0
    assert f'2 of 3 results are in "{folder / "out"}" already and stay as they are' in caplog.text
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert len(list((folder / "out").iterdir())) == 6


def test_a_map_without_its_probabilities_is_made_again(folder):
    run(folder, "c", "out")
    (folder / "out" / "a.npy").unlink()

    assert run(folder, "c", "out") == 0

    assert (folder / "out" / "a.npy").exists()


def test_a_named_harmonizer_is_no_detector(photo_array):
    with pytest.raises(ParameterError, match='"composite" is no detector: use "ptc"'):
        detect("composite", photo_array)


def test_a_named_detector_takes_the_given_weights(folder, detector, photo_array):
    assert np.array_equal(detect("ptc", photo_array, weights=folder / "run"), detect(detector, photo_array))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["c/none.png", "-o", "mask.png", "--checkpoint", "run"], '"c/none.png" does not exist'),
        (["none", "-o", "mask.png", "--checkpoint", "run"], '"none" does not exist'),
        (["deep.png", "-o", "mask.png", "--checkpoint", "run"], '"deep.png" has more than 8 bits per channel'),
        (["c/a.png", "-o", "c", "--checkpoint", "run"], '"c" is a folder: name the result, as in "c/a.png"'),
        (["c/a.png", "-o", "c/a.png", "--checkpoint", "run"], '"c/a.png" is an input'),
        (["c/a.png", "-o", "c/a", "--checkpoint", "run"], '"c/a.png" is an input'),
        (["c", "-o", "c", "--checkpoint", "run"], '"c" is an input'),
        (["c", "-o", "c/a.png", "--checkpoint", "run"], '"c/a.png" is a file: name a folder'),
        (["empty", "-o", "out", "--checkpoint", "run"], '"empty" holds no picture'),
        (["c/a.png", "-o", "mask.png", "--checkpoint", "none.pt"], "none.pt"),
        (["c/a.png", "-o", "mask.png", "--checkpoint", "run", "--model", "dovenet"], 'holds the method "ptc", not "dovenet"'),
        (["c/a.png", "-o", "mask.png", "--model", "reinhard_lab"], '"reinhard_lab" is no detector: use "ptc"'),
        (["c/a.png", "-o", "mask.png", "--checkpoint", "pretraining"], '"ptc_aet" is no detector'),
        (["c/a.png", "-o", "mask.png", "--model", "pct"], "pct"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(arguments, sentence, folder, capsys, monkeypatch):
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(folder / "deep.png")
    (folder / "empty").mkdir()
    models.save_checkpoint(models.create("ptc_aet", **NARROW), folder / "pretraining" / "checkpoint.pt")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    monkeypatch.chdir(folder)

    code = main(["detect", *arguments])

    error = capsys.readouterr().err
    assert code == 2
    assert sentence in error
    assert len(error.splitlines()) == 1
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_probabilities_that_the_system_does_not_take_are_one_sentence(folder, capsys):
    with small_files():
        code = run(folder, "c/a.png", "out.png")

    assert code == 2
    assert 'out.npy" cannot be written (File too large)' in capsys.readouterr().err
    assert not list(folder.glob("*out*"))


def test_an_array_that_holds_no_probabilities_is_kept(folder, photo_array, capsys):
    np.save(folder / "out.npy", photo_array.astype(np.float32))
    before = (folder / "out.npy").read_bytes()

    assert run(folder, "c/a.png", "out.png") == 2
    assert "is there and is no result of detect" in capsys.readouterr().err
    assert (folder / "out.npy").read_bytes() == before


def test_names_with_two_suffixes_have_results_of_their_own(folder, photo_array):
    for name in ("a.png.jpg", "a.npy.webp"):
        Image.fromarray(photo_array[::-1].copy()).save(folder / "c" / name)

    assert run(folder, "c", "out") == 0

    stems = ("a", "a.npy", "a.png", "b.1", "c")
    assert {path.name for path in (folder / "out").iterdir()} == {f"{stem}{suffix}" for stem in stems for suffix in (".png", ".npy")}
