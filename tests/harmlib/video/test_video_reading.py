"""Reading videos: frames and their times as they are in the file, and one sentence for what cannot be read."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorTrc
from miniature_video import as_video, mask_frames, noise_frames, tone, turn, write_foreign

from harmlib.errors import VideoError
from harmlib.io.images import write_png
from harmlib.video import VideoInfo, read_frames, read_info, read_timed_frames, write_video, writing


def test_info_tells_what_the_file_is_like(tmp_path: Path) -> None:
    write_foreign(tmp_path / "a.mp4", noise_frames(), sound=("aac", 44100))

    info = read_info(tmp_path / "a.mp4")

    assert (info.height, info.width, info.rate, info.frames, info.has_audio) == (48, 64, 25, 8, True)


def test_frames_come_with_their_times(tmp_path: Path) -> None:
    frames, times = noise_frames(4), [0, 1, 5, 6]
    write_foreign(tmp_path / "a.mp4", frames, times=times)

    found = list(read_timed_frames(tmp_path / "a.mp4"))

    assert [time for _, time in found] == [Fraction(time, 25) for time in times]
    assert all(np.array_equal(frame, expected) for (frame, _), expected in zip(found, frames, strict=True))


def test_gray_frames_are_the_levels_of_the_matte(tmp_path: Path) -> None:
    masks = mask_frames()
    write_video(tmp_path / "mask.mp4", as_video(masks), 25, lossless=True)

    found = list(read_frames(tmp_path / "mask.mp4", gray=True))

    assert np.array_equal(found, masks)


def test_limit_stops_reading(tmp_path: Path) -> None:
    write_foreign(tmp_path / "a.mp4", noise_frames())

    assert len(list(read_frames(tmp_path / "a.mp4", limit=3))) == 3


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_frames_are_turned_upright(quarter_turns: int, tmp_path: Path) -> None:
    frames = noise_frames(2)
    write_foreign(tmp_path / "a.mp4", frames)
    turn(tmp_path / "a.mp4", quarter_turns)

    found = next(read_frames(tmp_path / "a.mp4"))

    assert np.array_equal(found, np.rot90(frames[0], quarter_turns))
    assert found.shape[:2] == (read_info(tmp_path / "a.mp4").height, read_info(tmp_path / "a.mp4").width)


def test_frames_before_the_start_of_an_edit_list_are_no_loss(tmp_path: Path) -> None:
    frames = noise_frames()
    with writing(tmp_path / "a.mp4", VideoInfo(48, 64, Fraction(25)), lossless=True) as writer:
        for number, frame in enumerate(frames):
            writer.write(frame, Fraction(number - 3, 25))

    found = list(read_frames(tmp_path / "a.mp4"))

    assert np.array_equal(found, frames[3:])
    assert read_info(tmp_path / "a.mp4").frames == 5


def test_sound_longer_than_the_picture_is_no_truncation(tmp_path: Path) -> None:
    write_foreign(tmp_path / "a.mkv", noise_frames(), sound=("aac", 44100))

    assert len(list(read_frames(tmp_path / "a.mkv"))) == 8


def test_a_file_cut_between_frames_is_truncated(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    write_foreign(whole, noise_frames(), options={"movflags": "faststart"})
    with av.open(str(whole)) as container:
        sixth = container.streams.video[0].index_entries[5].pos
    cut.write_bytes(whole.read_bytes()[:sixth])

    with pytest.raises(VideoError, match=r'cut\.mp4" is truncated, it has 5 of its 8 frames: fetch'):
        list(read_frames(cut))


def test_a_file_cut_within_a_frame_is_truncated(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    write_foreign(whole, noise_frames(), options={"movflags": "faststart"})
    cut.write_bytes(whole.read_bytes()[:-100])

    with pytest.raises(VideoError, match=r'cut\.mp4" is damaged or truncated'):
        list(read_frames(cut))


def test_a_truncated_matroska_file_ends_before_its_time(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    write_foreign(whole, noise_frames(60))
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    with pytest.raises(VideoError, match=r'cut\.mkv" is (truncated, it ends at 1\.\d of its 2\.4 s|damaged or truncated)'):
        list(read_frames(cut))


def test_damage_within_a_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_foreign(path, noise_frames(20))
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 2] = b"\x55" * (len(content) // 2 - len(content) // 3)
    path.write_bytes(content)

    with pytest.raises(VideoError, match=r'a\.mp4" is damaged or truncated'):
        list(read_frames(path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("text.mp4", b"not a video, only its name says so", "is no video, or a truncated one"),
        ("empty.mp4", b"", "is no video, or a truncated one"),
        ("missing.mp4", None, "does not exist"),
    ],
)
def test_what_is_no_video_gets_one_sentence(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(VideoError, match=f'{name}" {message}'):
        read_info(tmp_path / name)


def test_a_picture_is_no_video(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", noise_frames(1)[0])

    with pytest.raises(VideoError, match="is a picture, expected a video"):
        read_info(tmp_path / "a.png")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.m4a"), "w") as container:
        track = container.add_stream("aac", 44100, layout="stereo")
        container.mux(track.encode(tone(44100)))
        container.mux(track.encode(None))

    with pytest.raises(VideoError, match="has no video stream"):
        read_info(tmp_path / "a.m4a")


def test_hdr_is_refused(tmp_path: Path) -> None:
    write_foreign(tmp_path / "a.mp4", noise_frames(), transfer=ColorTrc.SMPTE2084)

    with pytest.raises(VideoError, match="is HDR, whose levels are no sRGB"):
        read_info(tmp_path / "a.mp4")


def test_colors_of_bt2020_are_refused(tmp_path: Path) -> None:
    write_foreign(tmp_path / "a.mp4", noise_frames(), primaries=ColorPrimaries.BT2020)

    with pytest.raises(VideoError, match=r"has colors of BT\.2020"):
        read_info(tmp_path / "a.mp4")


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="is a folder: name a video in it"):
        read_info(tmp_path)


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frames = noise_frames(2)

    for name in ("10:30.mp4", "data:a.mp4"):
        write_video(name, frames, 25, lossless=True)
        np.testing.assert_array_equal(next(read_frames(name)), frames[0])


@pytest.mark.parametrize(
    "name", ["http://127.0.0.1:1/x.mp4", "concat:a.mp4|b.mp4", "subfile,,start,0,end,9,,:a.mp4", "pipe:0", "lavfi:testsrc"]
)
def test_an_address_is_never_opened(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_video("a.mp4", noise_frames(2), 25)

    with pytest.raises(VideoError, match="does not exist"):
        read_info(name)


@pytest.mark.parametrize(
    "playlist",
    ["ffconcat version 1.0\nfile secret.mp4\n", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n"],
)
def test_a_playlist_does_not_read_its_neighbors(playlist: str, tmp_path: Path) -> None:
    write_video(tmp_path / "secret.mp4", noise_frames(2), 25)
    (tmp_path / "list.mp4").write_text(playlist)

    with pytest.raises(VideoError, match=r'list\.mp4" is no video, or a truncated one'):
        read_info(tmp_path / "list.mp4")
