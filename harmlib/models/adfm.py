"""ADFM: a residual from a light U-Net with attention-based feature modulation (Hao et al. 2020; docs/methods/adfm.md)."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from harmlib.models.base import Batch, HarmonizationModel, Losses, Prediction, TrainingRecipe
from harmlib.models.layers.modulation import SIZE_MULTIPLE, ModulationUNet
from harmlib.models.layers.names import Table
from harmlib.models.registry import register

EPOCH = 65_742 // 24  # iHarmony4's training pairs in batches of 24
NAMES: Table = (
    (r"^network\.", ""),
    *((rf"downs\.{index}\.{layer}", f"Down{index + 1}.{name}") for index in range(9) for layer, name in enumerate(("conv2d", "bn"))),
    *((rf"ups\.{index}\.{layer}", f"Up{index + 1}.{name}") for index in range(3) for layer, name in enumerate(("conv2d", "bn"))),
    (r"head", "output"),
    (r"modulation\.gamma1", "FB_FMM.SA.gamma"),
    (r"modulation\.gamma2", "FB_FMM.gamma"),
    (r"modulation\.own\.(\w+)", r"FB_FMM.SA.\1_conv"),
    (r"modulation\.background\.(\w+)", r"FB_FMM.\1_conv"),
)


@register("adfm", paper="baselines", reference="Hao et al. 2020", weights="https://github.com/Dominoer/bmvc2020_image_harmonization")
class ADFM(HarmonizationModel):
    """ADFM: U-Net with attention-based deep feature modulation.

    It predicts how every pixel changes, background included.
    """

    size_multiple = SIZE_MULTIPLE
    augmentations = ("square_crop", "flip")
    names = NAMES
    # The authors' training script.
    training_recipe = TrainingRecipe(
        learning_rate=1.0,
        batch_size=24,
        iterations=230 * EPOCH,
        loss="mean squared error",
        optimizer="adadelta",
        note="the authors crop resized pictures; here crops are resized, and HAdobe5k is not shrunk to 1024 pixels beforehand",
    )

    def __init__(self, *, width: float = 1.0) -> None:
        super().__init__()
        self.network = ModulationUNet(width=width)

    def predict(self, composite: Tensor, mask: Tensor) -> Prediction:
        """Return the composite plus tanh of the network's output, clamped; the whole picture, not pasted."""
        return Prediction((composite + torch.tanh(self.network(composite, mask))).clamp(0, 1))

    def training_loss(self, batch: Batch) -> Losses:
        """Return the mean squared error of the clamped picture."""
        return {"total": functional.mse_loss(self.predict(batch["composite"], batch["mask"]).image, batch["target"])}
