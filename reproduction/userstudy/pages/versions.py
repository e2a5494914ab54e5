"""The pictures that raters see: harmonized, spoiled, or the composite as it came, all encoded the same way."""

from __future__ import annotations

import colorsys
import hashlib
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from harmlib.errors import HarmlibError
from harmlib.inference.pictures import harmonize, naming_warnings
from harmlib.io import files, images, masks
from harmlib.io.metadata import RGB_MODES
from harmlib.progress import progress
from reproduction.userstudy.pages.items import Item
from reproduction.userstudy.pages.naming import Key
from reproduction.userstudy.pages.planning import is_spoiled, spoiled_number

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel

logger = logging.getLogger(__name__)

# Spoiled foregrounds: one of these hues (of 1), in turn, at this weight; the rest is the foreground's own lightness.
SPOILED_HUES = (0.83, 0.33, 0.5, 0.0, 0.66, 0.16)
SPOILED_WEIGHT = 0.6
# The time of all pictures' files (the earliest that a ZIP archive holds): in the order of making, methods would stand together.
FILE_TIME = 315532800


@dataclass(frozen=True)
class Encoding:
    """How the pictures of a study are written.

    longest_side: in pixels, larger pictures are shrunk. pixel_bytes: a pixel's share of a file, measured on real composites.
    """

    suffix: str
    longest_side: int
    pixel_bytes: float
    options: Mapping[str, Any]


# Without chroma subsampling a JPEG keeps the colors that a method chose.
PHOTOS = Encoding(".jpg", 1280, 0.7, {"format": "JPEG", "quality": 95, "subsampling": 0})
# The filters of a page must find the pixels that harmlib's would find.
EXACT = Encoding(".png", 512, 2.0, {"format": "PNG", "compress_level": 6})


def weights_fingerprint(model: HarmonizationModel) -> str:
    """Return the SHA-256 of a model's weights: another training makes another study."""
    digest = hashlib.sha256(repr(sorted(model.options.items())).encode())
    for name, values in sorted(model.state_dict().items()):
        digest.update(name.encode() + values.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def make_versions(key: Key, items: Mapping[str, Item], models: Mapping[str, HarmonizationModel], folder: Path, encoding: Encoding) -> None:
    """Write the pictures that ``folder`` does not have yet under the names of the key.

    Raises HarmlibError that names the composite for the first that cannot be made.
    """
    waiting = [(name, items[item], version) for name, (item, version) in key.images.items() if not (folder / name).exists()]
    if len(waiting) < len(key.images):
        logger.info("%d of %d pictures are there already and stay as they are", len(key.images) - len(waiting), len(key.images))
    if not waiting:
        return
    files.check_free_space(folder, int(len(waiting) * encoding.longest_side**2 * encoding.pixel_bytes))
    # The first of every version tells how long the others take.
    firsts = list({version: (name, item, version) for name, item, version in reversed(waiting)}.values())
    rest = [job for job in waiting if job not in firsts]
    seconds: dict[str, float] = {}
    for index, (name, item, version) in enumerate(progress(firsts + rest, desc="pictures", unit="image")):
        if index == len(firsts):
            total = sum(seconds[version] for _, _, version in rest)
            words = f"{total:.0f} seconds" if total < 90 else f"{total / 60:.0f} minutes"
            logger.info("%d more pictures take up to %s", len(rest), words)
        started = time.perf_counter()
        _write(folder / name, _make(item, version, models, encoding.longest_side), encoding)
        seconds.setdefault(version, time.perf_counter() - started)


def fit(array: np.ndarray, longest_side: int, resampling: str) -> np.ndarray:
    """Return a picture or map shrunk to ``longest_side`` where it is larger."""
    scale = min(1.0, longest_side / max(array.shape[:2]))
    size = (max(1, round(array.shape[0] * scale)), max(1, round(array.shape[1] * scale)))
    return images.resize(array, size, resampling)


def spoil(image: np.ndarray, foreground: np.ndarray, number: int) -> np.ndarray:
    """Return a picture whose foreground anybody sees to be wrong.

    image: (H, W, 3), uint8. foreground: (H, W), bool. number: which of SPOILED_HUES.
    """
    values = image.astype(np.float32)
    color = 255 * np.array(colorsys.hsv_to_rgb(SPOILED_HUES[number % len(SPOILED_HUES)], 1, 1), np.float32)
    wrong = SPOILED_WEIGHT * color + (1 - SPOILED_WEIGHT) * values.mean(2, keepdims=True)
    return np.where(foreground[..., None], wrong.round(), values).astype(np.uint8)


def _make(item: Item, version: str, models: Mapping[str, HarmonizationModel], longest_side: int) -> np.ndarray:
    """Return one version at the size it is shown in, uint8 (h, w, 3)."""
    composite = to_srgb(item.composite)
    if is_spoiled(version):
        made = spoil(composite, masks.read_mask(item.mask), spoiled_number(version))
    else:
        try:
            with naming_warnings(f'"{item.composite}"'):
                made = np.asarray(harmonize(models[version], composite, masks.read_soft_mask(item.mask)))
        except HarmlibError as error:
            raise type(error)(f'"{item.composite}": {error}') from error
    return fit(made, longest_side, "bicubic")


def to_srgb(path: Path) -> np.ndarray:
    """Return a picture as raters' screens will show it, uint8 sRGB (H, W, 3): a page's pictures carry no profile."""
    picture = images.open_image(path)
    profile, name = picture.info.get("icc_profile"), f'"{path}"'
    if not profile or picture.mode not in RGB_MODES:
        return np.asarray(images.to_rgb(picture, name))
    return np.asarray(images.by_profile(images.to_rgb(picture, name), profile, name))


def _write(path: Path, picture: np.ndarray, encoding: Encoding) -> None:
    """Write a picture by rename, without any metadata."""
    with files.replacing(path) as temporary:
        Image.fromarray(picture).save(temporary, **encoding.options)
        os.utime(temporary, (FILE_TIME, FILE_TIME))
