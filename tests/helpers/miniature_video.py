"""Miniature videos that tests write, by PyAV itself where our own writer would not make such a file."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 25
SIZE = (48, 64)


def noise_frames(count: int = 8, size: tuple[int, int] = SIZE, seed: int = 0) -> list[np.ndarray]:
    """Frames of blocks in random colors, uint8 RGB: no two are alike."""
    generator = np.random.default_rng(seed)
    height, width = size
    coarse = generator.integers(0, 256, (count, -(-height // 8), -(-width // 8), 3), dtype=np.uint8)
    return [np.kron(frame, np.ones((8, 8, 1), np.uint8))[:height, :width] for frame in coarse]


def mask_frames(count: int = 8, size: tuple[int, int] = SIZE) -> list[np.ndarray]:
    """A soft-edged rectangle that moves one pixel to the right per frame, uint8 (H, W)."""
    masks = [np.zeros(size, np.uint8) for _ in range(count)]
    for number, mask in enumerate(masks):
        mask[10:30, 20 + number : 40 + number] = 255
        mask[10:30, 20 + number] = 128
    return masks


def as_video(masks: list[np.ndarray]) -> list[np.ndarray]:
    """Gray RGB frames of masks."""
    return [np.repeat(mask[..., None], 3, axis=2) for mask in masks]


def write_foreign(
    path: Path,
    frames: list[np.ndarray],
    *,
    times: list[int] | None = None,
    transfer: int | None = None,
    primaries: int | None = None,
    sound: tuple[str, int] | None = None,
    options: dict[str, str] | None = None,
) -> None:
    """Write lossless frames at 25 per second, at ``times`` in periods, with a second of a tone as ``sound`` (codec, rate)."""
    with av.open(str(path), "w", options=options or {}) as container:
        video = container.add_stream("libx264rgb", RATE, options={"crf": "0", "g": "1"})
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt = "rgb24"
        if transfer is not None:
            video.codec_context.color_trc = transfer
        if primaries is not None:
            video.codec_context.color_primaries = primaries
        audio = container.add_stream(*sound, layout="stereo") if sound else None
        for time, frame in zip(times or range(len(frames)), frames, strict=True):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            picture.pts, picture.time_base = time, Fraction(1, RATE)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        if audio is not None:
            container.mux(audio.encode(tone(sound[1])))
            container.mux(audio.encode(None))


def turn(path: Path, quarter_turns: int) -> None:
    """Make players show an MP4 file turned by 1, 2 or 3 quarters counterclockwise, as phones do: by the matrix in its track header."""
    one = 1 << 16
    matrices = {0: (one, 0, 0, one), 1: (0, -one, one, 0), 2: (-one, 0, 0, -one), 3: (0, one, -one, 0)}
    upright, turned = (struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) for a, b, c, d in (matrices[0], matrices[quarter_turns]))
    movie, track = path.read_bytes().split(b"tkhd")
    path.write_bytes(movie + b"tkhd" + track.replace(upright, turned, 1))


def tone(rate: int) -> av.AudioFrame:
    """One second of 440 Hz, stereo."""
    wave = (8000 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2)[None], format="s16", layout="stereo")
    frame.sample_rate, frame.pts = rate, 0
    return frame


def read_sound(path: Path) -> tuple[str, list[tuple[Fraction, bytes]]]:
    """The codec of a file's sound, and (time, content) of its packets."""
    with av.open(str(path)) as container:
        track = container.streams.audio[0]
        packets = [(packet.pts * packet.time_base, bytes(packet)) for packet in container.demux(track) if packet.dts is not None]
        return track.codec_context.codec.canonical_name, packets


def mirror(path: Path) -> None:
    """Make players show an upright MP4 file mirrored left to right, as front cameras do."""
    one = 1 << 16
    upright, mirrored = (struct.pack(">9i", a, 0, 0, 0, one, 0, 0, 0, 1 << 30) for a in (one, -one))
    movie, track = path.read_bytes().split(b"tkhd")
    path.write_bytes(movie + b"tkhd" + track.replace(upright, mirrored, 1))
