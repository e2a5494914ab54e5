"""Pictures to disk, with what their files held besides the pixels."""

from __future__ import annotations

import io
import logging
import os
from pathlib import Path
from typing import Any

from PIL import Image

from harmlib.errors import ImageError
from harmlib.io.files import replacing
from harmlib.io.metadata import has_blocks, shortened

logger = logging.getLogger(__name__)

# Without chroma subsampling a lossy result keeps the colors that the method chose.
JPEG: dict[str, Any] = {"format": "JPEG", "quality": 95, "subsampling": 0}
TIFF: dict[str, Any] = {"format": "TIFF", "compression": "tiff_lzw"}
SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG", "compress_level": 1},
    ".jpg": JPEG,
    ".jpeg": JPEG,
    ".jfif": JPEG,
    ".webp": {"format": "WEBP", "lossless": True, "quality": 0},  # here the effort, not the likeness
    ".tif": TIFF,
    ".tiff": TIFF,
    ".bmp": {"format": "BMP"},
    ".avif": {"format": "AVIF", "quality": 95, "subsampling": "4:4:4"},
}
OPAQUE = ("JPEG", "BMP")
# What a format cannot hold (Pillow writes neither dots per inch into WebP and AVIF, nor anything else into BMP).
LOSSES = {"BMP": ("icc_profile", "exif"), "WEBP": ("dpi",), "AVIF": ("dpi",)}
WORDS = {"icc_profile": "the color profile", "exif": "the EXIF tags", "dpi": "the dots per inch"}
MAX_SIDE = {"JPEG": 65500, "WEBP": 16383, "AVIF": 65536}
# A JPEG's EXIF is one marker of 65533 bytes.
MAX_EXIF = {"JPEG": 65533}


def check_savable(path: Path, source: Image.Image, name: str) -> None:
    """Raise ImageError unless a picture like ``source``, which is called ``name``, can be written to ``path``: its suffix decides."""
    if path.suffix.lower() not in SAVE_OPTIONS:
        raise ImageError(f'"{path}" cannot be written: choose a name that ends in {", ".join(SAVE_OPTIONS)}')
    kind = SAVE_OPTIONS[path.suffix.lower()]["format"]
    if kind in OPAQUE and source.has_transparency_data:
        raise ImageError(f'"{path}" would lose the transparency of {name}, which {kind} cannot hold: end its name in .png')
    if max(source.size) > MAX_SIDE.get(kind, max(source.size)):
        raise ImageError(f'"{path}" cannot be written: {name} has sides of {source.size}, {kind} holds {MAX_SIDE[kind]}: choose .png')


def save_picture(picture: Image.Image, path: str | os.PathLike[str]) -> None:
    """Write a picture by rename, with the color profile, EXIF tags and dots per inch in its ``info``, which ``harmonize`` fills.

    The suffix decides: PNG, TIFF, WebP and BMP are lossless, JPEG and AVIF of quality 95. What a format cannot hold is noted in the log.
    Raises ImageError for another suffix or what the format cannot hold, DataError and DiskSpaceError for what the system refuses.
    """
    target = Path(path)
    check_savable(target, picture, "the picture")
    options = SAVE_OPTIONS[target.suffix.lower()]
    kind = options["format"]
    told = {key: picture.info[key] for key in WORDS if key in picture.info}
    for key in LOSSES.get(kind, ()):
        if told.pop(key, None):
            logger.info('"%s" cannot hold %s of its source, left out', target, WORDS[key])
    if len(told.get("exif", b"")) > MAX_EXIF.get(kind, len(told.get("exif", b""))):
        told["exif"] = shortened(told["exif"], MAX_EXIF[kind], f'"{target}"')
    stream = io.BytesIO()  # on a full disk Pillow and libtiff would not say what the system refused
    try:
        if kind == "TIFF" and has_blocks(told.get("exif", b"")):
            options = {"format": kind}  # libtiff, which packs, cannot write them
        picture.save(stream, **{"exif": b"", "icc_profile": None, **told} if kind != "BMP" else told, **options)
    except Exception as error:  # Pillow meets tags that it cannot write with whatever its first broken step raises
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None):
            raise
        raise ImageError(f'"{target}" cannot be written with what its source held ({error}): choose .png') from error
    with replacing(target) as temporary:
        temporary.write_bytes(stream.getbuffer())
