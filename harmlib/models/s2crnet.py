"""S²CRNet: color curves for the foreground, found by an ImageNet classifier's features (Liang et al. 2022; docs/methods/s2crnet.md).

One encoder sees the foreground's box and the background separately. A head per stage turns both features into three curves; the second
stage bends what the first has bent. Curves take a picture of any size, so the box is cut out and the result rendered at the composite's
own.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.errors import ParameterError, check_choice
from harmlib.models.base import Batch, HarmonizationModel, Losses, Prediction, TrainingRecipe, paste
from harmlib.models.layers.backbones import SQUEEZENET_FILE, VGG16_FILE, squeezenet_features, vgg16_features
from harmlib.models.layers.blocks import SLOPE, Block, scaled_width
from harmlib.models.layers.curves import CurveHead, render_curves
from harmlib.models.layers.imagenet import start_from_imagenet
from harmlib.models.layers.losses import frozen
from harmlib.models.layers.names import Table, public_names
from harmlib.models.registry import register

# Encoder -> its layers, torchvision's file of its weights, and the opening of its names in the authors' files.
ENCODERS = {
    "squeezenet": (squeezenet_features, SQUEEZENET_FILE, "squeezenet1_1."),
    "vgg16": (vgg16_features, VGG16_FILE, "model."),
}
NO_LABEL = "none"
# In the order of the authors' numbers; none of their pictures has the fourth, "vehicle" is our guess.
LABELS = ("person", "animal", "food", "vehicle", "others")
STAGES = 2
SIDE = 256  # of what the encoder sees
AREA_EPSILON = 1e-6
ADVERSARIAL_WEIGHT = 0.01
DISCRIMINATOR_GROWTH = (1, 2, 4, 8)
EPOCH = 65_742 // 8  # iHarmony4's training pairs in batches of 8

HEAD_NAMES: Table = (
    (r"^0\.", "fusion.cr1."),
    (r"^1\.", "fusion.cr2."),
    (r"background", "fc_b_1.fc1"),
    (r"foreground", "fc_f_1.fc1"),
    (r"label\.0", "fc_label_1"),
    (r"label\.2", "fc_label_2"),
    (r"labeled", "fc_f_label"),
)
DISCRIMINATOR_NAMES: Table = (
    (r"^0\.0\.", "local.0."),
    (r"^1\.0\.", "local.2."),
    (r"^1\.1\.", "local.3."),
    (r"^2\.0\.", "local.5."),
    (r"^2\.1\.", "local.6."),
    (r"^3\.0\.", "local.8."),
    (r"^3\.1\.", "local.9."),
    (r"^4\.", "local.11."),
)


@register(
    "s2crnet",
    paper="baselines",
    reference="Liang et al. 2022",
    public_options={"label": "others"},
    weights="https://github.com/vinthony/S2CRNet-demos",
)
class S2CRNet(HarmonizationModel):
    """S2CRNet: color curves for the foreground, applied at full resolution.

    encoder: squeezenet (the one whose weights are published) or vgg16; label: class of the foreground, person, animal, food, vehicle,
    others, or none for curves that do not depend on it; pretrained: training starts from ImageNet weights, at width 1 only.
    """

    working_size = None
    soft_masks = True
    keeps_background = True
    augmentations = ("flip",)
    # The authors' training script, with two stages as in their published weights.
    training_recipe = TrainingRecipe(
        learning_rate=2e-4,
        batch_size=8,
        iterations=50 * EPOCH,
        weight_decay=0.01,
        optimizer="adamw",
        player_optimizers={"discriminator": "rmsprop"},
        loss="absolute error inside the mask per its area, of both stages, plus 0.01 of a least-squares GAN on the second everywhere",
        note=(
            "from ImageNet weights (pretrained); boxes are cut out of the training pictures, which are resized already; flips, which "
            "their script means to draw but does not; the weights with the best validation PSNR are kept"
        ),
    )

    def __init__(self, *, width: float = 1.0, encoder: str = "squeezenet", label: str = NO_LABEL, pretrained: bool = False) -> None:
        super().__init__()
        check_choice("encoder", encoder, ENCODERS)
        check_choice("label", label, (NO_LABEL, *LABELS))
        if pretrained and width != 1:
            raise ParameterError(f"pretrained weights are for width 1, and width is {width}: leave one of the two out")
        make_encoder, weights_file, self.public_prefix = ENCODERS[encoder]
        self.imagenet_file = weights_file if pretrained else None
        self.label = None if label == NO_LABEL else LABELS.index(label)
        self.encoder = make_encoder(width=width)
        self.heads = nn.ModuleList(CurveHead(self.encoder.channels, len(LABELS)) for _ in range(STAGES))
        self.discriminator = make_discriminator(width=width)

    def initialize(self) -> str:
        """Take the encoder's ImageNet weights, if asked for, and return "imagenet (torchvision)"; without them warn and return "random"."""
        return start_from_imagenet(self.encoder, self.imagenet_file, self.name)

    def predict(self, composite: Tensor, mask: Tensor) -> Prediction:
        """Return the second stage in the composite's background.

        extras: curves (B, 2, 3, 64), the pieces of both stages; stage1 (B, 3, H, W), the first stage everywhere, not clamped.
        """
        curves = self.predict_curves(composite, mask)
        first, second = self.render(composite, curves)
        image = paste(second, composite, mask).clamp(0, 1)
        return Prediction(image, {"curves": torch.stack(curves, 1), "stage1": first})

    def predict_curves(self, composite: Tensor, mask: Tensor) -> list[Tensor]:
        """Return the pieces of every stage's curves, (B, 3, 64) each; composite: (B, 3, H, W) in [0, 1], mask: (B, 1, H, W) in [0, 1]."""
        box, box_mask = crop_foreground(composite, mask)
        small, small_mask = to_side(composite), to_side(mask)
        features = self.encoder(torch.cat([box * box_mask, small * (1 - small_mask)])).mean((2, 3))
        foreground, background = features.chunk(2)  # (B, C)
        label = None
        if self.label is not None:
            label = functional.one_hot(torch.full((len(box),), self.label, device=box.device), len(LABELS)).to(features)
        return [head(foreground, background, label) for head in self.heads]

    def render(self, image: Tensor, curves: list[Tensor]) -> list[Tensor]:
        """Return the picture of every stage, (B, 3, H, W), bent everywhere and not clamped; image: in [0, 1], of any size."""
        return list(itertools.accumulate(curves, render_curves, initial=image))[1:]

    def training_loss(self, batch: Batch) -> Losses:
        """Return the generator's losses against the discriminator as it stands."""
        return self._generator_losses(self._generate(batch), batch)

    def training_losses(self, batch: Batch) -> Iterator[tuple[str, Losses]]:
        """Yield one update of encoder and heads, then one of the discriminator on the same, detached last stage."""
        stages = self._generate(batch)
        yield "generator", self._generator_losses(stages, batch)
        on_real, on_fake = (self.discriminator(picture) for picture in (batch["target"], stages[-1].detach()))
        real_loss, fake_loss = (on_real - 1).square().mean(), on_fake.square().mean()
        yield "discriminator", {"total": real_loss + fake_loss, "real": real_loss, "fake": fake_loss}

    @property
    def untrained_parameters(self) -> frozenset[str]:
        """The branch of the heads that is not used, with or without label, and the biases that the discriminator's batch norm cancels."""
        idle = ("foreground",) if self.label is not None else ("label", "labeled")
        names = (f"heads.{name}" for name, _ in self.heads.named_parameters())
        return super().untrained_parameters.union(name for name in names if name.split(".")[2] in idle)

    @property
    def public_names(self) -> dict[str, dict[str, str]]:
        """The names in the authors' files of encoder with heads, and of the discriminator."""
        encoder = public_names(self.encoder, ((r"^", self.public_prefix),), "encoder.")
        heads = public_names(self.heads, HEAD_NAMES, "heads.")
        return {"generator": {**encoder, **heads}, "discriminator": public_names(self.discriminator, DISCRIMINATOR_NAMES, "discriminator.")}

    def _generate(self, batch: Batch) -> list[Tensor]:
        """Return both stages of a batch's composites."""
        return self.render(batch["composite"], self.predict_curves(batch["composite"], batch["mask"]))

    def _generator_losses(self, stages: list[Tensor], batch: Batch) -> Losses:
        """Return the relative L1 of both stages and 0.01 (D - 1)² of the last, which is neither pasted nor clamped."""
        losses = [relative_l1(stage, batch["target"], batch["mask"]) for stage in stages]
        with frozen(self.discriminator):
            adversarial = ADVERSARIAL_WEIGHT * (self.discriminator(stages[-1]) - 1).square().mean()
        total = torch.stack([*losses, adversarial]).sum()
        return {"total": total, "l1_stage1": losses[0], "l1_stage2": losses[1], "adversarial": adversarial}


