"""PTC-DIH: a detector finds what looks wrong, and DIH gets its mask instead of the true one; trained as one network.

Sequential fusion (no-reference paper, section 6.1), and what the latent one (equation 3) shares with it: the detector's encoder was
trained before, on exposure shifts, and stays as it is. No mask is ever given, and none supervises the detected one.
"""

from __future__ import annotations

import dataclasses

import torch
import torch.nn.functional as functional
from torch import Tensor

from harmlib.models.base import Prediction, resize_to
from harmlib.models.dih import EndToEnd, shortened_net
from harmlib.models.layers.detector import DetectorDecoder, DetectorEncoder, detector_head
from harmlib.models.registry import register


class Fusion(EndToEnd):
    """A harmonizer that sees through the frozen encoder of a detector, at the detector's own size."""

    needs_mask = False
    training_recipe = dataclasses.replace(
        EndToEnd.training_recipe, note=f"{EndToEnd.training_recipe.note}; the encoder is that of a trained detector and is not trained"
    )

    def __init__(self, detector_width: float, detector_size: int) -> None:
        super().__init__()
        self.detector_size = detector_size
        self.encoder = DetectorEncoder(width=detector_width, size=detector_size)
        self.encoder.freeze()

    def bottleneck(self, composite: Tensor) -> Tensor:
        """Return what the encoder makes of a picture (B, 3, H, W) in [0, 1]: (B, 15, s, s), s = ``detector_size`` / 8."""
        return self.encoder(self.scale.encode(resize(composite, self.detector_size)))


@register("ptc_dih", paper="perceptual", reference="Dolhasz et al. 2022", needs_mask=False)
class PtcDih(Fusion):
    """PTC-DIH: a detected mask instead of a true one, one network trained end to end.

    The detector has a head for one mask instead of its classes.
    width, variant, residual: of DIH, as in ``dih_m``; detector_width, detector_size: those of the ``ptc`` whose encoder is taken over; no
    detector_width: the same as width.
    """

    def __init__(
        self,
        *,
        width: float = 1.0,
        variant: str = "inner",
        residual: bool = False,
        detector_width: float | None = None,
        detector_size: int = 224,
    ) -> None:
        detector_width = width if detector_width is None else detector_width
        super().__init__(detector_width, detector_size)
        self.decoder = DetectorDecoder(width=detector_width)
        self.head = detector_head(self.decoder.channels, 1)
        self.harmonizer = shortened_net(4, width=width, variant=variant, residual=residual)
        self.working_size = self.harmonizer.size

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the whole picture; extras: detected_mask (B, 1, 256, 256), soft. A given mask is ignored."""
        detected = self.detect_mask(composite)
        image = self.scale.decode(self.harmonizer(self.stack(composite, detected))).clamp(0, 1)
        return Prediction(image, {"detected_mask": detected})

    def restore(self, composite: Tensor, mask: Tensor | None) -> Tensor:
        """Return the picture (B, 3, 256, 256) in [-1, 1], not clamped."""
        return self.harmonizer(self.stack(composite, self.detect_mask(composite)))

    def detect_mask(self, composite: Tensor) -> Tensor:
        """Return the mask that DIH gets, (B, 1, 256, 256) in [0, 1], of a picture in [0, 1]."""
        logits = self.head(self.decoder(self.bottleneck(composite)))  # (B, 1, detector_size, detector_size)
        return resize_to(torch.sigmoid(logits), composite)


def resize(image: Tensor, side: int) -> Tensor:
    """Return pictures (B, C, H, W) resized bilinearly to ``side`` x ``side``."""
    return functional.interpolate(image, size=(side, side), mode="bilinear", align_corners=False)
