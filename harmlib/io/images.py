"""Pictures, masks and label maps between disk, NumPy and torch.

On disk: 8-bit sRGB. In NumPy: uint8 RGB ``(H, W, 3)``. In torch: float32 RGB ``(B, 3, H, W)`` in [0, 1].
"""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from harmlib.errors import ImageError, MaskError, ShapeError
from harmlib.io.files import replacing

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
# A 200-megapixel picture takes 2.4 GB as float32 RGB; beyond it a typing mistake is likelier than a photograph.
MAX_PIXELS = 200_000_000
MASK_THRESHOLD = 128
SIXTEEN_BIT_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")
RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR, "nearest": Image.Resampling.NEAREST}


def open_image(path: str | os.PathLike[str]) -> Image.Image:
    """Return a picture read to its last byte, turned upright by its EXIF tag.

    Raises ImageError for a missing, unreadable, truncated, 16-bit or huge file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                check_image(image, f'"{path}"')
                image.load()
                return ImageOps.exif_transpose(image)
    except FileNotFoundError as error:
        raise ImageError(f'"{path}" does not exist') from error
    except UnidentifiedImageError as error:
        raise ImageError(f'"{path}" is not a picture that can be read: use PNG or JPEG') from error
    except Image.DecompressionBombError as error:
        raise ImageError(f'"{path}" is larger than {MAX_PIXELS / 1e6:.0f} megapixels: resize it') from error
    except (OSError, SyntaxError) as error:
        raise ImageError(f'"{path}" is damaged or truncated ({error}): fetch or export it again') from error


def check_image(image: Image.Image, name: str) -> None:
    """Raise ImageError when a picture has 16 bits a channel or too many pixels; ``name`` opens the sentence."""
    if image.mode in SIXTEEN_BIT_MODES:
        raise ImageError(f"{name} has more than 8 bits per channel (mode {image.mode}): convert it to 8-bit sRGB first")
    check_pixels(*image.size, name)


def check_pixels(width: int, height: int, name: str) -> None:
    """Raise ImageError when a picture has too many pixels; ``name`` opens the sentence."""
    if width * height > MAX_PIXELS:
        raise ImageError(f"{name} is {height}x{width}, larger than {MAX_PIXELS / 1e6:.0f} megapixels: resize it")


def to_rgb(image: Image.Image, name: str) -> Image.Image:
    """Return the picture in RGB; gray, CMYK and palette pictures are converted with a notice, alpha is dropped."""
    if image.mode in ("RGB", "RGBA", "RGBX"):
        return image.convert("RGB")
    logger.info("%s is %s and was converted to RGB", name, image.mode)
    return image.convert("RGB")


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Return a picture as uint8 RGB (H, W, 3); errors as in ``open_image``."""
    return np.asarray(to_rgb(open_image(path), f'"{path}"'))


def read_mask(path: str | os.PathLike[str]) -> np.ndarray:
    """Return a mask as bool (H, W): values of 128 and more are foreground (the last channel if there are several).

    Raises ImageError as ``open_image`` does.
    """
    # PIL's convert("1") would dither gray values (specs/iharmony4.md), hence the threshold.
    return read_soft_mask(path) >= MASK_THRESHOLD


def read_soft_mask(path: str | os.PathLike[str]) -> np.ndarray:
    """Return a mask as uint8 (H, W), 0 to 255; errors as in ``open_image``."""
    image = open_image(path)
    if image.mode == "1":
        image = image.convert("L")
    if image.mode == "P":
        image = image.convert("RGB")
    levels = np.asarray(image)
    if levels.ndim == 3 and image.mode in ("RGBA", "LA"):
        levels = levels[..., :-1]
    return levels if levels.ndim == 2 else np.ascontiguousarray(levels[..., -1])


def read_labels(path: str | os.PathLike[str]) -> np.ndarray:
    """Return a label map as uint8 (H, W), one id per pixel, values unchanged (palette indices too).

    Raises ImageError for an unreadable file or one with several channels.
    """
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
    """Return a float tensor (3, H, W) in [0, 1] as uint8 (H, W, 3), rounded and clipped.

    >>> to_array(to_tensor(np.array([[[255, 0, 51]]], np.uint8))).tolist()
    [[[255, 0, 51]]]
    """
    levels = (tensor.detach().float().cpu().clamp(0, 1) * 255).round().byte()
    return levels.permute(1, 2, 0).numpy()


def check_same_size(name: str, mask: np.ndarray, image: np.ndarray) -> None:
    """Raise MaskError when a mask and its picture differ in height or width; ``name`` is the picture's."""
    if mask.shape[:2] != image.shape[:2]:
        found, expected = "x".join(map(str, mask.shape[:2])), "x".join(map(str, image.shape[:2]))
        raise MaskError(f'mask of "{name}" is {found}, its composite {expected}: resize the mask or rebuild the pair')


def check_triplet(prediction: torch.Tensor, target: torch.Tensor, mask: torch.Tensor) -> None:
    """Raise ShapeError unless prediction and target are (B, 3, H, W) alike and mask is (B, 1, H, W)."""
    if prediction.shape != target.shape or prediction.ndim != 4 or prediction.shape[1] != 3:
        raise ShapeError(f"prediction is {tuple(prediction.shape)} and target {tuple(target.shape)}: both must be (B, 3, H, W)")
    expected = (prediction.shape[0], 1, *prediction.shape[2:])
    if tuple(mask.shape) != expected:
        raise ShapeError(f"mask is {tuple(mask.shape)}, expected {expected}")


def find_image(folder: str | os.PathLike[str], stem: str) -> Path:
    """Return the PNG or JPEG called ``stem`` in ``folder``; raises ImageError when there is none."""
    for suffix in IMAGE_SUFFIXES:
        path = Path(folder) / f"{stem}{suffix}"
        if path.exists():
            return path
    raise ImageError(f'"{folder}" has no picture "{stem}" (.png, .jpg): check the name or rebuild the data')
