"""Pictures and label maps between disk, NumPy and torch; masks have a reader of their own (``harmlib.io.masks``).

On disk: 8 bits per channel, in sRGB or a color space that the file names. In NumPy: uint8 RGB ``(H, W, 3)``, the file's own levels. In
torch: float32 RGB ``(B, 3, H, W)`` in [0, 1].
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from harmlib.errors import HarmlibError, ImageError, MaskError, ShapeError
from harmlib.io.files import replacing
from harmlib.io.memory import check_memory
from harmlib.io.metadata import RGB_MODES, read_exif, read_header, turned_upright
from harmlib.io.refusals import is_special

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".avif")
# Pillow would try forty formats, some of them programs (EPS) or containers of several pictures.
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF")
FORMATS_IN_WORDS = "PNG, JPEG, WebP, TIFF, BMP or AVIF"
# A 200-megapixel picture takes 2.4 GB as float32 RGB; beyond it a typing mistake is likelier than a photograph.
MAX_PIXELS = 200_000_000
# What a picture takes to be read: Pillow's pixels, those turned upright, and an array.
READ_BYTES = 11
SIXTEEN_BIT_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")
ALPHA_MODES = ("RGBA", "LA", "PA", "RGBa", "La")
# What has a rule for RGB; Pillow knows none for LAB.
MODES = ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV", *ALPHA_MODES)
# Of the pictures in a phone's JPEG (MPO), the first is the photograph, the others are previews and depth.
FIRST_OF_MANY = ("MPO",)
RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR, "nearest": Image.Resampling.NEAREST}
PNG_DEPTH = 24  # place of the bits per channel in a PNG
BITS_PER_SAMPLE = 258  # TIFF tag


def open_image(path: str | os.PathLike[str]) -> Image.Image:
    """Return a picture read to its last byte, turned upright by its EXIF tag.

    Raises ImageError for a file that is missing, unreadable, truncated, of more than 8 bits per channel, of several pictures (pages,
    animations), of a color space that has no rule for RGB (LAB), or huge.
    """
    name = f'"{path}"'
    with _decoding(name):
        return _read(_regular(path), name)


def decode_image(content: bytes, name: str) -> Image.Image:
    """Return the picture that a file's bytes hold, as ``open_image`` does; ``name`` opens the sentence of errors."""
    with _decoding(name):
        return _read(io.BytesIO(content), name)


def _read(file: str | os.PathLike[str] | io.BytesIO, name: str) -> Image.Image:
    """Return a picture read to its last byte and turned upright."""
    with Image.open(file, formats=FORMATS) as image:
        check_memory(image.height, image.width, image.height * image.width * READ_BYTES, f"to read {name}")
        check_image(image, name)
        if image.format == "PNG":
            image.verify()  # the check sums, which decoding leaves out; what is verified cannot be decoded
    with Image.open(file, formats=FORMATS) as image:
        image.load()
        if not read_exif(image, name):
            image.info.pop("exif", None)  # a malformed block is reported once
        return prepare(image, name)


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return width and height of a picture as stored, without decoding it; raises ImageError for anything that is not a picture."""
    with _decoding(f'"{path}"'), Image.open(_regular(path), formats=FORMATS) as image:
        return image.size


def _regular(path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """Return the path; raises ImageError for a pipe or a device, at which reading might wait forever."""
    if is_special(Path(path)):
        raise ImageError(f'"{path}" is a pipe or a device: save the picture as a file first')
    return path


def prepare(image: Image.Image, name: str) -> Image.Image:
    """Return a picture that Pillow opened, decoded and turned upright; ``name`` opens the sentence of errors, as in ``open_image``."""
    with _decoding(name):
        check_image(image, name)
        image.load()
        if image.mode == "La":  # premultiplied, which Pillow turns into nothing else
            image = image.convert("LA")
        return turned_upright(image, read_exif(image, name))


@contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Turn what the system and the decoders refuse into an ImageError; ``name`` opens the sentence."""
    try:
        yield
    except HarmlibError:
        raise
    except FileNotFoundError as error:
        raise ImageError(f"{name} does not exist") from error
    except IsADirectoryError as error:
        raise ImageError(f"{name} is a folder: name a picture in it") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} is not a picture that can be read: use {FORMATS_IN_WORDS}") from error
    except Image.DecompressionBombError as error:
        limit = 2e-6 * (Image.MAX_IMAGE_PIXELS or 0)  # Pillow's own, of which it takes twice
        raise ImageError(f"{name} is larger than {limit:.0f} megapixels, which Pillow opens at most: resize it") from error
    except MemoryError as error:
        raise ImageError(f"{name} does not fit into memory: resize it") from error
    except Exception as error:  # decoders meet damage with whatever their first broken step raises
        if isinstance(error, OSError) and error.errno is not None:
            raise ImageError(f"{name} cannot be read ({error.strerror})") from error
        if "closed" in str(error):
            raise ImageError(f"{name} was closed: open it again") from error
        if "MAX_TEXT" in str(error):
            raise ImageError(f"{name} holds more than a megabyte of packed text (XMP, comments): save it without") from error
        raise ImageError(f"{name} is damaged or truncated ({error}): fetch or export it again") from error


