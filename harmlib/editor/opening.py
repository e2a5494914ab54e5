"""From a composite and the name of a method to something that can be edited."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from harmlib import images, models
from harmlib.editor.state import EditorState
from harmlib.editor.whitebox import white_box
from harmlib.errors import CheckpointError, ImageError, MaskError
from harmlib.inference import Picture, harmonize_with_prediction, newest_model

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel

# Fresh weights for a look at the editor: narrow, and operator masks that change nothing instead of a gray picture.
UNTRAINED = {"width": 0.125, "init": "identity"}


def open_state(
    composite: Picture,
    mask: Picture | None = None,
    model: HarmonizationModel | str = "harmonizer",
    *,
    results: str | os.PathLike[str] | None = None,
    regions: np.ndarray | None = None,
) -> EditorState:
    """Return the state that edits what a method predicts for a composite; the network runs once, here.

    composite: a PIL picture (turned upright by its EXIF tag, alpha dropped) or uint8 RGB (H, W, 3).
    mask: as for ``harmonize``; where the method needs none, it never sees it, and the mask only tells the regions.
    model, results: as for ``harmonize``. regions: as for ``EditorState``.
    Raises ParameterError for a method that predicts neither operator masks nor filter arguments, MaskError for an empty mask, and what
    ``harmonize`` raises.
    """
    picture, weights = pixels(composite), None if mask is None else _weights(mask)
    model = newest_model(model, results) if isinstance(model, str) else model
    _, prediction = harmonize_with_prediction(model, picture, weights)
    if prediction is None:
        raise MaskError("the mask has no foreground at the size the method works on: there is nothing to edit")
    return EditorState(picture, white_box(model, prediction), weights, regions)


def open_model(method: str, results: str | os.PathLike[str] | None = None) -> tuple[HarmonizationModel, str]:
    """Return a method with its newest finished run, or with fresh weights, and a note that says which.

    Untrained weights show how the editor works, not what the method does: show the note beside every picture.
    """
    import torch

    try:
        return newest_model(method, results), "newest finished run"
    except CheckpointError as error:
        known = models.describe(method).options
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = models.create(method, **{name: value for name, value in UNTRAINED.items() if name in known}).eval()
        return model, f"untrained, because {error}"


def pixels(picture: Picture) -> np.ndarray:
    """Return a picture's pixels, upright and without alpha, uint8 RGB (H, W, 3); an array is returned as it is.

    Raises ImageError for what is neither, or has more than 8 bits.
    """
    if isinstance(picture, np.ndarray):
        return picture
    if not isinstance(picture, Image.Image):
        raise ImageError(f"the composite is a {type(picture).__name__}, expected a PIL picture or an array (H, W, 3) of uint8")
    images.check_image(picture, "the composite")
    return np.asarray(images.to_rgb(ImageOps.exif_transpose(picture), "the composite"))


def _weights(mask: Picture) -> np.ndarray:
    """Return a mask as float32, in [0, 1] where it is in order; an integer mask of 0 and 1 counts as such."""
    if isinstance(mask, Image.Image):
        images.check_image(mask, "the mask")
        mask = np.asarray(ImageOps.exif_transpose(mask).convert("L"))
    peak = 255 if np.issubdtype(mask.dtype, np.integer) and mask.max(initial=0) > 1 else 1
    return mask.astype(np.float32) / np.float32(peak)
