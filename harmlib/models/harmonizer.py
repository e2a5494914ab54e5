"""Harmonizer: a small network regresses the arguments of white-box filters, which work at any resolution (Ke et al. 2022).

Symbols (docs/methods/harmonizer.md): θ_i arguments, O_i pictures after filter i inside the mask, I_i their targets, ℓ_i the loss of O_i.
Half of a training batch are composites that the same filters make of the target (fine), the other half those of the data set (coarse).
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.errors import ParameterError, check_choice
from harmlib.filters import CONTRAST_GRADIENTS, RANGES, SIX, parse_filters, restore, synthesize
from harmlib.models.base import Batch, HarmonizationModel, Losses, Prediction, TrainingRecipe
from harmlib.models.layers.blocks import scaled_channels
from harmlib.models.layers.color_statistics import ColorRegressor
from harmlib.models.layers.efficientnet import GLOBAL, POOLINGS, TwoStemEfficientNet, TwoStemLite0, start_from_package
from harmlib.models.layers.imagenet import start_from_imagenet
from harmlib.models.registry import register

REGRESSOR_CHANNELS = 160
INITS = ("random", "identity")
UNCHANGED = -1e-3  # a step from 0, where temperature has no gradient, and to the side on which the code's contrast has one
# Below it the last features are one pixel, and batch norm cannot train on a single picture.
SMALLEST_SIZE = 64
AREA_EPSILON = 1e-6
CHARBONNIER_EPSILON = 1e-6
SQUARE_WEIGHT = 10.0
COARSE_WEIGHT = 10.0
DENOMINATOR_EPSILON = 1e-9
JITTER = {"brightness": 0.1, "contrast": 0.1, "saturation": 0.1, "hue": 0.03}
BACKBONES: dict[str, type[TwoStemEfficientNet]] = {"b0": TwoStemEfficientNet, "lite0": TwoStemLite0}
IMAGENET_FILE = "efficientnet_b0_rwightman-7f5810bc.pth"  # torchvision's name, in torch's hub cache
# iHarmony4's 65,742 composites, eight per batch: the other eight are made on the fly.
EPOCH = 8217


class ArgumentRegressor(nn.Module):
    """Global features (B, inputs) to one argument per filter, without any activation.

    f and g_0 are linear in the features; g_i is linear in [f, g_{i-1}], and θ_i in g_i. Without ``cascade`` g_i is linear in [f, g_0].
    """

    def __init__(self, inputs: int, channels: int, arguments: int, *, cascade: bool) -> None:
        super().__init__()
        self.cascade = cascade
        self.f = nn.Linear(inputs, channels)
        self.g = nn.Linear(inputs, channels)
        self.headers = nn.ModuleList(nn.Sequential(nn.Linear(2 * channels, channels), nn.Linear(channels, 1)) for _ in range(arguments))

    def forward(self, features: Tensor) -> Tensor:
        """Return the raw arguments (B, k); they are clamped to [-1, 1] where the filters take them."""
        f, state = self.f(features), self.g(features)
        arguments = []
        for header in self.headers:
            hidden, argument = header.children()
            g = hidden(torch.cat([f, state], 1))  # (B, channels)
            arguments.append(argument(g))
            state = g if self.cascade else state
        return torch.cat(arguments, 1)

    def start_unchanged(self) -> None:
        """Let every argument be UNCHANGED, with which the filters return the picture but for a fraction of a level."""
        for header in self.headers:
            _, argument = header.children()
            assert isinstance(argument, nn.Linear)
            nn.init.zeros_(argument.weight)
            nn.init.constant_(argument.bias, UNCHANGED)


@register("harmonizer", paper="harmonizer", reference="Ke et al. 2022", editable=True, weights="https://github.com/ZHKKKe/Harmonizer")
class Harmonizer(HarmonizationModel):
    """Harmonizer: white-box filters whose arguments a network regresses from a thumbnail.

    filters: names joined by "+"; size: side of the thumbnail; pretrained: training starts from ImageNet weights, at width 1 only.
    cascade, dynamic_loss: False for the baselines of table 4; contrast_grad: code (none above 0) or straight_through.
    backbone, pooling: the paper's are b0 and global. Ours: lite0, whose ImageNet weights are a package, and inside_outside, features
    averaged separately on both sides of the mask.
    init: random as the paper's regressor, or identity, ours: training starts from the composite (random arguments on a pretrained encoder
    raised its mean error by more than half, and short runs spend their updates on coming back).
    colors: ours: a small network adds to the arguments what color statistics inside and outside the mask tell (``ColorRegressor``).
    """

    working_size: int
    soft_masks = True
    antialias = False
    keeps_background = True
    augmentations = ("rotate90", "flip")
    # The authors' training script.
    training_recipe = TrainingRecipe(
        learning_rate=3e-4,
        batch_size=16,
        iterations=60 * EPOCH,
        milestones=(25 * EPOCH, 50 * EPOCH),
        rate_rule="whole_batch",
        loss="fine: dynamic loss of every filter; coarse: ten times Charbonnier L1 plus 10 L2 of the last, both per foreground area",
        note="from ImageNet weights; half of each batch are composites made by the filters themselves; the rate is that of one GPU",
    )

    def __init__(
        self,
        *,
        width: float = 1.0,
        filters: str = "+".join(SIX),
        cascade: bool = True,
        dynamic_loss: bool = True,
        contrast_grad: str = "code",
        size: int = 256,
        pretrained: bool = False,
        backbone: str = "b0",
        pooling: str = GLOBAL,
        init: str = "random",
        colors: bool = False,
    ) -> None:
        super().__init__()
        self.filters = parse_filters(filters)
        check_choice("contrast_grad", contrast_grad, CONTRAST_GRADIENTS)
        check_choice("backbone", backbone, BACKBONES)
        check_choice("pooling", pooling, POOLINGS)
        check_choice("init", init, INITS)
        if size < SMALLEST_SIZE:
            raise ParameterError(f"size is {size}, expected the side of a thumbnail, {SMALLEST_SIZE} at least")
        if pretrained and width != 1:
            raise ParameterError(f"pretrained weights are for width 1, and width is {width}: leave one of the two out")
        self.working_size = size
        self.dynamic_loss = dynamic_loss
        self.contrast_grad = contrast_grad
        self.imagenet_file = IMAGENET_FILE if pretrained and backbone == "b0" else None
        self.pretrained = pretrained
        self.backbone = BACKBONES[backbone](width=width, pooling=pooling)
        channels = scaled_channels(width, REGRESSOR_CHANNELS)
        self.regressor = ArgumentRegressor(self.backbone.channels, channels, len(self.filters), cascade=cascade)
        if init == "identity":
            self.regressor.start_unchanged()
        self.colors = ColorRegressor(len(self.filters)) if colors else None

    def initialize(self) -> str:
        """Take the ImageNet weights, if asked for, and return "imagenet (where from)"; without their file warn and return "random".

        Paper: weights of a TensorFlow port. Here: torchvision's, trained with other padding, because nothing else has to be installed.
        """
        if self.pretrained and isinstance(self.backbone, TwoStemLite0):
            return start_from_package(self.backbone, self.name)
        return start_from_imagenet(self.backbone, self.imagenet_file, self.name)

    def predict(self, composite: Tensor, mask: Tensor) -> Prediction:
        """Return the picture after the last filter; extras: arguments (B, k), raw."""
        arguments = self.predict_arguments(composite, mask)
        return Prediction(self._restore(composite, mask, arguments)[-1], {"arguments": arguments})

    def predict_arguments(self, composite: Tensor, mask: Tensor) -> Tensor:
        """Return the raw arguments (B, k), one per filter; inputs of any size are sampled bilinearly, without antialiasing."""
        size = (self.working_size, self.working_size)
        image, region = (functional.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in (composite, mask))
        arguments = self.regressor(self.backbone(image, region))
        return arguments if self.colors is None else arguments + self.colors(image, region)

    def upscale(self, prediction: Prediction, composite_full: Tensor, mask_full: Tensor) -> Tensor:
        """Return the full-size composite after the filters, with the arguments that the thumbnail got; no gradients."""
        from harmlib.filters.fused import restore_tensor

        rows = zip(composite_full.cpu().numpy(), mask_full[:, 0].cpu().numpy(), prediction["arguments"].tolist(), strict=True)
        restored = [torch.from_numpy(restore_tensor(image, mask, row, self.filters)) for image, mask, row in rows]
        return torch.stack(restored).to(composite_full)

    def upscale_picture(self, prediction: Prediction, composite: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return ``upscale`` of one 8-bit picture (H, W, 3), mask float32 (H, W), by the filters' fused form."""
        from harmlib.filters.fused import restore_picture

        return restore_picture(composite, mask, prediction["arguments"][0].tolist(), self.filters)

    def training_loss(self, batch: Batch) -> Losses:
        """Return the fine loss of the batch's first half and the coarse loss of the rest, from one pass; one pair alone serves both.

        The dynamic fine loss is 1 at every step: ``fine_last``, the mean ℓ_k of the fine half, is the one to watch.
        """
        middle = len(batch["target"]) // 2
        fine, coarse = slice(max(1, middle)), slice(middle, None)
        made, targets = self._synthesize(batch["target"][fine], batch["mask"][fine])
        composite = torch.cat([made, batch["composite"][coarse]])
        mask = torch.cat([batch["mask"][fine], batch["mask"][coarse]])
        restored = self._restore(composite, mask, self.predict_arguments(composite, mask))
        fine_losses = torch.stack([region_loss(o[fine], i, mask[fine]) for o, i in zip(restored, targets, strict=True)])  # (k, n)
        coarse_losses = region_loss(restored[-1][len(made) :], batch["target"][coarse], batch["mask"][coarse])
        fine_loss = dynamic_loss(fine_losses) if self.dynamic_loss else fine_losses.mean(1).sum()
        coarse_loss = COARSE_WEIGHT * coarse_losses.mean()
        last = fine_losses[-1].mean().detach()
        return {"total": fine_loss + coarse_loss, "fine": fine_loss, "coarse": coarse_loss, "fine_last": last}

    @property
    def public_names(self) -> dict[str, dict[str, str]]:
        """The names in the authors' file."""
        regressor = {name: name for name in self.state_dict() if name.startswith("regressor.")}
        return {"model": {**self.backbone.public_names("backbone."), **regressor}}

    def _restore(self, composite: Tensor, mask: Tensor, arguments: Tensor) -> list[Tensor]:
        """Return O_1..O_k."""
        return restore(composite, mask, arguments, self.filters, contrast_grad=self.contrast_grad)

    def _synthesize(self, target: Tensor, mask: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return composites I_0 of color-jittered targets and their I_1..I_k, with uniform arguments; the draws are torch's global ones.

        Paper: Gaussian arguments, parameters not printed. Here: uniform ones, as in the authors' code.
        """
        from torchvision.transforms.v2 import ColorJitter

        jitter = ColorJitter(**JITTER)
        jittered = torch.stack([jitter(picture) for picture in target])  # one draw per picture
        half_widths = target.new_tensor([RANGES[name] for name in self.filters])
        unit = torch.rand(len(target), len(self.filters), device=target.device, dtype=target.dtype)
        arguments = half_widths * (2 * unit - 1)
        return synthesize(jittered, mask, arguments, self.filters)


def region_loss(output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Return ℓ = (Σ M sqrt((O - T)² + 1e-6) + 10 Σ M (O - T)²) / ΣM, one value per picture.

    output, target: (B, 3, H, W) in [0, 1]; mask: (B, 1, H, W) in [0, 1]. Returns (B,), sums over three channels per area of one.
    Paper: L2 norm in the mask. Here: the authors' code.
    """
    squared = (output - target).square()
    values = mask * ((squared + CHARBONNIER_EPSILON).sqrt() + SQUARE_WEIGHT * squared)  # (B, 3, H, W)
    return values.sum((1, 2, 3)) / (mask.sum((1, 2, 3)) + AREA_EPSILON)


def dynamic_denominator(losses: Tensor) -> Tensor:
    """Return S = ℓ_1 + Σ max(ℓ_i - ℓ_{i-1}, 0) per picture, (B,), without gradient; losses: (k, B)."""
    losses = losses.detach()
    return losses[0] + losses.diff(dim=0).clamp(min=0).sum(0) + DENOMINATOR_EPSILON


def dynamic_terms(losses: Tensor) -> Tensor:
    """Return max(ℓ_i - ℓ_{i-1}, 0) / S with ℓ_0 = 0, (k, B): a filter counts by how much it adds to the previous one's loss.

    losses: (k, B). The gradient of a term that counts is ∇ℓ_i / S.
    Source: equation 12. Paper: S = ℓ_k and ℓ_{i-1} has a gradient. Here: both are constants, and S is the sum of the rises, as in the code.
    """
    previous = torch.cat([torch.zeros_like(losses[:1]), losses[:-1]]).detach()
    return functional.relu(losses - previous) / dynamic_denominator(losses)


def dynamic_loss(losses: Tensor) -> Tensor:
    """Return the sum over filters of the mean over pictures of ``dynamic_terms``: always 1, so only its gradient carries information."""
    return dynamic_terms(losses).mean(1).sum()
