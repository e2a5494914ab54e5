"""Harmonizing files: a picture, a folder of pictures or a video; what ``python -m harmlib harmonize`` does."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from harmlib import models
from harmlib.errors import DataError, HarmlibError, ImageError, MaskError, ParameterError
from harmlib.inference.pictures import check_harmonizer, harmonize_with_prediction
from harmlib.io import files, images
from harmlib.io.folders import find_partner, list_pictures
from harmlib.models.released import load_file
from harmlib.progress import progress

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel, Prediction

logger = logging.getLogger(__name__)

DEFAULT_MODEL = "harmonizer"
VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".webm")
# Without chroma subsampling a JPEG result keeps the colors that the method chose.
JPEG: dict[str, Any] = {"format": "JPEG", "quality": 95, "subsampling": 0}
SAVE_OPTIONS: dict[str, dict[str, Any]] = {".png": {"format": "PNG", "compress_level": 1}, ".jpg": JPEG, ".jpeg": JPEG}
# A color profile made for ink or gray would be wrong for the RGB picture that comes out.
RGB_MODES = ("RGB", "RGBA", "RGBX", "P")


def load_model(name: str | None, checkpoint: str | os.PathLike[str] | None) -> HarmonizationModel:
    """Return the model that the command asks for, in evaluation mode.

    name: a method, by default DEFAULT_MODEL, or the one that the checkpoint holds.
    checkpoint: a run folder, a file of weights, or, with a name, weights published by its authors; None: the released weights.
    Raises CheckpointError, ParameterError.
    """
    return models.resolve(name or DEFAULT_MODEL) if checkpoint is None else load_file(checkpoint, name)


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

    mask: the picture's mask; for a folder the folder of masks, of the composites' stems or by iHarmony4's rule (``a_b_c`` has the
    mask ``a_b``); for a video its mask video, or one picture for all frames.
    out: pictures keep EXIF tags and color profile, and the suffix decides between PNG and JPEG of quality 95. Results in a folder keep
    the composites' names; those that exist stay as they are, so that an interrupted run goes on.
    upsampling: as in ``harmonize``. arguments: write the predicted filter arguments beside every result, as JSON; of a video as CSV.
    Raises HarmlibError, naming the file, for the first one that cannot be used: results before it stay.
    """
    check_harmonizer(model)
    source, region, target = Path(composite), None if mask is None else Path(mask), Path(out)
    if region is None and model.needs_mask:
        raise MaskError(f'"{model.name}" needs a mask of the foreground: give --mask')
    if arguments and not model.filters:
        raise ParameterError(f'"{model.name}" predicts no filter arguments: leave --arguments out')
    if target.exists() and any(path is not None and path.exists() and path.samefile(target) for path in (source, region)):
        raise DataError(f'"{target}" is an input: name another place for the result')
    if source.is_dir():
        _harmonize_folder(model, source, region, target, upsampling, arguments)
    elif source.suffix.lower() in VIDEO_SUFFIXES:
        _harmonize_video(model, source, region, target, upsampling, arguments)
    else:
        _harmonize_picture(model, source, region, target, upsampling, arguments)


def _harmonize_folder(model: HarmonizationModel, composites: Path, masks: Path | None, out: Path, upsampling: str, arguments: bool) -> None:
    """Harmonize the pictures of a folder that ``out`` does not have yet."""
    if masks is not None and not masks.is_dir():
        raise DataError(f'"{masks}" is no folder: "{composites}" is one, so give the folder of its masks')
    if out.exists() and not out.is_dir():
        raise DataError(f'"{out}" is a file: name a folder for the results of "{composites}"')
    jobs = [(path, None if masks is None else find_partner(masks, path.stem, 1), out / path.name) for path in list_pictures(composites)]
    waiting = [job for job in jobs if not _is_done(job[-1], arguments)]
    if len(waiting) < len(jobs):
        logger.info('%d of %d results are in "%s" already and stay as they are', len(jobs) - len(waiting), len(jobs), out)
    for composite, mask, result in progress(waiting, desc=model.name, unit="image"):
        _harmonize_picture(model, composite, mask, result, upsampling, arguments)


def _is_done(out: Path, arguments: bool) -> bool:
    """Tell whether a result is there, with its arguments where they are asked for."""
    return out.exists() and (not arguments or _arguments_path(out).exists())


def _harmonize_video(model: HarmonizationModel, composite: Path, mask: Path | None, out: Path, upsampling: str, arguments: bool) -> None:
    """Harmonize a video."""
    from harmlib.video import harmonize_video

    if upsampling != "own":
        raise ParameterError(f'upsampling "{upsampling}" is for pictures, "{composite}" is a video: leave --upsampling out')
    harmonize_video(model, composite, mask, out, arguments_path=out.with_suffix(".csv") if arguments else None)


def _harmonize_picture(model: HarmonizationModel, composite: Path, mask: Path | None, out: Path, upsampling: str, arguments: bool) -> None:
    """Harmonize one picture; the result is written last, so that it stands for the arguments too."""
    if out.is_dir():
        raise ImageError(f'"{out}" is a folder: name the picture, as in "{out / composite.name}"')
    if out.suffix.lower() not in SAVE_OPTIONS:
        raise ImageError(f'"{out}" cannot be written: choose a name that ends in {", ".join(SAVE_OPTIONS)}')
    source = images.open_image(composite)
    if SAVE_OPTIONS[out.suffix.lower()] is JPEG and source.has_transparency_data:
        raise ImageError(f'"{out}" would lose the transparency of "{composite}", which JPEG cannot hold: end its name in .png')
    region = None if mask is None else images.read_soft_mask(mask)
    try:
        with warnings.catch_warnings(record=True, action="always") as caught:
            harmonized, prediction = harmonize_with_prediction(model, source, region, upsampling=upsampling)
    except HarmlibError as error:
        raise type(error)(f'"{composite}": {error}') from error
    assert isinstance(harmonized, Image.Image)  # a picture was given
    for warning in caught:  # Python would show a warning for the first picture only, and not say which
        logger.warning('"%s": %s', composite, warning.message)
    if arguments:
        _write_arguments(_arguments_path(out), model, prediction)
    _save(harmonized, out, source)


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


def _save(picture: Image.Image, path: Path, source: Image.Image) -> None:
    """Write a picture by rename, with the EXIF tags and the color profile of the file it was made from."""
    profile = source.info.get("icc_profile") if source.mode in RGB_MODES else None
    tags = source.getexif()  # its bytes leave out the embedded thumbnail, which would show the composite
    with files.replacing(path) as temporary:
        picture.save(temporary, exif=tags.tobytes() if tags else b"", icc_profile=profile, **SAVE_OPTIONS[path.suffix.lower()])
