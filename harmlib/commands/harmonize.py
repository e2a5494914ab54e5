"""Harmonizing files: a picture, a folder of pictures or a video; what ``python -m harmlib harmonize`` does."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from harmlib import models
from harmlib.errors import DataError, HarmlibError, ImageError, MaskError, ParameterError
from harmlib.inference.pictures import check_harmonizer, harmonize_with_prediction, naming_warnings
from harmlib.io import files, images, masks
from harmlib.io.documents import read_json
from harmlib.io.folders import do_each, find_partners, list_pictures
from harmlib.io.refusals import is_special
from harmlib.io.saving import check_savable, save_picture
from harmlib.models.released import load_file
from harmlib.progress import progress

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel, Prediction

logger = logging.getLogger(__name__)

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".3gp")


def load_model(name: str | None, checkpoint: str | os.PathLike[str] | None, default: str = "harmonizer") -> HarmonizationModel:
    """Return the model that the command asks for, in evaluation mode.

    name: a method; None for the one that the checkpoint holds, without a checkpoint ``default``.
    checkpoint: a run folder, a file of weights, or, with a name, weights published by its authors; None: the released weights.
    Raises CheckpointError, ParameterError.
    """
    return models.resolve(name or default) if checkpoint is None else load_file(checkpoint, name)


def harmonize_files(
    model: HarmonizationModel,
    composite: str | os.PathLike[str],
    mask: str | os.PathLike[str] | None,
    out: str | os.PathLike[str],
    *,
    upsampling: str = "own",
    arguments: bool = False,
) -> None:
    """Harmonize a picture, every picture of a folder, or a video into ``out``, which is of the same kind.

    mask: the picture's mask; for a folder the folder of masks, all of the composites' stems or all by iHarmony4's rule (``a_b_c``
    has the mask ``a_b``); for a video its mask video, or one picture for all frames.
    out: pictures keep what ``save_picture`` says, and the suffix decides the format. Results in a folder keep the composites' names; those
    that exist stay as they are, so an interrupted run resumes. A single result that is named here is replaced, unless it is an input.
    upsampling: as in ``harmonize``. arguments: write the predicted filter arguments beside every result, as JSON; of a video as CSV.
    Raises HarmlibError, naming the file, for one that cannot be used; in a folder, after all the others are done.
    """
    check_harmonizer(model)
    source, region, target = Path(composite), None if mask is None else Path(mask), Path(out)
    if not source.exists():
        raise DataError(f'"{composite}" does not exist')
    for given in (source, region):
        if given is not None and is_special(given):
            raise DataError(f'"{given}" is a pipe or a device: save it as a file first')
    if region is None and model.needs_mask:
        raise MaskError(f'"{model.name}" needs a mask of the foreground: give --mask')
    if arguments and not model.filters:
        raise ParameterError(f'"{model.name}" predicts no filter arguments: leave --arguments out')
    files.check_output(target, source, region)
    files.remove_partial(target)
    if source.is_dir():
        _harmonize_folder(model, source, region, target, upsampling, arguments)
    elif source.suffix.lower() in VIDEO_SUFFIXES:
        from harmlib.video import harmonize_video

        if upsampling != "own":
            raise ParameterError(f'upsampling "{upsampling}" is for pictures, "{composite}" is a video: leave --upsampling out')
        harmonize_video(model, source, region, target, arguments_path=target.with_suffix(".csv") if arguments else None)
    else:
        _harmonize_picture(model, source, region, target, upsampling, arguments)


def _harmonize_folder(model: HarmonizationModel, composites: Path, masks: Path | None, out: Path, upsampling: str, arguments: bool) -> None:
    """Harmonize the pictures of a folder that ``out`` does not have yet."""
    if masks is not None and not masks.is_dir():
        raise DataError(f'"{masks}" is no folder: "{composites}" is one, so give the folder of its masks')
    if out.exists() and not out.is_dir():
        raise DataError(f'"{out}" is a file: name a folder for the results of "{composites}"')
    pictures = list_pictures(composites)
    partners = [None] * len(pictures) if masks is None else find_partners(pictures, masks, 1)
    jobs = [(path, mask, out / path.name) for path, mask in zip(pictures, partners, strict=True)]
    waiting = [job for job in jobs if not _is_done(job[-1], arguments)]
    if len(waiting) < len(jobs):
        logger.info(
            '%d of %d results are in "%s" already and stay as they are, whatever made them', len(jobs) - len(waiting), len(jobs), out
        )
    bar = progress(waiting, desc=model.name, unit="image")
    do_each(bar, lambda path, mask, result: _harmonize_picture(model, path, mask, result, upsampling, arguments))


def _is_done(out: Path, arguments: bool) -> bool:
    """Tell whether a result is there, with its arguments where they are asked for."""
    return out.exists() and (not arguments or _holds_arguments(_arguments_path(out)))


def _harmonize_picture(model: HarmonizationModel, composite: Path, mask: Path | None, out: Path, upsampling: str, arguments: bool) -> None:
    """Harmonize one picture; the result is written last, so that it stands for the arguments too."""
    source = _open(composite)
    if out.is_dir():
        raise ImageError(f'"{out}" is a folder: name the picture, as in "{out / composite.name}"')
    check_savable(out, source, f'"{composite}"')
    table = _arguments_path(out) if arguments else None
    files.check_output(out, composite, mask)
    if table is not None:
        files.check_output(table, composite, mask)
        if table.exists() and not _holds_arguments(table):
            raise DataError(f'"{table}" is there and holds no filter arguments: move it away, or choose another name for the result')
    region = None if mask is None else masks.read_soft_mask(mask)
    try:
        with naming_warnings(f'"{composite}"'):
            harmonized, prediction = harmonize_with_prediction(model, source, region, upsampling=upsampling)
    except HarmlibError as error:
        raise type(error)(f'"{composite}": {error}') from error
    assert isinstance(harmonized, Image.Image)  # a picture was given
    if table is not None:
        _write_arguments(table, model, prediction)
    save_picture(harmonized, out)


def _open(composite: Path) -> Image.Image:
    """Return a picture; the sentence for what is none tells what a video may be called."""
    try:
        return images.open_image(composite)
    except ImageError as error:
        if composite.suffix.lower() in images.IMAGE_SUFFIXES:
            raise
        raise ImageError(f"{error}; videos end in {', '.join(VIDEO_SUFFIXES)}") from error


def _arguments_path(out: Path) -> Path:
    """Return where the filter arguments of a result go."""
    return out.with_suffix(".json")


def _write_arguments(path: Path, model: HarmonizationModel, prediction: Prediction | None) -> None:
    """Write the arguments as the filters take them, in [-1, 1]; none for a composite that was returned unchanged."""
    values = {}
    if prediction is not None:
        arguments = prediction["arguments"][0].clamp(-1, 1).tolist()
        values = {name: round(argument, 6) for name, argument in zip(model.filters, arguments, strict=True)}
    files.write_json(path, {"model": model.name, "filters": values})


def _holds_arguments(path: Path) -> bool:
    """Tell whether a file is what ``_write_arguments`` writes."""
    try:
        content = read_json(path)
    except HarmlibError:
        return False
    return isinstance(content, dict) and set(content) == {"model", "filters"}
