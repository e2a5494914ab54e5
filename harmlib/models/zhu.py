"""Zhu et al.: a gain and a bias for each channel of the foreground, found by the gradient of a network that judges realism.

x = (gains, biases) minimizes E(x) = score + ½ w1 ‖D‖² + ½ w2 Σ ‖D_i - D_j‖², D the change of the foreground, over pairs of channels i, j
(docs/methods/classical.md). Colors are RGB in [0, 1]; the authors' code has BGR in 0..255, with weights to match.

The authors' network is not public. Ours has VGG16's convolutions, too, and learns to tell a benchmark's composites from its photographs,
so the results are in the style of Zhu et al., not theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.errors import ParameterError, check_choice
from harmlib.models.base import Batch, HarmonizationModel, Losses, Prediction, TrainingRecipe
from harmlib.models.layers.backbones import VGG16_FILE, vgg16_features
from harmlib.models.layers.imagenet import start_from_imagenet
from harmlib.models.layers.perceptual import IMAGENET_MEAN, IMAGENET_STD
from harmlib.models.registry import register
from harmlib.threads import one_algebra_thread

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

Score = Callable[[Tensor], Tensor]

GRADIENTS = ("code", "true")
PENALTY_WEIGHT = 50.0
LARGEST_RATIO = 20.0  # of w2 to w1
GAIN_BOUNDS = (0.4, 2.0)
BIAS_BOUNDS = (-0.5, 0.5)
FIRST_GAINS = (0.6, 0.8, 1.0, 1.2, 1.4)
SMALLEST_STEP = 1e-3
UNCHANGED = (1.0, 1.0, 1.0, 0.0, 0.0, 0.0)
SMALLEST = 1e-12
SIZE_MULTIPLE = 16  # four pools halve a picture
BATCH_SIZE = 32
EPOCH = 65_742 // BATCH_SIZE  # iHarmony4's training pairs


class RealismJudge(nn.Module):
    """A picture (B, 3, H, W) in [0, 1] to the logit of "photograph, not composite", (B,); H and W are at least 16."""

    def __init__(self, *, width: float) -> None:
        super().__init__()
        self.backbone = vgg16_features(width=width)
        self.head = nn.Linear(self.backbone.channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits."""
        mean, std = (image.new_tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        return self.head(self.backbone((image - mean) / std).mean((2, 3)))[:, 0]


@register("zhu", paper="baselines", reference="Zhu et al. 2015")
class Zhu(HarmonizationModel):
    """Zhu: the foreground's colors follow the gradient of a realism judge, trained here.

    Every picture takes a search of its own.
    pretrained: training starts from ImageNet weights, at width 1 only. gradient: of the search; "true", or the authors' "code", which
    goes through clipping and counts soft masks once, not squared.
    """

    soft_masks = True
    keeps_background = True
    working_size = 224
    size_multiple = SIZE_MULTIPLE
    # Ours: how the authors train is in a paper that we have not read.
    training_recipe = TrainingRecipe(
        learning_rate=1e-4,
        batch_size=BATCH_SIZE,
        iterations=10 * EPOCH,
        loss="cross-entropy of photograph against composite",
        note="ours, not the authors'; they train on composites made without human labels, here the benchmark's are used",
    )

    def __init__(self, *, width: float = 1.0, pretrained: bool = False, gradient: str = "code") -> None:
        super().__init__()
        if pretrained and width != 1:
            raise ParameterError(f"pretrained weights are for width 1, and width is {width}: leave one of the two out")
        check_choice("gradient", gradient, GRADIENTS)
        self.imagenet_file = VGG16_FILE if pretrained else None
        self.gradient = gradient
        self.judge = RealismJudge(width=width)

    def initialize(self) -> str:
        """Take VGG16's ImageNet weights, if asked for, and return "imagenet (torchvision)"; without their file warn and return "random"."""
        return start_from_imagenet(self.judge.backbone, self.imagenet_file, self.name)

    def predict(self, composite: Tensor, mask: Tensor) -> Prediction:
        """Return the composite with a recolored foreground; extras: adjustment (B, 6), gains and biases of R, G and B.

        Pictures whose mask is empty or full stay as they are. Soft masks are used as they are; the authors feather binary ones by 3 pixels.
        Works, and gives the same, in inference mode.
        """
        # Gradients need tensors that were not made in inference mode, as the weights may have been too: copies are not.
        with torch.inference_mode(False), torch.enable_grad():
            weights = {name: values.detach().clone() for name, values in self.judge.state_dict().items()}

            def score(image: Tensor) -> Tensor:
                """Return -ln of the probability of a photograph."""
                logit = torch.func.functional_call(self.judge, weights, (image[None],))
                return functional.softplus(-logit).sum()

            pairs = zip(composite.detach().clone(), mask.detach().clone(), strict=True)
            found = torch.stack([search(image, region, score, gradient=self.gradient) for image, region in pairs])
        return Prediction(recolor(composite, mask, found), {"adjustment": found})

    def upscale(self, prediction: Prediction, composite_full: Tensor, mask_full: Tensor) -> Tensor:
        """Return the full-size composite with the same gains and biases in its foreground."""
        return recolor(composite_full, mask_full, prediction["adjustment"])

    def training_loss(self, batch: Batch) -> Losses:
        """Return the judge's cross-entropy on composites and on photographs, and their mean."""
        composites, photographs = self.judge(torch.cat([batch["composite"], batch["target"]])).chunk(2)
        losses = {"composite": functional.softplus(composites).mean(), "photograph": functional.softplus(-photographs).mean()}
        return {"total": (losses["composite"] + losses["photograph"]) / 2, **losses}


def recolor(composite: Tensor, mask: Tensor, adjustment: Tensor) -> Tensor:
    """Return composites (B, 3, H, W) with clip(gain * color + bias) where the mask (B, 1, H, W) is 1; adjustment: (B, 6)."""
    gains, biases = adjustment.to(composite).view(-1, 2, 3, 1, 1).unbind(1)
    recolored = mask * (gains * composite + biases) + (1 - mask) * composite
    return torch.where(mask > 0, recolored.clamp(0, 1), composite)


def energy(
    x: Tensor, source: Tensor, target: Tensor, mask: Tensor, score: Score, *, weight: float = PENALTY_WEIGHT, gradient: str = "code"
) -> Tensor:
    """Return E of gains and biases x, (6,), a scalar.

    source: the picture whose foreground is recolored, target: the one it is put in, (3, H, W) in [0, 1]; for a composite both are it.
    mask: (1, H, W) in [0, 1], not empty; score: of a picture (3, H, W), lower is more realistic; weight: 3 w1 times the mask's area.
    """
    gains, biases = x.view(2, 3, 1, 1)
    change = gains * source + biases - source
    mixed = mask * (source + change) + (1 - mask) * target
    clipped, masked = mixed.clamp(0, 1), mask * change
    if gradient == "code":
        clipped, masked = _with_gradient_of(mixed, clipped), _with_gradient_of(change, masked)
    w1 = weight / (3 * mask.sum())
    differences = (source - source.roll(1, 0)).square().mean((1, 2))  # of the three pairs of channels
    w2 = w1 * (source.square().mean() / differences.mean().clamp(min=SMALLEST)).clamp(max=LARGEST_RATIO)
    return score(clipped) + w1 / 2 * masked.square().sum() + w2 / 2 * (masked - masked.roll(1, 0)).square().sum()


def search(composite: Tensor, mask: Tensor, score: Score, *, gradient: str) -> Tensor:
    """Return the best gains and biases, (6,), of bounded L-BFGS from five first gains; those that change nothing for an empty or full mask.

    composite: (3, H, W) in [0, 1]; mask: (1, H, W) in [0, 1]. Code: MATLAB's fmincon. Here: SciPy's L-BFGS-B, with its tolerance on steps.
    """
    from scipy.optimize import minimize

    if not mask.any() or (mask == 1).all():
        return composite.new_tensor(UNCHANGED)

    def value_and_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        variables = torch.from_numpy(x).to(composite).requires_grad_()
        value = energy(variables, composite, composite, mask, score, gradient=gradient)
        (slope,) = torch.autograd.grad(value, variables)
        return value.item(), slope.double().cpu().numpy()

    bounds = [GAIN_BOUNDS] * 3 + [BIAS_BOUNDS] * 3
    starts = [np.repeat([gain, 0.0], 3) for gain in FIRST_GAINS]
    settings = {"jac": True, "method": "L-BFGS-B", "bounds": bounds}
    # SciPy's six numbers need no threads, which would wait busily between two steps on the cores that the judge needs.
    with one_algebra_thread():
        ends = [minimize(value_and_gradient, start, callback=_until_small_step(start), **settings) for start in starts]
    return torch.from_numpy(min(ends, key=lambda end: end.fun).x).to(composite)


def _until_small_step(start: np.ndarray) -> Callable[[OptimizeResult], None]:
    """Return the callback that ends a search after a step shorter than the tolerance."""
    steps = [start]

    def compare(intermediate_result: OptimizeResult) -> None:
        steps.append(intermediate_result.x.copy())
        if np.linalg.norm(steps[-1] - steps[-2]) < SMALLEST_STEP:
            raise StopIteration

    return compare


def _with_gradient_of(carrier: Tensor, value: Tensor) -> Tensor:
    """Return ``value`` with the gradient of ``carrier``."""
    return value.detach() + (carrier - carrier.detach())