def check_image(image: Image.Image, name: str) -> None:
    """Raise ImageError, opened by ``name``, for more than 8 bits per channel or one picture, a color space without RGB, too many pixels."""
    if image.mode in SIXTEEN_BIT_MODES or _has_deep_channels(image):
        raise ImageError(f"{name} has more than 8 bits per channel (mode {image.mode}): convert it to 8-bit sRGB first")
    if image.mode not in MODES:
        raise ImageError(f"{name} is {image.mode}: convert it to 8-bit sRGB first")
    count = getattr(image, "n_frames", 1)
    if count > 1 and image.format not in FIRST_OF_MANY:
        raise ImageError(f"{name} holds {count} pictures (pages or an animation): save the one you mean as a file of its own")
    check_pixels(*image.size, name)


def _has_deep_channels(image: Image.Image) -> bool:
    """Tell whether the file behind a color picture has more than 8 bits per channel, which Pillow cuts without a word."""
    stored = " ".join(str(tile.args) for tile in getattr(image, "tile", ()))
    if ";16" in stored or ";12" in stored or max(getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, (8,))) > 8:
        return True
    if image.format == "PNG":  # once decoded, only the file tells
        return read_header(image)[PNG_DEPTH : PNG_DEPTH + 1] == b"\x10"
    if image.format == "AVIF":  # "high bit depth" of its AV1 configuration record
        record = read_header(image).partition(b"av1C")[2]
        return len(record) > 2 and bool(record[2] & 0x40)
    return False


def check_pixels(width: int, height: int, name: str) -> None:
    """Raise ImageError when a picture has too many pixels; ``name`` opens the sentence."""
    if width * height > MAX_PIXELS:
        raise ImageError(f"{name} is {height}x{width}, larger than {MAX_PIXELS / 1e6:.0f} megapixels: resize it")


def alpha_of(image: Image.Image) -> np.ndarray | None:
    """Return the alpha of a picture, uint8 (H, W); None where everything is opaque by its kind. LAB's channel "A" is none."""
    if image.mode in ALPHA_MODES or "transparency" in image.info:
        return np.asarray(image.convert("RGBA").getchannel("A"))
    return None


def check_opaque(alpha: np.ndarray | None, name: str, place: str) -> None:
    """Raise ImageError for a picture with alpha (H, W) that is not full, which ``place`` could not keep; ``name`` opens the sentence."""
    if alpha is not None and alpha.min() < 255:
        raise ImageError(f"{name} is transparent in parts, which {place} could not keep: flatten it onto a background first")


def to_rgb(image: Image.Image, name: str) -> Image.Image:
    """Return the picture in RGB; gray, CMYK and palette pictures are converted, by their profile if they have one, with a notice.

    Alpha is dropped; an RGB picture keeps its own levels, whatever its profile says.
    """
    if image.mode in ("RGB", "RGBA", "RGBX"):
        return image.convert("RGB")
    logger.info("%s is %s and was converted to RGB", name, image.mode)
    profile = image.info.get("icc_profile")
    if profile and image.mode not in RGB_MODES:
        return by_profile(image.convert("L") if image.mode in ("1", "LA", "La") else image, profile, name)
    return image.convert("RGB")


