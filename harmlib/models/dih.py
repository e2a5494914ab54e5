"""DIH, Deep Image Harmonization: the published variants (docs/methods/dih.md), and the no-reference paper's own, with and without mask.

One network makes the whole picture and learns from its mean squared error. Sections are those of the no-reference paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harmlib.errors import ShapeError, check_choice
from harmlib.models.base import KERAS_EPS, Batch, HarmonizationModel, Losses, Prediction, TrainingRecipe
from harmlib.models.layers.dih import DihNet, SemanticDihNet
from harmlib.models.layers.names import Table
from harmlib.models.registry import register

BATCH_SIZE = 32
EPOCH = 65_742 // BATCH_SIZE  # iHarmony4's training pairs
WEIGHTS = "https://github.com/bcmi/Image-Harmonization-Dataset-iHarmony4"

HARMONIZER = (r"^harmonizer\.", "")
# Our block -> the TensorFlow code's scope of its convolution, and of the norm inside it.
TENSORFLOW_BLOCKS = {
    r"encoder\.(\d)": (r"conv\1", "bn"),
    r"decoder\.(\d)": (r"deconv\1-h", "deconv-bn-h"),
    r"parser\.(\d)": (r"deconv\1", "deconv-bn-h"),
    "parsed": ("deconv_output_seg", "deconv-bn-h"),
}
TENSORFLOW_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
TENSORFLOW_NAMES: Table = (
    HARMONIZER,
    *((rf"{ours}\.0\.weight", f"{scope}/weights") for ours, (scope, _) in TENSORFLOW_BLOCKS.items()),
    *((rf"{o}\.1\.{k}", f"{scope}/{norm}/{t}") for o, (scope, norm) in TENSORFLOW_BLOCKS.items() for k, t in TENSORFLOW_NORM.items()),
    (r"code\.weight", "fc7/weights"),
    (r"code\.bias", "fc7/biases"),
    (r"output\.weight", "output-h/weights"),
    (r"labels\.weight", "output_final/weights"),
)
# The S2AM code counts from the picture to the code and back; its "dev2" does not exist.
S2AM_NUMBERS = {"encoder": (1, 2, 3, 4, 5, 6), "decoder": (7, 6, 5, 4, 3, 1), "parser": (7, 6, 5, 4, 3, 1)}
S2AM_LAYERS = {"encoder": ("conv", "bn"), "decoder": ("dev", "dbn"), "parser": ("sdev", "sdbn")}
S2AM_NAMES: Table = (
    HARMONIZER,
    *(
        (rf"{part}\.{level}\.{layer}\.", f"{kind}{number}.")
        for part, numbers in S2AM_NUMBERS.items()
        for level, number in enumerate(numbers)
        for layer, kind in enumerate(S2AM_LAYERS[part])
    ),
    (r"code\.1\.", "fc."),
    (r"output\.", "dev8."),
    (r"parsed\.0\.", "sdev8."),
    (r"parsed\.1\.", "sdbn8."),
    (r"labels\.", "sdev9."),
)


@dataclass(frozen=True)
class Scale:
    """The numbers that a network works with: gain·v − offset, per channel of the picture, and of the mask.

    bgr: the channels stand in reverse order, and so do those of ``offset``.
    """

    gain: float = 2.0
    offset: tuple[float, float, float] = (1.0, 1.0, 1.0)
    mask_gain: float = 1.0
    mask_offset: float = 0.0
    bgr: bool = False

    def encode(self, image: Tensor) -> Tensor:
        """Return a picture (B, 3, H, W), RGB in [0, 1], in the network's numbers."""
        return self.gain * (image.flip(1) if self.bgr else image) - self._offset(image)

    def encode_mask(self, mask: Tensor) -> Tensor:
        """Return a mask (B, 1, H, W) in [0, 1] in the network's numbers."""
        return self.mask_gain * mask - self.mask_offset

    def decode(self, values: Tensor) -> Tensor:
        """Return a picture (B, 3, H, W) in the network's numbers as RGB, not clamped to [0, 1]."""
        image = (values + self._offset(values)) / self.gain
        return image.flip(1) if self.bgr else image

    def _offset(self, like: Tensor) -> Tensor:
        """Return the offsets, (1, 3, 1, 1)."""
        return like.new_tensor(self.offset).view(1, 3, 1, 1)


