"""Figure 7 of Harmonizer: its clip, and flicker on curves whose change is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from harmlib import models
from harmlib.errors import ParameterError, VideoError
from harmlib.filters import SIX
from harmlib.filters.fused import restore_picture
from harmlib.models.base import HarmonizationModel, Prediction
from harmlib.video import ArgumentAverage, FrameHarmonizer, flicker, foreground_lab, read_frames, write_video
from reproduction.harmonizer import clips, video, video_figures
from reproduction.kit.findings import AGREES, CANNOT_SAY, DIFFERS
from reproduction.kit.style import save_figure

WEIGHTS = (0, 0.5, 0.9)
RAW, SMOOTH = video.Way("harmonizer", 0), video.Way("harmonizer", 0.9)
FRAME_BY_FRAME = video.Way(video.FRAME_BY_FRAME)
# Curves are kept to four digits, arguments to six.
LAB_ROUNDING, ARGUMENT_ROUNDING = 1e-4, 2e-6


class Statistician(HarmonizationModel):
    """Takes the filters' arguments from the frame's statistics, which change from frame to frame; fresh weights hardly see that."""

    needs_mask = True
    soft_masks = True
    keeps_background = True
    working_size = 32
    filters = SIX
    name = "statistician"

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        return Prediction(composite, {"arguments": torch.cat([composite.mean((2, 3)) - 0.5, composite.std((2, 3))], 1)})

    def upscale_picture(self, prediction: Prediction, composite: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        assert mask is not None
        return restore_picture(composite, mask, prediction["arguments"][0].tolist(), self.filters)


@pytest.fixture(scope="module")
def trained() -> dict[str, HarmonizationModel]:
    """A method with arguments and one that goes frame by frame."""
    torch.manual_seed(0)
    return {"harmonizer": Statistician(), "dovenet": models.create("dovenet", width=0.125)}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> clips.Clip:
    """The first frames of the synthetic clip."""
    return clips.open_clip(None, tmp_path_factory.mktemp("clip"), limit=6)


@pytest.fixture(scope="module")
def record(clip: clips.Clip, trained: dict[str, HarmonizationModel]) -> video.Record:
    """What both methods make of it."""
    return video.record_clip(clip, trained, video.all_ways(WEIGHTS), shown=3)


def made_record(curves: dict[video.Way, list[float]], arguments: dict[video.Way, list[float]]) -> video.Record:
    """A record whose ways have a known L over time (a stays, b moves half as far) and known values of one argument."""
    frames = len(next(iter(curves.values())))
    lab = [
        {"way": way.title, "frame": number, "time": number / 25, "L": value, "a": 0.0, "b": value / 2}
        for way, values in curves.items()
        for number, value in enumerate(values)
    ]
    used = [
        {"way": way.title, "frame": number, "time": number / 25, "filter": "shadow", "argument": value}
        for way, values in arguments.items()
        for number, value in enumerate(values)
    ]
    made = clips.Clip("made", Path("composite.mp4"), Path("mask.mp4"), frames)
    return video.Record(made, tuple(curves), pd.DataFrame(lab), pd.DataFrame(used), {})


@pytest.fixture
def known() -> video.Record:
    """A composite that drifts by 1 per frame, a method that adds jumps of 3 in the second half, an average that adds none."""
    drift = [float(value) for value in range(9)]
    jumps = [value + 3 * (number > 4 and number % 2) for number, value in enumerate(drift)]
    curves = {video.INPUT: drift, FRAME_BY_FRAME: jumps, RAW: jumps, SMOOTH: drift}
    return made_record(curves, {RAW: [0, 0.4] * 4 + [0], SMOOTH: [0, 0.1] * 4 + [0]})


def test_synthetic_clip_is_always_the_same() -> None:
    first, again = clips.synthetic_clip(), clips.synthetic_clip()

    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


def test_synthetic_scene_gets_darker_and_its_person_does_not() -> None:
    frames, mattes = clips.synthetic_clip()

    person = foreground_lab(frames, mattes)
    corner = [frame[:10, -10:].mean() for frame in frames]  # sky that the person never covers
    assert np.ptp(person, axis=0).max() < 0.2
    assert corner[-1] == pytest.approx(clips.LAST_LIGHT * corner[0], rel=0.02)


def test_clip_on_disk_is_lossless(clip: clips.Clip) -> None:
    frames, mattes = clips.synthetic_clip()

    np.testing.assert_array_equal(list(read_frames(clip.composite)), frames[:6])
    np.testing.assert_array_equal(list(read_frames(clip.mask, gray=True)), mattes[:6])


def test_without_a_limit_the_whole_clip_is_used(tmp_path: Path) -> None:
    assert clips.open_clip(tmp_path / "data", tmp_path).frames == clips.FRAMES


def test_pack_of_videos_is_composed_where_it_lies(shared: Path, tmp_path: Path) -> None:
    found = clips.open_clip(shared / "data", tmp_path, limit=2)

    assert (found.title, found.frames) == ('pack "video", 2 frames of 1920x1080', 2)
    assert found.mask == shared / "data" / "video" / "mask.mp4"


def test_incomplete_pack_is_refused(tmp_path: Path) -> None:
    (tmp_path / "video").mkdir()

    with pytest.raises(VideoError, match=r'foreground\.mp4" does not exist'):
        clips.open_clip(tmp_path, tmp_path)


@pytest.mark.parametrize("limit", [1, 0, -3])
def test_flicker_needs_two_frames(tmp_path: Path, limit: int) -> None:
    with pytest.raises(ParameterError, match="at least 2"):
        clips.open_clip(None, tmp_path, limit=limit)


def test_weight_zero_is_the_raw_prediction(record: video.Record, trained: dict[str, HarmonizationModel]) -> None:
    harmonizer = FrameHarmonizer(trained["harmonizer"], smoothing=0.9)
    masked = zip(read_frames(record.clip.composite), read_frames(record.clip.mask, gray=True), strict=True)
    raw = [harmonizer(frame, mask).raw for frame, mask in masked]

    np.testing.assert_allclose(record.argument_curve(RAW), raw, atol=ARGUMENT_ROUNDING)


def test_every_weight_averages_the_same_predictions(record: video.Record) -> None:
    average = ArgumentAverage(0.9)
    expected = [average.update(frame) for frame in record.argument_curve(RAW).to_numpy()]

    assert np.ptp(record.argument_curve(RAW).to_numpy(), axis=0).max() > 0.01
    np.testing.assert_allclose(record.argument_curve(SMOOTH), expected, atol=ARGUMENT_ROUNDING)


def test_flicker_is_the_temporal_metric(record: video.Record, trained: dict[str, HarmonizationModel]) -> None:
    frames, masks = list(read_frames(record.clip.composite)), list(read_frames(record.clip.mask, gray=True))
    harmonizer = FrameHarmonizer(trained["dovenet"])
    results = [harmonizer(frame, mask).image for frame, mask in zip(frames, masks, strict=True)]

    found = video.flicker_table(record).set_index("method").loc["dovenet", "flicker"]

    assert found == pytest.approx(flicker(results, frames, masks), abs=LAB_ROUNDING)


def test_first_and_last_frame_are_shown(record: video.Record) -> None:
    assert list(record.pictures) == [0, 2, 5]


def test_large_frames_are_kept_at_the_size_they_are_printed(tmp_path: Path) -> None:
    frames = [np.full((60, 480, 3), level, np.uint8) for level in (50, 60)]
    for name in ("composite", "mask"):
        write_video(tmp_path / f"{name}.mp4", frames, 25, lossless=True)
    large = clips.Clip("large", tmp_path / "composite.mp4", tmp_path / "mask.mp4", 2)

    seen = video.record_clip(large, {}, (video.INPUT,), shown=1)

    assert seen.pictures[0]["composite"].shape == (30, 240, 3)


def test_frames_without_foreground_have_neither_color_nor_arguments(
    clip: clips.Clip, tmp_path: Path, trained: dict[str, HarmonizationModel]
) -> None:
    masks = [np.repeat(mask[..., None], 3, axis=2) for mask in read_frames(clip.mask, gray=True)]
    masks[2][:] = 0
    write_video(tmp_path / "mask.mp4", masks, 25, lossless=True)

    seen = video.record_clip(dataclasses.replace(clip, mask=tmp_path / "mask.mp4"), trained, video.all_ways(WEIGHTS), shown=3)

    assert np.isnan(seen.curve(RAW)[2]).all()
    assert len(seen.argument_curve(RAW)) == 5
    assert video.flicker_table(seen)["flicker"].notna().all()


def test_mask_that_is_always_empty_is_refused(clip: clips.Clip, tmp_path: Path, trained: dict[str, HarmonizationModel]) -> None:
    write_video(tmp_path / "mask.mp4", [np.zeros((*clips.SIZE, 3), np.uint8)] * 6, 25, lossless=True)

    with pytest.raises(VideoError, match="no foreground in any frame"):
        video.record_clip(dataclasses.replace(clip, mask=tmp_path / "mask.mp4"), trained, video.all_ways(WEIGHTS), shown=3)


def test_flicker_and_its_parts_on_known_curves(known: video.Record) -> None:
    row = video.flicker_table(known).set_index("way").loc["DoveNet"]

    # Steps of L: 1, 1, 1, 1, 4, -2, 4, -2; of b half of that.
    assert row["flicker_L"] == pytest.approx((4 + 12) / 8 - 1)
    assert row["flicker_b"] == pytest.approx(row["flicker_L"] / 2)
    assert row["flicker"] == pytest.approx((row["flicker_L"] + row["flicker_a"] + row["flicker_b"]) / 3)


def test_parts_of_the_clip_tell_where_it_flickers(known: video.Record) -> None:
    np.testing.assert_allclose(video.block_flicker(known, FRAME_BY_FRAME), [0, 0, 1, 1])


def test_short_clip_has_as_many_parts_as_steps() -> None:
    short = made_record({video.INPUT: [0, 0, 0], RAW: [0, 3, 3]}, {RAW: [0, 0, 0]})

    assert video.block_flicker(short, RAW).tolist() == [1.5, 0]


def test_sentences_name_the_extremes(known: video.Record) -> None:
    table = video.flicker_table(known)

    assert "least: Harmonizer, w = 0.9, +0.000" in video.order_sentence(table)
    assert "leaves 25% of the argument change at w = 0" in video.smoothing_sentence(table)


def test_only_what_one_clip_can_tell_is_judged(known: video.Record) -> None:
    table = video.summary_table(known)

    assert table["verdict"].tolist() == [AGREES, CANNOT_SAY, CANNOT_SAY, DIFFERS]
    assert table["ours"].tolist() == pytest.approx([0.25, -0.5, 0.5, 0.04])
    assert table["likely reason"].iloc[1] == "one clip; below 0 in 2 of its 4 parts"


def test_predictions_that_never_change_show_nothing() -> None:
    still = made_record({way: [1.0, 1.0, 1.0] for way in (video.INPUT, FRAME_BY_FRAME, RAW, SMOOTH)}, {RAW: [0.2] * 3, SMOOTH: [0.2] * 3})

    row = video.summary_table(still).iloc[0]

    assert (row["verdict"], row["likely reason"]) == (CANNOT_SAY, "the predictions do not change over this clip")


def test_view_leaves_out_what_is_not_known(known: video.Record) -> None:
    view = video.summary_view(video.summary_table(known))

    assert view["over parts of the clip"].tolist() == ["", "-1 to 0", "0 to 1", ""]
    assert view["clips"].tolist() == ["", "1", "1", ""]


def test_strip_has_a_row_per_way_without_the_weights_between(record: video.Record) -> None:
    figure = video_figures.strip_figure(record)

    labels = [axis.get_ylabel() for axis in figure.axes if axis.get_ylabel()]
    assert labels == ["composite", "DoveNet", "Harmonizer\nw = 0", "Harmonizer\nw = 0.9"]
    assert len(figure.axes) == 4 * len(record.pictures)
    assert len(video_figures.strip_data(record)) == 4 * len(record.pictures)


@pytest.mark.parametrize("weights", [[], [0.9], [0, 0, 0.9]])
def test_weights_that_cannot_be_compared_are_refused(weights: list[float]) -> None:
    with pytest.raises(ParameterError, match="two or more, all different"):
        video.all_ways(weights)


@pytest.mark.parametrize("draw", [video_figures.argument_figure, video_figures.lab_figure])
def test_panels_of_a_row_span_the_same_range(record: video.Record, draw) -> None:
    spans = [np.ptp(axis.get_ylim()) for axis in draw(record).axes]

    assert len(spans) == 6
    np.testing.assert_allclose(spans[:3], spans[0])
    np.testing.assert_allclose(spans[3:], spans[3])


def test_small_changes_are_not_blown_up() -> None:
    still = made_record({RAW: [1.0, 1.0]}, {RAW: [0.2, 0.2001]})

    axis = video_figures.argument_figure(still).axes[0]

    assert np.ptp(axis.get_ylim()) >= video_figures.LEAST_ARGUMENT_SPAN


def test_every_weight_has_its_own_line(record: video.Record) -> None:
    lines = video_figures.argument_figure(record).axes[0].get_lines()

    assert [line.get_label() for line in lines] == ["raw (w = 0)", "w = 0.5", "w = 0.9"]
    assert len({(line.get_color() if isinstance(line.get_color(), str) else tuple(line.get_color())) for line in lines}) == 3


@pytest.mark.slow
def test_figures_come_out_the_same_to_the_byte(record: video.Record, tmp_path: Path) -> None:
    first, again = (save_figure(video_figures.strip_figure(record), tmp_path / name).read_bytes() for name in ("a.png", "b.png"))

    assert first == again
