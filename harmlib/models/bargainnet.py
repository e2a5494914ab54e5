"""BargainNet: the background's domain, sixteen numbers, tells the generator where to bring the foreground (Cong et al. 2021).

Symbols (docs/methods/bargainnet.md): E domain-code extractor, G generator, M mask, z_b and z_f codes of the real background and
foreground, ẑ_f code of the harmonized foreground, z_c code of the composite's foreground.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.models.base import Batch, HarmonizationModel, Losses, Prediction, TrainingRecipe, normal_init, to_signed, to_unit
from harmlib.models.layers.blocks import scaled_width
from harmlib.models.layers.discriminators import DomainBranch
from harmlib.models.layers.unet import SIZE_MULTIPLE, AttentionUNet
from harmlib.models.registry import register

CODE = 16
# E's five convolutions: channels in units of the base width, and strides.
CODE_GROWTH = (1, 2, 4, 8, 8)
CODE_STRIDES = (2, 2, 2, 2, 2)
CODE_WEIGHT, CODE_WEIGHT_FLOOR = 0.1, 0.001
MARGIN = 0.1
TRIPLET_WEIGHT = 0.01
INIT_STD = 0.02
EPOCH = 65_742  # iHarmony4's training pairs in batches of 1


class DomainEncoder(nn.Module):
    """E: five partial convolutions with ReLU, the mean over their 7x7 positions, and a linear map to the code."""

    def __init__(self, *, width: float, norm: str) -> None:
        super().__init__()
        self.branch = DomainBranch(width=width, norm=norm, growth=CODE_GROWTH, strides=CODE_STRIDES, slope=0.0, spectral=False)
        self.head = nn.Conv2d(scaled_width(width) * CODE_GROWTH[-1], CODE, 1)

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the code of one region, (B, 16); image: (B, 3, H, W) in [-1, 1]; mask: (B, 1, H, W), 1 = the region."""
        # All positions count alike, those without a pixel of the region too.
        pooled = self.branch(image, mask).mean((2, 3), keepdim=True)
        return self.head(pooled).flatten(1)

    def public_names(self, prefix: str = "") -> dict[str, str]:
        """Return the authors' name of each tensor -> ours, ``prefix`` in front of ours."""
        names = {}
        for name in self.state_dict():
            kind, _, tensor = name.rpartition(".")
            layer, _, index = kind.removeprefix("branch.").partition(".")
            names[f"{layer.removesuffix('s')}{int(index) + 1}f.{tensor}" if index else f"convs.{tensor}"] = prefix + name
        return names


@register("bargainnet", paper="baselines", reference="Cong et al. 2021", weights="https://github.com/bcmi/BargainNet-Image-Harmonization")
class BargainNet(HarmonizationModel):
    """BargainNet: attention U-Net guided by a code of the background's domain.

    G sees [composite, mask, code of the background]; both networks have batch norm.
    train_mode_bn: batch norm uses the tested picture's own statistics, as the authors' test script does; dropout stays off.
    """

    soft_masks = True
    size_multiple = SIZE_MULTIPLE
    augmentations = ("random_crop", "flip")
    # The authors' training command.
    training_recipe = TrainingRecipe(
        learning_rate=1e-4,
        batch_size=1,
        iterations=200 * EPOCH,
        loss="L1 plus 0.01 times two triplet losses of the codes",
        note="the authors' step decay counts epochs and never comes; they keep a crop without foreground in 5 % of the draws",
    )

    def __init__(self, *, width: float = 1.0, train_mode_bn: bool = False) -> None:
        super().__init__()
        norm = "picture_batch" if train_mode_bn else "batch"
        self.code_weight = nn.Parameter(torch.tensor([CODE_WEIGHT]))
        self.generator = AttentionUNet(3 + 1 + CODE, 3, width=width, norm=norm)
        self.encoder = DomainEncoder(width=width, norm=norm)
        normal_init(self, INIT_STD)

    def predict(self, composite: Tensor, mask: Tensor) -> Prediction:
        """Return G's whole picture, guided by the composite's own background; extras: background_code (B, 16).

        With 1 - mask the background is harmonized instead.
        Paper: the background of the composite. Authors' code: of the real photograph, the same but for compression.
        """
        signed = to_signed(composite)
        code = self.encoder(signed, 1 - mask)
        return Prediction(to_unit(self.generate(signed, mask, code)), {"background_code": code})

    def generate(self, composite: Tensor, mask: Tensor, code: Tensor) -> Tensor:
        """Return G's picture in [-1, 1]; composite: (B, 3, H, W) in [-1, 1]; mask: (B, 1, H, W); code: (B, 16)."""
        return torch.tanh(self.generator(torch.cat([composite, mask, code_maps(code, self.code_weight, composite)], 1)))

    def training_loss(self, batch: Batch) -> Losses:
        """Return L1 + 0.01 (T(z_f, ẑ_f, z_c) + T(ẑ_f, z_b, z_c)); nothing is detached.

        Every code is a pass of its own: batch norm takes the statistics of one region at a time.
        """
        composite, real, mask = to_signed(batch["composite"]), to_signed(batch["target"]), batch["mask"]
        real_background, real_foreground = self.encoder(real, 1 - mask), self.encoder(real, mask)
        harmonized = self.generate(composite, mask, real_background)
        harmonized_foreground, composite_foreground = self.encoder(harmonized, mask), self.encoder(composite, mask)
        l1 = functional.l1_loss(harmonized, real)
        to_real = triplet_loss(real_foreground, harmonized_foreground, composite_foreground)
        to_background = triplet_loss(harmonized_foreground, real_background, composite_foreground)
        total = l1 + TRIPLET_WEIGHT * (to_real + to_background)
        return {"total": total, "l1": l1, "triplet_foreground": to_real, "triplet_background": to_background}

    @property
    def public_names(self) -> dict[str, dict[str, str]]:
        """The names in the authors' files of G and of E."""
        generator = {"weight": "code_weight", **self.generator.public_names("generator.")}
        return {"generator": generator, "encoder": self.encoder.public_names("encoder.")}


def code_maps(code: Tensor, weight: Tensor, picture: Tensor) -> Tensor:
    """Return codes (B, 16) times a weight, 0.001 at least, as constant maps (B, 16, H, W) of a picture's size."""
    weighted = code * weight.clamp(min=CODE_WEIGHT_FLOOR)
    return weighted[:, :, None, None].expand(-1, -1, *picture.shape[2:])


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """Return the mean of max(‖a - p + 1e-6‖ - ‖a - n + 1e-6‖ + 0.1, 0); codes (B, 16), the norm over the 16.

    Codes as the authors' (B, 16, 1, 1) would not do: torch now takes the norm over the last dimension, once it was the second.
    """
    return functional.triplet_margin_loss(anchor, positive, negative, margin=MARGIN)
