"""The zero line of every table: the composite as it came."""

from __future__ import annotations

from torch import Tensor

from harmlib.models.base import HarmonizationModel, Prediction
from harmlib.models.registry import register


@register("composite", paper="", needs_mask=False, trainable=False)
class Composite(HarmonizationModel):
    """Composite: the unharmonized input, the baseline of every table."""

    needs_mask = False
    soft_masks = True
    working_size = None

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the composite."""
        return Prediction(composite)
