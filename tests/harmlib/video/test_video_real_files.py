"""Videos as people have them: untagged, mirrored, with alpha, several sound tracks, mattes of other kinds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from miniature_video import mirror, noise_frames, tone, write_foreign
from PIL import Image

from harmlib import models
from harmlib.errors import MaskError, VideoError
from harmlib.inference.pictures import harmonize
from harmlib.video import FrameHarmonizer, harmonize_video, read_frames, write_video

COLOR = (220, 60, 30)


def write_plain(path: Path, height: int, space: Colorspace, *, tagged: bool, full: bool = False) -> None:
    """Write a frame of one color in a color space, with or without saying so."""
    frame = av.VideoFrame.from_ndarray(np.full((height, 64, 3), COLOR, np.uint8), format="rgb24")
    levels = ColorRange.JPEG if full else ColorRange.MPEG
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 25, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, height, "yuv444p"
        if tagged:
            stream.codec_context.colorspace = space
        if tagged or full:
            stream.codec_context.color_range = levels
        container.mux(stream.encode(frame.reformat(format="yuv444p", dst_colorspace=space, dst_color_range=levels)))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("tagged", [False, True])
@pytest.mark.parametrize(("height", "space"), [(720, Colorspace.ITU709), (480, Colorspace.ITU601)])
def test_colors_of_untagged_videos_are_those_of_their_size(
    height: int, space: Colorspace, tagged: bool, full: bool, tmp_path: Path
) -> None:
    write_plain(tmp_path / "a.mp4", height, space, tagged=tagged, full=full)

    frame = next(read_frames(tmp_path / "a.mp4"))

    assert np.abs(frame.mean((0, 1)) - COLOR).max() <= 2


def test_a_mirrored_video_is_shown_mirrored(tmp_path: Path) -> None:
    frames = noise_frames(2)
    write_foreign(tmp_path / "a.mp4", frames)
    mirror(tmp_path / "a.mp4")

    assert np.array_equal(next(read_frames(tmp_path / "a.mp4")), frames[0][:, ::-1])


def write_alpha(path: Path, colors: np.ndarray, alpha: np.ndarray) -> None:
    """Write two frames with alpha, to the bit."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", 25)
        stream.height, stream.width, stream.pix_fmt = *alpha.shape, "rgba"
        for _ in range(2):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.dstack([colors, alpha]), format="rgba")))
        container.mux(stream.encode(None))


@pytest.fixture
def alpha() -> np.ndarray:
    """A matte, uint8 (48, 64)."""
    matte = np.zeros((48, 64), np.uint8)
    matte[10:30, 20:50] = 255
    return matte


def test_the_alpha_of_a_matte_is_the_mask(tmp_path: Path, alpha: np.ndarray) -> None:
    write_alpha(tmp_path / "cut-out.mov", np.zeros((48, 64, 3), np.uint8), alpha)

    assert np.array_equal(next(read_frames(tmp_path / "cut-out.mov", gray=True)), alpha)


@pytest.mark.parametrize("encoder", ["libvpx", "libvpx-vp9"])
def test_the_alpha_of_webm_counts_like_any_other(encoder: str, tmp_path: Path, alpha: np.ndarray) -> None:
    path, colors = tmp_path / "cut-out.webm", np.full((48, 64, 3), 200, np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, 25, options={"crf": "4", "b": "2M", "auto-alt-ref": "0"})
        stream.height, stream.width, stream.pix_fmt = *alpha.shape, "yuva420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.dstack([colors, alpha]), format="rgba")))
        container.mux(stream.encode(None))

    mattes = list(read_frames(path, gray=True))

    assert len(mattes) == 3
    assert max(np.abs(matte.astype(int) - alpha).mean() for matte in mattes) < 4
    with pytest.raises(VideoError, match="has alpha, which the result could not keep"):
        harmonize_video("reinhard_lab", path, path, tmp_path / "o.mp4")


def test_a_composite_with_alpha_is_refused(tmp_path: Path, alpha: np.ndarray, photo_array: np.ndarray) -> None:
    write_alpha(tmp_path / "a.mov", photo_array, alpha)
    Image.fromarray(alpha).save(tmp_path / "m.png")

    with pytest.raises(VideoError, match="has alpha, which the result could not keep"):
        harmonize_video("reinhard_lab", tmp_path / "a.mov", tmp_path / "m.png", tmp_path / "o.mp4")


