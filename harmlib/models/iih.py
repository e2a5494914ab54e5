"""IIH: reflectance and illumination are harmonized separately and multiplied (Guo et al. 2021; docs/methods/iih.md).

The illumination's features take the light of the background, and both streams take features of background that matches.
This is the version of the CVPR paper; the authors' main branch holds a later one with other networks and weights of the losses.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.models.base import Batch, HarmonizationModel, Losses, Prediction, TrainingRecipe, normal_init, paste, to_unit
from harmlib.models.layers.blocks import scaled_channels
from harmlib.models.layers.intrinsic import LightEncoder, LightTransferBlock, MatchingEncoder, Recomposition, ResidualBlock, matching_scores
from harmlib.models.layers.names import Table
from harmlib.models.layers.picture import WIDTHS, PictureDecoder, PictureEncoder
from harmlib.models.layers.ssam import gaussian_kernel
from harmlib.models.registry import register

REFLECTANCE_BLOCKS = 4
LIGHT_BLOCKS = 4
RECOMPOSITIONS = 2
LOSS_WEIGHTS = {"l1": 100.0, "gradient": 10.0, "illumination": 1.0, "smoothness": 10.0, "matching": 100.0}
GRAY = (0.2989, 0.5870, 0.1140)
WINDOW_SIDE, WINDOW_SIGMA = 11, 1.5
CONTRAST_EPSILON = 0.03**2
INIT_STD = 0.02
EPOCH = 65_742  # iHarmony4's training pairs in batches of 1

NAMES: Table = (
    (r"^(reflectance|illumination)_encoder\.", r"\1_enc.model."),
    (r"^reflectance_blocks\.(\d)\.", r"reflectance_enc.model.3.model.\1.model."),
    (r"^(reflectance|illumination)_decoder\.", r"\1_dec.model."),
    (r"^light\.encoder\.", "lighting.model."),
    (r"^light\.code\.", "lighting.light_mlp.fc."),
    (r"^light_blocks\.", "lightingRes.resblocks."),
    (r"\.convs\.0\.conv\.", ".conv_1."),
    (r"\.convs\.1\.conv\.", ".conv_2."),
    (r"\.transfers\.0\.", ".lt_1."),
    (r"\.transfers\.1\.", ".lt_2."),
    (r"(lt_\d)\.code\.", r"\1.light_mlp.fc."),
    (r"(lt_\d)\.colors\.", r"\1.rgb_model."),
    (r"^matching\.0\.", "ifm.model."),
    (r"^matching\.1\.(\d)\.", r"ifm.model.4.model.\1.model."),
    (r"^matching\.2\.", "ifm.model.5."),
    (r"^(reflectance|illumination)_recompositions\.(\d)\.join\.", r"\1Rec.resblocks.\2.harmonyRecConv."),
)


@register("iih", paper="baselines", reference="Guo et al. 2021", weights="https://github.com/zhenglab/IntrinsicHarmony/releases/tag/v1.0")
class Iih(HarmonizationModel):
    """IIH: reflectance times illumination, guided by light transfer and matching patches.

    Both are streams of encoder, blocks and decoder; light and matching scores are found beside them.
    """

    keeps_background = True
    size_multiple = 8
    augmentations = ("flip",)
    names = NAMES
    # The authors' code.
    training_recipe = TrainingRecipe(
        learning_rate=1e-4,
        betas=(0.5, 0.999),
        batch_size=1,
        iterations=100 * EPOCH,
        linear_decay_from=50 * EPOCH,
        loss="100 L1, 10 of the reflectance's gradients, squared error and 10 roughness of the illumination, 100 of the matching map",
        note="the authors lower the rate per epoch, here per iteration",
    )

    def __init__(self, *, width: float = 1.0) -> None:
        super().__init__()
        channels = scaled_channels(width, WIDTHS[-1])
        self.reflectance_encoder = PictureEncoder(width=width)
        self.reflectance_blocks = nn.Sequential(*(ResidualBlock(channels) for _ in range(REFLECTANCE_BLOCKS)))
        self.reflectance_recompositions = nn.ModuleList(Recomposition(channels) for _ in range(RECOMPOSITIONS))
        self.reflectance_decoder = PictureDecoder(width=width)
        self.illumination_encoder = PictureEncoder(width=width)
        self.light = LightEncoder(width=width)
        self.light_blocks = nn.ModuleList(LightTransferBlock(channels) for _ in range(LIGHT_BLOCKS))
        self.illumination_recompositions = nn.ModuleList(Recomposition(channels) for _ in range(RECOMPOSITIONS))
        self.illumination_decoder = PictureDecoder(width=width)
        self.matching = MatchingEncoder(width=width)
        normal_init(self, INIT_STD)

    def predict(self, composite: Tensor, mask: Tensor) -> Prediction:
        """Return the product in the composite's background.

        extras: reflectance and illumination, (B, 3, H, W) in [0, 1]; matching (B, 1, H/8, W/8), the mean of the matched features.
        """
        reflectance, illumination, matching = self.decompose(composite, mask)
        parts = {"reflectance": reflectance, "illumination": illumination, "matching": matching}
        return Prediction(paste(reflectance * illumination, composite, mask), parts)

    def decompose(self, composite: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return reflectance and illumination of the harmonized picture and the matching map; shapes as in ``predict``."""
        inputs = torch.cat([composite, mask], 1)
        quarter_mask, eighth_mask = (functional.interpolate(mask, scale_factor=1 / step, mode="nearest") for step in (4, 8))
        features = self.matching(inputs)  # (B, C, H/8, W/8)
        scores = matching_scores(features, eighth_mask)

        reflectance = self.reflectance_blocks(self.reflectance_encoder(inputs))  # (B, C, H/4, W/4)
        for recomposition in self.reflectance_recompositions:
            reflectance = recomposition(reflectance, scores)

        lights = self.light(inputs, quarter_mask)
        illumination = self.illumination_encoder(inputs)
        for block in self.light_blocks:
            illumination = block(illumination, quarter_mask, lights)
        for recomposition in self.illumination_recompositions:
            # Only the reflectance teaches what matches.
            illumination = recomposition(illumination, scores.detach())

        pictures = self.reflectance_decoder(reflectance), self.illumination_decoder(illumination)
        return to_unit(pictures[0]), to_unit(pictures[1]), features.to(composite.dtype).mean(1, keepdim=True)

    def training_loss(self, batch: Batch) -> Losses:
        """Return the five losses, weighted, and their sum; all see the whole picture, which is not pasted."""
        target = batch["target"]
        reflectance, illumination, matching = self.decompose(batch["composite"], batch["mask"])
        # Variances as differences of means would drown in the rounding of half precision.
        with torch.autocast(target.device.type, enabled=False):
            losses = {
                "l1": functional.l1_loss(reflectance * illumination, target),
                "gradient": gradient_loss(reflectance, target),
                "illumination": functional.mse_loss(illumination, target),
                "smoothness": smoothness_loss(illumination),
                "matching": matching_loss(matching, target),
            }
        weighted = {name: LOSS_WEIGHTS[name] * loss for name, loss in losses.items()}
        return {"total": torch.stack(list(weighted.values())).sum(), **weighted}


