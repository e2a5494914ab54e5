"""A composite video in, a harmonized one out: frame by frame, filter arguments smoothed over time (Harmonizer sec. 3.4)."""

from __future__ import annotations

import contextlib
import csv
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harmlib import models
from harmlib.errors import DataError, MaskError, ParameterError, VideoError
from harmlib.inference import pictures as inference
from harmlib.inference import render
from harmlib.io import images, masks
from harmlib.io.files import check_output, replacing
from harmlib.io.masks import LABELS, to_mask
from harmlib.progress import progress
from harmlib.video.averaging import SMOOTHING, ArgumentAverage
from harmlib.video.composing import check_alike, count_frames, in_step
from harmlib.video.reading import read_frames, read_timed_frames
from harmlib.video.writing import writing

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HarmonizedFrame:
    """One frame of the result.

    image: uint8 RGB (H, W, 3). reason: why it is the composite's, such as a mask without foreground; empty for a harmonized one.
    raw, smoothed: the filter arguments (k,) as predicted and as used; None for a copied frame and for methods without arguments.
    """

    image: np.ndarray
    reason: str = ""
    raw: np.ndarray | None = None
    smoothed: np.ndarray | None = None


class FrameHarmonizer:
    """Harmonizes the frames of one video in their order.

    model: any method; the arguments of one with ``filters`` are averaged over the frames, others see every frame alone.
    smoothing: weight of the past in the average, 0 for none.
    """

    def __init__(self, model: HarmonizationModel, *, smoothing: float = SMOOTHING) -> None:
        from harmlib.video.smoothing import SmoothedModel

        average = ArgumentAverage(smoothing)
        self.filters = model.filters
        model = render.evaluating(model)
        self._model = SmoothedModel(model, average) if model.filters else model

    def __call__(self, frame: np.ndarray, mask: np.ndarray | None) -> HarmonizedFrame:
        """Return the next frame, harmonized; one without foreground is copied and does not touch the average.

        frame: uint8 RGB (H, W, 3); mask: uint8 (H, W), 255 = foreground, or None for a method that needs none.
        Raises MaskError for a missing or misfit mask.
        """
        given = inference.read_picture(frame).pixels
        # A single frame cannot tell whether 1 is faint or full, a whole video can: 255 is foreground.
        region = None if mask is None else to_mask(mask.astype(np.float32) / 255, given)
        if region is None and self._model.needs_mask:
            raise MaskError(f'"{self._model.name}" needs a mask of the foreground: give one, 1 = foreground')
        region = region if self._model.needs_mask else None
        if reason := inference.why_unchanged(self._model, region):
            return HarmonizedFrame(given.copy(), reason)
        image, prediction = render.render_picture(self._model, given, region)
        if prediction is None:
            return HarmonizedFrame(image, "the mask is empty at the working size")
        if not self.filters:
            return HarmonizedFrame(image)
        raw, smoothed = (prediction[name][0].cpu().numpy() for name in ("raw_arguments", "arguments"))
        return HarmonizedFrame(image, raw=raw, smoothed=smoothed)


