"""A statistics transfer that needs no weights: the foreground takes on the background's mean and deviation in Lab."""

from __future__ import annotations

from harmlib.models.base import HarmonizationModel
from harmlib.models.layers.recoloring import Recoloring
from harmlib.models.registry import register
from harmlib.transfers.lab import transfer_reinhard_lab


@register("reinhard_lab", paper="baselines", reference="Reinhard et al. 2001", trainable=False)
def reinhard_lab() -> HarmonizationModel:
    """Reinhard in Lab: foreground statistics matched to the background's, no weights needed."""
    return Recoloring(transfer_reinhard_lab)
