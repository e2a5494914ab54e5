"""S2AM: a U-Net whose attention treats the features of foreground and background separately (Cun and Pun 2020; docs/methods/s2am.md).

S2AD, with the attention in the decoder, is "S2AM" in the tables of later papers; S2ASC has it on the skip connections.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.errors import check_choice
from harmlib.models.base import Batch, HarmonizationModel, Losses, Prediction, TrainingRecipe, normal_init, paste
from harmlib.models.layers.discriminators import PatchDiscriminator
from harmlib.models.layers.losses import frozen
from harmlib.models.layers.separated import SeparatedUNet
from harmlib.models.layers.unet import SIZE_MULTIPLE
from harmlib.models.registry import register

ATTENTIONS = ("decoder", "skip")
# Beside Adam's ε only: it divides by the gradients' own size.
SQUARE_WEIGHT = 1e10
L1_WEIGHT = 100.0
NORM_STD = 0.02
EPOCH = 65_742 // 8  # iHarmony4's training pairs in batches of 8


class S2AM(HarmonizationModel):
    """The U-Net without final activation, trained by squared errors; its result is pasted into the composite."""

    size_multiple = SIZE_MULTIPLE
    keeps_background = True
    # The authors' training script.
    training_recipe = TrainingRecipe(
        learning_rate=1e-3,
        batch_size=8,
        iterations=60 * EPOCH,
        loss="1e10 times the mean squared error",
        note=(
            "the rate falls after epoch 60, which is the last; the authors keep the weights with the best validation PSNR, the paper "
            "profile those with the least squared error on 2 % of the training photographs, held out (hold_out)"
        ),
    )

    def __init__(self, *, width: float, attention: str, residual: bool) -> None:
        super().__init__()
        self.residual = residual
        self.generator = SeparatedUNet(width=width, on_skips=attention == "skip")
        initialize(self.generator)

    def predict(self, composite: Tensor, mask: Tensor) -> Prediction:
        """Return the generated foreground in the composite's background."""
        return Prediction(paste(self.generate(composite, mask).clamp(0, 1), composite, mask))

    def generate(self, composite: Tensor, mask: Tensor) -> Tensor:
        """Return the network's picture (B, 3, H, W), neither clamped nor pasted."""
        raw = self.generator(composite, mask)
        return raw + composite if self.residual else raw

    def training_loss(self, batch: Batch) -> Losses:
        """Return 1e10 times the mean squared error of the whole generated picture, and that error."""
        mse = functional.mse_loss(self.generate(batch["composite"], batch["mask"]), batch["target"])
        return {"total": SQUARE_WEIGHT * mse, "mse": mse}

    @property
    def public_names(self) -> dict[str, dict[str, str]]:
        """The names in the authors' file of the network."""
        return {"generator": self.generator.public_names("generator.")}


class S2AMGAN(S2AM):
    """The same network, trained by L1 and a least-squares GAN on patches, given the composite."""

    # The authors' GAN, otherwise trained alike.
    training_recipe = TrainingRecipe(
        learning_rate=1e-3,
        betas=(0.5, 0.999),
        batch_size=8,
        iterations=60 * EPOCH,
        loss="100 L1 plus a least-squares GAN on patches",
        note="no table of the papers has it",
    )

    def __init__(self, *, width: float, attention: str, residual: bool) -> None:
        super().__init__(width=width, attention=attention, residual=residual)
        self.discriminator = PatchDiscriminator(6, width=width, even=True)
        initialize(self.discriminator)

    def training_loss(self, batch: Batch) -> Losses:
        """Return the generator's losses against the discriminator as it stands."""
        return self._generator_losses(self.generate(batch["composite"], batch["mask"]), batch)

    def training_losses(self, batch: Batch) -> Iterator[tuple[str, Losses]]:
        """Yield one update of the generator, then one of the discriminator on the same, detached result."""
        fake = self.generate(batch["composite"], batch["mask"])
        yield "generator", self._generator_losses(fake, batch)
        on_real, on_fake = (self._score(picture, batch) for picture in (batch["target"], fake.detach()))
        real_loss, fake_loss = (on_real - 1).square().mean(), on_fake.square().mean()
        yield "discriminator", {"total": 0.5 * (real_loss + fake_loss), "real": real_loss, "fake": fake_loss}

    @property
    def public_names(self) -> dict[str, dict[str, str]]:
        """The names in the authors' files of network and discriminator."""
        return {**super().public_names, "discriminator": self.discriminator.public_names("discriminator.")}

    def _score(self, picture: Tensor, batch: Batch) -> Tensor:
        """Return the discriminator's map for a picture that was made of the batch's composites."""
        return self.discriminator(torch.cat([picture, batch["composite"]], 1))

    def _generator_losses(self, fake: Tensor, batch: Batch) -> Losses:
        """Return (D - 1)² + 100 L1, means over everything."""
        with frozen(self.discriminator):
            adversarial = (self._score(fake, batch) - 1).square().mean()
        l1 = L1_WEIGHT * functional.l1_loss(fake, batch["target"])
        return {"total": adversarial + l1, "adversarial": adversarial, "l1": l1}


def initialize(module: nn.Module) -> None:
    """Draw the weights of convolutions and linear layers as He's normal by fan-in, biases 0, batch-norm weights from N(1, 0.02²)."""
    normal_init(module, NORM_STD)
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight)


@register("s2am", paper="baselines", reference="Cun and Pun 2020", weights="https://github.com/vinthony/s2am")
def s2am(*, width: float = 1.0, attention: str = "decoder", residual: bool = False, gan: bool = False) -> HarmonizationModel:
    """S2AM: U-Net with spatial-separated attention modules.

    attention: decoder (S2AD, the one in later papers' tables) or skip (S2ASC).
    residual: the network predicts the change of the composite, as in those published weights that have "res" in their name.
    gan: trained by L1 and a least-squares GAN instead of by squared errors.
    """
    check_choice("attention", attention, ATTENTIONS)
    return (S2AMGAN if gan else S2AM)(width=width, attention=attention, residual=residual)
