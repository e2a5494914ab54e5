"""A video file from frames, by rename: H.264 to look at, or lossless RGB to measure on, with the sound of another file.

To look at: libx264, crf 18, BT.709, 4:2:0. Half-size chroma needs even sides, so an odd picture keeps its size and is stored as 4:4:4,
which some browsers do not play. To measure: libx264rgb, crf 0, which comes back to the bit.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream

from harmlib.errors import VideoError
from harmlib.io.files import replacing
from harmlib.video.reading import VideoInfo, as_file, open_file

logger = logging.getLogger(__name__)

# Matroska would round timestamps to milliseconds and let none be negative.
SUFFIX = ".mp4"
# Sound that the container takes as it is. FFmpeg lists more, but fails on some (PCM) after the last frame.
COPIED_SOUND = ("aac", "ac3", "alac", "eac3", "flac", "mp3", "opus")
AAC_RATE = 48_000
# What a container says of itself, not of its content.
ABOUT_THE_FILE = ("major_brand", "minor_version", "compatible_brands", "encoder")
# What a sound track tells of its content, by the name that MP4 writes; the names by which it is read.
OF_A_TRACK = {"language": ("language",), "title": ("title", "name")}
# Measured on 1080p: a slower preset makes no smaller file at crf 18; lossless, it saves a seventh and takes three times as long.
# With x264's macroblock tree the same frames give other bytes from run to run.
VIEWING = {"crf": "18", "preset": "veryfast", "mbtree": "0"}
LOSSLESS = {"crf": "0", "preset": "ultrafast"}


class VideoWriter:
    """Takes the frames of one video in their order; ``writing`` opens and finishes it."""

    def __init__(self, name: str, container: OutputContainer, info: VideoInfo, *, lossless: bool, sounds: Sequence[_Sound]) -> None:
        self.frames, self._name = 0, name
        self._container, self._info, self._lossless, self._sounds = container, info, lossless, sounds
        self._time_base = info.time_base or 1 / info.rate
        self._last, self._end = -math.inf, Fraction(0)  # in units of the time base; in seconds
        self._stream = self._open_stream()

    def write(self, frame: np.ndarray, time: Fraction | None = None) -> None:
        """Append one frame, uint8 RGB (H, W, 3), at ``time`` in seconds, later than the one before; None: one period after it.

        Raises VideoError for a frame of a different kind or size.
        """
        expected = (self._info.height, self._info.width, 3)
        if frame.dtype != np.uint8 or frame.shape != expected:
            raise VideoError(
                f'frame {self.frames} of "{self._name}" is {frame.dtype} {frame.shape}, expected uint8 {expected}: all frames have one size'
            )
        time = self._end if time is None else time
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        if not self._lossless:
            picture = picture.reformat(format=self._stream.pix_fmt, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
        picture.pts, picture.time_base = round(time / self._time_base), self._time_base
        if picture.pts <= self._last:
            raise VideoError(
                f'frame {self.frames} of "{self._name}" would be at {float(time):.3f} s, not after the one before: export its source again'
            )
        self._last = picture.pts
        self._container.mux(self._stream.encode(picture))
        self.frames += 1
        self._end = time + 1 / self._info.rate
        for sound in self._sounds:
            sound.feed(self._container, time)

    def finish(self, *, whole_sound: bool) -> None:
        """Write what the encoders still hold; the sound to its own end, or to that of the last frame."""
        self._container.mux(self._stream.encode(None))
        for sound in self._sounds:
            sound.feed(self._container, None if whole_sound else self._end)

    def _open_stream(self) -> VideoStream:
        """Return the container's video stream, ready to encode."""
        info, options = self._info, LOSSLESS if self._lossless else VIEWING
        stream = self._container.add_stream("libx264rgb" if self._lossless else "libx264", info.rate, options=dict(options))
        stream.height, stream.width = info.height, info.width
        context = stream.codec_context
        context.time_base = self._time_base
        context.sample_aspect_ratio = info.pixel_aspect
        if self._lossless:
            stream.pix_fmt = "rgb24"
            return stream
        odd = info.height % 2 or info.width % 2
        stream.pix_fmt = "yuv444p" if odd else "yuv420p"
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        return stream


