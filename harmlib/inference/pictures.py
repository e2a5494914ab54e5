"""One composite in, one harmonized picture out: any size, PIL or array, same kind and size back.

The method looks at a thumbnail of its working size and goes back to full size in its own way
(``HarmonizationModel.upscale_picture``), or in one that works for every method: resizing, or polynomial color mapping.
"""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from harmlib import models
from harmlib.errors import CheckpointError, ImageError, MaskError
from harmlib.inference import thumbnails
from harmlib.inference.upsampling import check_upsampling, polynomial_color_mapping
from harmlib.io import files, images

if TYPE_CHECKING:
    from torch import Tensor

    from harmlib.models.base import HarmonizationModel, Prediction

Picture = Image.Image | np.ndarray

logger = logging.getLogger(__name__)

# What a method without weights is offered instead of a checkpoint.
WEIGHTLESS = "reinhard_lab"
SMOKE = "smoke"


def harmonize(
    model: HarmonizationModel | str,
    image: Picture,
    mask: Picture | None = None,
    *,
    upsampling: str = "own",
    results: str | os.PathLike[str] | None = None,
) -> Picture:
    """Return the harmonized picture, of the same kind and size as the composite, alpha kept.

    model: a method's name, or a model (quicker for many pictures).
    image: the composite, 8-bit; a PIL picture is turned upright by its EXIF tag, gray and CMYK become RGB with a notice.
    mask: (H, W), 1 or 255 = foreground, fractions allowed; an empty one returns the composite with a warning. Methods that need none
    never see it.
    upsampling: "own", the method's own way to full size; "bilinear", its small result resized, background included; "pcm",
    polynomial color mapping of the foreground, background untouched. A method that works at every size needs none and uses none.
    results: where the newest finished run of a named method is looked for; None: the checkout's.
    Raises ImageError for a picture of 16 bits or another shape, MaskError for a missing or misfit mask, CheckpointError without a run,
    ParameterError for an unknown method or upsampling.
    """
    return harmonize_with_prediction(model, image, mask, upsampling=upsampling, results=results)[0]


def harmonize_with_prediction(
    model: HarmonizationModel | str,
    image: Picture,
    mask: Picture | None = None,
    *,
    upsampling: str = "own",
    results: str | os.PathLike[str] | None = None,
) -> tuple[Picture, Prediction | None]:
    """Return what ``harmonize`` does, and the prediction at the working size behind it: None where the composite is returned unchanged."""
    check_upsampling(upsampling)
    if upsampling == "pcm" and mask is None:
        raise MaskError('upsampling "pcm" maps the colors of the foreground and needs a mask: give one, 1 = foreground')
    composite, alpha = read_picture(image)
    soft_mask = None if mask is None else read_mask(mask, composite)
    model = newest_model(model, results) if isinstance(model, str) else model
    if not model.needs_mask and upsampling != "pcm":
        soft_mask = None  # nothing of it may reach a method that claims to do without
    if soft_mask is not None and not soft_mask.any():
        return _return_unchanged(composite, alpha, image, "the mask is empty"), None
    if soft_mask is not None and not model.soft_masks:
        soft_mask = (soft_mask >= thumbnails.MASK_THRESHOLD).astype(np.float32)
    thumbnail = thumbnails.thumbnail(model, composite)
    small_mask = None if soft_mask is None else thumbnails.small_mask(model, soft_mask)
    if small_mask is not None and not small_mask.any():
        reason = f"the mask has no foreground at {small_mask.shape[2]}x{small_mask.shape[3]}"
        return _return_unchanged(composite, alpha, image, reason), None
    harmonized, prediction = _run(model, composite, soft_mask, thumbnail, small_mask, upsampling)
    return _as_given(harmonized, alpha, image), prediction


def _run(
    model: HarmonizationModel, composite: np.ndarray, mask: np.ndarray | None, thumbnail: Tensor, small_mask: Tensor | None, upsampling: str
) -> tuple[np.ndarray, Prediction]:
    """Return the harmonized picture, uint8 (H, W, 3), and its prediction: one pass in evaluation mode, then the way up."""
    import torch

    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            prediction = model(thumbnail.to(device), None if small_mask is None else small_mask.to(device))
            if model.working_size is None:
                return images.to_array(prediction.image[0]), prediction
            if upsampling == "own":
                return model.upscale_picture(prediction, composite, mask), prediction
            if upsampling == "bilinear":
                return _resized(prediction, composite), prediction
            assert mask is not None  # checked at the door
            assert small_mask is not None
            pair = (_to_colors(thumbnail), _to_colors(prediction.image))
            return polynomial_color_mapping(*pair, small_mask[0, 0].numpy(), composite, mask), prediction
    finally:
        model.train(training)


def _resized(prediction: Prediction, composite: np.ndarray) -> np.ndarray:
    """Return the predicted picture at the composite's size."""
    import torch

    from harmlib.models.base import resize_to

    shape_only = torch.empty((1, 3, *composite.shape[:2]), device="meta")
    return images.to_array(resize_to(prediction.image, shape_only)[0])


def _to_colors(tensor: Tensor) -> np.ndarray:
    """Return a tensor (1, 3, h, w) as an array (h, w, 3), unrounded."""
    return tensor[0].permute(1, 2, 0).cpu().numpy()


def newest_model(name: str, results: str | os.PathLike[str] | None) -> HarmonizationModel:
    """Return a method with the weights of its newest finished run, smoke runs last; one without weights as it is.

    results: where the run is looked for; None: the checkout's. Raises CheckpointError, ParameterError.
    """
    if not models.describe(name).trainable:
        model = models.create(name)
        if next(model.parameters(), None) is None:
            return model  # one that only joins trained parts has weights, and runs that hold them
    results = "results" if results is None else results
    runs = [manifest.parent for manifest in Path(results).glob(f"*/runs/{name}-*/{files.MANIFEST}")]
    if not runs:
        other = f', or use "{WEIGHTLESS}", a statistics transfer that needs no weights' if models.describe(name).needs_mask else ""
        raise CheckpointError(
            f'there is no finished run of "{name}" under "{results}": train one (README.md), or give a checkpoint of one{other}'
        )
    newest = max(runs, key=lambda run: (not _is_smoke(run), (run / files.MANIFEST).stat().st_mtime))
    logger.info("%s uses the run %s", name, newest)
    if _is_smoke(newest):
        logger.warning('a run of the profile "%s" has learned next to nothing: train with the profile small or paper (README.md)', SMOKE)
    return models.load(newest)


def _is_smoke(run: Path) -> bool:
    """Tell whether a run is one of the smoke profile, whose results only show that everything works."""
    return run.parent.parent.name == SMOKE


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
