"""The transfers that made iHarmony4 as methods: the foreground takes over the colors of its own background.

iHarmony4 took the colors of an object in another photograph (``harmlib.transfers``). None needs weights; beside ``reinhard_lab`` they
show what statistics alone achieve.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from harmlib.models.base import HarmonizationModel
from harmlib.models.layers.recoloring import Recoloring
from harmlib.models.registry import register
from harmlib.transfers import transfer

# Twice three float planes of the half picture, and the colors: 78 bytes a pixel were measured where no two pixels have the same.
IDT_BYTES = 95


@register("reinhard_lalphabeta", paper="baselines", reference="Reinhard et al. 2001", trainable=False)
def reinhard_lalphabeta() -> HarmonizationModel:
    """Reinhard in lαβ: mean and deviation of each channel matched to the background's."""
    return Recoloring(partial(_transfer, "reinhard"))


@register("xiao_ma", paper="baselines", reference="Xiao and Ma 2006", trainable=False)
def xiao_ma() -> HarmonizationModel:
    """Xiao-Ma: mean and covariance in RGB matched to the background's."""
    return Recoloring(partial(_transfer, "xiao_ma"))


@register("histogram", paper="baselines", reference="Fecker et al. 2008", trainable=False)
def histogram() -> HarmonizationModel:
    """Histogram: cumulative histograms in YCbCr matched to the background's."""
    return Recoloring(partial(_transfer, "histogram"))


@register("idt", paper="baselines", reference="Pitié et al. 2007", trainable=False)
def idt() -> HarmonizationModel:
    """IDT: the whole distribution of colors moved to the background's, then regrained."""
    return Recoloring(partial(_transfer, "idt"), picture_bytes=IDT_BYTES)


def _transfer(name: str, image: np.ndarray, foreground: np.ndarray) -> np.ndarray:
    """Return the picture with the colors of its background in its foreground; random axes are the same for every picture."""
    return transfer(name, image, foreground, image, ~foreground)
