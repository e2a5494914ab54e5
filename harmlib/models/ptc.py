"""PTC, the perceptual threshold classifier: which pixels look darker or brighter than they should, and the pre-training of its body.

A picture's object was made darker or brighter by s stops (docs/methods/perceptual.md). Class 0: darker than people notice,
class 1: brighter, class 2: everything else. Nothing here harmonizes: the picture comes back unchanged, the classes are extras.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.errors import ParameterError
from harmlib.models.base import KERAS_EPS, Batch, HarmonizationModel, Losses, Prediction, TrainingRecipe, to_signed
from harmlib.models.layers.backbones import VGG16_FILE
from harmlib.models.layers.detector import STRIDE, DetectorDecoder, DetectorEncoder, detector_head
from harmlib.models.layers.imagenet import start_from_imagenet
from harmlib.models.registry import register

CLASSES = ("negative", "positive", "none")
# Region ids of a training pair that are beyond the threshold -> their class; all others, the background too, are "none".
REGION_CLASSES = {1: 0, 2: 1}
FOCAL_ALPHA = 0.25
FOCAL_GAMMA = 4.0
RESPONSE_MAPS = 3
RESPONSE_DROP = 0.5
BATCH_SIZE = 12
# 270 of the study's 300 pictures, three samples of each, in batches of 12; and COCO train2017's 118,287 photographs.
EPOCH = 68
PRETRAINING_EPOCH = 9858


class Detector(HarmonizationModel):
    """The body that the classifier and its pre-training share: encoder and decoder, on pictures in [-1, 1]."""

    needs_mask = False
    harmonizes = False
    size_multiple = STRIDE
    working_size: int

    def __init__(self, *, width: float, size: int, pretrained: bool) -> None:
        super().__init__()
        if pretrained and width != 1:
            raise ParameterError(f"pretrained weights are for width 1, and width is {width}: leave one of the two out")
        self.working_size = size
        self.imagenet_file = VGG16_FILE if pretrained else None
        self.encoder = DetectorEncoder(width=width, size=size)
        self.decoder = DetectorDecoder(width=width)

    def initialize(self) -> str:
        """Take VGG16's ImageNet weights, if asked for, and return "imagenet (torchvision)"; without their file warn and return "random"."""
        return start_from_imagenet(self.encoder.backbone, self.imagenet_file, self.name)

    def features(self, image: Tensor) -> Tensor:
        """Return the decoder's features, (B, channels, H, W), of a picture in [0, 1]."""
        return self.decoder(self.encoder(to_signed(image)))

    def upscale(self, prediction: Prediction, composite_full: Tensor, mask_full: Tensor | None) -> Tensor:
        """Return the full-size composite as it is."""
        return composite_full


