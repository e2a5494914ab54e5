"""iDIH and iSSAM: encoder and decoder whose colors are blended with the composite's (Sofiiuk et al. 2021; docs/methods/idih.md).

Networks, losses and blending live in the space of pictures normalized by ImageNet's mean and deviation.
"""

from __future__ import annotations

from torch import Tensor, nn

from harmlib.errors import ShapeError
from harmlib.models.base import Batch, HarmonizationModel, Losses, Prediction, TrainingRecipe
from harmlib.models.layers.blocks import initialize
from harmlib.models.layers.idih import BaseUNet, SplitHead, start_unchanged
from harmlib.models.layers.names import Table
from harmlib.models.layers.perceptual import IMAGENET_MEAN, IMAGENET_STD
from harmlib.models.layers.ssam import SIZE_MULTIPLE as SSAM_MULTIPLE
from harmlib.models.layers.ssam import SsamUNet
from harmlib.models.registry import register

WIDTHS = (64, 64, 128, 128, 256, 256, 512)
LAST_WIDTH = 32
SIZE_MULTIPLE = 2 ** len(WIDTHS)
# Below it, the deepest convolution, which has no padding, has nothing to see.
SMALLEST_SIDE = 256
# Decoder steps with channel attention, where there is any.
GATED_STEPS = (5, 6)
EPOCH = 65_742 // 16  # iHarmony4's training pairs in batches of 16
WEIGHTS = "https://github.com/SamsungLabs/image_harmonization"

NETWORK = (r"^network\.", "")
HEAD_NAMES: Table = ((r"^head\.attention\.", "decoder.conv_attention."), (r"^head\.rgb\.", "decoder.to_rgb."))
IDIH_NAMES: Table = (
    NETWORK,
    (r"^encoder\.([01])\.", r"encoder.block\1.block."),
    (r"^encoder\.(\d)\.", r"encoder.blocks_connected.block\1.block."),
    (r"^decoder\.(\d)\.", r"decoder.deconv_blocks.\1.block."),
    (r"^gates\.(\d)\.weights\.", r"decoder.deconv_blocks.\1.se.attention_transform."),
    *HEAD_NAMES,
)
ISSAM_NAMES: Table = (
    NETWORK,
    (r"^encoder\.([01])\.(\d)\.", r"encoder.block\1.convs.block.\2.block."),
    (r"^encoder\.(\d)\.(\d)\.", r"encoder.blocks_connected.block\1.convs.block.\2.block."),
    (r"^ups\.(\d)\.", r"decoder.up_blocks.\1.upconv.1.block."),
    (r"^merges\.(\d)\.(\d)\.", r"decoder.up_blocks.\1.convs.block.\2.block."),
    (r"^attention\.blur", "decoder.up_blocks.2.attention.mask_blurring.weight"),
    (r"^attention\.learner\.(\d)\.", r"decoder.up_blocks.2.attention.learning_block.\1.block."),
    (r"^attention\.(\w+)\.weights\.", r"decoder.up_blocks.2.attention.\1_gate.attention_transform."),
    *HEAD_NAMES,
)


def recipe(smallest_area: int) -> TrainingRecipe:
    """Return that of the authors' training scripts."""
    return TrainingRecipe(
        learning_rate=1e-3,
        batch_size=16,
        iterations=120 * EPOCH,
        milestones=(105 * EPOCH, 115 * EPOCH),
        loss=f"squared errors of the whole picture per area of the mask, {smallest_area} pixels at least",
        note="the authors shrink HAdobe5k to 1024 pixels beforehand and keep one crop in twenty that shows no foreground; not so here",
    )