def by_profile(image: Image.Image, profile: bytes, name: str) -> Image.Image:
    """Return a picture in sRGB, converted by its color profile; one that cannot be used is left out with a notice."""
    try:
        converted = ImageCms.profileToProfile(image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError) as error:
        logger.info("%s has a color profile that cannot be used (%s) and was left out", name, error)
        converted = None
    return converted or image.convert("RGB")


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Return a picture as uint8 RGB (H, W, 3); errors as in ``open_image``."""
    return np.asarray(to_rgb(open_image(path), f'"{path}"'))


def read_labels(path: str | os.PathLike[str]) -> np.ndarray:
    """Return a label map as uint8 (H, W), its values or palette indices; raises ImageError for an unreadable file or several channels."""
    labels = np.asarray(open_image(path))
    if labels.ndim != 2 or labels.dtype != np.uint8:
        raise ImageError(f'"{path}" is no label map: expected one 8-bit channel, found shape {labels.shape} and {labels.dtype}')
    return labels


def write_png(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write a uint8 picture (H, W, 3) or map (H, W) as PNG by rename, with fast compression."""
    with replacing(path) as temporary:
        Image.fromarray(array).save(temporary, format="PNG", compress_level=1)


def resize(array: np.ndarray, size: tuple[int, int], resampling: str) -> np.ndarray:
    """Return a uint8 picture or map at ``size`` (height, width) by PIL; resampling: bicubic, bilinear or nearest.

    A bool array is resized as 1-bit, which PIL always does by nearest neighbor.

    >>> resize(np.array([[0, 255]], np.uint8), (1, 4), "bilinear").tolist()
    [[0, 64, 191, 255]]
    """
    height, width = size
    if array.shape[:2] == size:
        return array
    return np.asarray(Image.fromarray(array).resize((width, height), RESAMPLING[resampling]))


def shrink(array: np.ndarray, longest: int) -> np.ndarray:
    """Return a uint8 picture whose longer side is at most ``longest`` pixels, by PIL's bilinear filter."""
    height, width = array.shape[:2]
    factor = min(1.0, longest / max(height, width))
    return resize(array, (max(1, round(factor * height)), max(1, round(factor * width))), "bilinear")


def to_tensor(image: np.ndarray) -> torch.Tensor:
    """Return uint8 (H, W, 3) as float32 (3, H, W) in [0, 1]; a bool or uint8 map (H, W) as (1, H, W).

    >>> to_tensor(np.array([[[255, 0, 51]]], np.uint8)).flatten()
    tensor([1.0000, 0.0000, 0.2000])
    """
    import torch

    planes = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)
    scale = 1.0 if image.dtype == np.bool_ else 255.0
    return torch.from_numpy(np.ascontiguousarray(planes, dtype=np.float32)) / scale


def to_array(tensor: torch.Tensor) -> np.ndarray:
    """Return a float tensor (3, H, W) in [0, 1] as uint8 (H, W, 3), rounded and clipped, row by row in memory.

    >>> to_array(to_tensor(np.array([[[255, 0, 51]]], np.uint8))).tolist()
    [[[255, 0, 51]]]
    """
    levels = (tensor.detach().float().cpu().clamp(0, 1) * 255).round().byte()
    return levels.permute(1, 2, 0).contiguous().numpy()


def check_same_size(name: str, mask: np.ndarray, image: np.ndarray) -> None:
    """Raise MaskError when a mask and its picture differ in height or width; ``name`` is the picture's."""
    if mask.shape[:2] != image.shape[:2]:
        found, expected = "x".join(map(str, mask.shape[:2])), "x".join(map(str, image.shape[:2]))
        lies = mask.shape[:2] == image.shape[1::-1]
        advice = "it lies on its side, turn it by a quarter" if lies else "resize the mask or rebuild the pair"
        raise MaskError(f'mask of "{name}" is {found}, its composite {expected} (height x width): {advice}')


def check_triplet(prediction: torch.Tensor, target: torch.Tensor, mask: torch.Tensor) -> None:
    """Raise ShapeError unless prediction and target are (B, 3, H, W) alike and mask is (B, 1, H, W)."""
    if prediction.shape != target.shape or prediction.ndim != 4 or prediction.shape[1] != 3:
        raise ShapeError(f"prediction is {tuple(prediction.shape)} and target {tuple(target.shape)}: both must be (B, 3, H, W)")
    expected = (prediction.shape[0], 1, *prediction.shape[2:])
    if tuple(mask.shape) != expected:
        raise ShapeError(f"mask is {tuple(mask.shape)}, expected {expected}")
