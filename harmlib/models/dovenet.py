"""DoveNet: harmonization as domain translation, judged by a domain verification discriminator (Cong et al. 2020).

Symbols (docs/methods/dovenet.md): G generator, D discriminator with a global score s_g and a verification score s_v.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.models.base import Batch, HarmonizationModel, Losses, Prediction, TrainingRecipe, normal_init, to_signed, to_unit
from harmlib.models.layers.discriminators import DomainDiscriminator
from harmlib.models.layers.losses import frozen, gradient_penalty, hinge_loss
from harmlib.models.layers.unet import SIZE_MULTIPLE, AttentionUNet
from harmlib.models.registry import register

L1_WEIGHT = 100.0
PENALTY_WEIGHT = 10.0
INIT_STD = 0.02
# iHarmony4's training set has 65,742 composites; batch 1, 100 epochs at a constant rate, 100 down to zero.
EPOCH = 65_742


class DoveNet(HarmonizationModel):
    """Attention U-Net with tanh, trained with L1 and two adversarial scores."""

    size_multiple = SIZE_MULTIPLE
    # The authors' training command.
    training_recipe = TrainingRecipe(
        learning_rate=2e-4,
        betas=(0.5, 0.999),
        batch_size=1,
        iterations=200 * EPOCH,
        linear_decay_from=100 * EPOCH,
        loss="100 L1, minus both adversarial scores; D: hinge and gradient penalty",
        note="the authors lower the rate per epoch, here per iteration",
    )

    def __init__(self, generator: AttentionUNet, discriminator: DomainDiscriminator, *, residual: bool = False) -> None:
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator
        self.residual = residual
        normal_init(self, INIT_STD)
        if residual:
            nn.init.zeros_(generator.ups[0].get_parameter("weight"))

    def predict(self, composite: Tensor, mask: Tensor) -> Prediction:
        """Return tanh(G([composite, mask])), a residual one's added to the composite: the whole picture, not blended."""
        return Prediction(to_unit(self._generate(composite, mask)).clamp(0, 1))

    def training_loss(self, batch: Batch) -> Losses:
        """Return the generator's losses against the discriminator as it stands."""
        fake = self._generate(batch["composite"], batch["mask"])
        return self._generator_losses(fake, to_signed(batch["target"]), batch["mask"])

    def training_losses(self, batch: Batch) -> Iterator[tuple[str, Losses]]:
        """Yield one update of D on the detached result, then one of G."""
        real, mask = to_signed(batch["target"]), batch["mask"]
        fake = self._generate(batch["composite"], mask)
        yield "discriminator", self._discriminator_losses(fake.detach(), real, mask)
        yield "generator", self._generator_losses(fake, real, mask)

    @property
    def public_names(self) -> dict[str, dict[str, str]]:
        """The names in the authors' files of G and of D."""
        return {
            "generator": self.generator.public_names("generator."),
            "discriminator": self.discriminator.public_names("discriminator."),
        }

    def _generate(self, composite: Tensor, mask: Tensor) -> Tensor:
        """Return G's picture in [-1, 1], a residual one's not clamped; the mask enters as 0/1, not scaled."""
        signed = to_signed(composite)
        made = torch.tanh(self.generator(torch.cat([signed, mask], 1)))
        return signed + made if self.residual else made

    def _discriminator_losses(self, fake: Tensor, real: Tensor, mask: Tensor) -> Losses:
        """Return the hinge over both scores and the gradient penalty of (s_g + s_v) / 2."""

        def mean_score(image: Tensor) -> Tensor:
            global_score, verification = self.discriminator(image, mask)
            return (global_score + verification) / 2

        hinge_fake = torch.stack([hinge_loss(score, real=False) for score in self.discriminator(fake, mask)]).sum()
        hinge_real = torch.stack([hinge_loss(score, real=True) for score in self.discriminator(real, mask)]).sum()
        alpha = torch.rand(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
        penalty = PENALTY_WEIGHT * gradient_penalty(mean_score, real, fake, alpha)
        return {"total": hinge_fake + hinge_real + penalty, "hinge_fake": hinge_fake, "hinge_real": hinge_real, "penalty": penalty}

    def _generator_losses(self, fake: Tensor, real: Tensor, mask: Tensor) -> Losses:
        """Return 100·L1 over the whole raw picture − mean s_g − mean s_v."""
        with frozen(self.discriminator):
            scores = self.discriminator(fake, mask)
        adversarial = -torch.stack([score.mean() for score in scores]).sum()
        l1 = L1_WEIGHT * functional.l1_loss(fake, real)
        return {"total": l1 + adversarial, "l1": l1, "adversarial": adversarial}


@register(
    "dovenet",
    paper="baselines",
    reference="Cong et al. 2020",
    public_options={"norm": "batch"},
    weights="https://github.com/bcmi/Image-Harmonization-Dataset-iHarmony4",
)
def dovenet(*, width: float = 1.0, norm: str = "instance", train_mode_bn: bool = False, residual: bool = False) -> HarmonizationModel:
    """DoveNet: attention U-Net with a domain verification discriminator.

    norm: instance (the training command) or batch (the published weights).
    train_mode_bn: batch norm uses the tested picture's own statistics, as the authors' test script does; dropout stays off.
    residual: ours, for short training: the network makes the change of the composite, at first none, instead of the whole picture.
    """
    generator_norm = "picture_batch" if norm == "batch" and train_mode_bn else norm
    return DoveNet(AttentionUNet(4, 3, width=width, norm=generator_norm), DomainDiscriminator(width=width, norm=norm), residual=residual)