@register("ptc", paper="perceptual", reference="Dolhasz et al. 2022", needs_mask=False, detects=True)
class ThresholdClassifier(Detector):
    """PTC: tells pixels that became visibly darker or brighter, without a reference.

    size: side of its pictures, a multiple of 8; gamma: of the focal loss, 0 or more: the authors' 4 hardly punishes doubt, and a short
    training never gets past it; frozen_encoder: training leaves the encoder as it is, for one that is trained already; pretrained:
    training starts from ImageNet weights, at width 1 only.
    """

    # The authors' second step.
    training_recipe = TrainingRecipe(
        learning_rate=1e-4,
        batch_size=BATCH_SIZE,
        iterations=10_000 * EPOCH,
        loss="categorical focal loss with alpha 0.25 and gamma 4, mean over pixels",
        eps=KERAS_EPS,
        note=(
            "the authors restart the rate between 1e-4 and 1e-6 by cosines, here it is constant; they freeze the pre-trained encoder "
            "(frozen_encoder), and stop after 400 epochs without a better validation loss, here the last weights are kept; they flip "
            "both ways and zoom, as does the paper profile (augmentations); trained in one step, encoder and decoder "
            "learn together at one rate, random backbone included"
        ),
    )

    def __init__(
        self, *, width: float = 1.0, size: int = 224, gamma: float = FOCAL_GAMMA, frozen_encoder: bool = False, pretrained: bool = False
    ) -> None:
        if not gamma >= 0:
            raise ParameterError(f"gamma is {gamma}, expected the focal loss's exponent, 0 or more")
        super().__init__(width=width, size=size, pretrained=pretrained)
        self.gamma = gamma
        self.head = detector_head(self.decoder.channels, len(CLASSES))
        if frozen_encoder:
            self.encoder.freeze()

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the composite; extras: probabilities (B, 3, H, W) of the classes negative, positive and none."""
        return Prediction(composite, {"probabilities": self.logits(composite).softmax(1)})

    def logits(self, image: Tensor) -> Tensor:
        """Return the logits of the classes, (B, 3, H, W)."""
        return self.head(self.features(image))

    def training_loss(self, batch: Batch) -> Losses:
        """Return the focal loss of the composite's classes, which the batch's "regions" (B, 1, H, W) tell."""
        check_shifted(batch, "regions", self.name)
        return {"total": focal_loss(self.logits(batch["composite"]), class_labels(batch["regions"]), gamma=self.gamma)}


@register("ptc_aet", paper="perceptual", reference="Dolhasz et al. 2022", needs_mask=False, detects=True)
class ShiftPretraining(Detector):
    """PTC's pre-training: how many stops lie between two pictures, at every pixel.

    A pre-training (the authors' AET), not a detector: ``encoder`` and ``decoder`` have the names of ``ptc``. Options as there.
    """

    # The authors' first step.
    training_recipe = TrainingRecipe(
        learning_rate=1e-4,
        batch_size=BATCH_SIZE,
        iterations=90 * PRETRAINING_EPOCH,
        loss="squared error of the shift in stops, mean over pixels",
        eps=KERAS_EPS,
        note=(
            "the authors restart the rate between 1e-4 and 1e-6 by cosines after 30 epochs, twice as long each time and 0.9 as high; "
            "here it is constant; they keep the weights with the least validation error, here the last ones are kept"
        ),
    )

    def __init__(self, *, width: float = 1.0, size: int = 224, pretrained: bool = False) -> None:
        super().__init__(width=width, size=size, pretrained=pretrained)
        maps = nn.Conv2d(self.decoder.channels, RESPONSE_MAPS, 1)
        self.response = nn.Sequential(nn.Dropout(RESPONSE_DROP), maps, nn.ReLU(inplace=True))
        self.shift = nn.Conv2d(2 * RESPONSE_MAPS, 1, 1)

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the composite; extras: response (B, 3, H, W), what one picture contributes to the shift, which takes two to tell."""
        return Prediction(composite, {"response": self.response(self.features(composite))})

    def predict_shift(self, original: Tensor, shifted: Tensor) -> Tensor:
        """Return the shift between two pictures (B, 3, H, W) in [0, 1], in stops, (B, 1, H, W)."""
        return self.shift(torch.cat([self.response(self.features(image)) for image in (original, shifted)], 1))

    def training_loss(self, batch: Batch) -> Losses:
        """Return the mean squared error of the shift from target to composite: the batch's "stops" (B,) inside the mask, 0 outside."""
        check_shifted(batch, "stops", self.name)
        shift = batch["mask"] * batch["stops"].view(-1, 1, 1, 1)
        return {"total": functional.mse_loss(self.predict_shift(batch["target"], batch["composite"]), shift)}


def check_shifted(batch: Batch, key: str, name: str) -> None:
    """Raise ParameterError unless a batch brings what only composites by an exposure shift have."""
    if key not in batch:
        raise ParameterError(f'"{name}" learns from exposure shifts, and its pairs bring no "{key}": train it online on such a benchmark')


def class_labels(regions: Tensor) -> Tensor:
    """Return the class of every pixel, (B, H, W) int64.

    regions: (B, 1, H, W), 1 = darker than the threshold, 2 = brighter, others = changed less, or not at all.
    """
    labels = torch.full_like(regions[:, 0], CLASSES.index("none"), dtype=torch.int64)
    for region, label in REGION_CLASSES.items():
        labels[regions[:, 0] == region] = label
    return labels


def focal_loss(logits: Tensor, labels: Tensor, *, alpha: float = FOCAL_ALPHA, gamma: float = FOCAL_GAMMA) -> Tensor:
    """Return the mean over pixels of -alpha (1 - p)^gamma ln p, p the probability of a pixel's class.

    logits: (B, C, H, W); labels: (B, H, W) int64. From logits, so that no probability has to be clipped: one that is wrong beyond
    rounding keeps its gradient. Source: Lin et al. 2017, equation 5, with one alpha for all classes.
    """
    surprise = functional.cross_entropy(logits, labels, reduction="none")  # -ln p, (B, H, W)
    return alpha * ((-torch.expm1(-surprise)) ** gamma * surprise).mean()
