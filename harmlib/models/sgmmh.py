"""Sg-MMH: semantic-guided multi-mask harmonization, without any mask as input (Ren and Liu, section 3).

A network predicts six operator masks, add and multiply for L, a and b; a fixed retoucher applies them to the composite.
C_r and C_f are the discriminator's maps of the real and of the retouched picture (docs/methods/sgmmh.md).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

from harmlib.errors import ParameterError, check_choice
from harmlib.models.base import (
    Batch,
    HarmonizationModel,
    Losses,
    Prediction,
    TrainingRecipe,
    paste,
    resize_to,
    to_signed,
)
from harmlib.models.layers import perceptual as perceptual_terms
from harmlib.models.layers.discriminators import PatchDiscriminator
from harmlib.models.layers.losses import charbonnier, frozen, relativistic_discriminator_loss, relativistic_generator_loss
from harmlib.models.layers.retoucher import OPERATORS, edit, edit_masks, lab_to_rgb, lab_to_signed_rgb, quantize, retouch, rgb_to_lab
from harmlib.models.layers.sgmmh_backbones import BACKBONES, SgmmhBackbone, make_constant
from harmlib.models.registry import register

__all__ = ["OPERATORS", "SgmmhOM", "SgmmhOMGAN", "SgmmhRGB", "edit", "edit_masks", "retouch"]

WEIGHTS = "https://github.com/XuqianRen/Semantic-guided-Multi-mask-Image-Harmonization"
ADVERSARIAL_WEIGHT = 0.005
PERCEPTUAL_TERMS = ("none", "lpips", "vgg19_conv5_4")
INITS = ("default", "identity")


class _Sgmmh(HarmonizationModel):
    """What the three variants share: the generator, its dead parts, its published names, and the pixel losses."""

    # The authors'.
    training_recipe = TrainingRecipe(
        learning_rate=2e-4,
        betas=(0.9, 0.99),
        batch_size=64,
        iterations=40_000,
        milestones=(20_000, 30_000),
        gamma=0.5,
        ema_decay=0.999,
        loss="Charbonnier on the network's scale",
        note="for HScene; HLIP: 85,000 iterations, halved after 55,000 and 75,000; the released test uses the weights without EMA",
    )

    def __init__(self, outputs: int, *, width: float, perceptual: str, backbone: str = "unet", mask_input: bool = False) -> None:
        super().__init__()
        check_choice("perceptual", perceptual, PERCEPTUAL_TERMS)
        check_choice("backbone", backbone, BACKBONES)
        self.needs_mask = self.keeps_background = mask_input
        self.perceptual = perceptual
        self.generator = BACKBONES[backbone](outputs, width=width, mask_input=mask_input)
        self.size_multiple = self.generator.size_multiple

    @property
    def public_names(self) -> Mapping[str, Mapping[str, str]]:
        """The names in the authors' file of the generator, where there is one."""
        names = self.generator.published_names("generator.")
        return {"generator": names} if names else {}

    def _generate(self, picture: Tensor, mask: Tensor | None) -> Tensor:
        """Return the generator's maps of a picture on the network scale; the mask is handed on where it is an input."""
        return self.generator(picture, mask if self.needs_mask else None)

    def _finish(self, image: Tensor, composite: Tensor, mask: Any) -> Tensor:
        """Return the whole picture, or with the composite's background where the mask is an input."""
        return paste(image, composite, mask) if self.keeps_background else image

    def _pixel_losses(self, harmonized: Tensor, real: Tensor) -> Losses:
        """Return the Charbonnier loss and the perceptual term, both on the network's scale, weight 1 each."""
        loss = charbonnier(harmonized, real)
        if self.perceptual == "none":
            return {"total": loss, "charbonnier": loss}
        term = self._perceptual_term(harmonized, real)
        return {"total": loss + term, "charbonnier": loss, "perceptual": term}

    def _perceptual_term(self, harmonized: Tensor, real: Tensor) -> Tensor:
        """Return LPIPS in RGB (the paper), or the released code's VGG19 distance."""
        if self.perceptual == "lpips":
            return perceptual_terms.lpips_term(self._signed_rgb(harmonized), self._signed_rgb(real))
        # Paper: a loss. Here, as in the released code: a number without gradient, because the code detaches the result.
        with torch.no_grad():
            return perceptual_terms.vgg19_term(harmonized, real)

    def _signed_rgb(self, values: Tensor) -> Tensor:
        """Return network-scale values as RGB in [-1, 1]."""
        raise NotImplementedError