@dataclass(frozen=True)
class Variant:
    """What makes a published DIH.

    layers: options of its network; norm: the authors'; scale: its numbers; clipped: to [-1, 1], before the loss.
    code_bias: what the bias of the code starts from; names: of the tensors in the authors' files, empty if those are not read here.
    """

    layers: Mapping[str, Any] = field(default_factory=dict)
    norm: str = "batch"
    scale: Scale = field(default_factory=Scale)
    clipped: bool = False
    code_bias: float = 0.0
    names: Table = ()


PT256 = {"channels": (64, 64, 128, 128, 256, 512), "code": 1024, "eps": 1e-5, "flat_code": True}
CAFFE512 = {"channels": (64, 64, 128, 128, 256, 256, 512), "code": 1024, "eps": 1e-5, "bias": True, "classes": 26}
UNSCALED = Scale(gain=1.0, offset=(0.0, 0.0, 0.0))
CAFFE_SCALE = Scale(gain=255.0, offset=(104.00699, 116.66877, 122.67892), mask_gain=255.0, mask_offset=128.0, bgr=True)
# The code of tf256seg gives the mask as -1/1, in training and in tests; that of tf256 as 0/1 in training.
SEGMENTED_SCALE = Scale(mask_gain=2.0, mask_offset=1.0, bgr=True)
VARIANTS = {
    "tf256": Variant(norm="affine", scale=Scale(bgr=True), clipped=True, names=TENSORFLOW_NAMES),
    "tf256seg": Variant({"classes": 92}, norm="affine", scale=SEGMENTED_SCALE, clipped=True, names=TENSORFLOW_NAMES),
    "pt256": Variant(PT256, scale=UNSCALED, names=S2AM_NAMES),
    "pt256seg": Variant({**PT256, "bias": True, "classes": 26, "crossed": True}, scale=UNSCALED, names=S2AM_NAMES),
    "caffe512": Variant(CAFFE512, scale=CAFFE_SCALE, code_bias=1.0),
}
# "One outer layer" less than the original's: the innermost one, as in the code that the paper cites, or the outermost.
SHORTENED: dict[str, dict[str, Any]] = {
    "inner": {},
    "outer": {"channels": (64, 128, 128, 256, 256, 512), "code": 1024, "bias": True},
}


class WholePicture(HarmonizationModel):
    """A method that makes pictures of one size and learns from the mean squared error of all pixels."""

    scale = Scale()
    working_size: int

    def restore(self, composite: Tensor, mask: Any) -> Tensor:
        """Return the picture (B, 3, S, S) in the numbers of ``scale``, not clamped: the method itself."""
        raise NotImplementedError

    def stack(self, composite: Tensor, mask: Tensor) -> Tensor:
        """Return what a network with a mask sees, (B, 4, S, S)."""
        return torch.cat([self.scale.encode(composite), self.scale.encode_mask(mask)], 1)

    def predict(self, composite: Tensor, mask: Any) -> Prediction:
        """Return the whole picture, not pasted into the composite."""
        return Prediction(self.scale.decode(self.restore(composite, mask)).clamp(0, 1))

    def training_loss(self, batch: Batch) -> Losses:
        """Return the mean squared error over pixels and channels, in the numbers of ``scale``."""
        return {"total": functional.mse_loss(self.restore(batch["composite"], batch["mask"]), self.scale.encode(batch["target"]))}

    def check_inputs(self, composite: Tensor, mask: Tensor | None) -> None:
        """Raise ShapeError or MaskError as every method does, and ShapeError for a picture of a different size."""
        super().check_inputs(composite, mask)
        height, width = composite.shape[2:]
        if {height, width} != {self.working_size}:
            raise ShapeError(
                f'composite is {height}x{width}, "{self.name}" works at {self.working_size}x{self.working_size} only: resize it'
            )