class Blended(HarmonizationModel):
    """A network on normalized pictures, trained with squared errors per area of the mask.

    smallest_area: A_min, pixels at 256x256.
    """

    soft_masks = True
    antialias = False
    augmentations = ("random_crop", "flip")
    network: nn.Module
    smallest_area: int

    def predict(self, composite: Tensor, mask: Tensor) -> Prediction:
        """Return the whole picture, not pasted into the composite."""
        mean, std = _statistics(composite)
        return Prediction((self.run(normalize(composite), mask) * std + mean).clamp(0, 1))

    def run(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the network's picture (B, 3, H, W) for a picture, both normalized, and its mask (B, 1, H, W) in [0, 1]."""
        return self.network(image, mask)

    def training_loss(self, batch: Batch) -> Losses:
        """Return the mean over the batch of ``area_normalized_errors``, of normalized pictures."""
        pred = self.run(normalize(batch["composite"]), batch["mask"])
        return {"total": area_normalized_errors(pred, normalize(batch["target"]), batch["mask"], self.smallest_area).mean()}


@register("idih", paper="baselines", reference="Sofiiuk et al. 2021", weights=WEIGHTS)
class Idih(Blended):
    """iDIH: encoder and decoder, blended with the composite, without semantic backbone.

    Seven levels, skip connections added; sides are multiples of 128 from 256 on.
    attention: the last two decoder steps weigh their channels by what they see inside and outside the mask.
    residual: ours, for short training: the network makes the change of the composite, at first none, instead of the whole picture.
    """

    size_multiple = SIZE_MULTIPLE
    names = IDIH_NAMES
    smallest_area = 100
    training_recipe = recipe(smallest_area)

    def __init__(self, *, width: float = 1.0, attention: bool = False, residual: bool = False) -> None:
        super().__init__()
        gated = GATED_STEPS if attention else ()
        self.network = BaseUNet(
            WIDTHS, LAST_WIDTH, width=width, added=True, bottom_padding=0, gated=gated, head=SplitHead, residual=residual
        )
        initialize(self)
        if residual:
            start_unchanged(self.network.head)

    def run(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the network's picture, as ``Blended`` does."""
        return self.network(image, mask)[0]

    def check_inputs(self, composite: Tensor, mask: Tensor | None) -> None:
        """Raise ShapeError or MaskError as every method does, and ShapeError for a picture below 256x256."""
        super().check_inputs(composite, mask)
        height, width = composite.shape[2:]
        if min(height, width) < SMALLEST_SIDE:
            raise ShapeError(f'composite is {height}x{width}, "{self.name}" needs {SMALLEST_SIDE} at least: resize it')


@register("issam", paper="baselines", reference="Sofiiuk et al. 2021", weights=WEIGHTS)
class Issam(Blended):
    """iSSAM: U-Net with one spatial-separated attention module, blended with the composite.

    Four levels, skip connections concatenated, attention on the last of them.
    """

    size_multiple = SSAM_MULTIPLE
    names = ISSAM_NAMES
    smallest_area = 1000
    training_recipe = recipe(smallest_area)

    def __init__(self, *, width: float = 1.0) -> None:
        super().__init__()
        self.network = SsamUNet(width=width)
        initialize(self, magnitude=1.0)


def normalize(picture: Tensor) -> Tensor:
    """Return a picture (B, 3, H, W) in [0, 1], normalized by ImageNet's mean and deviation."""
    mean, std = _statistics(picture)
    return (picture - mean) / std


def area_normalized_errors(pred: Tensor, target: Tensor, mask: Tensor, smallest_area: int) -> Tensor:
    """Return Σ (pred - target)² / (3 max(ΣM, A_min)) of every picture, (B,): errors of the whole picture, per area of the mask.

    pred, target: (B, 3, H, W); mask: (B, 1, H, W) in [0, 1]. Source: the authors' code.
    """
    area = mask.sum((1, 2, 3)).clamp(min=smallest_area)
    return (pred - target).square().sum((1, 2, 3)) / (pred.shape[1] * area)


def _statistics(like: Tensor) -> tuple[Tensor, Tensor]:
    """Return ImageNet's mean and deviation, (1, 3, 1, 1) each."""
    mean, std = (like.new_tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return mean, std
