"""Composite videos: a foreground over another background, frame by frame, through a soft matte."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from harmlib.errors import ParameterError, VideoError
from harmlib.io.files import check_output
from harmlib.progress import progress
from harmlib.video.reading import VideoInfo, read_frames, read_info, read_timed_frames
from harmlib.video.writing import writing

_END = object()


def compose(foreground: Iterable[np.ndarray], background: Iterable[np.ndarray], matte: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield foreground * m + background * (1 - m), truncated to uint8 (H, W, 3), m = matte / 255.

    foreground, background: uint8 RGB (H, W, 3); matte: uint8 (H, W); one of each at a time.
    Raises VideoError when sizes differ or one ends before the others.
    Source: Harmonizer's code.
    """
    for frames in in_step({"the foreground": foreground, "the background": background, "the matte": matte}):
        yield _blend(*frames)


def compose_video(
    foreground: str | os.PathLike[str],
    background: str | os.PathLike[str],
    matte: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    lossless: bool = False,
    limit: int | None = None,
) -> None:
    """Write the composite of three videos of one size and length, with the times and the sound of the foreground.

    lossless: as in ``writing``. limit: only the first frames.
    Raises VideoError for a file that cannot be used or videos that do not match.
    """
    check_output(out, foreground, background, matte)
    info = check_alike({"foreground": foreground, "background": background, "matte": matte}, limit)
    fronts, backs, mattes = read_timed_frames(foreground), read_frames(background), read_frames(matte, gray=True)
    streams = itertools.islice(in_step({"the foreground": fronts, "the background": backs, "the matte": mattes}), limit)
    with writing(out, info, lossless=lossless, sound=foreground, whole_sound=limit is None) as writer:
        for (front, time), back, alpha in progress(streams, total=count_frames(info, limit), desc="compose", unit="frame"):
            writer.write(_blend(front, back, alpha), time)


def check_alike(videos: Mapping[str, str | os.PathLike[str]], limit: int | None) -> VideoInfo:
    """Return what the first of the videos is like, by role; raises VideoError when another differs in size or known number of frames."""
    if limit is not None and limit < 1:
        raise ParameterError(f"limit is {limit}, expected at least 1 frame, or None for all")
    (first, reference), *others = [(f'the {role} "{path}"', read_info(path)) for role, path in videos.items()]
    for name, info in others:
        if (info.height, info.width) != (reference.height, reference.width):
            found, expected = f"{info.height}x{info.width}", f"{reference.height}x{reference.width}"
            raise VideoError(f"{name} is {found}, {first} {expected}: resize one of them")
        counts = count_frames(info, limit), count_frames(reference, limit)
        if None not in counts and counts[0] != counts[1]:
            raise VideoError(f"{name} has {info.frames} frames, {first} {reference.frames}: cut them to the same length")
    return reference


def count_frames(info: VideoInfo, limit: int | None) -> int | None:
    """Return how many frames of a video are used, None where that is unknown."""
    return limit if info.frames is None else min(info.frames, limit or info.frames)


def in_step(streams: Mapping[str, Iterable[Any]]) -> Iterator[tuple[Any, ...]]:
    """Yield one item of each stream at a time; raises VideoError, by their names, when one ends before the others."""
    for number, items in enumerate(itertools.zip_longest(*streams.values(), fillvalue=_END)):
        ended = [name for name, item in zip(streams, items, strict=True) if item is _END]
        if ended:
            raise VideoError(f"{ended[0]} ends after {number} frames, the others go on: cut them to the same length")
        yield items


def _blend(foreground: np.ndarray, background: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """Return one composite frame. Code: floats. Here: integers, because 199.99... for two equal levels of 200 would become 199."""
    if not foreground.shape == background.shape == (*matte.shape, 3):
        shapes = f"foreground {foreground.shape}, background {background.shape} and matte {matte.shape}"
        raise VideoError(f"frames of the {shapes} differ: resize them")
    alpha = matte[..., None].astype(np.uint16)
    return ((foreground * alpha + background * (255 - alpha)) // 255).astype(np.uint8)
