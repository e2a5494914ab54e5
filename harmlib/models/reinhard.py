"""A statistics transfer that needs no weights: the foreground takes over the background's mean and deviation in Lab."""

from __future__ import annotations

import torch
from torch import Tensor

from harmlib import color, images
from harmlib.models.base import HarmonizationModel, Prediction
from harmlib.models.registry import register

MASK_THRESHOLD = 0.5


class ReinhardLab(HarmonizationModel):
    """Reinhard's transfer in CIE Lab, picture by picture, at any size."""

    working_size = None

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the composite with a recolored foreground; pictures whose mask is empty or full stay as they are."""
        assert mask is not None  # needs_mask: checked at the door
        return Prediction(torch.stack([_transfer(image, region) for image, region in zip(composite, mask, strict=True)]))


@register("reinhard_lab", paper="harmlib", needs_mask=True, trainable=False)
def reinhard_lab() -> HarmonizationModel:
    """Reinhard in Lab: foreground statistics matched to the background's, no weights needed (Reinhard et al. 2001)."""
    return ReinhardLab()


def _transfer(image: Tensor, mask: Tensor) -> Tensor:
    """Return one picture (3, H, W) with its foreground recolored."""
    region = mask[0].cpu().numpy() >= MASK_THRESHOLD
    if region.all() or not region.any():
        return image  # one of the two has no statistics
    recolored = color.transfer_reinhard_lab(images.to_array(image), region)
    return images.to_tensor(recolored).to(image)
