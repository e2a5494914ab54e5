"""Writing videos: lossless to the bit, times and sound kept, and never a half-written file."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from miniature_video import noise_frames, read_sound, write_foreign

from harmlib.errors import DataError, VideoError
from harmlib.io.files import remove_partial
from harmlib.video import VideoInfo, read_frames, read_info, read_timed_frames, write_video, writing

# crf 18 of a flat color; BT.601 instead of BT.709 would be off by 20 and more
VIEWING_TOLERANCE = 3
ENDLESS = """
import sys, numpy as np
from harmlib.video import write_video

def frames():
    for number in range(100_000):
        if number == 100:
            print("go", flush=True)
        yield np.full((48, 64, 3), number % 256, np.uint8)

write_video(sys.argv[1], frames(), 25)
"""


def rewrite(source: Path, target: Path, limit: int | None = None) -> None:
    with writing(target, read_info(source), lossless=True, sound=source, whole_sound=limit is None) as writer:
        for frame, time in read_timed_frames(source, limit=limit):
            writer.write(frame, time)


@pytest.mark.parametrize("size", [(48, 64), (47, 63), (1, 1)])
def test_lossless_frames_come_back_to_the_bit(size: tuple[int, int], tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    frames = [generator.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(8)]

    write_video(tmp_path / "a.mp4", frames, 25, lossless=True)

    assert np.array_equal(list(read_frames(tmp_path / "a.mp4")), frames)


@pytest.mark.parametrize(("size", "stored"), [((48, 64), "yuv420p"), ((47, 63), "yuv444p"), ((48, 63), "yuv444p")])
def test_an_odd_size_is_kept_for_viewing(size: tuple[int, int], stored: str, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", noise_frames(size=size), 25)

    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].pix_fmt == stored
    assert next(read_frames(tmp_path / "a.mp4")).shape[:2] == size


@pytest.mark.parametrize("color", [(255, 0, 0), (0, 255, 0), (20, 90, 200), (255, 255, 255), (0, 0, 0)])
def test_colors_survive_viewing_quality(color: tuple[int, int, int], tmp_path: Path) -> None:
    frames = [np.full((48, 64, 3), color, np.uint8)] * 3

    write_video(tmp_path / "a.mp4", frames, 25)

    difference = np.abs(np.array(list(read_frames(tmp_path / "a.mp4"))).astype(int) - color)
    assert difference.max() <= VIEWING_TOLERANCE


def test_red_is_stored_as_bt709_and_labeled_so(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [np.full((48, 64, 3), (255, 0, 0), np.uint8)], 25)

    with av.open(str(tmp_path / "a.mp4")) as container:
        frame = next(container.decode(video=0))
        luma = int(frame.to_ndarray()[10, 10])
        labels = (frame.colorspace, frame.color_range)
    assert luma == pytest.approx(16 + 219 * 0.2126, abs=1)  # BT.601: 81
    assert labels == (1, 1)  # BT.709, limited range


@pytest.mark.parametrize("lossless", [False, True])
def test_variable_times_are_kept(lossless: bool, tmp_path: Path) -> None:
    info = VideoInfo(48, 64, Fraction(25), time_base=Fraction(1, 90_000))
    times = [Fraction(ticks, 90_000) for ticks in (3001, 3002, 9000, 9001, 40_000, 41_234, 41_235, 90_000)]

    with writing(tmp_path / "a.mp4", info, lossless=lossless) as writer:
        for frame, time in zip(noise_frames(), times, strict=True):
            writer.write(frame, time)

    assert [time for _, time in read_timed_frames(tmp_path / "a.mp4")] == times


def test_pixel_aspect_is_kept(tmp_path: Path) -> None:
    with writing(tmp_path / "a.mp4", VideoInfo(48, 64, Fraction(25), pixel_aspect=Fraction(4, 3))) as writer:
        writer.write(noise_frames(1)[0])

    assert read_info(tmp_path / "a.mp4").pixel_aspect == Fraction(4, 3)


@pytest.mark.parametrize("codec", ["aac", "ac3", "alac", "eac3", "flac", "libmp3lame", "libopus"])
def test_sound_is_copied_packet_by_packet(codec: str, tmp_path: Path) -> None:
    write_foreign(tmp_path / "a.mp4", noise_frames(), sound=(codec, 48_000))

    rewrite(tmp_path / "a.mp4", tmp_path / "b.mp4")

    (before, expected), (after, found) = read_sound(tmp_path / "a.mp4"), read_sound(tmp_path / "b.mp4")
    assert after == before
    assert found == expected


def test_times_of_picture_and_sound_stay_together(tmp_path: Path) -> None:
    write_foreign(tmp_path / "a.mp4", noise_frames(), sound=("aac", 44_100), times=list(range(10, 18)))

    rewrite(tmp_path / "a.mp4", tmp_path / "b.mp4")

    assert [time for time, _ in read_sound(tmp_path / "b.mp4")[1]] == [time for time, _ in read_sound(tmp_path / "a.mp4")[1]]
    assert [time for _, time in read_timed_frames(tmp_path / "b.mp4")] == [Fraction(time, 25) for time in range(10, 18)]


@pytest.mark.parametrize(("codec", "rate"), [("pcm_s16le", 44_100), ("mp2", 32_000)])
def test_sound_that_mp4_does_not_take_is_encoded_anew(codec: str, rate: int, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_foreign(tmp_path / "a.mkv", noise_frames(), sound=(codec, rate))

    with caplog.at_level(logging.INFO):
        rewrite(tmp_path / "a.mkv", tmp_path / "b.mp4")

    found, packets = read_sound(tmp_path / "b.mp4")
    assert found == "aac"
    assert packets[-1][0] == pytest.approx(1, abs=0.05)  # a second of sound
    assert f"the sound is {codec} and is encoded anew as AAC" in caplog.text


def test_sound_ends_with_a_cut_picture(tmp_path: Path) -> None:
    write_foreign(tmp_path / "a.mp4", noise_frames(), sound=("aac", 44_100))

    rewrite(tmp_path / "a.mp4", tmp_path / "b.mp4", limit=5)

    assert read_sound(tmp_path / "b.mp4")[1][-1][0] < Fraction(5, 25)


def test_a_source_without_sound_makes_a_silent_video(tmp_path: Path) -> None:
    write_foreign(tmp_path / "a.mp4", noise_frames())

    rewrite(tmp_path / "a.mp4", tmp_path / "b.mp4")

    assert not read_info(tmp_path / "b.mp4").has_audio


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_video_leaves_the_old_one_and_no_trace(error: type[BaseException], tmp_path: Path) -> None:
    def frames() -> Iterator[np.ndarray]:
        yield from noise_frames()
        raise error

    (tmp_path / "a.mp4").write_bytes(b"old")

    with pytest.raises(error):
        write_video(tmp_path / "a.mp4", frames(), 25)

    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"old"


@pytest.mark.slow
def test_a_killed_process_leaves_no_video(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ENDLESS, str(tmp_path / "a.mp4")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()

    process.kill()
    process.communicate()

    assert not (tmp_path / "a.mp4").exists()
    assert list(tmp_path.iterdir())  # it had begun
    remove_partial(tmp_path)
    assert not list(tmp_path.iterdir())


def test_another_container_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r'a\.avi" cannot be written: choose a name that ends in \.mp4'):
        write_video(tmp_path / "a.avi", noise_frames(), 25)


def test_no_frames_make_no_video(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="was given no frames"):
        write_video(tmp_path / "a.mp4", [], 25)

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("odd_one", [np.zeros((48, 65, 3), np.uint8), np.zeros((48, 64, 3)), np.zeros((48, 64), np.uint8)])
def test_a_frame_of_another_kind_is_named(odd_one: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r'frame 2 of .*a\.mp4" is .*, expected uint8 \(48, 64, 3\)'):
        write_video(tmp_path / "a.mp4", [*noise_frames(2), odd_one], 25)


def test_a_time_that_is_not_after_the_last_is_refused(tmp_path: Path) -> None:
    with writing(tmp_path / "a.mp4", VideoInfo(48, 64, Fraction(25))) as writer:
        writer.write(noise_frames()[0], Fraction(1, 25))

        with pytest.raises(VideoError, match=r'frame 1 of .*a\.mp4" would be at 0\.040 s, not after the one before'):
            writer.write(noise_frames()[1], Fraction(1, 25))


def test_a_folder_is_refused_before_the_frames_are_made(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()

    with (
        pytest.raises(DataError, match=r'a\.mp4" is a folder: name a file in it'),
        writing(tmp_path / "a.mp4", VideoInfo(48, 64, Fraction(25))),
    ):
        raise AssertionError("this would be the work")
