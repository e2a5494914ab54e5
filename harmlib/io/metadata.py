"""What a picture's file holds besides its pixels: what is passed on to the picture made from it, and what is left out, with a notice."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms

logger = logging.getLogger(__name__)

# A color profile made for ink or gray would be wrong for the RGB picture that comes out.
RGB_MODES = ("RGB", "RGBA", "RGBX", "RGBa", "P", "PA")
ORIENTATION, EXIF_BLOCK, GPS_BLOCK, PROFILE_TAG = 0x0112, 0x8769, 0x8825, 0x8773
# The orientation tag's value -> how the stored picture is turned upright (EXIF 2.32, section 4.6.4).
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Tags that say how a TIFF stores its pixels (TIFF 6.0, sections 8, 13 to 15 and 22), its profile and its XMP: wrong for another file.
STORAGE = frozenset(
    {254, 255, *range(256, 260), 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284, 290, 291, 292, 293, 301, 317, 318, 319, 320}
    | {321, *range(322, 326), 330, 332, 338, 339, 340, 341, 347, *range(512, 522), 529, 530, 531, 532, 700, PROFILE_TAG, ORIENTATION}
)
# Where Pillow looks for the orientation.
HOLD_ORIENTATION = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")
# What else a file may tell, by its name in Pillow's ``info``, which no result carries on; TURNED stands for the XMP of a turned picture.
TURNED = "xmp of the picture as stored"
LEFT_OUT = {"xmp": "XMP", "XML:com.adobe.xmp": "XMP", TURNED: "XMP", "photoshop": "IPTC", "comment": "a comment"}
# Other strings are texts; "compression" is how Pillow calls a TIFF's way of packing.
NO_TEXT = {*LEFT_OUT, *HOLD_ORIENTATION, "compression"}
SRGB_GAMMA = 1 / 2.2  # what sRGB pictures write as gAMA
HEADER_BYTES = 1 << 16


def read_header(image: Image.Image) -> bytes:
    """Return the beginning of the file that a picture was opened from; empty where there is none any more."""
    name = getattr(image, "filename", "")
    try:
        with Path(name).open("rb") as stream:
            return stream.read(HEADER_BYTES)
    except (OSError, TypeError, ValueError):
        return b""


def read_exif(image: Image.Image, name: str | None) -> Image.Exif:
    """Return the EXIF tags of a picture; empty for a malformed block, because viewers open such pictures too.

    A log line that ``name`` opens reports it; None where it was reported before.
    """
    try:
        Image.Exif().load(image.info.get("exif", b""))  # once Pillow has met malformed tags, its own are empty without a word
        tags = image.getexif()
        tags.bigtiff = False  # Pillow could not read again what it would write
        tags.tobytes()  # what cannot be written again would fail after the work
    except Exception as error:  # Pillow meets malformed tags with whatever its first broken step raises
        if name is not None:
            logger.info("%s has malformed EXIF tags (%s), which are left out", name, error)
        return Image.Exif()
    return tags


def turned_upright(image: Image.Image, tags: Image.Exif) -> Image.Image:
    """Return a picture turned as its orientation tag asks, without that tag."""
    turn = TURNS.get(tags.get(ORIENTATION, 1))
    if turn is None:
        return image
    upright = image.transpose(turn)
    upright.info = {key: value for key, value in image.info.items() if key not in HOLD_ORIENTATION}
    upright.info["exif"] = _descriptive(tags)
    upright.filename = getattr(image, "filename", "")  # type: ignore[attr-defined]  # for sentences that name the file
    if "xmp" in image.info or "XML:com.adobe.xmp" in image.info:
        upright.info[TURNED] = True
    return upright


def kept(image: Image.Image, tags: Image.Exif, name: str) -> dict[str, Any]:
    """Return what is passed on with a picture, as Pillow's options for saving: color profile, EXIF tags, dots per inch.

    What is left out is noted in the log (``name`` opens the sentence): gAMA and cICP, which no written picture could carry on, and XMP,
    IPTC, comments and PNG text, which tell of the picture as it was (how it was cropped, developed and turned).
    """
    options: dict[str, Any] = {}
    profile = image.info.get("icc_profile")
    if profile and image.mode in RGB_MODES and not _is_profile(profile):
        logger.info("%s has a color profile that cannot be used, which is left out: its levels are taken for sRGB", name)
        profile = None
    if profile and image.mode in RGB_MODES:
        options["icc_profile"] = profile
        logger.debug("%s is harmonized in its own color space, which is kept", name)
    gamma = image.info.get("gamma")
    if not profile and gamma and abs(gamma - SRGB_GAMMA) > 0.01:
        logger.info("%s has a gamma of %.4g (gAMA), which is left out: its levels are taken for sRGB", name, gamma)
    if image.format == "PNG" and b"cICP" in read_header(image).partition(b"IDAT")[0]:
        logger.info("%s names its color space by cICP, which is left out: its levels are taken for sRGB", name)
    others = {LEFT_OUT[key] for key in LEFT_OUT.keys() & image.info.keys()}
    others |= {"text" for key in image.info.keys() - NO_TEXT if isinstance(image.info[key], str)}
    if others:
        logger.info("%s holds %s besides its pixels, left out", name, " and ".join(sorted(others)))
    if exif := _descriptive(tags):
        options["exif"] = exif
    if (dots := image.info.get("dpi")) and all(0 < float(number) < 1e6 for number in dots):
        options["dpi"] = tuple(round(float(number), 2) for number in dots)
    return options


def _is_profile(content: bytes) -> bool:
    """Tell whether bytes are a color profile."""
    try:
        ImageCms.getOpenProfile(io.BytesIO(content))
    except (ImageCms.PyCMSError, OSError):
        return False
    return True


def has_blocks(exif: bytes) -> bool:
    """Tell whether EXIF bytes have what cameras write, in blocks of their own."""
    tags = Image.Exif()
    tags.load(exif)
    return any(block in tags for block in (EXIF_BLOCK, GPS_BLOCK))


def _descriptive(tags: Image.Exif) -> bytes:
    """Return the tags that describe a picture, as bytes, without the thumbnail, which would show the composite; empty without any."""
    described = Image.Exif()
    described.load(tags.tobytes() if tags else b"")
    for tag in STORAGE & described.keys():
        del described[tag]
    return described.tobytes() if described else b""


def shortened(exif: bytes, limit: int, name: str) -> bytes:
    """Return EXIF bytes of at most ``limit``: the longest entries are left out first, with a log line."""
    tags = Image.Exif()
    tags.load(exif)
    left_out = 0
    while len(exif) > limit:
        blocks = (tags, tags.get_ifd(EXIF_BLOCK))
        sizes = [(len(value), block, tag) for block in blocks for tag, value in block.items() if isinstance(value, (str, bytes))]
        if not sizes:
            exif = b""
            break
        _, block, tag = max(sizes, key=lambda entry: entry[0])
        del block[tag]
        left_out += 1
        exif = tags.tobytes()
    logger.info("%s can hold %d bytes of EXIF: %s left out", name, limit, f"the {left_out} longest tags are" if exif else "the tags are")
    return exif
