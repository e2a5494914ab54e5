"""PCT-Net: every pixel gets a color transform of its own, which works at any resolution (Guerreiro, Nakazawa and Stenger 2023).

Symbols: x a picture on the network's scale, m its mask, both a thumbnail; θ the P coefficients of every thumbnail pixel, A the blending map
of the CNN; X, M, Θ, Ā the same at the photograph's size, Θ and Ā enlarged bicubically; T the transform of ``layers/pixel_transforms.py``.

    CNN: Ā T(X; Θ) + (1 - Ā) X, and then, by default, the composite's own background; ViT: M T(X; Θ) + (1 - M) X

We did not have the paper's text: "code" below is the authors' public implementation.

- Code: the CNN maps colors normalized by ImageNet's statistics to plain RGB in [0, 1], the ViT maps plain RGB. Here: the same.
- Code: θ = 0 paints the foreground black; fresh networks start near that. Here: the same, and ``init="identity"`` starts with T(x) = x.
- Code: A of the CNN reaches beyond the mask, and the result is not pasted. Here: outside the mask the composite stays
  (``keep_background=False`` shows what they show), because the authors' scores do not see it and users do.
- Code: the polynomial never reads green. Here: the nine monomials that are meant; ``transform="polynomial_coded"`` is theirs.
- Code: the kernel that blurs the CNN's mask is drawn at random and stays so. Here: Gaussian, as the layer is
  built before their initialization overwrites it; their weights bring their own kernel.
- Code: always with the contrastive term. Here: only with ``contrastive=True``, because it needs VGG16's ImageNet weights.
- Code: the ViT trains with dropout 0.1. Here: with ``dropout=0.1`` only, because on a CPU a step of attention with dropout takes four times
  as long.
- Code: the ViT feeds plain RGB to VGG16, and both write negatives on the scale [-1, 1] into pictures on the network's own. Here: the same.
- Code: photographs of even luminance, or of the same luminances as their partner, make the loss NaN. Here: they keep their luminance.
- Code: partners and searches are drawn by NumPy. Here: by torch's global generator, whose state a resumed run restores.
- Code: the rate depends on the number of GPUs. Here: that of the authors' command at 16 pictures in all.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from harmlib.errors import ParameterError, check_choice
from harmlib.models.base import Batch, HarmonizationModel, Losses, Prediction, TrainingRecipe
from harmlib.models.idih import ISSAM_NAMES, NETWORK, area_normalized_errors
from harmlib.models.layers.names import Table
from harmlib.models.layers.pctnet import PATCH, CoefficientTransformer, CoefficientUNet
from harmlib.models.layers.perceptual import IMAGENET_MEAN, IMAGENET_STD
from harmlib.models.layers.pixel_transforms import (
    CNN_TRANSFORMS,
    VIT_TRANSFORMS,
    Transform,
    apply_transform,
    enlarge,
    smoothness,
    unchanged,
)
from harmlib.models.layers.ssam import SIZE_MULTIPLE
from harmlib.models.layers.transformer import LAYERS
from harmlib.models.registry import register

INITS = ("authors", "identity")
THUMBNAIL = 256
SMALLEST_AREA = 1000  # of a mask in the pixel loss, pixels of the photograph
TERM_WEIGHTS = {"pixel": 1.0, "smoothness": 0.1, "contrastive": 0.01}
NEGATIVES = 5  # at most, the composite among them
LOSS = "squared errors of the photograph per area of the mask, 0.1 smoothness of the coefficients, 0.01 contrastive (option)"
EPOCH = 65_742 // 16  # iHarmony4's training pairs in batches of 16
WEIGHTS = "https://github.com/rakutentech/PCT-Net-Image-Harmonization"

CNN_NAMES: Table = (
    NETWORK,
    (r"^coefficients\.", "get_params."),
    (r"^trunk\.", ""),
    *ISSAM_NAMES,
)
VIT_NAMES: Table = (
    NETWORK,
    (r"^coefficients\.", "get_params."),
    (r"^decoder\.", "encoder.dec.0."),
    (r"^embedding\.", "encoder.patch_to_embedding.1."),
    (r"^transformer\.", "encoder.transformer_enc."),
    (r"\.self_attention\.heads\.", ".self_attn."),
    (r"\.self_attention\.norm\.", ".norm1."),
    (r"\.feed_forward\.norm\.", ".norm2."),
    (r"\.feed_forward\.", "."),
)


class PctNet(HarmonizationModel):
    """What both variants share: transform, ways to full size, and losses.

    network: thumbnail and mask to θ and A, or None where the mask blends. mean, std: of the colors that it sees, and that T takes.
    """

    soft_masks = True
    antialias = False
    full_size_pairs = True
    augmentations = ("side_crop",)
    transforms: dict[str, Transform]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __init__(
        self, network: CoefficientUNet | CoefficientTransformer, transform: str, *, init: str, keep_background: bool, contrastive: bool
    ) -> None:
        super().__init__()
        check_choice("init", init, INITS)
        self.network = network
        self.transform = self.transforms[transform]
        self.keeps_background = keep_background
        self.contrastive = contrastive
        if init == "identity":
            start = unchanged(self.transform, self.mean, self.std)
            if start is None:
                raise ParameterError(
                    f'transform "{transform}" cannot start as "change nothing" here: choose init "authors" or transform "affine"'
                )
            head = network.coefficients
            torch.nn.init.zeros_(head.weight)
            head.load_state_dict({"bias": torch.tensor(start)}, strict=False)

    def predict(self, composite: Tensor, mask: Tensor) -> Prediction:
        """Return the transformed thumbnail; extras: coefficients θ (B, P, H, W), and of the CNN blending A (B, 1, H, W)."""
        coefficients, blending = self.estimate(composite, mask)
        image = self.render(composite, coefficients, self._weights(blending, mask)).clamp(0, 1)
        return Prediction(image, {"coefficients": coefficients, **({} if blending is None else {"blending": blending})})

    def estimate(self, composite: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return θ (B, P, H, W) and A (B, 1, H, W) or None; composite: (B, 3, H, W), RGB in [0, 1]; mask: (B, 1, H, W) in [0, 1]."""
        coefficients, blending = self.network(self.normalize(composite), mask)
        # Under autocast the network answers in half precision, too coarse for 256 levels.
        return coefficients.to(composite.dtype), None if blending is None else blending.to(composite.dtype)

    def render(self, composite: Tensor, coefficients: Tensor, weights: Tensor) -> Tensor:
        """Return RGB (B, 3, H, W), not clamped: the composite, moved towards its transform by ``weights`` (B, 1, H, W)."""
        transformed = apply_transform(self.transform, self.normalize(composite), coefficients)
        return composite + weights * (transformed - composite)

    def normalize(self, picture: Tensor) -> Tensor:
        """Return a picture (B, 3, H, W), RGB in [0, 1], on the network's scale."""
        mean, std = (picture.new_tensor(values).view(1, 3, 1, 1) for values in (self.mean, self.std))
        return (picture - mean) / std

    def upscale(self, prediction: Prediction, composite_full: Tensor, mask_full: Tensor) -> Tensor:
        """Return the full-size composite under the enlarged coefficients."""
        size = composite_full.shape[2], composite_full.shape[3]
        blending = enlarge(prediction["blending"], size) if "blending" in prediction.extras else None
        return self.render(composite_full, enlarge(prediction["coefficients"], size), self._weights(blending, mask_full)).clamp(0, 1)

    def upscale_picture(self, prediction: Prediction, composite: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return ``upscale`` of one 8-bit picture (H, W, 3), mask float32 (H, W), in one compiled pass."""
        from harmlib.models.layers.pixel_kernels import transform_bytes

        maps = {name: values[0].float().cpu().numpy() for name, values in prediction.extras.items()}
        blending = maps["blending"][0] if "blending" in maps else None
        region = mask if self.keeps_background else np.ones_like(mask)
        return transform_bytes(self.transform, composite, region, maps["coefficients"], blending, self.mean, self.std)

    def training_loss(self, batch: Batch) -> Losses:
        """Return pixel + 0.1 smoothness, and 0.01 contrastive where it is wanted.

        The pixel loss is that of the photographs at their own size where the batch brings them ("full"), else of the thumbnails; the
        CNN's result counts as it is, unpasted.
        """
        composite, target, mask = batch["composite"], batch["target"], batch["mask"]
        coefficients, blending = self.estimate(composite, mask)
        pred = self.render(composite, coefficients, mask if blending is None else blending)
        errors = self._full_errors(batch["full"], coefficients, blending) if "full" in batch else self._errors(pred, target, mask)
        terms = {"pixel": errors.mean(), "smoothness": smoothness(coefficients)}
        if self.contrastive:
            terms["contrastive"] = self._contrastive_loss(pred, composite, target, mask)
        total = torch.stack([TERM_WEIGHTS[name] * term for name, term in terms.items()]).sum()
        return {"total": total, **{name: term.detach() for name, term in terms.items()}}

    def _weights(self, blending: Tensor | None, mask: Tensor) -> Tensor:
        """Return how far each pixel is moved towards its transform, (B, 1, H, W)."""
        if blending is None:
            return mask
        return blending * mask if self.keeps_background else blending

    def _errors(self, pred: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Return the pixel loss of every picture, (B,): pictures are compared on the network's scale."""
        return area_normalized_errors(self.normalize(pred), self.normalize(target), mask, SMALLEST_AREA)

    def _full_errors(self, photographs: list[dict[str, Tensor]], coefficients: Tensor, blending: Tensor | None) -> Tensor:
        """Return the pixel loss of photographs of any sizes, (B,), each with composite, target and mask (C, H, W)."""
        errors = []
        for index, photograph in enumerate(photographs):
            composite, target, mask = (photograph[name][None] for name in ("composite", "target", "mask"))
            size = composite.shape[2], composite.shape[3]
            weights = mask if blending is None else enlarge(blending[index : index + 1], size)
            pred = self.render(composite, enlarge(coefficients[index : index + 1], size), weights)
            errors.append(self._errors(pred, target, mask))
        return torch.cat(errors)

    def _contrastive_loss(self, pred: Tensor, composite: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Return the contrastive term; the negatives are the composites, and up to four partners' appearances for each photograph."""
        from harmlib.models.layers.contrast import contrastive_loss, draw_negatives, load_features

        scaled = self.normalize(target)
        negatives = [self.normalize(composite), *draw_negatives(scaled, mask, NEGATIVES - 1)]
        return contrastive_loss(load_features(str(pred.device)), self.normalize(pred), scaled, mask, negatives)


@register("pctnet", paper="baselines", reference="Guerreiro et al. 2023", weights=WEIGHTS)
class PctNetCnn(PctNet):
    """PCT-Net: a color transform for every pixel, estimated by a U-Net.

    The U-Net is iSSAM's.
    size: side of the thumbnail, a multiple of 8;
    transform: affine, symmetric, polynomial, polynomial_coded, identity, mul or add; init: authors or identity, where T(x) = x.
    keep_background: False shows the blending map's whole picture, as the authors do; contrastive: train with the term that needs VGG16.
    """

    size_multiple = SIZE_MULTIPLE
    transforms = CNN_TRANSFORMS
    mean, std = IMAGENET_MEAN, IMAGENET_STD
    names = CNN_NAMES
    # The authors' command for two GPUs.
    training_recipe = TrainingRecipe(
        learning_rate=5e-4,
        batch_size=16,
        iterations=180 * EPOCH,
        milestones=(160 * EPOCH, 175 * EPOCH),
        loss=LOSS,
        note="the authors shrink HAdobe5k to 1024 pixels beforehand, and their scripts leave it out",
    )

    def __init__(
        self,
        *,
        width: float = 1.0,
        size: int = THUMBNAIL,
        transform: str = "affine",
        init: str = "authors",
        keep_background: bool = True,
        contrastive: bool = False,
    ) -> None:
        check_choice("transform", transform, CNN_TRANSFORMS)
        network = CoefficientUNet(CNN_TRANSFORMS[transform].coefficients, width=width)
        if size <= 0 or size % SIZE_MULTIPLE:
            raise ParameterError(f"size is {size}: choose a multiple of {SIZE_MULTIPLE}")
        super().__init__(network, transform, init=init, keep_background=keep_background, contrastive=contrastive)
        self.working_size = size


@register("pctnet_vit", paper="baselines", reference="Guerreiro et al. 2023", weights=WEIGHTS)
class PctNetVit(PctNet):
    """PCT-Net ViT: a color transform for every pixel, estimated by a transformer on patches.

    The transformer knows no positions, and the mask pastes its result; sides of thumbnails are multiples of 4.
    layers: of the transformer; dropout: in training, 0.1 the authors'; the other options are those of ``pctnet``.
    """

    size_multiple = PATCH
    transforms = VIT_TRANSFORMS
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    names = VIT_NAMES
    # The authors' command for two GPUs.
    training_recipe = TrainingRecipe(
        learning_rate=5e-5,
        batch_size=16,
        iterations=100 * EPOCH,
        linear_decay_from=50 * EPOCH,
        loss=LOSS,
        note="dropout 0.1 (option); the authors lower the rate per epoch, here per iteration; HAdobe5k as for pctnet",
    )

    def __init__(
        self,
        *,
        width: float = 1.0,
        layers: int = LAYERS,
        dropout: float = 0.0,
        transform: str = "affine",
        init: str = "authors",
        contrastive: bool = False,
    ) -> None:
        check_choice("transform", transform, VIT_TRANSFORMS)
        network = CoefficientTransformer(VIT_TRANSFORMS[transform].coefficients, width=width, layers=layers, dropout=dropout)
        super().__init__(network, transform, init=init, keep_background=True, contrastive=contrastive)