def make_discriminator(*, width: float) -> nn.Sequential:
    """Return what scores overlapping patches, (B, 3, 256, 256) in [0, 1] to (B, 1, 12, 12); width: factor on its 64 base channels."""
    leaky = functools.partial(nn.LeakyReLU, SLOPE)
    sizes = [3, *(scaled_width(width) * growth for growth in DISCRIMINATOR_GROWTH)]
    blocks = [Block(nn.Conv2d(sizes[i], sizes[i + 1], 5, 2, 1), norm=i > 0, activation=leaky) for i in range(len(DISCRIMINATOR_GROWTH))]
    return nn.Sequential(*blocks, nn.Conv2d(sizes[-1], 1, 4))


def crop_foreground(composite: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return each picture's tightest box around the foreground, (B, 3, 256, 256), and the mask's, (B, 1, 256, 256), aspect not kept.

    composite: (B, 3, H, W); mask: (B, 1, H, W) in [0, 1], every value above 0 counts; a picture without foreground is its own box.
    """
    boxes = []
    for picture in torch.cat([composite, mask], 1):
        box = picture[:, _extent(picture[-1].amax(1)), _extent(picture[-1].amax(0))]
        boxes.append(to_side(box[None]))
    images, masks = torch.cat(boxes).split([3, 1], 1)
    return images, masks


def _extent(line: Tensor) -> slice:
    """Return where the values of a line are not zero, from the first to the last; all of it where there is none."""
    indices = line.nonzero()[:, 0].tolist() or range(len(line))
    return slice(indices[0], indices[-1] + 1)


def to_side(image: Tensor) -> Tensor:
    """Return (B, C, H, W) resized to 256x256, bilinear with antialiasing, as PIL does."""
    return functional.interpolate(image, size=(SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)


def relative_l1(pred: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over the batch of Σ |M (pred - target)| / ΣM, the numerator over three channels and the denominator over one.

    pred, target: (B, 3, H, W); mask: M, (B, 1, H, W) in [0, 1].
    """
    return ((mask * (pred - target)).abs().sum((1, 2, 3)) / (mask.sum((1, 2, 3)) + AREA_EPSILON)).mean()