@register("sgmmh_rgb", paper="sgmmh", reference="Ren and Liu 2022", needs_mask=False, weights=WEIGHTS)
class SgmmhRGB(_Sgmmh):
    """Sg-MMH, RGB: the baseline that regresses RGB directly.

    perceptual, backbone, mask_input: as for sgmmh_om.
    residual: ours, for short training, of the backbone unet: the network makes the change of the composite, at first none, instead of the
    whole picture; what init="identity" is for sgmmh_om.
    """

    def __init__(
        self, *, width: float = 1.0, residual: bool = False, perceptual: str = "none", backbone: str = "unet", mask_input: bool = False
    ) -> None:
        super().__init__(3, width=width, perceptual=perceptual, backbone=backbone, mask_input=mask_input)
        self.residual = residual
        if residual:
            if not isinstance(self.generator, SgmmhBackbone):
                raise ParameterError(f"residual needs the backbone unet, not {backbone}")
            make_constant(self.generator.ups[0], [0.0] * 3)

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the regressed picture, truncated to 8 bit."""
        image = quantize(self._generate(to_signed(composite), mask)).to(composite) / 255
        return Prediction(self._finish(image, composite, mask))

    def training_loss(self, batch: Batch) -> Losses:
        """Return the losses of the clamped output in RGB."""
        harmonized = self._generate(to_signed(batch["composite"]), batch.get("mask")).clamp(-1, 1)
        return self._pixel_losses(harmonized, to_signed(batch["target"]))

    def _generate(self, picture: Tensor, mask: Tensor | None) -> Tensor:
        """Return the picture on the network scale, not clamped."""
        maps = super()._generate(picture, mask)
        return picture + maps if self.residual else maps

    def _signed_rgb(self, values: Tensor) -> Tensor:
        """Return the values: they are RGB."""
        return values


@register("sgmmh_om", paper="sgmmh", reference="Ren and Liu 2022", needs_mask=False, editable=True, weights=WEIGHTS)
class SgmmhOM(_Sgmmh):
    """Sg-MMH, OM: six operator masks in LAB and a fixed retoucher, no mask as input.

    init: default (PyTorch's, as the authors; of another backbone, its authors') or identity.
    perceptual: none (what the authors' code optimizes), lpips or vgg19_conv5_4.
    backbone: unet (the authors'), or the network of dovenet, rainnet, bargainnet, ht or dht.
    mask_input: the backbone sees the mask as its own authors have it, and the result keeps the background; so do the authors' weights of
    HT with operator masks, for iHarmony4.
    """

    training_space = "lab"

    def __init__(
        self, *, width: float = 1.0, init: str = "default", perceptual: str = "none", backbone: str = "unet", mask_input: bool = False
    ) -> None:
        super().__init__(len(OPERATORS), width=width, perceptual=perceptual, backbone=backbone, mask_input=mask_input)
        check_choice("init", init, INITS)
        # Paper: random, so that training starts from a gray picture. Here: an option.
        if init == "identity":
            self.generator.start_from_identity()

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the retouched picture, quantized; extras: operator_masks (B, 6, H, W) and harmonized_lab (network scale)."""
        lab = rgb_to_lab(composite)
        masks = self.operator_masks(lab, mask)
        harmonized = retouch(lab, masks)
        image = self._finish(lab_to_rgb(harmonized), composite, mask)
        return Prediction(image, {"operator_masks": masks, "harmonized_lab": harmonized})

    def operator_masks(self, lab: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the six masks of LAB on the network scale, (B, 6, H, W): add is unbounded, mul is at least 0."""
        raw = self._generate(lab, mask)
        return torch.stack([raw[:, 0::2], functional.relu(raw[:, 1::2])], 2).flatten(1, 2)

    def upscale(self, prediction: Prediction, composite_full: Tensor, mask_full: Tensor | None) -> Tensor:
        """Return the full-size composite, retouched with the operator masks resized bilinearly."""
        masks = resize_to(prediction["operator_masks"], composite_full)
        return self._finish(lab_to_rgb(retouch(rgb_to_lab(composite_full), masks)), composite_full, mask_full)

    def training_loss(self, batch: Batch) -> Losses:
        """Return the losses of the retouched picture in LAB."""
        return self._pixel_losses(*self._harmonize_lab(batch))

    def _harmonize_lab(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the retouched composite and the target in LAB, from the batch's own unrounded codes where it has them."""
        composite, real = _lab_of(batch, "composite"), _lab_of(batch, "target")
        return retouch(composite, self.operator_masks(composite, batch.get("mask"))), real

    def _signed_rgb(self, values: Tensor) -> Tensor:
        """Return LAB as RGB, with a gradient."""
        return lab_to_signed_rgb(values)


@register("sgmmh_omgan", paper="sgmmh", reference="Ren and Liu 2022", needs_mask=False, editable=True, weights=WEIGHTS)
class SgmmhOMGAN(SgmmhOM):
    """Sg-MMH, OMGAN: operator masks refined by a relativistic patch discriminator.

    Options as for sgmmh_om, whose U-Net it refines.
    """

    # The authors' second stage.
    training_recipe = dataclasses.replace(
        SgmmhOM.training_recipe,
        iterations=10_000,
        milestones=(3_000, 5_000, 8_000),
        loss="Charbonnier plus 0.005 times a relativistic average GAN",
        note="starts from the weights of sgmmh_om, D from scratch; for HScene; on HLIP the rate is never halved",
    )

    def __init__(self, *, width: float = 1.0, init: str = "default", perceptual: str = "none") -> None:
        super().__init__(width=width, init=init, perceptual=perceptual)
        self.discriminator = PatchDiscriminator(width=width)

    def training_loss(self, batch: Batch) -> Losses:
        """Return the generator's losses against the discriminator as it stands."""
        return self._generator_losses(*self._harmonize_lab(batch))

    def training_losses(self, batch: Batch) -> Iterator[tuple[str, Losses]]:
        """Yield one update of the generator, then one of the discriminator on the same, detached result."""
        harmonized, real = self._harmonize_lab(batch)
        yield "generator", self._generator_losses(harmonized, real)
        real_map, fake_map = self.discriminator(real), self.discriminator(harmonized.detach())
        yield "discriminator", {"total": relativistic_discriminator_loss(real_map, fake_map)}

    @property
    def public_names(self) -> Mapping[str, Mapping[str, str]]:
        """The names in the authors' files of generator and discriminator."""
        return {**super().public_names, "discriminator": self.discriminator.public_names("discriminator.")}

    def _generator_losses(self, harmonized: Tensor, real: Tensor) -> Losses:
        """Return the pixel losses plus 0.005 times the relativistic term."""
        losses = self._pixel_losses(harmonized, real)
        with frozen(self.discriminator):
            real_map, fake_map = self.discriminator(real), self.discriminator(harmonized)
        adversarial = ADVERSARIAL_WEIGHT * relativistic_generator_loss(real_map, fake_map)
        return {**losses, "total": losses["total"] + adversarial, "adversarial": adversarial}


def _lab_of(batch: Batch, name: str) -> Tensor:
    """Return a picture of the batch in LAB on the network scale."""
    codes = batch.get(f"{name}_lab")
    return rgb_to_lab(batch[name]) if codes is None else to_signed(codes)
