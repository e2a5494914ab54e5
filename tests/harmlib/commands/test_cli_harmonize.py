"""``python -m harmlib harmonize``: pictures, folders, checkpoints, filter arguments, and one sentence for bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from torch import Tensor

from harmlib import models
from harmlib.__main__ import main
from harmlib.commands.harmonize import harmonize_files
from harmlib.inference.pictures import harmonize
from harmlib.io.images import read_image, write_png
from harmlib.models.base import HarmonizationModel, Prediction
from harmlib.video import read_frames, write_video

NARROW = 1 / 8
ORIENTATION, CAMERA = 0x0112, 0x0110  # EXIF tags
RUN = ["harmonize", "--model", "reinhard_lab"]


class Filtering(HarmonizationModel):
    """Predicts two filter arguments and changes nothing."""

    name = "filtering"
    filters = ("brightness", "contrast")
    working_size = None

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the composite, with one argument outside the range that filters take."""
        return Prediction(composite, {"arguments": torch.tensor([[0.25, -3.0]])})


@pytest.fixture
def mask_array(photo_array: np.ndarray) -> np.ndarray:
    """A rectangle of foreground, uint8."""
    mask = np.zeros(photo_array.shape[:2], np.uint8)
    mask[10:30, 20:50] = 255
    return mask


@pytest.fixture
def folder(tmp_path: Path, photo_array: np.ndarray, mask_array: np.ndarray) -> Path:
    """Three composites in ``c`` and their masks in ``m``."""
    for number, name in enumerate(("a_1_1", "a_1_2", "b")):
        write_png(tmp_path / "c" / f"{name}.png", np.roll(photo_array, number, 0))
        write_png(tmp_path / "m" / f"{name}.png", mask_array)
    return tmp_path


def run(folder: Path, *arguments: str) -> int:
    """Run the command on the folder's composites and masks."""
    return main([*RUN, str(folder / "c"), "--mask", str(folder / "m"), "-o", str(folder / "out"), *arguments])


def run_one(folder: Path, out: Path, *arguments: str, composite: str = "b.png") -> int:
    """Run the command on one composite."""
    return main([*RUN, str(folder / "c" / composite), "--mask", str(folder / "m" / "b.png"), "-o", str(out), *arguments])


def test_a_picture_is_harmonized(folder: Path, photo_array: np.ndarray, mask_array: np.ndarray) -> None:
    assert run_one(folder, folder / "new" / "out.png") == 0

    composite = read_image(folder / "c" / "b.png")
    assert np.array_equal(read_image(folder / "new" / "out.png"), harmonize("reinhard_lab", composite, mask_array))


def test_every_picture_of_a_folder_is_harmonized_with_its_mask(folder: Path, mask_array: np.ndarray) -> None:
    assert run(folder) == 0

    assert sorted(path.name for path in (folder / "out").iterdir()) == ["a_1_1.png", "a_1_2.png", "b.png"]
    for path in (folder / "c").iterdir():
        assert np.array_equal(read_image(folder / "out" / path.name), harmonize("reinhard_lab", read_image(path), mask_array))


def test_names_of_iharmony4_find_their_masks(folder: Path, mask_array: np.ndarray) -> None:
    for name in ("a_1_1", "a_1_2", "b"):
        (folder / "m" / f"{name}.png").unlink()
    (folder / "c" / "b.png").rename(folder / "c" / "b_7_1.png")
    for name in ("a_1", "b_7"):
        write_png(folder / "m" / f"{name}.png", mask_array)

    assert run(folder) == 0

    assert len(list((folder / "out").iterdir())) == 3


