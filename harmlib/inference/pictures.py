"""One composite in, one harmonized picture out: any size, PIL or array, same kind and size back.

Pictures and masks are read and checked here, and handed back in the form in which they came; what happens in between is ``render``'s.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from harmlib import models
from harmlib.errors import ImageError, MaskError, ParameterError, check_choice
from harmlib.inference.thumbnails import MASK_THRESHOLD
from harmlib.inference.upsampling import UPSAMPLING
from harmlib.io import images
from harmlib.io.masks import to_mask
from harmlib.io.metadata import kept, read_exif

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel, Prediction

logger = logging.getLogger(__name__)

Picture = Image.Image | np.ndarray


@dataclass(frozen=True)
class Composite:
    """A composite as it is worked on.

    pixels: uint8 RGB (H, W, 3), row by row in memory. alpha: uint8 (H, W), or None. kept: what is passed on to the result, as Pillow's
    options for saving.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hidden(self) -> np.ndarray | None:
        """Where nothing can be seen, bool (H, W); None where everything can."""
        hidden = None if self.alpha is None else self.alpha == 0
        return hidden if hidden is not None and hidden.any() else None


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

    model: a method's name, or a model (quicker for many pictures); it may be shared by threads.
    image: the composite, 8-bit; an array is RGB (OpenCV reads BGR: give ``picture[..., ::-1]``); a PIL picture is turned upright by its
    EXIF tag, gray and CMYK become RGB with a notice. What else its file held (color profile, EXIF tags, dots per inch) is in the result's
    ``info``; ``io.saving.save_picture`` writes it. Colors of fully transparent pixels count as neither foreground nor background and stay.
    mask: (H, W), 1 or 255 = foreground, fractions blend; ``io.masks`` says what else counts as a mask. An empty one, and a full one where
    the method takes its colors from the background, returns the composite with a warning. Methods that need none never see it.
    weights: of a named method: a run folder or a file; None: the released ones (``models.resolve``).
    background: "composite", its own bytes outside the mask, or "keep" what the method made of it, as methods without a mask do.
    upsampling: "own", the method's own way to full size; "bilinear", its small result resized; "pcm", polynomial color mapping of the
    foreground. A method that works at every size needs none and uses none.
    Raises ImageError for a picture of 16 bits or another shape, MaskError for a mask that is missing or does not fit, CheckpointError
    without weights, ParameterError for an unknown method, background or upsampling, and for a detector.

    >>> picture = np.full((8, 8, 3), 200, np.uint8)
    >>> mask = np.zeros((8, 8), bool)
    >>> mask[2:6, 2:6] = True
    >>> picture[mask] = 100  # a dark foreground takes the mean of its background
    >>> harmonize("reinhard_lab", picture, mask)[4, 4].tolist()
    [200, 200, 200]
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

    if isinstance(model, Picture):
        raise ParameterError("the method comes first, then the picture, then its mask: harmonize(model, image, mask)")
    check_choice("background", background, render.BACKGROUNDS)
    check_choice("upsampling", upsampling, UPSAMPLING)
    if upsampling == "pcm" and mask is None:
        raise MaskError('upsampling "pcm" maps the colors of the foreground and needs a mask: give one, 1 = foreground')
    composite = read_picture(image)
    soft_mask = None if mask is None else to_mask(mask, composite.pixels)
    model = models.resolve(model, weights)
    check_harmonizer(model)
    if not model.needs_mask and upsampling != "pcm":
        soft_mask = None  # nothing of it may reach a method that claims to do without
    pixels, soft_mask = seen(composite, soft_mask)
    if reason := why_unchanged(model, soft_mask, composite.hidden):
        return _return_unchanged(composite, image, reason), None
    harmonized, prediction = render.render_picture(
        render.evaluating(model), pixels, soft_mask, background=background, upsampling=upsampling
    )
    if prediction is None:
        height, width = [model.working_size or side for side in pixels.shape[:2]]
        return _return_unchanged(composite, image, f"the mask has no foreground at {height}x{width}"), None
    if composite.hidden is not None:
        harmonized[composite.hidden] = composite.pixels[composite.hidden]
    return _as_given(harmonized, composite, image), prediction


@contextmanager
def naming_warnings(name: str) -> Iterator[None]:
    """Note warnings in the log, after ``name``: Python would show one for the first picture only, and not say which."""
    with warnings.catch_warnings(record=True, action="always") as caught:
        yield
    for warning in caught:
        logger.warning("%s: %s", name, warning.message)


