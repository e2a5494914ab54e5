"""What every harmonization method promises: one forward pass, its losses, and the paper's way to train it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.errors import MaskError, ParameterError, ShapeError
from harmlib.io import images
from harmlib.models.layers.blocks import silent_biases
from harmlib.models.layers.names import Table, public_names

KERAS_EPS = 1e-7  # Adam's default there
# What float pictures at full size take a pixel, rounded up: 43 were measured at 20 megapixels (dovenet).
FLOAT_BYTES = 60
Batch = Mapping[str, Any]
Losses = dict[str, Tensor]


@dataclass(frozen=True)
class Prediction:
    """The harmonized picture and whatever makes the method visible.

    image: (B, 3, H, W), RGB in [0, 1].
    extras: named tensors (operator masks, filter arguments, submasks, ...), also reached as ``prediction["name"]``.
    """

    image: Tensor
    extras: Mapping[str, Tensor] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Tensor:
        """Return one extra; raises ParameterError with the known names for an unknown one."""
        if name not in self.extras:
            known = ", ".join(self.extras) or "nothing, it is a picture only"
            raise ParameterError(f'this prediction has no "{name}": choose from {known}')
        return self.extras[name]


@dataclass(frozen=True)
class TrainingRecipe:
    """How the paper trains a method.

    betas: Adam's, by default its own.
    iterations: updates of the whole recipe, at ``batch_size`` pictures each.
    rate_rule: what becomes of ``learning_rate`` when an update has other than ``batch_size`` pictures, over all devices: it is "fixed",
    "proportional" to them, or, where the authors multiply it by their GPUs, taken once for each "whole_batch" among them.
    milestones: iterations after which the rate is multiplied by ``gamma``.
    linear_decay_from: iteration from which the rate falls linearly to zero at the end, or None.
    ema_decay: decay of the moving average of the weights kept beside them, or None.
    eps: what Adam adds to the root of the squares; KERAS_EPS for authors who used Keras.
    optimizer: adam, adamw, adadelta (ρ 0.9, ε 1e-6) or rmsprop; the last two have no betas. player_optimizers: those of players that
    have another one, which comes without weight decay.
    loss: what is minimized; note: what else a reader must know.
    """

    learning_rate: float
    batch_size: int
    iterations: int
    loss: str
    betas: tuple[float, float] = (0.9, 0.999)
    rate_rule: str = "fixed"
    weight_decay: float = 0.0
    eps: float = 1e-8
    milestones: tuple[int, ...] = ()
    gamma: float = 0.1
    linear_decay_from: int | None = None
    ema_decay: float | None = None
    optimizer: str = "adam"
    player_optimizers: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def rate_for(self, batch_size: int) -> float:
        """Return the learning rate for updates of ``batch_size`` pictures.

        >>> TrainingRecipe(0.1, batch_size=16, iterations=1, loss="", rate_rule="proportional").rate_for(32)
        0.2
        """
        batches = batch_size / self.batch_size
        return self.learning_rate * {"fixed": 1, "proportional": batches, "whole_batch": max(1, int(batches))}[self.rate_rule]

    def rate_factor(self, progress: float) -> float:
        """Return the factor on the learning rate at ``progress`` in [0, 1] of the training.

        Progress, not iterations: a shortened training keeps the shape of the paper's schedule.
        """
        iteration = progress * self.iterations
        factor = self.gamma ** sum(iteration >= milestone for milestone in self.milestones)
        if self.linear_decay_from is None or iteration <= self.linear_decay_from:
            return factor
        return factor * max(0.0, (self.iterations - iteration) / (self.iterations - self.linear_decay_from))


class HarmonizationModel(nn.Module):
    """A method that turns a composite, with or without its mask, into a harmonized picture.

    needs_mask: forward refuses to work without a mask.
    soft_masks: the method uses fractional masks; for the others they are cut at 0.5.
    working_size: side of the square pictures it works on; None when every size is its own.
    antialias: how its thumbnails are made unless a protocol says otherwise: by PIL's bilinear filter, which averages, with binary masks by
    nearest neighbor; False: plain bilinear sampling of four neighbors, as torch resizes, masks too.
    keeps_background: pixels outside the mask come out as they went in, at full size too; soft masks, where it uses them, blend.
    needs_background: it takes the colors from the pixels outside the mask, so that a full mask leaves it nothing to do.
    harmonizes: False for a detector, which returns the picture unchanged and reports what it found in its extras.
    size_multiple: forward takes any height and width that are multiples of it.
    training_space: "rgb", or "lab" for a method trained on 8-bit LAB codes (``composite_lab`` and ``target_lab`` of a batch).
    augmentations: those of the paper, by their names in ``harmlib.data.augmentations``, for pairs that are read from disk.
    full_size_pairs: batches of pairs from disk also bring each augmented pair at its own size: "full", a list of dictionaries.
    filters: names of the arguments in ``prediction["arguments"]``, in order; empty for a method that predicts none.
    labeler: what splits the foreground of a training pair, for a method whose batches bring "submasks"; None for the others. It takes a
    composite, uint8 (H, W, 3), and its mask, bool (H, W), and returns labels, uint8 (H, W), 0 = background. It is sent to loader processes,
    and its repr states its settings.
    training_recipe: the paper's; None for a method without parameters.
    imagenet_file: the file of torchvision, in torch's hub cache, that ``initialize`` looks for; None where it needs none.
    names: (pattern, replacement) that turn the names of our tensors into those of the authors' file; empty where that takes more.
    name, options: what the registry made it from.

    A submodule called ``discriminator`` serves the training alone.
    """

    needs_mask: bool = True
    soft_masks: bool = False
    working_size: int | None = 256
    antialias: bool = True
    keeps_background: bool = False
    needs_background: bool = False
    harmonizes: bool = True
    size_multiple: int = 1
    training_space: str = "rgb"
    augmentations: tuple[str, ...] = ()
    full_size_pairs: bool = False
    filters: tuple[str, ...] = ()
    labeler: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    training_recipe: TrainingRecipe | None = None
    imagenet_file: str | None = None
    names: Table = ()
    name: str = ""
    options: Mapping[str, Any] = {}

    def forward(self, composite: Tensor, mask: Tensor | None = None) -> Prediction:
        """Return the harmonized picture.

        composite: (B, 3, H, W), RGB in [0, 1]; mask: (B, 1, H, W), 1 = foreground, or None where none is needed.
        Raises ShapeError for any other shape and MaskError for a missing mask.
        """
        self.check_inputs(composite, mask)
        return self.predict(composite, mask)

    def predict(self, composite: Tensor, mask: Any) -> Prediction:
        """Return the harmonized picture for inputs that were checked: the method itself.

        mask: a tensor for a method that needs one, else a tensor or None.
        """
        raise NotImplementedError

    def training_loss(self, batch: Batch) -> Losses:
        """Return the scalars of one batch; "total" is what is minimized. Raises ParameterError where nothing is trained."""
        raise ParameterError(f'"{self.name}" has no parameters to train: score it directly')

    def training_losses(self, batch: Batch) -> Iterator[tuple[str, Losses]]:
        """Yield (player, losses) once per update of a training step, in the paper's order.

        The loop back-propagates losses["total"] and steps that player's optimizer before it asks for the next.
        """
        yield "model", self.training_loss(batch)

    def initialize(self) -> str:
        """Give fresh weights the start that the paper trains from, and return its name for the manifest.

        Called once before training, never when a checkpoint is loaded: published weights are looked for here.
        """
        return "random"

    def players(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters of each optimizer by player name: "model", or "generator" and "discriminator" where there is one."""
        trained = [(judges_only(name), parameter) for name, parameter in self.named_parameters() if parameter.requires_grad]
        judging, making = ([parameter for judges, parameter in trained if judges is kind] for kind in (True, False))
        return {"generator": making, "discriminator": judging} if judging else {"model": making}

    @property
    def untrained_parameters(self) -> frozenset[str]:
        """Names of the parameters that by design get no gradient at the working size (rounding apart).

        They are frozen, or biases of a ``Block`` that its norm cancels, or named by ``silent_parameters`` of a part.
        """
        frozen = (name for name, parameter in self.named_parameters() if not parameter.requires_grad)
        silent = (f"{name}.{own}" for name, part in self.named_modules() for own in getattr(part, "silent_parameters", list)())
        return frozenset([*frozen, *silent_biases(self), *silent])

    @property
    def public_names(self) -> Mapping[str, Mapping[str, str]]:
        """Part (generator, discriminator, ...) -> the authors' name of each tensor -> ours; empty when nothing was published."""
        return {"model": public_names(self, self.names)} if self.names else {}

    def upscale(self, prediction: Prediction, composite_full: Tensor, mask_full: Any) -> Tensor:
        """Return the result at the composite's own size, (B, 3, H, W); by default the harmonized picture, resized bilinearly.

        A method that keeps the background shows that only inside the mask.
        composite_full: (B, 3, H, W), RGB in [0, 1]; mask_full: (B, 1, H, W), or None for a method that needs none.
        """
        resized = resize_to(prediction.image, composite_full)
        return paste(resized, composite_full, mask_full) if self.keeps_background else resized

    def upscale_picture(self, prediction: Prediction, composite: np.ndarray, mask: Any) -> np.ndarray:
        """Return ``upscale`` of one 8-bit picture, rounded: a method that has a quicker way for bytes overrides it.

        Users get what it returns, and protocols that round score it.

        composite: uint8 RGB (H, W, 3); mask: float32 (H, W) in [0, 1], or None for a method that needs none. Returns uint8 (H, W, 3).
        """
        device = prediction.image.device
        mask_full = None if mask is None else torch.from_numpy(mask)[None, None].to(device)
        return images.to_array(self.upscale(prediction, images.to_tensor(composite)[None].to(device), mask_full)[0])

    def memory_for(self, pixels: int) -> int:
        """Return how many bytes a picture takes in harmonizing it, beyond itself and its mask, rounded up."""
        return pixels * FLOAT_BYTES

    def check_inputs(self, composite: Tensor, mask: Tensor | None) -> None:
        """Raise ShapeError or MaskError unless composite and mask fit each other and the method."""
        shape = tuple(composite.shape)
        if composite.ndim != 4 or shape[1] != 3:
            raise ShapeError(f"composite is {shape}, expected (B, 3, H, W)")
        if any(side % self.size_multiple for side in shape[2:]):
            raise ShapeError(f'composite is {shape[2]}x{shape[3]}, "{self.name}" needs multiples of {self.size_multiple}: resize it')
        if mask is None and self.needs_mask:
            raise MaskError(f'"{self.name}" needs a mask of the foreground: give one, 1 = foreground')
        expected = (shape[0], 1, *shape[2:])
        if mask is not None and tuple(mask.shape) != expected:
            raise ShapeError(f"mask is {tuple(mask.shape)}, expected {expected}")


