"""Where a picture looks darker or brighter than it should: what a detector of exposure shifts sees."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from harmlib import models
from harmlib.errors import ParameterError
from harmlib.inference.pictures import Picture, read_picture, seen
from harmlib.inference.thumbnails import sample_bilinear

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel

DEFAULT_MODEL = "ptc"


def detect(model: HarmonizationModel | str, image: Picture, *, weights: str | os.PathLike[str] | None = None) -> np.ndarray:
    """Return the probabilities that pixels look darker, brighter, and neither, than they should: float32 (H, W, 3), summing to 1.

    model, weights: a detector, or the name of one ("ptc" comes with weights) and its weights, as for ``harmonize``. image: 8-bit, of any
    size, as ``harmonize`` takes it. The detector sees it at its working size, and the probabilities are resized bilinearly.
    Raises ParameterError for a model that is not a detector, ImageError for a picture of 16 bits or another shape, CheckpointError without
    weights.
    """
    from harmlib.inference import render

    picture, _ = seen(read_picture(image), None)
    model = models.resolve(model, weights)
    check_detector(model)
    prediction = render.predict(render.evaluating(model), render.look(model, [picture], None))
    return sample_bilinear(prediction["probabilities"][0].permute(1, 2, 0).cpu().numpy(), picture.shape[:2])


def check_detector(model: HarmonizationModel) -> None:
    """Raise ParameterError unless the model is a detector."""
    from harmlib.models.ptc import ThresholdClassifier

    if not isinstance(model, ThresholdClassifier):
        raise ParameterError(f'"{model.name}" is no detector: use "{DEFAULT_MODEL}"')
