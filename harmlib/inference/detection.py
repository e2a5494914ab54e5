"""Where a picture looks darker or brighter than it should: what a detector of exposure shifts sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harmlib.errors import ParameterError
from harmlib.inference.pictures import Picture, harmonize_with_prediction
from harmlib.inference.thumbnails import sample_bilinear

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel

DEFAULT_MODEL = "ptc"


def detect(model: HarmonizationModel, image: Picture) -> np.ndarray:
    """Return the probabilities that pixels look darker, brighter, and neither, than they should: float32 (H, W, 3), summing to 1.

    model: a detector. image: 8-bit, of any size, as ``harmonize`` takes it. It is looked at in the detector's working size, and the
    probabilities are resized bilinearly.
    Raises ParameterError for a model that is no detector, ImageError for a picture of 16 bits or another shape.
    """
    check_detector(model)
    unchanged, prediction = harmonize_with_prediction(model, image)
    assert prediction is not None  # only an empty mask gives none
    probabilities = prediction["probabilities"][0].permute(1, 2, 0).cpu().numpy()
    height, width = np.asarray(unchanged).shape[:2]
    return sample_bilinear(probabilities, (height, width))


def check_detector(model: HarmonizationModel) -> None:
    """Raise ParameterError unless the model is a detector."""
    from harmlib.models.ptc import ThresholdClassifier

    if not isinstance(model, ThresholdClassifier):
        raise ParameterError(f'"{model.name}" is no detector: use "{DEFAULT_MODEL}"')
