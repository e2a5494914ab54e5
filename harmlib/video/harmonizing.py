"""A composite video in, a harmonized one out: frame by frame, filter arguments smoothed over time (Harmonizer sec. 3.4)."""

from __future__ import annotations

import contextlib
import csv
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harmlib import models
from harmlib.errors import ParameterError
from harmlib.inference import pictures as inference
from harmlib.io import images
from harmlib.io.files import replacing
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

    image: uint8 RGB (H, W, 3). copied: the mask has no foreground, and the image is the composite.
    raw, smoothed: the filter arguments (k,) as predicted and as used; None for a copied frame and for methods without arguments.
    """

    image: np.ndarray
    copied: bool
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
        self._model = SmoothedModel(model, average) if model.filters else model

    def __call__(self, frame: np.ndarray, mask: np.ndarray | None) -> HarmonizedFrame:
        """Return the next frame, harmonized; one without foreground is copied and does not touch the average.

        frame: uint8 RGB (H, W, 3); mask: uint8 (H, W), 255 = foreground, or None for a method that needs none.
        Raises MaskError for a missing or misfit mask.
        """
        soft_mask = None if mask is None else mask.astype(np.float32) / 255
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*the composite is returned unchanged", category=UserWarning)
            image, prediction = inference.harmonize_with_prediction(self._model, frame, soft_mask)
        assert isinstance(image, np.ndarray)  # an array was given
        if prediction is None or not self.filters:
            return HarmonizedFrame(image, copied=prediction is None)
        raw, smoothed = (prediction[name][0].cpu().numpy() for name in ("raw_arguments", "arguments"))
        return HarmonizedFrame(image, copied=False, raw=raw, smoothed=smoothed)


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
    """Write the harmonized video: same size, times and sound as the composite.

    model, weights: as for ``harmonize``.
    mask: a gray video of the composite's size and length, or one picture for all frames, 255 = foreground, fractions allowed; None for a
    method that needs none.
    smoothing: as in ``FrameHarmonizer``. lossless: RGB to the bit, to measure on. limit: only the first frames.
    arguments_path: a CSV file to write, one row per frame with its time in seconds and its raw and smoothed arguments.
    Raises VideoError for a file that cannot be used and videos that do not match, MaskError, CheckpointError, and ParameterError for
    arguments that a method does not have.
    """
    model = models.resolve(model, weights)
    inference.check_harmonizer(model)
    harmonizer = FrameHarmonizer(model, smoothing=smoothing)
    if arguments_path is not None and not harmonizer.filters:
        raise ParameterError(f'"{model.name}" predicts no filter arguments: leave arguments_path out')
    moving_mask = {} if mask is None or _is_picture(mask) else {"mask": mask}
    info = check_alike({"composite": composite, **moving_mask}, limit)
    frames = progress(_read_masked(composite, mask, limit), total=count_frames(info, limit), desc=model.name, unit="frame")
    copied = 0
    with (
        writing(out, info, lossless=lossless, sound=composite, whole_sound=limit is None) as writer,
        _argument_table(arguments_path, harmonizer.filters) as record,
    ):
        for frame, time, region in frames:
            result = harmonizer(frame, region)
            writer.write(result.image, time)
            record(time, result)
            copied += result.copied
    if copied:
        logger.info('%d of %d frames of "%s" have no foreground and were copied', copied, writer.frames, composite)


def _read_masked(
    composite: str | os.PathLike[str], mask: str | os.PathLike[str] | None, limit: int | None
) -> Iterator[tuple[np.ndarray, Fraction, np.ndarray | None]]:
    """Yield (frame, time, its mask)."""
    frames = read_timed_frames(composite, limit=limit)
    if mask is not None and not _is_picture(mask):
        moving = read_frames(mask, gray=True, limit=limit)
        yield from ((frame, time, region) for (frame, time), region in in_step({"the composite": frames, "its mask": moving}))
        return
    still = None if mask is None else images.read_soft_mask(mask)
    for frame, time in frames:
        yield frame, time, still


def _is_picture(path: str | os.PathLike[str]) -> bool:
    """Tell whether a mask is one picture for all frames."""
    return Path(path).suffix.lower() in images.IMAGE_SUFFIXES


@contextlib.contextmanager
def _argument_table(path: str | os.PathLike[str] | None, filters: tuple[str, ...]) -> Iterator[Callable[[Fraction, HarmonizedFrame], None]]:
    """Yield a function that appends a frame's arguments to a CSV file, which appears at the end; it does nothing without a path."""
    if path is None:
        yield lambda time, frame: None
        return
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["time", *filters, *(f"{name}_smoothed" for name in filters)])

        def record(time: Fraction, frame: HarmonizedFrame) -> None:
            if frame.raw is None or frame.smoothed is None:
                table.writerow([f"{float(time):.6f}", *[""] * 2 * len(filters)])
            else:
                table.writerow([f"{float(time):.6f}", *(f"{value:.8g}" for value in (*frame.raw, *frame.smoothed))])

        yield record
