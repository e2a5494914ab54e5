"""A method with filter arguments, made steady for video: what it predicts is averaged over the frames it has seen."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from harmlib.models.base import HarmonizationModel, Prediction
from harmlib.video.averaging import ArgumentAverage

_TRAITS = ("name", "needs_mask", "soft_masks", "working_size", "antialias", "keeps_background", "harmonizes", "size_multiple", "filters")


class SmoothedModel(HarmonizationModel):
    """Gives a method's frames, one per pass and in their order, the moving average of its arguments.

    The average acts on raw arguments, which are clamped afterwards, as in Harmonizer's code.
    """

    def __init__(self, model: HarmonizationModel, average: ArgumentAverage) -> None:
        super().__init__()
        self._model, self._average = model, average
        for trait in _TRAITS:
            setattr(self, trait, getattr(model, trait))
        self.train(model.training)

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the method's prediction with "arguments" (1, k) averaged and "raw_arguments" (1, k) as they were; its image stays raw."""
        prediction = self._model.predict(composite, mask)
        raw = prediction["arguments"]
        smoothed = torch.from_numpy(self._average.update(raw.cpu().numpy())).to(raw)
        return Prediction(prediction.image, {**prediction.extras, "arguments": smoothed, "raw_arguments": raw})

    def upscale(self, prediction: Prediction, composite_full: Tensor, mask_full: Tensor | None = None) -> Tensor:
        """Return the full-size frame under the averaged arguments."""
        return self._model.upscale(prediction, composite_full, mask_full)

    def upscale_picture(self, prediction: Prediction, composite: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """Return the same in 8 bits."""
        return self._model.upscale_picture(prediction, composite, mask)
