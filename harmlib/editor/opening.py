"""From a composite and the name of a method to something that can be edited."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from harmlib import models
from harmlib.editor.state import EditorState
from harmlib.editor.whitebox import white_box
from harmlib.errors import CheckpointError, MaskError
from harmlib.inference.pictures import Picture, harmonize_with_prediction, newest_model, read_mask, read_picture

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

    composite: as for ``harmonize``; alpha is dropped.
    mask: as for ``harmonize``; where the method needs none, it never sees it, and the mask only tells the regions.
    model, results: as for ``harmonize``. regions: as for ``EditorState``.
    Raises ParameterError for a method that predicts neither operator masks nor filter arguments, MaskError for an empty mask, and what
    ``harmonize`` raises.
    """
    picture, _ = read_picture(composite)
    weights = None if mask is None else read_mask(mask, picture)
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
