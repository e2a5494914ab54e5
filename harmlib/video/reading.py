"""Frames of a video file, one at a time: uint8 RGB, upright, with their timestamps."""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec import CodecContext
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc
from av.video.stream import VideoStream

from harmlib.errors import VideoError
from harmlib.io.masks import check_gray

logger = logging.getLogger(__name__)

# What FFmpeg may take a file for: videos, and what is refused in words of its own, pictures and sound. Playlists name other files.
FORMATS = (
    "mov,mp4,matroska,webm,avi,mpeg,mpegts,mpegvideo,m4v,asf,flv,ogg,h264,hevc,av1,obu,ivf,nut,dv,mjpeg,yuv4mpegpipe,gif,apng,mp3,wav,flac,aac,"
    "image2,bmp_pipe,gif_pipe,jpeg_pipe,png_pipe,tiff_pipe,webp_pipe"
)
HDR = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)
# From so many lines on, an untagged video is taken for HD, as players do: ITU-R BT.709 there, BT.601 below.
HD_LINES = 720
UNSPECIFIED = 2  # FFmpeg's AVCOL_SPC_UNSPECIFIED
# WebM keeps alpha beside the picture, where FFmpeg's own decoders do not look.
DECODERS_OF_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
# Every fourth pixel of a matte is checked for color: regions of labels are larger.
COLOR_STEP = 4
# A file that is read to its end may stop this much before the duration it announces: sound and picture rarely end together.
SLACK_SECONDS = 0.5


@dataclass(frozen=True)
class VideoInfo:
    """What a video is like.

    height, width: of the upright frames.
    rate: frames per second, the mean if they vary.
    frames: how many, or None where the file does not say (Matroska).
    time_base: the unit of the timestamps in seconds; None: 1 / rate.
    pixel_aspect: width of a pixel over its height. alpha: its pixels have an alpha channel.
    """

    height: int
    width: int
    rate: Fraction
    frames: int | None = None
    has_audio: bool = False
    time_base: Fraction | None = None
    pixel_aspect: Fraction = Fraction(1)
    alpha: bool = False


def read_info(path: str | os.PathLike[str]) -> VideoInfo:
    """Return what a video is like, from its header and its first frame; raises VideoError for what is no readable video, and for HDR."""
    with _opened(path) as (container, stream):
        frame = next(_decode(container, stream, path), None)
        if frame is None:
            raise VideoError(f'"{path}" has no frames: export it again')
        height, width = _upright(frame, "gray").shape
        aspect = stream.sample_aspect_ratio or Fraction(1)
        turned = (height, width) != (frame.height, frame.width)
        return VideoInfo(
            height,
            width,
            _rate(stream),
            _count_frames(stream),
            bool(container.streams.audio),
            stream.time_base,
            1 / aspect if turned else aspect,
            has_alpha(frame),
        )


def read_frames(path: str | os.PathLike[str], *, gray: bool = False, limit: int | None = None) -> Iterator[np.ndarray]:
    """Yield the frames of a video; arguments and errors as in ``read_timed_frames``."""
    return (frame for frame, _ in read_timed_frames(path, gray=gray, limit=limit))


def read_timed_frames(
    path: str | os.PathLike[str], *, gray: bool = False, limit: int | None = None
) -> Iterator[tuple[np.ndarray, Fraction]]:
    """Yield each frame with its time in seconds.

    Frames are uint8 RGB (H, W, 3), turned and mirrored as the file says, or (H, W) if ``gray``; more than 8 bits are reduced to 8. Colors
    without a tag are BT.709 from 720 lines on, BT.601 below. Gray frames are mattes: of a video with alpha that is not full in its first
    frame, its alpha; colors are refused.
    limit: the number of frames after which to stop, None for all.
    Raises MaskError for a matte in color, VideoError as ``read_info`` does, and when the file turns out to be damaged or truncated.
    """
    pixels = "gray" if gray else "rgb24"
    with _opened(path) as (container, stream):
        for number, frame in enumerate(itertools.islice(_decode(container, stream, path), limit)):
            if gray and number == 0 and has_alpha(frame) and (_upright(frame, "alpha") < 255).any():
                pixels = "alpha"
                logger.info('"%s" has alpha, which is the matte', path)
            if pixels == "gray" and not frame.format.name.startswith("gray"):
                check_gray(_upright(frame, "rgb24")[::COLOR_STEP, ::COLOR_STEP], f'frame {number} of "{path}"')
            if frame.pts is None or frame.time_base is None:
                yield _upright(frame, pixels), number / _rate(stream)
            else:
                yield _upright(frame, pixels), frame.pts * frame.time_base


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Yield a file's container and video stream; what FFmpeg complains about meanwhile becomes a VideoError."""
    if Path(path).is_dir():
        raise VideoError(f'"{path}" is a folder: name a video in it')
    try:
        container = open_file(path)
    except FileNotFoundError as error:
        raise VideoError(f'"{path}" does not exist') from error
    except av.error.FFmpegError as error:
        raise VideoError(f'"{path}" is no video, or a truncated one ({error.strerror}): export it again as H.264 in .mp4') from error
    with container:
        try:
            yield container, _video_stream(container, path)
        except av.error.FFmpegError as error:
            raise VideoError(f'"{path}" is damaged or truncated ({error.strerror}): fetch or export it again') from error


