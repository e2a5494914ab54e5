"""Harmonized videos: arguments smoothed over time, any other method frame by frame, sound and times kept."""

from __future__ import annotations

import csv
import logging
import tracemalloc
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from authors import assert_agrees, authors
from miniature_video import as_video, mask_frames, noise_frames, read_sound, write_foreign
from torch import Tensor

from harmlib import models
from harmlib.errors import CheckpointError, MaskError, ParameterError, VideoError
from harmlib.inference.pictures import harmonize
from harmlib.io.images import write_png
from harmlib.models.base import HarmonizationModel, Prediction
from harmlib.video import ArgumentAverage, FrameHarmonizer, harmonize_video, read_frames, read_timed_frames, write_video

GOLDEN_TOLERANCE = 5e-7  # rounding of the file's float32
CSV_TOLERANCE = 1e-6  # eight digits of float32


class Brightener(HarmonizationModel):
    """Adds its one argument, the mean of the composite's foreground, to the foreground."""

    soft_masks = True
    keeps_background = True
    antialias = False
    working_size = 16
    filters = ("shift",)
    name = "brightener"

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        assert mask is not None
        return Prediction(composite, {"arguments": ((composite * mask).mean((1, 2, 3)) / mask.mean((1, 2, 3)))[:, None]})

    def upscale_picture(self, prediction: Prediction, composite: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        assert mask is not None
        shift = 255 * float(prediction["arguments"]) * mask[..., None]
        return np.rint(composite + shift).clip(0, 255).astype(np.uint8)


@pytest.fixture
def clip(tmp_path: Path) -> dict[str, Path]:
    """A composite with sound and uneven times, its mask video and the result's place."""
    paths = {name: tmp_path / f"{name}.mp4" for name in ("composite", "mask", "out")}
    write_foreign(paths["composite"], noise_frames(), sound=("aac", 44_100), times=[0, 1, 2, 3, 6, 7, 8, 9])
    write_foreign(paths["mask"], as_video(mask_frames()))
    return paths


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(("key", "weight"), [("code", 0.96), ("paper", 0.1)])
def test_average_agrees_with_the_authors(key: str, weight: float) -> None:
    golden = authors("harmonizer")
    average = ArgumentAverage(weight)

    found = [average.update(arguments) for arguments in golden["ema/sequence"]]

    assert_agrees(found, golden[f"ema/{key}"], atol=GOLDEN_TOLERANCE)


def test_average_starts_with_the_first_frame_and_keeps_the_past_by_default() -> None:
    average = ArgumentAverage()

    found = [float(average.update(np.array(value))) for value in (1.0, 0.0, 0.0)]

    assert found == pytest.approx([1, 0.96, 0.9216])


def test_no_weight_on_the_past_smooths_nothing() -> None:
    average = ArgumentAverage(0)

    assert [float(average.update(np.array(value))) for value in (1.0, 3.0)] == [1, 3]


@pytest.mark.parametrize("weight", [-0.1, 1, float("nan")])
def test_a_weight_that_is_no_average_is_refused(weight: float) -> None:
    with pytest.raises(ParameterError, match=r"smoothing is .*, expected the weight of the past"):
        ArgumentAverage(weight)


def test_frames_get_the_average_of_their_arguments(clip: dict[str, Path]) -> None:
    harmonize_video(Brightener(), *clip.values(), lossless=True, arguments_path=clip["out"].with_suffix(".csv"))

    table = read_table(clip["out"].with_suffix(".csv"))
    average = ArgumentAverage()
    smoothed = [float(average.update(np.array(float(row["shift"])))) for row in table]
    assert [float(row["shift_smoothed"]) for row in table] == pytest.approx(smoothed, abs=CSV_TOLERANCE)
    expected = [
        np.rint(frame + 255 * shift * (mask[..., None] / 255)).clip(0, 255)
        for frame, mask, shift in zip(noise_frames(), mask_frames(), smoothed, strict=True)
    ]
    found = np.array(list(read_frames(clip["out"])))
    assert np.abs(found - expected).max() <= 1  # a half may round either way
    assert (found != expected).mean() < 1e-3


def test_raw_arguments_are_those_of_single_pictures(clip: dict[str, Path]) -> None:
    harmonize_video(Brightener(), *clip.values(), smoothing=0, lossless=True)

    expected = [
        harmonize(Brightener(), frame, mask.astype(np.float32) / 255) for frame, mask in zip(noise_frames(), mask_frames(), strict=True)
    ]
    assert np.array_equal(list(read_frames(clip["out"])), expected)


def test_the_table_has_a_row_per_frame_with_its_time(clip: dict[str, Path]) -> None:
    harmonize_video(Brightener(), *clip.values(), arguments_path=clip["out"].with_suffix(".csv"))

    table = read_table(clip["out"].with_suffix(".csv"))
    assert list(table[0]) == ["time", "shift", "shift_smoothed"]
    assert [float(row["time"]) for row in table] == [time / 25 for time in (0, 1, 2, 3, 6, 7, 8, 9)]


def test_times_and_sound_are_the_composites(clip: dict[str, Path]) -> None:
    harmonize_video(Brightener(), *clip.values())

    assert [time for _, time in read_timed_frames(clip["out"])] == [Fraction(time, 25) for time in (0, 1, 2, 3, 6, 7, 8, 9)]
    assert read_sound(clip["out"]) == read_sound(clip["composite"])


def test_a_method_without_arguments_sees_every_frame_alone(clip: dict[str, Path]) -> None:
    model = models.create("reinhard_lab")

    harmonize_video(model, *clip.values(), lossless=True)

    expected = [harmonize(model, frame, mask.astype(np.float32) / 255) for frame, mask in zip(noise_frames(), mask_frames(), strict=True)]
    assert np.array_equal(list(read_frames(clip["out"])), expected)


def test_weights_that_are_not_there_are_one_sentence(clip: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r'checkpoint\.pt" does not exist'):
        harmonize_video("harmonizer", *clip.values(), weights=tmp_path)


def test_a_detector_is_told_that_it_harmonizes_nothing(clip: dict[str, Path]) -> None:
    with pytest.raises(ParameterError, match='"ptc" looks for what is wrong and harmonizes nothing'):
        harmonize_video(models.create("ptc", width=1 / 64), clip["composite"], None, clip["out"])


def test_harmonizer_changes_the_foreground_only(clip: dict[str, Path]) -> None:
    torch.manual_seed(1)
    model = models.create("harmonizer", width=1 / 8, size=64)

    harmonize_video(model, *clip.values(), lossless=True, arguments_path=clip["out"].with_suffix(".csv"))

    assert list(read_table(clip["out"].with_suffix(".csv"))[0]) == ["time", *model.filters, *(f"{name}_smoothed" for name in model.filters)]
    for harmonized, frame, mask in zip(read_frames(clip["out"]), noise_frames(), mask_frames(), strict=True):
        assert np.array_equal(harmonized[mask == 0], frame[mask == 0])
        assert not np.array_equal(harmonized, frame)


def test_the_model_keeps_its_training_mode(clip: dict[str, Path]) -> None:
    model, resting = Brightener().train(), Brightener().eval()

    harmonize_video(model, *clip.values())
    harmonize_video(resting, *clip.values())

    assert (model.training, resting.training) == (True, False)


def test_one_picture_masks_all_frames(clip: dict[str, Path], tmp_path: Path) -> None:
    mask = mask_frames(1)[0]
    write_png(tmp_path / "mask.png", mask)

    harmonize_video(Brightener(), clip["composite"], tmp_path / "mask.png", clip["out"], smoothing=0, lossless=True)

    expected = [harmonize(Brightener(), frame, mask.astype(np.float32) / 255) for frame in noise_frames()]
    assert np.array_equal(list(read_frames(clip["out"])), expected)


def test_a_method_that_needs_no_mask_works_without(clip: dict[str, Path]) -> None:
    harmonize_video(models.create("composite"), clip["composite"], None, clip["out"], lossless=True)

    assert np.array_equal(list(read_frames(clip["out"])), noise_frames())


def test_frames_without_foreground_are_copied_without_a_warning(clip: dict[str, Path], caplog: pytest.LogCaptureFixture) -> None:
    masks = mask_frames()
    masks[2][:] = masks[5][:] = 0
    masks[5][0, 0] = 255  # lost in the thumbnail
    write_video(clip["mask"], as_video(masks), 25, lossless=True)

    with warnings.catch_warnings(), caplog.at_level(logging.INFO):
        warnings.simplefilter("error")
        harmonize_video(Brightener(), *clip.values(), lossless=True)

    unchanged = [np.array_equal(harmonized, frame) for harmonized, frame in zip(read_frames(clip["out"]), noise_frames(), strict=True)]
    assert unchanged == [number in (2, 5) for number in range(8)]
    assert "2 of 8 frames of" in caplog.text


def test_frames_without_foreground_do_not_touch_the_average() -> None:
    frames, masks = noise_frames(3), mask_frames(3)
    with_gap, without_gap = FrameHarmonizer(Brightener()), FrameHarmonizer(Brightener())

    with_gap(frames[0], masks[0])
    skipped = with_gap(frames[1], np.zeros_like(masks[1]))
    found = with_gap(frames[2], masks[2])
    without_gap(frames[0], masks[0])
    expected = without_gap(frames[2], masks[2])

    assert skipped.reason
    assert skipped.smoothed is None
    assert np.array_equal(found.image, expected.image)


def test_copied_frames_have_no_arguments_in_the_table(clip: dict[str, Path]) -> None:
    masks = mask_frames()
    masks[0][:] = 0
    write_video(clip["mask"], as_video(masks), 25, lossless=True)

    harmonize_video(Brightener(), *clip.values(), arguments_path=clip["out"].with_suffix(".csv"))

    first, second, *_ = read_table(clip["out"].with_suffix(".csv"))
    assert (first["shift"], first["shift_smoothed"]) == ("", "")
    assert second["shift"] == second["shift_smoothed"]


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (mask_frames(7), r'the mask ".*mask\.mp4" has 7 frames, the composite ".*" 8: cut them to the same length'),
        (mask_frames(size=(48, 66)), r'the mask ".*mask\.mp4" is 48x66, the composite ".*" 48x64: resize one of them'),
    ],
)
def test_a_mask_that_does_not_fit_is_one_sentence(masks: list[np.ndarray], message: str, clip: dict[str, Path]) -> None:
    write_foreign(clip["mask"], as_video(masks))

    with pytest.raises(VideoError, match=message):
        harmonize_video(Brightener(), *clip.values())