def check_harmonizer(model: HarmonizationModel) -> None:
    """Raise ParameterError for a detector."""
    if not model.harmonizes:
        raise ParameterError(f'"{model.name}" looks for what is wrong and harmonizes nothing: use detect, or a method such as "ptc_dih"')


def why_unchanged(model: HarmonizationModel, mask: np.ndarray | None, hidden: np.ndarray | None = None) -> str | None:
    """Return why a method can do nothing with a mask, float32 (H, W), before it is asked; None where it can."""
    if hidden is not None and hidden.all():
        return "every pixel is transparent"
    if mask is None:
        return None
    if not mask.any():
        return "the mask is empty"
    if model.needs_background and ((mask >= MASK_THRESHOLD) | (False if hidden is None else hidden)).all():
        return f'the mask covers the whole picture, and "{model.name}" takes its colors from the background'
    return None


def seen(composite: Composite, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the pixels and the mask that a method sees: nothing of the colors under fully transparent pixels.

    There colors of the visible background stand, evenly drawn, so that neither its mean nor its spread changes; they are no foreground.
    """
    hidden = composite.hidden
    if hidden is None or hidden.all():
        return composite.pixels, mask
    mask = None if mask is None else np.where(hidden, np.float32(0), mask)
    background = ~hidden if mask is None or (mask[~hidden] > 0).all() else ~hidden & (mask == 0)
    pixels, visible, count = composite.pixels.copy(), composite.pixels[background], int(hidden.sum())
    pixels[hidden] = visible[np.arange(count) * len(visible) // count]
    return pixels, mask


def read_picture(image: Picture) -> Composite:
    """Return a composite, turned upright by its EXIF tag.

    Raises ImageError for anything that is not a picture, has more than 8 bits or several pages, or cannot be decoded.
    """
    if isinstance(image, np.ndarray):
        return _read_array(image)
    if not isinstance(image, Image.Image):
        advice = "open it first" if isinstance(image, (str, os.PathLike)) else "turn it into an array first"
        if image is None:
            advice = "OpenCV's imread gives that for a file that it cannot read"
        raise ImageError(f"the composite is a {type(image).__name__}, expected a PIL picture or an array (H, W, 3) of uint8: {advice}")
    upright = images.prepare(image, "the composite")
    file = getattr(image, "filename", "")
    name = f'"{file}"' if file else "the composite"
    pixels = np.asarray(images.to_rgb(upright, name))
    return Composite(pixels, images.alpha_of(upright), kept(image, read_exif(image, None), name))


def _read_array(array: np.ndarray) -> Composite:
    """Return an array as a composite."""
    if array.dtype != np.uint8:
        unit = array.dtype.kind == "f" and array.size and array.min() >= 0 and array.max() <= 1
        advice = "multiply it by 255, round, and convert it to uint8" if unit else "convert it to 8-bit sRGB first"
        raise ImageError(f"the composite holds {array.dtype}, expected uint8, 0 to 255: {advice}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or not array.size:
        advice = ": move its channels to the end" if array.ndim == 3 and array.shape[0] in (3, 4) else ""
        raise ImageError(f"the composite has shape {array.shape}, expected (H, W, 3), (H, W, 4) or (H, W){advice}")
    images.check_pixels(array.shape[1], array.shape[0], "the composite")
    array = np.ascontiguousarray(array)
    if array.shape[2:] == (3,):
        return Composite(array)
    picture = Image.fromarray(array)
    return Composite(np.asarray(images.to_rgb(picture, "the composite")), images.alpha_of(picture))


def _return_unchanged(composite: Composite, image: Picture, reason: str) -> Picture:
    """Return the composite, with a warning that says why nothing was done."""
    warnings.warn(f"{reason}, so the composite is returned unchanged", UserWarning, stacklevel=4)
    return _as_given(composite.pixels.copy(), composite, image)


def _as_given(harmonized: np.ndarray, composite: Composite, image: Picture) -> Picture:
    """Return the result as the kind of picture that was given."""
    array = np.ascontiguousarray(harmonized if composite.alpha is None else np.dstack([harmonized, composite.alpha]))
    if not isinstance(image, Image.Image):
        return array
    picture = Image.fromarray(array)
    picture.info.update(composite.kept)
    return picture
