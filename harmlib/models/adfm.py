"""ADFM: a residual from a light U-Net with attention-based feature modulation (Hao et al. 2020; docs/methods/adfm.md)."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from harmlib.models.base import Batch, HarmonizationModel, Losses, Prediction, TrainingRecipe
from harmlib.models.layers.blocks import silent_biases
from harmlib.models.layers.modulation import SIZE_MULTIPLE, ModulationUNet
from harmlib.models.layers.names import Table, public_names
from harmlib.models.registry import register

EPOCH = 65_742 // 24  # iHarmony4's training pairs in batches of 24
NAMES: Table = (
    *((rf"downs\.{index}\.{layer}", f"Down{index + 1}.{name}") for index in range(9) for layer, name in enumerate(("conv2d", "bn"))),
    *((rf"ups\.{index}\.{layer}", f"Up{index + 1}.{name}") for index in range(3) for layer, name in enumerate(("conv2d", "bn"))),
    (r"head", "output"),
    (r"modulation\.gamma1", "FB_FMM.SA.gamma"),
    (r"modulation\.gamma2", "FB_FMM.gamma"),
    (r"modulation\.own\.(\w+)", r"FB_FMM.SA.\1_conv"),
    (r"modulation\.background\.(\w+)", r"FB_FMM.\1_conv"),
)


class ADFM(HarmonizationModel):
    """The U-Net predicts how every pixel changes, background included."""

    size_multiple = SIZE_MULTIPLE
    augmentations = ("square_crop", "flip")

    def __init__(self, *, width: float) -> None:
        super().__init__()
        self.network = ModulationUNet(width=width)

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the composite plus tanh of the network's output, clamped; the whole picture, not pasted."""
        assert mask is not None  # needs_mask: checked at the door
        return Prediction((composite + torch.tanh(self.network(composite, mask))).clamp(0, 1))

    def training_loss(self, batch: Batch) -> Losses:
        """Return the mean squared error of the clamped picture."""
        return {"total": functional.mse_loss(self.predict(batch["composite"], batch["mask"]).image, batch["target"])}

    @property
    def training_recipe(self) -> TrainingRecipe:
        """The authors' training script."""
        return TrainingRecipe(
            learning_rate=1.0,
            betas=(0.9, 0.999),
            batch_size=24,
            iterations=230 * EPOCH,
            loss="mean squared error",
            optimizer="adadelta",
            note="the authors crop resized pictures; here crops are resized, and HAdobe5k is not shrunk to 1024 pixels beforehand",
        )

    @property
    def untrained_parameters(self) -> frozenset[str]:
        """The biases that batch norm or the modulation cancels, and the attentions whose weight γ is still 0, as at the start."""
        modulation = (f"network.modulation.{name}" for name in self.network.modulation.silent_parameters())
        return frozenset([*silent_biases(self), *modulation])

    @property
    def public_names(self) -> dict[str, dict[str, str]]:
        """The names in the authors' file."""
        return {"model": public_names(self.network, NAMES, "network.")}


@register(
    "adfm",
    paper="baselines",
    reference="Hao et al. 2020",
    needs_mask=True,
    weights="https://github.com/Dominoer/bmvc2020_image_harmonization",
)
def adfm(*, width: float = 1.0) -> HarmonizationModel:
    """ADFM: U-Net with attention-based deep feature modulation."""
    return ADFM(width=width)