def test_a_mask_picture_of_another_size_is_one_sentence(clip: dict[str, Path], tmp_path: Path) -> None:
    write_png(tmp_path / "mask.png", np.full((10, 10), 255, np.uint8))

    with pytest.raises(MaskError, match=r"is 10x10, its composite 48x64 \(height x width\): resize the mask"):
        harmonize_video(Brightener(), clip["composite"], tmp_path / "mask.png", clip["out"])


def test_a_missing_mask_is_one_sentence(clip: dict[str, Path]) -> None:
    with pytest.raises(MaskError, match='"reinhard_lab" needs a mask of the foreground'):
        harmonize_video(models.create("reinhard_lab"), clip["composite"], None, clip["out"])


def test_arguments_of_a_method_without_any_are_refused(clip: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match='"composite" predicts no filter arguments: leave arguments_path out'):
        harmonize_video(models.create("composite"), *clip.values(), arguments_path=tmp_path / "a.csv")


def test_limit_cuts_picture_sound_and_table(clip: dict[str, Path]) -> None:
    harmonize_video(Brightener(), *clip.values(), limit=3, arguments_path=clip["out"].with_suffix(".csv"))

    assert len(list(read_frames(clip["out"]))) == len(read_table(clip["out"].with_suffix(".csv"))) == 3
    assert read_sound(clip["out"])[1][-1][0] < Fraction(3, 25)


def test_a_failure_in_the_middle_leaves_neither_video_nor_table(clip: dict[str, Path], tmp_path: Path) -> None:
    write_foreign(tmp_path / "short.mkv", as_video(mask_frames(5)))  # its length is unknown beforehand
    before = sorted(tmp_path.iterdir())

    with pytest.raises(VideoError, match="its mask ends after 5 frames"):
        harmonize_video(Brightener(), clip["composite"], tmp_path / "short.mkv", clip["out"], arguments_path=tmp_path / "a.csv")

    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.slow
def test_a_longer_video_takes_no_more_memory(tmp_path: Path) -> None:
    size = (47, 63)  # odd, so that decoded rows are padded and NumPy has to copy, and to count, every frame

    def peak(count: int) -> int:
        names = [tmp_path / f"{name}-{count}.mp4" for name in ("composite", "mask", "out")]
        write_foreign(names[0], noise_frames(count, size))
        write_foreign(names[1], as_video([mask_frames(1, size)[0]] * count))
        tracemalloc.start()
        harmonize_video(Brightener(), *names)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(4)  # what imports take

    assert peak(60) - peak(10) < 10 * 3 * size[0] * size[1]