def judges_only(name: str) -> bool:
    """Tell by its name whether a tensor of a method belongs to its discriminator, which harmonizes nothing."""
    return name.startswith("discriminator.")


def resize_to(image: Tensor, reference: Tensor) -> Tensor:
    """Return ``image`` (B, C, h, w) resized bilinearly to the height and width of ``reference``; unchanged if they agree."""
    if image.shape[2:] == reference.shape[2:]:
        return image
    return functional.interpolate(image, size=tuple(reference.shape[2:]), mode="bilinear", align_corners=False)


def paste(image: Tensor, composite: Tensor, mask: Tensor) -> Tensor:
    """Return ``image`` where the mask is 1 and the composite where it is 0; (B, 3, H, W) each, mask (B, 1, H, W) in [0, 1].

    >>> gray, white = torch.full((1, 3, 1, 2), 0.5), torch.ones(1, 3, 1, 2)
    >>> paste(white, gray, torch.tensor([[[[1.0, 0.0]]]]))[0, 0].tolist()
    [[1.0, 0.5]]
    """
    return composite * (1 - mask) + image * mask


def to_signed(values: Tensor) -> Tensor:
    """Return values in [0, 1] on the scale [-1, 1]."""
    return (values - 0.5) / 0.5


def to_unit(values: Tensor) -> Tensor:
    """Return values in [-1, 1] on the scale [0, 1]."""
    return values * 0.5 + 0.5


def normal_init(module: nn.Module, std: float) -> None:
    """Draw every convolution and linear weight from N(0, std²), biases 0, batch-norm weights from N(1, std²)."""
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.weight.normal_(1.0, std)
                layer.bias.zero_()
            elif isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                # Under spectral norm the drawn tensor is ``weight_orig``; ``weight`` is computed from it.
                getattr(layer, "weight_orig", layer.weight).normal_(0.0, std)
                if layer.bias is not None:
                    layer.bias.zero_()