class _Sound:
    """One sound track of a file that is open for it alone: packets as they are if the container takes them, else encoded anew as AAC."""

    def __init__(self, source: InputContainer, number: int, container: OutputContainer) -> None:
        track = source.streams.audio[number]
        if track.codec_context.codec.canonical_name in COPIED_SOUND:
            target = container.add_stream_from_template(track)
            self._packets = _copied(source, track, target)
        else:
            logger.info("the sound is %s and is encoded anew as AAC", track.codec_context.name)
            target = container.add_stream("aac", AAC_RATE, layout="mono" if track.channels == 1 else "stereo")
            self._packets = _encoded(source, track, target)
        known = track.metadata
        target.metadata.update({key: known[name] for key, names in OF_A_TRACK.items() for name in names if name in known})
        self._early: list[Packet] = []  # at most one, read ahead

    def feed(self, container: OutputContainer, until: Fraction | None) -> None:
        """Write the packets that start before ``until`` (seconds), or all that are left."""
        for packet in itertools.chain(self._early, self._packets):
            if until is not None and packet.pts is not None and packet.pts * packet.time_base >= until:
                self._early = [packet]
                return
            container.mux_one(packet)
        self._early = []


@contextlib.contextmanager
def writing(
    path: str | os.PathLike[str],
    info: VideoInfo,
    *,
    lossless: bool = False,
    sound: str | os.PathLike[str] | None = None,
    whole_sound: bool = True,
) -> Iterator[VideoWriter]:
    """Yield a writer of a video like ``info`` (size, rate, time base, pixel aspect); the file appears at the end, or not at all.

    path: ends in .mp4.
    lossless: RGB to the bit, to measure on; else H.264 to look at.
    sound: a file whose sound tracks and metadata go into the video; subtitles and other tracks are left out, with a log line.
    whole_sound: the tracks may outlast the last frame.
    Raises VideoError for another suffix, no frames, and what the encoder refuses; DiskSpaceError when the disk is full.
    """
    if Path(path).suffix.lower() != SUFFIX:
        raise VideoError(f'"{path}" cannot be written: choose a name that ends in {SUFFIX}')
    with replacing(path) as temporary, contextlib.ExitStack() as stack:
        stack.enter_context(_encoder_errors(path))
        # MP4 counts where a track starts in units of its own, by default milliseconds.
        units = {"movie_timescale": str((info.time_base or 1 / info.rate).denominator)}
        container = stack.enter_context(av.open(as_file(temporary), "w", options=units))
        tracks = [] if sound is None else _take_over(sound, container, stack)
        writer = VideoWriter(os.fspath(path), container, info, lossless=lossless, sounds=tracks)
        yield writer
        if not writer.frames:
            raise _no_frames(path)
        writer.finish(whole_sound=whole_sound)


def _take_over(path: str | os.PathLike[str], container: OutputContainer, stack: contextlib.ExitStack) -> list[_Sound]:
    """Copy a file's metadata into the container, and return its sound tracks."""
    first = stack.enter_context(open_file(path))
    container.metadata.update({key: text for key, text in first.metadata.items() if key not in ABOUT_THE_FILE})
    others = [stream.type for stream in first.streams if stream.type not in ("video", "audio")]
    if others:
        logger.info('"%s" has other tracks than picture and sound (%s), which are left out', path, ", ".join(others))
    count = len(first.streams.audio)
    sources = [first, *(stack.enter_context(open_file(path)) for _ in range(1, count))]
    return [_Sound(source, number, container) for number, source in zip(range(count), sources, strict=False)]


def write_video(path: str | os.PathLike[str], frames: Iterable[np.ndarray], rate: Fraction | int, *, lossless: bool = False) -> None:
    """Write frames, uint8 RGB (H, W, 3), at a constant rate, without sound; errors as in ``writing``."""
    remaining = iter(frames)
    first = next(remaining, None)
    if first is None:
        raise _no_frames(path)
    height, width = first.shape[:2]
    with writing(path, VideoInfo(height, width, Fraction(rate)), lossless=lossless) as writer:
        for frame in itertools.chain([first], remaining):
            writer.write(frame)


def _no_frames(path: str | os.PathLike[str]) -> VideoError:
    """Return the error of a video that would be empty."""
    return VideoError(f'"{path}" was given no frames, so it is not written')


@contextlib.contextmanager
def _encoder_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what FFmpeg refuses into a VideoError; errors of the disk pass."""
    try:
        yield
    except av.error.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise VideoError(f'"{path}" cannot be written ({error.strerror}): check the size, the rate and the sound of its source') from error


def _copied(source: InputContainer, track: AudioStream, target: AudioStream) -> Iterator[Packet]:
    """Yield the track's packets, addressed to a new track."""
    for packet in source.demux(track):
        if packet.dts is not None:  # the last one is empty
            packet.stream = target
            yield packet


def _encoded(source: InputContainer, track: AudioStream, target: AudioStream) -> Iterator[Packet]:
    """Yield the track as packets of a new track's own encoder."""
    for frame in source.decode(track):
        yield from target.encode(frame)
    yield from target.encode(None)