@register("dih", paper="baselines", reference="Tsai et al. 2017", weights=WEIGHTS)
class Dih(WholePicture):
    """DIH: encoder and decoder with a code of the whole picture between them.

    Semantic variants learn from the picture alone, as the authors' fine-tuning does: pairs bring no parsing.
    variant: tf256, tf256seg (iHarmony4 authors' code; seg: with a parsing decoder), pt256, pt256seg (S2AM's) or caffe512 (the original).
    norm: own (affine for tf256 and tf256seg, batch for the others), affine (a batch norm that never looks at a batch) or batch.
    residual: as in ``dih_m``.
    TensorFlow weights load from a torch file that you make of them: a dictionary from the name of each of the network's variables to its
    values as a tensor, kernels transposed by (3, 2, 0, 1).
    """

    # That of the TensorFlow code, for every variant.
    training_recipe = TrainingRecipe(
        learning_rate=1e-4,
        batch_size=BATCH_SIZE,
        iterations=1000 * EPOCH,
        loss="squared error of the whole picture, mean over pixels and channels",
        note=(
            "1000 epochs are the code's upper limit; semantic variants are pre-trained on parsed photographs there, here their parsing "
            "learns from the picture alone, and its last layers do not"
        ),
    )

    def __init__(self, *, variant: str = "tf256", norm: str = "own", width: float = 1.0, residual: bool = False) -> None:
        super().__init__()
        check_choice("variant", variant, VARIANTS)
        found = VARIANTS[variant]
        self.scale, self.clipped, self.names = found.scale, found.clipped, found.names
        network = SemanticDihNet if "classes" in found.layers else DihNet
        self.harmonizer = network(4, width=width, norm=found.norm if norm == "own" else norm, residual=residual, **found.layers)
        self.working_size = self.harmonizer.size
        if found.code_bias:
            nn.init.constant_(self.harmonizer.get_parameter("code.bias"), found.code_bias)

    def restore(self, composite: Tensor, mask: Tensor) -> Tensor:
        """Return the picture (B, 3, S, S) in the numbers of ``scale``, clipped where the variant's code clips it."""
        raw = self.harmonizer(self.stack(composite, mask))
        return raw.clamp(-1, 1) if self.clipped else raw


class EndToEnd(WholePicture):
    """A model of the no-reference paper that is trained from scratch (section 6.2), with the same recipe for all four."""

    training_recipe = TrainingRecipe(
        learning_rate=1e-3,
        batch_size=BATCH_SIZE,
        iterations=50 * EPOCH,
        loss="squared error of the whole picture in [-1, 1], mean over pixels and channels",
        eps=KERAS_EPS,
        note=(
            "the weights with the lowest validation loss are kept: the authors validate on iHarmony4's test set, the paper profile on "
            "2 % of the training photographs, held out (hold_out); initialization is not stated, here as in DIH's TensorFlow code"
        ),
    )


@register("dih_m", paper="perceptual", reference="Dolhasz et al. 2022")
class DihM(EndToEnd):
    """DIH-M: Deep Image Harmonization with the true mask, trained end to end.

    variant: inner or outer, the layer of the original that is left out for 256x256.
    residual: ours, for short training: the network makes the change of the composite, at first none, instead of the whole picture.
    """

    def __init__(self, *, width: float = 1.0, variant: str = "inner", residual: bool = False) -> None:
        super().__init__()
        self.harmonizer = shortened_net(3 + self.needs_mask, width=width, variant=variant, residual=residual)
        self.working_size = self.harmonizer.size

    def restore(self, composite: Tensor, mask: Any) -> Tensor:
        """Return the picture (B, 3, 256, 256) in [-1, 1], not clamped."""
        return self.harmonizer(self.stack(composite, mask) if self.needs_mask else self.scale.encode(composite))


@register("dih_nm", paper="perceptual", reference="Dolhasz et al. 2022", needs_mask=False)
class DihNM(DihM):
    """DIH-NM: Deep Image Harmonization without any mask, trained end to end.

    Options as for ``dih_m``.
    """

    needs_mask = False


def shortened_net(in_channels: int, *, width: float, variant: str, residual: bool) -> DihNet:
    """Return the no-reference paper's DIH for 256x256, batch norm; raises ParameterError for a ``variant`` that is not in SHORTENED."""
    check_choice("variant", variant, SHORTENED)
    return DihNet(in_channels, width=width, norm="batch", residual=residual, **SHORTENED[variant])
