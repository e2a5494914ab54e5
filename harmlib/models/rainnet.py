"""RainNet: harmonization as style transfer from the background to the foreground (Ling et al. 2021).

DoveNet's attention U-Net with RAIN for the decoder's norms, trained as DoveNet is. Result and losses keep the background as it is.
Symbols (docs/methods/rainnet.md): G generator, D discriminator.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import torch
from torch import Tensor

from harmlib.models.base import Batch, HarmonizationModel, Losses, Prediction, paste, to_signed, to_unit
from harmlib.models.dovenet import DoveNet
from harmlib.models.layers.discriminators import DomainDiscriminator
from harmlib.models.layers.rain import RegionAwareNorm
from harmlib.models.layers.unet import LEVELS, AttentionUNet
from harmlib.models.registry import register

EPOCH = 65_742 // 11  # iHarmony4's training pairs in batches of 11
# The levels above it are named one by one in the authors' file, those from it on are nested.
NESTED_LEVEL = 4


class RainNet(DoveNet):
    """DoveNet with RAIN in the generator, whose picture counts inside the mask only; mask_input: G sees the mask as a channel too."""

    keeps_background = True
    # The authors' training script.
    training_recipe = dataclasses.replace(
        DoveNet.training_recipe,
        batch_size=11,
        iterations=200 * EPOCH,
        linear_decay_from=100 * EPOCH,
        loss="100 L1, minus both adversarial scores; D: hinge and gradient penalty; all on the picture with its own background",
    )

    def __init__(self, generator: AttentionUNet, discriminator: DomainDiscriminator, *, mask_input: bool) -> None:
        super().__init__(generator, discriminator)
        self.mask_input = mask_input

    def predict(self, composite: Tensor, mask: Tensor) -> Prediction:
        """Return G's picture inside the mask, the composite outside; with 1 - mask the background is harmonized instead."""
        return Prediction(paste(to_unit(self._paint(composite, mask)), composite, mask))

    def training_loss(self, batch: Batch) -> Losses:
        """Return the generator's losses against the discriminator as it stands."""
        return super().training_loss(on_real_background(batch))

    def training_losses(self, batch: Batch) -> Iterator[tuple[str, Losses]]:
        """Yield DoveNet's two updates, on composites with the background of the real photograph."""
        yield from super().training_losses(on_real_background(batch))

    @property
    def public_names(self) -> dict[str, dict[str, str]]:
        """The names in the authors' files of G and of D."""
        return {**super().public_names, "generator": self.generator.public_names("generator.", _public_module)}

    def _generate(self, composite: Tensor, mask: Tensor) -> Tensor:
        """Return the picture in [-1, 1] that every loss sees: G's inside the mask, the composite outside."""
        return paste(self._paint(composite, mask), to_signed(composite), mask)

    def _paint(self, composite: Tensor, mask: Tensor) -> Tensor:
        """Return G's whole picture in [-1, 1]."""
        signed = to_signed(composite)
        inputs = torch.cat([signed, mask], 1) if self.mask_input else signed
        return torch.tanh(self.generator(inputs, mask))


def on_real_background(batch: Batch) -> Batch:
    """Return the batch with the target's background in its composites: compression changed theirs, and no method should repair that."""
    return {**batch, "composite": paste(batch["composite"], batch["target"], batch["mask"])}


def _public_module(kind: str, level: int) -> str:
    """Return the authors' name of one layer of G."""
    if level == 0:
        return {"downs": "model_layer0", "ups": "model_out.1"}[kind]
    if level < NESTED_LEVEL:
        up = f"model_layer{14 - level}"
        return {"downs": f"model_layer{level}.1", "ups": f"{up}.1", "up_norms": f"{up}norm", "gates": f"{up}att.0"}[kind]
    block = "unet_block" + ".submodule" * (level - NESTED_LEVEL)
    convs = {"downs": "up.1", "ups": "up.3"} if level == LEVELS - 1 else {"downs": "down.1", "ups": "up.1"}
    return f"{block}.{({**convs, 'up_norms': 'upnorm'})[kind]}"


@register("rainnet", paper="baselines", reference="Ling et al. 2021", weights="https://github.com/junleen/RainNet")
def rainnet(*, width: float = 1.0, mask_input: bool = False) -> HarmonizationModel:
    """RainNet: region-aware adaptive instance normalization in DoveNet's attention U-Net.

    mask_input: the mask is a fourth input channel; the published weights do without, the mask then only enters RAIN.
    """
    generator = AttentionUNet(4 if mask_input else 3, 3, width=width, up_norm=RegionAwareNorm)
    return RainNet(generator, DomainDiscriminator(width=width), mask_input=mask_input)