def test_a_bad_picture_stops_no_other_and_the_next_run_goes_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = (folder / "c" / "a_1_2.png").read_bytes()
    (folder / "c" / "a_1_2.png").write_bytes(good[: len(good) // 2])

    code = run(folder)

    error = capsys.readouterr().err
    assert code == 2
    assert f'harmlib: "{folder / "c" / "a_1_2.png"}" is damaged or truncated' in error
    finished = {path.name: path.stat().st_mtime_ns for path in (folder / "out").iterdir()}
    assert sorted(finished) == ["a_1_1.png", "b.png"]

    (folder / "c" / "a_1_2.png").write_bytes(good)
    assert run(folder) == 0
    after = {path.name: path.stat().st_mtime_ns for path in (folder / "out").iterdir()}
    assert after.keys() - finished.keys() == {"a_1_2.png"}
    assert after.items() >= finished.items()


def test_results_that_exist_are_kept_and_reported(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_png(folder / "out" / "b.png", np.zeros((3, 3), np.uint8))

    with caplog.at_level("INFO"):
        run(folder)

    assert f'1 of 3 results are in "{folder / "out"}" already and stay as they are' in caplog.text
    assert read_image(folder / "out" / "b.png").shape == (3, 3, 3)


def test_a_method_without_need_of_masks_takes_none(folder: Path) -> None:
    models.save_checkpoint(models.create("sgmmh_om", width=NARROW / 8), folder / "run" / "checkpoint.pt")

    code = main(["harmonize", str(folder / "c"), "-o", str(folder / "out"), "--checkpoint", str(folder / "run")])

    assert code == 0
    assert len(list((folder / "out").iterdir())) == 3


def test_a_checkpoint_of_ours_brings_its_method(folder: Path, mask_array: np.ndarray) -> None:
    model = models.create("dovenet", width=NARROW)
    models.save_checkpoint(model, folder / "checkpoint.pt")
    names = [str(folder / name) for name in ("c/b.png", "m/b.png", "out.png", "checkpoint.pt")]

    code = main(["harmonize", names[0], "--mask", names[1], "-o", names[2], "--checkpoint", names[3], "--upsampling", "pcm"])

    assert code == 0
    expected = harmonize(model, read_image(folder / "c" / "b.png"), mask_array, upsampling="pcm")
    assert np.array_equal(read_image(folder / "out.png"), expected)


@pytest.mark.slow
def test_published_weights_load_with_the_methods_name(folder: Path, mask_array: np.ndarray) -> None:
    model = models.create("dovenet", norm="batch")
    weights = {public: model.state_dict()[own] for public, own in model.public_names["generator"].items()}
    torch.save(weights, folder / "netG.pth")

    code = run_one(folder, folder / "out.png", "--model", "dovenet", "--checkpoint", str(folder / "netG.pth"))

    assert code == 0
    assert np.array_equal(read_image(folder / "out.png"), harmonize(model, read_image(folder / "c" / "b.png"), mask_array))


def test_exif_and_color_profile_are_kept(folder: Path, photo_array: np.ndarray) -> None:
    exif = Image.Exif()
    exif[ORIENTATION], exif[CAMERA] = 1, "a camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(photo_array).save(folder / "c" / "tagged.jpg", exif=exif, icc_profile=profile)

    for name in ("out.jpg", "out.png"):
        run_one(folder, folder / name, composite="tagged.jpg")

        with Image.open(folder / name) as written:
            assert written.getexif()[CAMERA] == "a camera"
            assert written.info["icc_profile"] == profile


def test_a_turned_picture_is_turned_once(folder: Path, photo_array: np.ndarray) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # stored lying on its side
    Image.fromarray(np.rot90(photo_array)).save(folder / "c" / "turned.png", exif=exif)

    assert run_one(folder, folder / "out.png", composite="turned.png") == 0

    assert np.array_equal(read_image(folder / "out.png")[40:], photo_array[40:])


def test_the_profile_of_a_gray_picture_is_dropped(folder: Path, photo_array: np.ndarray) -> None:
    Image.fromarray(photo_array[..., 0]).save(folder / "c" / "gray.png", icc_profile=b"a profile for gray")

    run_one(folder, folder / "out.png", composite="gray.png")

    with Image.open(folder / "out.png") as written:
        assert written.mode == "RGB"
        assert "icc_profile" not in written.info


def test_jpeg_results_keep_full_chroma(folder: Path) -> None:
    run_one(folder, folder / "out.jpg")

    with Image.open(folder / "out.jpg") as written:
        assert written.format == "JPEG"
        assert [layer[1:3] for layer in written.layer] == [(1, 1)] * 3


def test_alpha_is_kept_in_png(folder: Path, photo_array: np.ndarray, mask_array: np.ndarray) -> None:
    write_png(folder / "c" / "alpha.png", np.dstack([photo_array, mask_array]))

    assert run_one(folder, folder / "out.png", composite="alpha.png") == 0

    assert np.array_equal(np.asarray(Image.open(folder / "out.png"))[..., 3], mask_array)


def test_an_empty_mask_is_reported_for_every_picture(folder: Path, caplog: pytest.LogCaptureFixture, mask_array: np.ndarray) -> None:
    for name in ("a_1_1.png", "a_1_2.png"):
        write_png(folder / "m" / name, np.zeros_like(mask_array))

    assert run(folder) == 0

    for name in ("a_1_1.png", "a_1_2.png"):
        assert f'"{folder / "c" / name}": the mask is empty, so the composite is returned unchanged' in caplog.text
        assert np.array_equal(read_image(folder / "out" / name), read_image(folder / "c" / name))


def test_a_video_is_harmonized_frame_by_frame(folder: Path, photo_array: np.ndarray, mask_array: np.ndarray) -> None:
    write_video(folder / "clip.mp4", [photo_array, photo_array[::-1]], 25, lossless=True)

    code = main([*RUN, str(folder / "clip.mp4"), "--mask", str(folder / "m" / "b.png"), "-o", str(folder / "out.mp4")])

    assert code == 0
    frames = [frame[mask_array > 0].astype(int) for frame in read_frames(folder / "out.mp4")]  # lossy, hence nearer and not equal
    composite, harmonized = (picture[mask_array > 0] for picture in (photo_array, harmonize("reinhard_lab", photo_array, mask_array)))
    assert len(frames) == 2
    assert 3 * np.abs(frames[0] - harmonized).mean() < np.abs(frames[0] - composite).mean()


def test_filter_arguments_are_written_as_the_filters_take_them(folder: Path) -> None:
    harmonize_files(Filtering(), folder / "c", folder / "m", folder / "out", arguments=True)

    content = json.loads((folder / "out" / "b.json").read_text())
    assert content == {"model": "filtering", "filters": {"brightness": 0.25, "contrast": -1.0}}


def test_results_without_their_arguments_are_made_again(folder: Path) -> None:
    harmonize_files(Filtering(), folder / "c", folder / "m", folder / "out")

    harmonize_files(Filtering(), folder / "c", folder / "m", folder / "out", arguments=True)

    assert len(list((folder / "out").glob("*.json"))) == 3


def test_an_unchanged_composite_has_no_arguments(folder: Path, mask_array: np.ndarray) -> None:
    write_png(folder / "m" / "b.png", np.zeros_like(mask_array))

    harmonize_files(Filtering(), folder / "c" / "b.png", folder / "m" / "b.png", folder / "out.png", arguments=True)

    assert json.loads((folder / "out.json").read_text()) == {"model": "filtering", "filters": {}}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["c/b.png", "-o", "out.png"], '"reinhard_lab" needs a mask of the foreground: give --mask'),
        (["c", "-o", "out"], "give --mask"),
        (["c/none.png", "--mask", "m/b.png", "-o", "out.png"], 'c/none.png" does not exist'),
        (["c/b.png", "--mask", "m/none.png", "-o", "out.png"], 'm/none.png" does not exist'),
        (["c/b.png", "--mask", "m/small.png", "-o", "out.png"], 'c/b.png": mask of "the composite" is 5x4'),
        (["c", "--mask", "m/b.png", "-o", "out"], 'm/b.png" is no folder'),
        (["c", "--mask", "other", "-o", "out"], 'other" has no picture "a_1_1" for "a_1_1.png"'),
        (["c", "--mask", "m", "-o", "m/b.png"], 'm/b.png" is a file: name a folder'),
        (["c", "--mask", "m", "-o", "c"], 'c" is an input'),
        (["c", "--mask", "m", "-o", "m"], 'm" is an input'),
        (["c/b.png", "--mask", "m/b.png", "-o", "c/../c/b.png"], "is an input"),
        (["c/b.png", "--mask", "m/b.png", "-o", "other"], 'other" is a folder: name the picture'),
        (["c/b.png", "--mask", "m/b.png", "-o", "out.gif"], 'out.gif" cannot be written'),
        (["c/b.png", "--mask", "m/b.png", "-o", "out.png", "--upsampling", "cubic"], 'upsampling is "cubic"'),
        (["c/b.png", "--mask", "m/b.png", "-o", "out.png", "--arguments"], '"reinhard_lab" predicts no filter arguments'),
        (["clip.mp4", "--mask", "m/b.png", "-o", "out.mp4", "--upsampling", "pcm"], 'upsampling "pcm" is for pictures'),
        (["c/alpha.png", "--mask", "m/b.png", "-o", "out.jpg"], "would lose the transparency"),
        (["c/b.png", "--mask", "m/b.png", "-o", "out.png", "--checkpoint", "run"], 'holds the method "sgmmh_om", not "reinhard_lab"'),
        (["c/b.png", "--mask", "m/b.png", "-o", "out.png", "--checkpoint", "none.pt"], 'none.pt" does not exist'),
        (["c/b.png", "--mask", "m/b.png", "-o", "out.png", "--checkpoint", "foreign.pt"], 'no public weights of "reinhard_lab"'),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(
    arguments: list[str], sentence: str, folder: Path, photo_array: np.ndarray, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    write_png(folder / "m" / "small.png", np.full((5, 4), 255, np.uint8))
    write_png(folder / "c" / "alpha.png", np.dstack([photo_array, photo_array[..., 0]]))
    write_png(folder / "other" / "b.png", np.zeros((3, 3), np.uint8))
    (folder / "clip.mp4").write_bytes(b"")
    models.save_checkpoint(models.create("sgmmh_om", width=NARROW / 8), folder / "run" / "checkpoint.pt")
    torch.save({"weight": torch.zeros(1)}, folder / "foreign.pt")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    monkeypatch.chdir(folder)

    code = main([*RUN, *arguments])

    error = capsys.readouterr().err
    assert code == 2
    assert sentence in error
    assert len(error.splitlines()) == 1
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_foreign_weights_ask_for_the_methods_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"weight": torch.zeros(1)}, folder / "foreign.pt")

    code = main(["harmonize", "a.png", "-o", "b.png", "--checkpoint", str(folder / "foreign.pt")])

    assert code == 2
    assert "is no checkpoint of harmlib: if its authors published these weights, name the method too" in capsys.readouterr().err
