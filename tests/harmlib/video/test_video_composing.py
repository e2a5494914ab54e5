"""Compositing: the formula to the bit, one frame at a time, and one sentence for videos that do not match."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from miniature_video import as_video, mask_frames, noise_frames, read_sound, write_foreign

from harmlib.errors import ParameterError, VideoError
from harmlib.io.images import write_png
from harmlib.video import compose, compose_video, read_frames, read_timed_frames


def flat(level: int) -> np.ndarray:
    return np.full((2, 2, 3), level, np.uint8)


@pytest.mark.parametrize(
    ("foreground", "background", "matte", "expected"),
    [
        (200, 40, 255, 200),
        (200, 40, 0, 40),
        (200, 40, 51, 72),
        (201, 40, 128, 120),  # 120.8: truncated
        (200, 200, 77, 200),  # in floats 199.99999999999997
    ],
)
def test_known_blends(foreground: int, background: int, matte: int, expected: int) -> None:
    found = next(compose([flat(foreground)], [flat(background)], [np.full((2, 2), matte, np.uint8)]))

    assert found.dtype == np.uint8
    assert np.array_equal(found, flat(expected))


def test_equal_pictures_stay_as_they_are_under_every_matte() -> None:
    levels, mattes = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    picture = np.repeat(levels[..., None], 3, axis=2)

    assert np.array_equal(next(compose([picture], [picture], [mattes])), picture)


def test_one_frame_of_each_is_read_at_a_time() -> None:
    read = []

    def source(name: str, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
        for number in range(5):
            read.append((name, number))
            yield np.zeros(shape, np.uint8)

    composites = compose(source("f", (4, 6, 3)), source("b", (4, 6, 3)), source("m", (4, 6)))
    next(composites)
    next(composites)

    assert read == [("f", 0), ("b", 0), ("m", 0), ("f", 1), ("b", 1), ("m", 1)]


def test_a_source_that_ends_early_is_named() -> None:
    with pytest.raises(VideoError, match="the matte ends after 2 frames, the others go on: cut them to the same length"):
        list(compose([flat(1)] * 3, [flat(2)] * 3, [np.zeros((2, 2), np.uint8)] * 2))


def test_frames_of_different_sizes_are_refused() -> None:
    with pytest.raises(VideoError, match="differ: resize them"):
        next(compose([flat(1)], [np.zeros((2, 3, 3), np.uint8)], [np.zeros((2, 2), np.uint8)]))


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, Path]:
    """A foreground with sound and uneven times, a background and a matte."""
    paths = {name: tmp_path / f"{name}.mp4" for name in ("foreground", "background", "matte", "out")}
    write_foreign(paths["foreground"], noise_frames(), sound=("aac", 44_100), times=[0, 1, 2, 3, 6, 7, 8, 9])
    write_foreign(paths["background"], noise_frames(seed=1))
    write_foreign(paths["matte"], as_video(mask_frames()))
    return paths


def test_a_composite_video_is_its_composed_frames(parts: dict[str, Path]) -> None:
    compose_video(*parts.values(), lossless=True)

    expected = list(compose(noise_frames(), noise_frames(seed=1), mask_frames()))
    assert np.array_equal(list(read_frames(parts["out"])), expected)


def test_a_composite_video_has_the_times_and_the_sound_of_its_foreground(parts: dict[str, Path]) -> None:
    compose_video(*parts.values())

    assert [time for _, time in read_timed_frames(parts["out"])] == [Fraction(time, 25) for time in (0, 1, 2, 3, 6, 7, 8, 9)]
    assert read_sound(parts["out"]) == read_sound(parts["foreground"])


def test_limit_takes_the_first_frames(parts: dict[str, Path]) -> None:
    compose_video(*parts.values(), limit=3)

    assert len(list(read_frames(parts["out"]))) == 3


def test_no_frames_are_no_limit(parts: dict[str, Path]) -> None:
    with pytest.raises(ParameterError, match="limit is 0, expected at least 1 frame"):
        compose_video(*parts.values(), limit=0)


def test_a_video_of_another_size_is_named(parts: dict[str, Path]) -> None:
    write_foreign(parts["matte"], noise_frames(size=(40, 64)))

    with pytest.raises(VideoError, match=r'the matte ".*matte\.mp4" is 40x64, the foreground ".*" 48x64: resize one of them'):
        compose_video(*parts.values())


def test_a_video_of_another_length_is_named_before_the_work(parts: dict[str, Path]) -> None:
    write_foreign(parts["background"], noise_frames(7))

    with pytest.raises(VideoError, match=r'the background ".*" has 7 frames, the foreground ".*" 8: cut them to the same length'):
        compose_video(*parts.values())


def test_a_shorter_video_is_enough_for_a_limit(parts: dict[str, Path]) -> None:
    write_foreign(parts["background"], noise_frames(7))

    compose_video(*parts.values(), limit=7)

    assert len(list(read_frames(parts["out"]))) == 7


def test_a_video_of_unknown_length_that_ends_early_leaves_no_composite(parts: dict[str, Path], tmp_path: Path) -> None:
    write_foreign(tmp_path / "short.mkv", noise_frames(5))

    with pytest.raises(VideoError, match="the background ends after 5 frames"):
        compose_video(parts["foreground"], tmp_path / "short.mkv", parts["matte"], parts["out"])

    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_a_picture_is_not_taken_for_a_video(parts: dict[str, Path], tmp_path: Path) -> None:
    write_png(tmp_path / "still.png", noise_frames(1)[0])

    with pytest.raises(VideoError, match=r'still\.png" is a picture, expected a video'):
        compose_video(parts["foreground"], tmp_path / "still.png", parts["matte"], parts["out"])


@pytest.mark.slow
def test_the_real_clip_keeps_its_background_and_foreground(shared: Path, tmp_path: Path) -> None:
    clip = shared / "data" / "video"

    compose_video(*(clip / f"{name}.mp4" for name in ("foreground", "background", "mask")), tmp_path / "a.mp4", lossless=True, limit=5)

    composites = list(read_frames(tmp_path / "a.mp4"))
    foregrounds, backgrounds = (read_frames(clip / f"{name}.mp4", limit=5) for name in ("foreground", "background"))
    masks = read_frames(clip / "mask.mp4", gray=True, limit=5)
    assert len(composites) == 5
    for composite, foreground, background, mask in zip(composites, foregrounds, backgrounds, masks, strict=True):
        assert composite.shape == (1080, 1920, 3)
        assert 0.12 < (mask > 127).mean() < 0.24  # what the clip's README says
        assert np.array_equal(composite[mask == 255], foreground[mask == 255])
        assert np.array_equal(composite[mask == 0], background[mask == 0])