def gradient_loss(pred: Tensor, target: Tensor) -> Tensor:
    """Return the mean absolute error of the absolute differences to the left neighbor, plus that to the upper one.

    pred, target: (B, 3, H, W) in [0, 1]. Zeros lie beyond the border. Code: the kernels add up the channels, so the error is of their sum.
    """
    return torch.stack([functional.l1_loss(_steps(pred, axis), _steps(target, axis)) for axis in (3, 2)]).sum()


def _steps(image: Tensor, axis: int) -> Tensor:
    """Return the absolute differences of the channels' sum along one axis, (B, 1, H, W), the first to zero."""
    total = image.sum(1, keepdim=True)
    return total.diff(dim=axis, prepend=torch.zeros_like(total.narrow(axis, 0, 1))).abs()


def smoothness_loss(image: Tensor) -> Tensor:
    """Return the sum of the mean absolute second differences along x and x, x and y, y and x, and y and y; image: (B, 3, H, W)."""
    return torch.stack([image.diff(dim=first).diff(dim=second).abs().mean() for first in (3, 2) for second in (3, 2)]).sum()


def matching_loss(matching: Tensor, target: Tensor) -> Tensor:
    """Return (1 - CS) / 2, CS the contrast and structure part of SSIM between the matching map and the gray target.

    matching: (B, 1, H/8, W/8); target: (B, 3, H, W) in [0, 1], reduced by nearest neighbor.
    """
    gray = (target * target.new_tensor(GRAY).view(1, 3, 1, 1)).sum(1, keepdim=True)
    gray = functional.interpolate(gray, size=matching.shape[2:], mode="nearest")
    window = gaussian_kernel(WINDOW_SIDE, WINDOW_SIGMA).to(matching)

    def blur(values: Tensor) -> Tensor:
        return functional.conv2d(values, window, padding=WINDOW_SIDE // 2)

    mean, gray_mean = blur(matching), blur(gray)
    variances = blur(matching.square()) - mean.square() + blur(gray.square()) - gray_mean.square()
    covariance = blur(matching * gray) - mean * gray_mean
    similarity = (2 * covariance + CONTRAST_EPSILON) / (variances + CONTRAST_EPSILON)
    return (1 - similarity.mean()) / 2
