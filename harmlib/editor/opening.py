"""From a composite and the name of a method to something that can be edited."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harmlib import models
from harmlib.editor.state import EditorState
from harmlib.editor.whitebox import white_box
from harmlib.errors import CheckpointError, MaskError
from harmlib.inference.pictures import Picture, harmonize_with_prediction, read_picture
from harmlib.io.images import check_opaque
from harmlib.io.masks import to_mask

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel

# Fresh weights for a look at the editor: narrow, and operator masks that change nothing instead of a gray picture.
UNTRAINED = {"width": 0.125, "init": "identity"}


def open_state(
    composite: Picture,
    mask: Picture | None = None,
    model: HarmonizationModel | str = "harmonizer",
    *,
    weights: str | os.PathLike[str] | None = None,
    regions: np.ndarray | None = None,
) -> EditorState:
    """Return the state that edits what a method predicts for a composite; the network runs once, here.

    composite: as for ``harmonize``, but opaque; the color profile and the other tags are passed on to what is exported.
    mask: as for ``harmonize``; where the method needs none, it never sees it, and the mask only defines the regions.
    model, weights: as for ``harmonize``. regions: as for ``EditorState``.
    Raises ParameterError for a method that predicts neither operator masks nor filter arguments, MaskError for an empty mask, and what
    ``harmonize`` raises.
    """
    given = read_picture(composite)
    check_opaque(given.alpha, "the composite", "the editor")
    picture = given.pixels
    soft_mask = None if mask is None else to_mask(mask, picture)
    model = models.resolve(model, weights)
    _, prediction = harmonize_with_prediction(model, picture, soft_mask)
    if prediction is None:
        raise MaskError("the mask has no foreground at the size the method works on: there is nothing to edit")
    return EditorState(picture, white_box(model, prediction), soft_mask, regions, kept=given.kept)


def open_model(method: str, weights: str | os.PathLike[str] | None = None) -> tuple[HarmonizationModel, str]:
    """Return a method with the weights that ``models.resolve`` finds, or with fresh ones, and a note that says which.

    Untrained weights show how the editor works, not what the method does: show the note beside every picture.
    """
    import torch

    try:
        return models.resolve(method, weights), "released weights" if weights is None else f"weights of {Path(weights).name}"
    except CheckpointError as error:
        known = models.describe(method).options
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = models.create(method, **{name: value for name, value in UNTRAINED.items() if name in known}).eval()
        return model, f"untrained, because {error}"
