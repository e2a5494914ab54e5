"""One composite in, one harmonized picture out: any size, PIL or array, same kind and size back.

The method looks at a thumbnail of its working size and goes back to full size in its own way (``HarmonizationModel.upscale``).
"""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from harmlib import files, images, models
from harmlib.errors import CheckpointError, ImageError, MaskError

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel

Picture = Image.Image | np.ndarray

logger = logging.getLogger(__name__)

# What a method without weights is offered instead of a checkpoint.
WEIGHTLESS = "reinhard_lab"
MASK_THRESHOLD = 0.5


def harmonize(
    model: HarmonizationModel | str, image: Picture, mask: Picture | None = None, *, results: str | os.PathLike[str] | None = None
) -> Picture:
    """Return the harmonized picture, of the same kind and size as the composite, alpha kept.

    model: a method's name, or a model (quicker for many pictures).
    results: where the newest finished run of a named method is looked for; None: the checkout's.
    image: the composite, 8-bit; a PIL picture is turned upright by its EXIF tag, gray and CMYK become RGB with a notice.
    mask: (H, W), 1 or 255 = foreground, fractions allowed; an empty one returns the composite with a warning.
    Raises ImageError for a picture of 16 bits or another shape, MaskError for a missing or misfit mask, CheckpointError without a run.
    """
    composite, alpha = _read_picture(image)
    soft_mask = None if mask is None else _read_mask(mask, composite)
    if soft_mask is not None and not soft_mask.any():
        return _return_unchanged(composite, alpha, image, "the mask is empty")
    model = _newest_model(model, results) if isinstance(model, str) else model
    if soft_mask is not None and not model.soft_masks:
        soft_mask = (soft_mask >= MASK_THRESHOLD).astype(np.float32)
    inputs, small_mask = _thumbnails(composite, soft_mask, model.working_size)
    if small_mask is not None and not small_mask.any():
        return _return_unchanged(composite, alpha, image, f"the mask has no foreground at {small_mask.shape[0]}x{small_mask.shape[1]}")
    return _as_given(_run(model, composite, soft_mask, inputs, small_mask), alpha, image)


def _run(
    model: HarmonizationModel, composite: np.ndarray, mask: np.ndarray | None, small_composite: np.ndarray, small_mask: np.ndarray | None
) -> np.ndarray:
    """Return the harmonized picture, uint8 (H, W, 3): one pass on the thumbnails in evaluation mode, then the way up."""
    import torch

    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            small_region, region = (None if m is None else torch.from_numpy(m)[None, None].to(device) for m in (small_mask, mask))
            prediction = model(images.to_tensor(small_composite)[None].to(device), small_region)
            return images.to_array(model.upscale(prediction, images.to_tensor(composite)[None].to(device), region)[0])
    finally:
        model.train(training)


def _newest_model(name: str, results: str | os.PathLike[str] | None) -> HarmonizationModel:
    """Return a method with the weights of its newest finished run; one without weights as it is."""
    if not models.describe(name).trainable:
        return models.create(name)
    results = files.CHECKOUT / "results" if results is None else results
    runs = [manifest.parent for manifest in Path(results).glob(f"*/runs/{name}-*/{files.MANIFEST}")]
    if not runs:
        raise CheckpointError(
            f'there is no finished run of "{name}" under "{results}": train one (README.md), load one with harmlib.models.load, '
            f'or use "{WEIGHTLESS}", a statistics transfer that needs no weights'
        )
    newest = max(runs, key=lambda run: (run / files.MANIFEST).stat().st_mtime)
    logger.info("%s uses the run %s", name, newest)
    return models.load(newest)


def _read_picture(image: Picture) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the composite as uint8 RGB (H, W, 3) and its alpha (H, W) or None."""
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
    picture = Image.fromarray(array)
    images.check_image(picture, "the composite")
    alpha = array[..., 3] if picture.mode == "RGBA" else None
    return np.asarray(images.to_rgb(picture, "the composite")), alpha


def _read_mask(mask: Picture, composite: np.ndarray) -> np.ndarray:
    """Return the mask as float32 (H, W) in [0, 1]; an integer mask of 0 and 1 counts as such, else 255 is foreground."""
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


def _thumbnails(composite: np.ndarray, mask: np.ndarray | None, side: int | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return composite and mask at the working size: bilinear, a binary mask by nearest neighbor."""
    if side is None:
        return composite, mask
    size = (side, side)
    small = images.resize(composite, size, "bilinear")
    if mask is None:
        return small, None
    binary = bool(np.isin(mask, (0, 1)).all())
    return small, images.resize(mask, size, "nearest" if binary else "bilinear").copy()


def _return_unchanged(composite: np.ndarray, alpha: np.ndarray | None, image: Picture, reason: str) -> Picture:
    """Return the composite, with a warning that says why nothing was done."""
    warnings.warn(f"{reason}, so the composite is returned unchanged", UserWarning, stacklevel=3)
    return _as_given(composite, alpha, image)


def _as_given(harmonized: np.ndarray, alpha: np.ndarray | None, image: Picture) -> Picture:
    """Return the result as the kind of picture that was given."""
    array = harmonized if alpha is None else np.dstack([harmonized, alpha])
    return Image.fromarray(array) if isinstance(image, Image.Image) else array
