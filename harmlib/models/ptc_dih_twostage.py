"""PTC+DIH: a trained detector makes the mask for a trained DIH-M, without fine-tuning (no-reference paper, section 3)."""

from __future__ import annotations

from torch import Tensor

from harmlib.models.base import HarmonizationModel, Prediction, resize_to
from harmlib.models.ptc_dih import resize
from harmlib.models.registry import create, register


@register("ptc_dih_twostage", paper="perceptual", reference="Dolhasz et al. 2022", needs_mask=False, trainable=False)
class TwoStage(HarmonizationModel):
    """PTC+DIH: a trained detector's mask handed to a trained DIH-M, two networks.

    A soft mask joins them; nothing is trained.
    width, variant, residual: of the ``dih_m``; detector_width, detector_size: of the ``ptc``; no detector_width: the same as width.
    """

    needs_mask = False

    def __init__(
        self,
        *,
        width: float = 1.0,
        variant: str = "inner",
        residual: bool = False,
        detector_width: float | None = None,
        detector_size: int = 224,
    ) -> None:
        super().__init__()
        self.detector_size = detector_size
        self.detector = create("ptc", width=width if detector_width is None else detector_width, size=detector_size)
        self.harmonizer = create("dih_m", width=width, variant=variant, residual=residual)
        self.working_size = self.harmonizer.working_size
        self.requires_grad_(False)

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return DIH-M's picture for the detected mask M_p, the larger of the probabilities of negative and positive (section 3.3).

        extras: detected_mask (B, 1, 256, 256), soft; probabilities (B, 3, s, s), s = ``detector_size``. A given mask is ignored.
        """
        probabilities = self.detector(resize(composite, self.detector_size))["probabilities"]
        detected = resize_to(probabilities[:, :2].amax(1, keepdim=True), composite)
        image = self.harmonizer(composite, detected).image
        return Prediction(image, {"detected_mask": detected, "probabilities": probabilities})