def harmonize_video(
    model: HarmonizationModel | str,
    composite: str | os.PathLike[str],
    mask: str | os.PathLike[str] | None,
    out: str | os.PathLike[str],
    *,
    smoothing: float = SMOOTHING,
    lossless: bool = False,
    arguments_path: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    weights: str | os.PathLike[str] | None = None,
) -> None:
    """Write the harmonized video: same size, times, sound and metadata as the composite.

    model, weights: as for ``harmonize``.
    mask: a gray video of the composite's size and length, or a video whose alpha is the mask, or one picture for all frames (``io.masks``),
    255 = foreground, fractions allowed; None for a method that needs none.
    smoothing: as in ``FrameHarmonizer``. lossless: RGB to the bit, to measure on. limit: only the first frames.
    arguments_path: a CSV file to write, one row per frame with its time in seconds and its raw and smoothed arguments.
    Raises VideoError for a file that cannot be used (alpha could not be kept) and for videos that do not match, DataError where a result
    would replace an input or another file than such a table, MaskError, CheckpointError, and ParameterError for arguments that a method
    does not have.
    """
    model = models.resolve(model, weights)
    inference.check_harmonizer(model)
    harmonizer = FrameHarmonizer(model, smoothing=smoothing)
    if arguments_path is not None and not harmonizer.filters:
        raise ParameterError(f'"{model.name}" predicts no filter arguments: leave arguments_path out')
    check_output(out, composite, mask)
    if arguments_path is not None:
        check_output(arguments_path, composite, mask)
        head = (",".join(_header(harmonizer.filters)) + "\n").encode()
        if Path(arguments_path).exists() and not Path(arguments_path).read_bytes().startswith(head):
            raise DataError(
                f'"{arguments_path}" is there and is no table of these arguments: move it away, or choose another name for the result'
            )
    moving_mask = {} if mask is None or _is_picture(mask) else {"mask": mask}
    info = check_alike({"composite": composite, **moving_mask}, limit)
    if info.alpha:
        raise VideoError(f'"{composite}" has alpha, which the result could not keep: flatten it onto a background first')
    frames = progress(_read_masked(composite, mask, limit), total=count_frames(info, limit), desc=model.name, unit="frame")
    reasons: list[str] = []
    with (
        writing(out, info, lossless=lossless, sound=composite, whole_sound=limit is None) as writer,
        _argument_table(arguments_path, harmonizer.filters) as record,
    ):
        for frame, time, region in frames:
            result = harmonizer(frame, region)
            writer.write(result.image, time)
            record(time, result)
            reasons += [result.reason] if result.reason else []
    if reasons:
        logger.info('%d of %d frames of "%s" were copied: %s', len(reasons), writer.frames, composite, ", ".join(sorted(set(reasons))))


def _read_masked(
    composite: str | os.PathLike[str], mask: str | os.PathLike[str] | None, limit: int | None
) -> Iterator[tuple[np.ndarray, Fraction, np.ndarray | None]]:
    """Yield (frame, time, its mask)."""
    frames = read_timed_frames(composite, limit=limit)
    if mask is not None and not _is_picture(mask):
        moving = _on_scale(read_frames(mask, gray=True, limit=limit), mask)
        yield from ((frame, time, region) for (frame, time), region in in_step({"the composite": frames, "its mask": moving}))
        return
    still = None if mask is None else masks.read_soft_mask(mask)
    for frame, time in frames:
        yield frame, time, still


def _on_scale(mattes: Iterator[np.ndarray], path: str | os.PathLike[str]) -> Iterator[np.ndarray]:
    """Yield mattes; raises MaskError at the end, so that nothing is written, when they never went beyond the numbers of labels."""
    highest = 0
    for matte in mattes:
        highest = max(highest, int(matte.max()))
        yield matte
    if 0 < highest < LABELS:
        raise MaskError(f'the matte "{path}" goes up to {highest} only: scale it, so that 255 is foreground')


def _is_picture(path: str | os.PathLike[str]) -> bool:
    """Tell whether a mask is one picture for all frames."""
    return Path(path).suffix.lower() in images.IMAGE_SUFFIXES


def _header(filters: tuple[str, ...]) -> list[str]:
    """Return the first line of a table of arguments."""
    return ["time", *filters, *(f"{name}_smoothed" for name in filters)]


@contextlib.contextmanager
def _argument_table(path: str | os.PathLike[str] | None, filters: tuple[str, ...]) -> Iterator[Callable[[Fraction, HarmonizedFrame], None]]:
    """Yield a function that appends a frame's arguments to a CSV file, which appears at the end; it does nothing without a path."""
    if path is None:
        yield lambda time, frame: None
        return
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(_header(filters))

        def record(time: Fraction, frame: HarmonizedFrame) -> None:
            if frame.raw is None or frame.smoothed is None:
                table.writerow([f"{float(time):.6f}", *[""] * 2 * len(filters)])
            else:
                table.writerow([f"{float(time):.6f}", *(f"{value:.8g}" for value in (*frame.raw, *frame.smoothed))])

        yield record