def cut_out(alpha: np.ndarray) -> np.ndarray:
    """Return a black cut-out."""
    return np.dstack([np.zeros((*alpha.shape, 3), np.uint8), alpha])


@pytest.mark.parametrize("kind", [lambda alpha: alpha, lambda alpha: alpha // 255, cut_out])
def test_a_still_of_any_kind_is_the_mask_of_every_frame(
    kind: Callable[[np.ndarray], np.ndarray], tmp_path: Path, alpha: np.ndarray, photo_array: np.ndarray
) -> None:
    write_video(tmp_path / "a.mp4", [photo_array] * 2, 25, lossless=True)
    Image.fromarray(kind(alpha)).save(tmp_path / "m.png")

    harmonize_video("reinhard_lab", tmp_path / "a.mp4", tmp_path / "m.png", tmp_path / "o.mp4", lossless=True)

    assert np.array_equal(next(read_frames(tmp_path / "o.mp4")), harmonize("reinhard_lab", photo_array, alpha))


@pytest.mark.parametrize(
    ("matte", "sentence"),
    [(np.full((48, 64, 3), 1, np.uint8), "goes up to 1 only"), (np.full((48, 64, 3), (255, 0, 0), np.uint8), "has colors, such as")],
)
def test_mattes_of_labels_are_refused_and_nothing_is_written(
    matte: np.ndarray, sentence: str, tmp_path: Path, photo_array: np.ndarray
) -> None:
    write_video(tmp_path / "a.mp4", [photo_array] * 2, 25, lossless=True)
    write_video(tmp_path / "m.mp4", [matte] * 2, 25, lossless=True)

    with pytest.raises(MaskError, match=sentence):
        harmonize_video("reinhard_lab", tmp_path / "a.mp4", tmp_path / "m.mp4", tmp_path / "o.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "m.mp4"]


def test_copied_frames_are_told_with_their_reason(tmp_path: Path, alpha: np.ndarray, photo_array: np.ndarray, caplog) -> None:
    write_video(tmp_path / "a.mp4", [photo_array] * 2, 25, lossless=True)
    Image.fromarray(np.full_like(alpha, 255)).save(tmp_path / "m.png")

    with caplog.at_level("INFO"):
        harmonize_video("reinhard_lab", tmp_path / "a.mp4", tmp_path / "m.png", tmp_path / "o.mp4")

    assert '2 of 2 frames of "' in caplog.text
    assert "the mask covers the whole picture" in caplog.text


def test_all_sound_tracks_and_what_is_told_of_them_are_kept(tmp_path: Path, photo_array: np.ndarray, alpha: np.ndarray) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        container.metadata.update(title="a title", creation_time="2020-01-02T03:04:05.000000Z")
        picture = container.add_stream("libx264", 25)
        picture.height, picture.width, picture.pix_fmt = 48, 64, "yuv420p"
        tracks = [container.add_stream("aac", 48000, layout="stereo") for _ in range(2)]
        for track, language in zip(tracks, ("eng", "deu"), strict=True):
            track.metadata.update(language=language, title=f"in {language}")
        for _ in range(25):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(photo_array, format="rgb24")))
        container.mux(picture.encode(None))
        for track in tracks:
            container.mux([*track.encode(tone(48000)), *track.encode(None)])
    Image.fromarray(alpha).save(tmp_path / "m.png")

    harmonize_video("composite", tmp_path / "a.mp4", tmp_path / "m.png", tmp_path / "o.mp4")

    with av.open(str(tmp_path / "o.mp4")) as written:
        assert len(written.streams.audio) == 2
        assert written.metadata["title"] == "a title"
        assert written.metadata["creation_time"] == "2020-01-02T03:04:05.000000Z"
        assert [track.metadata["language"] for track in written.streams.audio] == ["eng", "deu"]
        assert [track.metadata["name"] for track in written.streams.audio] == ["in eng", "in deu"]
        assert all(track.duration * track.time_base > 0.9 for track in written.streams.audio)


def test_a_model_in_training_is_not_changed_by_a_video(photo_array: np.ndarray, alpha: np.ndarray) -> None:
    model = models.create("harmonizer", width=0.125)

    FrameHarmonizer(model)(photo_array, alpha)

    assert all(module.training for module in model.modules())
