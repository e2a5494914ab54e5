"""One composite in, one harmonized picture out: any size, PIL or array, same kind and size back.

What is between the door and the picture is ``render``'s: here pictures and masks are read, checked and given back as they came.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from harmlib import models
from harmlib.errors import ImageError, MaskError, ParameterError
from harmlib.io import images

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel, Prediction

Picture = Image.Image | np.ndarray


def harmonize(
    model: HarmonizationModel | str,
    image: Picture,
    mask: Picture | None = None,
    *,
    weights: str | os.PathLike[str] | None = None,
    background: str = "composite",
    upsampling: str = "own",
) -> Picture:
    """Return the harmonized picture, of the same kind and size as the composite, alpha kept.

    model: a method's name, or a model (quicker for many pictures).
    image: the composite, 8-bit; a PIL picture is turned upright by its EXIF tag, gray and CMYK become RGB with a notice.
    mask: (H, W), 1 or 255 = foreground, fractions blend; an empty one returns the composite with a warning. Methods that need none
    never see it.
    weights: of a named method: a run folder or a file; None: the released ones (``models.resolve``).
    background: "composite", its own bytes outside the mask, or "keep" what the method made of it, as methods without a mask do.
    upsampling: "own", the method's own way to full size; "bilinear", its small result resized; "pcm", polynomial color mapping of the
    foreground. A method that works at every size needs none and uses none.
    Raises ImageError for a picture of 16 bits or another shape, MaskError for a missing or misfit mask, CheckpointError without weights,
    ParameterError for an unknown method, background or upsampling, and for a detector.
    """
    return harmonize_with_prediction(model, image, mask, weights=weights, background=background, upsampling=upsampling)[0]


def harmonize_with_prediction(
    model: HarmonizationModel | str,
    image: Picture,
    mask: Picture | None = None,
    *,
    weights: str | os.PathLike[str] | None = None,
    background: str = "composite",
    upsampling: str = "own",
) -> tuple[Picture, Prediction | None]:
    """Return what ``harmonize`` does, and the prediction at the working size behind it: None where the composite is returned unchanged."""
    from harmlib.inference import render

    render.check_choices(background, upsampling)
    if upsampling == "pcm" and mask is None:
        raise MaskError('upsampling "pcm" maps the colors of the foreground and needs a mask: give one, 1 = foreground')
    composite, alpha = read_picture(image)
    soft_mask = None if mask is None else read_mask(mask, composite)
    model = models.resolve(model, weights)
    check_harmonizer(model)
    if not model.needs_mask and upsampling != "pcm":
        soft_mask = None  # nothing of it may reach a method that claims to do without
    if soft_mask is not None and not soft_mask.any():
        return _return_unchanged(composite, alpha, image, "the mask is empty"), None
    with render.evaluating(model):
        harmonized, prediction = render.render_picture(model, composite, soft_mask, background=background, upsampling=upsampling)
    if prediction is None:
        height, width = [model.working_size or side for side in composite.shape[:2]]
        return _return_unchanged(composite, alpha, image, f"the mask has no foreground at {height}x{width}"), None
    return _as_given(harmonized, alpha, image), prediction


def check_harmonizer(model: HarmonizationModel) -> None:
    """Raise ParameterError for a detector."""
    if not model.harmonizes:
        raise ParameterError(f'"{model.name}" looks for what is wrong and harmonizes nothing: use detect, or a method such as "ptc_dih"')


def read_picture(image: Picture) -> tuple[np.ndarray, np.ndarray | None]:
    """Return a composite as uint8 RGB (H, W, 3), upright by its EXIF tag, and its alpha (H, W) or None.

    Raises ImageError for what is no picture, or has more than 8 bits.
    """
    if isinstance(image, np.ndarray):
        return _read_array(image)
    if not isinstance(image, Image.Image):
        raise ImageError(f"the composite is a {type(image).__name__}, expected a PIL picture or an array (H, W, 3) of uint8")
    images.check_image(image, "the composite")
    upright = ImageOps.exif_transpose(image)
    if "transparency" in upright.info:
        upright = upright.convert("RGBA")
    alpha = np.asarray(upright.getchannel("A")) if "A" in upright.getbands() else None
    return np.asarray(images.to_rgb(upright, "the composite")), alpha


def _read_array(array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return an array composite as uint8 RGB (H, W, 3) and its alpha (H, W) or None."""
    if array.dtype != np.uint8:
        raise ImageError(f"the composite holds {array.dtype}, expected uint8, 0 to 255: convert it to 8-bit sRGB first")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or not array.size:
        raise ImageError(f"the composite has shape {array.shape}, expected (H, W, 3), (H, W, 4) or (H, W)")
    images.check_pixels(array.shape[1], array.shape[0], "the composite")
    if array.shape[2:] == (3,):
        return array, None
    picture = Image.fromarray(array)
    alpha = array[..., 3] if picture.mode == "RGBA" else None
    return np.asarray(images.to_rgb(picture, "the composite")), alpha


def read_mask(mask: Picture, composite: np.ndarray) -> np.ndarray:
    """Return a mask as float32 (H, W) in [0, 1]; an integer mask of 0 and 1 counts as such, else 255 is foreground.

    Raises MaskError for other values or dimensions, also when its size is not that of the composite (H, W, 3).
    """
    if isinstance(mask, Image.Image):
        images.check_image(mask, "the mask")
        mask = np.asarray(ImageOps.exif_transpose(mask).convert("L"))
    if mask.ndim == 3 and mask.shape[2] == 1:
        mask = mask[..., 0]
    if mask.ndim != 2:
        raise MaskError(f"the mask has shape {mask.shape}, expected (H, W)")
    images.check_same_size("the composite", mask, composite)
    values = mask.astype(np.float32)
    if np.issubdtype(mask.dtype, np.integer) and values.max() > 1:
        values /= 255
    if not (values.min() >= 0 and values.max() <= 1):  # catches NaN too
        raise MaskError(f"the mask spans {values.min():g} to {values.max():g}, expected 0 to 1, or 0 to 255 as integers")
    return values


def _return_unchanged(composite: np.ndarray, alpha: np.ndarray | None, image: Picture, reason: str) -> Picture:
    """Return the composite, with a warning that says why nothing was done."""
    warnings.warn(f"{reason}, so the composite is returned unchanged", UserWarning, stacklevel=4)
    return _as_given(composite.copy(), alpha, image)


def _as_given(harmonized: np.ndarray, alpha: np.ndarray | None, image: Picture) -> Picture:
    """Return the result as the kind of picture that was given."""
    array = harmonized if alpha is None else np.dstack([harmonized, alpha])
    return Image.fromarray(array) if isinstance(image, Image.Image) else array