def open_file(path: str | os.PathLike[str]) -> InputContainer:
    """Return an open file, whatever its name: never an address, a device, or a list of other files; raises av.error.FFmpegError."""
    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
    return av.open(as_file(path), options=options, metadata_errors="replace")


def as_file(path: str | os.PathLike[str]) -> str:
    """Return a path as FFmpeg takes it for a file: "10:30.mp4" would be an address of the protocol 10."""
    return f"file:{Path(path).absolute()}"


def _video_stream(container: InputContainer, path: str | os.PathLike[str]) -> VideoStream:
    """Return the first moving picture of a file; raises VideoError when there is none that can be shown on 8 bits."""
    if container.format.name == "image2" or container.format.name.endswith("_pipe"):
        raise VideoError(f'"{path}" is a picture, expected a video')
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        raise VideoError(f'"{path}" has no video stream: check that it is the right file')
    stream = streams[0]
    if stream.codec_context is None:
        raise VideoError(f'"{path}" has a video stream of an unknown kind: export it again as H.264 in .mp4')
    if stream.color_trc in HDR:
        raise VideoError(f'"{path}" is HDR, whose levels are no sRGB: convert it to SDR (BT.709) first')
    if stream.color_primaries == ColorPrimaries.BT2020:
        raise VideoError(f'"{path}" has colors of BT.2020, which would look pale as those of BT.709: convert it to BT.709 first')
    stream.thread_type = "AUTO"
    return stream


def _decode(container: InputContainer, stream: VideoStream, path: str | os.PathLike[str]) -> Iterator[VideoFrame]:
    """Yield the decoded frames; raises VideoError when the file ends before its time."""
    expected, found, end, decoder = _count_frames(stream), 0, Fraction(0), _decoder(stream)
    for packet in container.demux():
        if packet.pts is not None and packet.time_base is not None:
            end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
        if packet.stream.index != stream.index:  # not stream_index, which the empty last packets lack
            continue
        found += packet.size > 0 and not packet.is_discard
        if packet.is_corrupt:
            raise VideoError(f'"{path}" is damaged or truncated at about {float(end):.1f} s: fetch or export it again')
        yield from decoder.decode(packet)
    if expected is not None and found < expected:
        raise VideoError(f'"{path}" is truncated, it has {found} of its {expected} frames: fetch or export it again')
    # Matroska has no table of its frames, only a duration.
    announced = 0 if expected is not None or container.duration is None else Fraction(container.duration, av.time_base)
    if end + Fraction(SLACK_SECONDS) < announced:
        raise VideoError(f'"{path}" is truncated, it ends at {float(end):.1f} of its {float(announced):.1f} s: fetch or export it again')


def _decoder(stream: VideoStream) -> VideoCodecContext:
    """Return what decodes a stream, its alpha too."""
    context = stream.codec_context
    if stream.metadata.get("alpha_mode") != "1" or context.name not in DECODERS_OF_ALPHA:
        return context
    decoder = CodecContext.create(DECODERS_OF_ALPHA[context.name], "r")
    assert isinstance(decoder, VideoCodecContext)
    return decoder


def _count_frames(stream: VideoStream) -> int | None:
    """Return the number of frames that a file announces (those that an edit list hides left out), or None."""
    return sum(not entry.is_discard for entry in stream.index_entries) if stream.frames else None


def _rate(stream: VideoStream) -> Fraction:
    """Return the mean frames per second; a raw stream that knows no times counts as 25, as FFmpeg does."""
    return stream.average_rate or stream.guessed_rate or Fraction(25)


def has_alpha(frame: VideoFrame) -> bool:
    """Tell whether a frame has an alpha channel."""
    return any(component.is_alpha for component in frame.format.components)


def _upright(frame: VideoFrame, pixels: str) -> np.ndarray:
    """Return a decoded frame as an array, row by row in memory, turned and mirrored as its display matrix says."""
    if pixels == "alpha":
        array = frame.to_ndarray(format="rgba")[..., 3]
    elif pixels == "rgb24" and frame.colorspace == UNSPECIFIED:
        array = frame.to_ndarray(format=pixels, src_colorspace=Colorspace.ITU709 if frame.height >= HD_LINES else Colorspace.ITU601)
    else:
        array = frame.to_ndarray(format=pixels)
    return np.ascontiguousarray(_as_displayed(array, frame))


def _as_displayed(array: np.ndarray, frame: VideoFrame) -> np.ndarray:
    """Return an array (H, W, ...) as the display matrix shows it: quarter turns, mirrored or not."""
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return array
    a, b, _, c, d = np.frombuffer(bytes(matrix), "<i4")[:5].astype(np.float64)
    mirrored = a * d - b * c < 0
    turned = np.rot90(array, -round(math.degrees(math.atan2(b, -a if mirrored else a)) / 90))
    return turned[:, ::-1] if mirrored else turned  # FFmpeg mirrors after it turned (av_display_matrix_flip)
