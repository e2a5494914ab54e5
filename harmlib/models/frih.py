"""FRIH: a global U-Net, then a light cascade that refines each color region of the foreground on its own (Peng et al. 2024).

Stage one makes a coarse picture. The foreground is split into K submasks by the composite's colors (``harmlib.submasks``); stage two sees
[coarse, submask] and gives one refined picture per submask; inside its submask each is the result (docs/methods/frih.md).
A row is one submask: those of all pictures lie along one batch dimension, so that a batch is one pass whatever the K of its pictures, or
as few passes as ``max_rows`` allows: a row takes 72 MiB of activations in training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from harmlib.errors import ParameterError, check_choice
from harmlib.io import images
from harmlib.models.base import Batch, HarmonizationModel, Losses, Prediction, TrainingRecipe
from harmlib.models.layers.blocks import initialize
from harmlib.models.layers.cascade import BASE_LAST_WIDTH, BASE_WIDTHS, SIZE_MULTIPLE, Cascade
from harmlib.models.layers.idih import BaseUNet, start_unchanged
from harmlib.models.registry import register
from harmlib.submasks import extract_submasks

CASCADES = ("submasks", "global", "none")
MASK_THRESHOLD = 0.5
SMALLEST_AREA = 100  # A_min, pixels at 256x256
EPOCH = 65_742 // 128  # iHarmony4's training pairs in batches of 128


@dataclass(frozen=True)
class Stages:
    """What one pass gives for B pictures with R submasks in all; pictures are not clamped.

    coarse: (B, 3, H, W). submasks: (R, 1, H, W) in {0, 1}, disjoint; image_index: (R,), the picture of each.
    refined: (R, 3, H, W). final: (B, 3, H, W), the composite outside the submasks.
    """

    coarse: Tensor
    submasks: Tensor
    image_index: Tensor
    refined: Tensor
    final: Tensor


@dataclass(frozen=True)
class SubmaskLabeler:
    """Splits the foreground of one picture by its colors, with the settings of ``frih``."""

    d_c: float
    k_max: int
    min_area: int

    def __call__(self, composite: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return the label map of a composite, uint8 (H, W, 3), with its mask, bool (H, W): uint8 (H, W), all 0 for an empty mask."""
        return extract_submasks(composite, mask, d_c=self.d_c, k_max=self.k_max, min_area=self.min_area).labels


@register("frih", paper="frih", reference="Peng et al. 2024")
class Frih(HarmonizationModel):
    """FRIH: a global U-Net, then a light cascade per color region of the foreground.

    Masks are thresholded at 0.5.
    cascade: submasks, or one of the ablations of tables 3 and 4: global (the whole mask is the only one) or none (stage one alone; the
    other options then change nothing).
    fusion: False predicts from the last decoder step only; blended: stage two mixes its colors with the coarse picture's.
    residual: ours, for short training: both stages make the change of their picture, at first none, instead of the whole picture.
    d_c, k_max, min_area: cut-off distance of the clustering, most submasks, and area in pixels below which one joins a neighbor.
    max_rows: submasks of a batch that go through stage two at once, by default the most that one of the paper's GPUs met (16 pictures);
    each share has its own batch statistics in training, as each GPU had.
    """

    size_multiple = SIZE_MULTIPLE
    keeps_background = True
    augmentations = ("flip", "random_crop")
    training_recipe = TrainingRecipe(
        learning_rate=8e-3,
        batch_size=128,
        iterations=180 * EPOCH,
        milestones=(160 * EPOCH, 175 * EPOCH),
        rate_rule="proportional",  # the paper is silent; as iDIH's 0.001 at 16 suggests
        loss="squared errors per area of the mask (stage one) and of each submask (stage two)",
    )

    def __init__(
        self,
        *,
        width: float = 1.0,
        cascade: str = "submasks",
        fusion: bool = True,
        blended: bool = False,
        residual: bool = False,
        d_c: float = 0.1,
        k_max: int = 10,
        min_area: int = 1,
        max_rows: int = 160,
    ) -> None:
        super().__init__()
        if max_rows < 1:
            raise ParameterError(f"max_rows is {max_rows}: give 1 or more submasks")
        check_choice("cascade", cascade, CASCADES)
        self.max_rows = max_rows
        self.labeler = SubmaskLabeler(d_c, k_max, min_area) if cascade == "submasks" else None
        self.base = BaseUNet(BASE_WIDTHS, BASE_LAST_WIDTH, width=width, residual=residual)
        self.cascade = None if cascade == "none" else Cascade(width=width, fusion=fusion, blended=blended, residual=residual)
        initialize(self)
        for stage in (self.base, self.cascade) if residual else ():
            if stage is not None:
                start_unchanged(stage.head)

    def predict(self, composite: Tensor, mask: Tensor) -> Prediction:
        """Return the refined pictures, merged.

        extras: submasks (B, 1, H, W), 0 = background, 1..K; coarse (B, 3, H, W); refined (R, 3, H, W) and image_index (R,), one row per
        submask, by picture and label.
        """
        labels = self.label_submasks(composite, mask)
        stages = self.run_stages(composite, mask, labels)
        extras = {"submasks": labels, "coarse": stages.coarse, "refined": stages.refined, "image_index": stages.image_index}
        return Prediction(stages.final.clamp(0, 1), extras)

    def label_submasks(self, composite: Tensor, mask: Tensor) -> Tensor:
        """Return the label maps (B, 1, H, W), uint8, 0 = background, 1..K by density, from the composites rounded to 8 bit."""
        foreground = mask >= MASK_THRESHOLD
        if self.labeler is None:
            return foreground.byte()
        pairs = zip(composite, foreground, strict=True)
        maps = [self.labeler(images.to_array(picture), region[0].cpu().numpy()) for picture, region in pairs]
        return torch.from_numpy(np.stack(maps))[:, None].to(mask.device)

    def training_loss(self, batch: Batch) -> Losses:
        """Return L_coarse + L_refine (equations 6 to 8), means over the batch; submasks that the batch does not bring are computed."""
        composite, target, mask = batch["composite"], batch["target"], batch["mask"]
        stored = None if self.labeler is None else batch.get("submasks")
        stages = self.run_stages(composite, mask, self.label_submasks(composite, mask) if stored is None else stored)
        coarse = coarse_losses(stages.coarse, target, mask).mean()
        if self.cascade is None:
            return {"total": coarse, "coarse": coarse}
        rows = refine_losses(stages.final, target, stages.submasks, stages.image_index)
        refine = rows.sum() / len(target)
        return {"total": coarse + refine, "coarse": coarse, "refine": refine}

    def run_stages(self, composite: Tensor, mask: Tensor, labels: Tensor) -> Stages:
        """Return the results of both stages, or of stage one alone, for submasks that are known; pictures without foreground have no row.

        composite: (B, 3, H, W); mask: (B, 1, H, W); labels: (B, 1, H, W), 0 = background, as ``label_submasks`` returns them.
        """
        coarse, encoded = self.base(composite, (mask >= MASK_THRESHOLD).to(composite))
        rows, image_index = pack_submasks(labels)
        submasks = rows.to(composite)
        refined = coarse.index_select(0, image_index)
        if self.cascade is not None and len(rows):
            transferred = self.cascade.transferred(encoded)
            refined = self.cascade.in_chunks(refined, submasks, transferred, image_index, max_rows=self.max_rows)
        return Stages(coarse, submasks, image_index, refined, merge(composite, refined, submasks, image_index))


def pack_submasks(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the submasks of all pictures, bool (R, 1, H, W), and the picture of each, (R,), ordered by picture and label.

    labels: (B, 1, H, W), 0 = background; labels that do not occur in a picture give no row.
    """
    values = torch.arange(1, int(labels.max()) + 1, device=labels.device).view(1, -1, 1, 1)
    stacked = labels == values  # (B, K, H, W)
    present = stacked.flatten(2).any(2)
    return stacked[present][:, None], present.nonzero()[:, 0]


def merge(composite: Tensor, refined: Tensor, submasks: Tensor, image_index: Tensor) -> Tensor:
    """Return, (B, 3, H, W), each refined picture inside its submask and the composite where there is none.

    composite: (B, 3, H, W); refined: (R, 3, H, W); submasks: (R, 1, H, W) in {0, 1}, disjoint; image_index: (R,).
    Paper: silent on the background. Here: the composite's, for the ablations too.
    """
    background = composite * (1 - torch.zeros_like(composite[:, :1]).index_add(0, image_index, submasks))
    return background.index_add(0, image_index, submasks * refined)


def coarse_losses(coarse: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Return L_coarse of every picture, (B,): squared errors summed over the whole picture and its channels, per area of the mask.

    coarse, target: (B, 3, H, W) in [0, 1]; mask: (B, 1, H, W). Areas below 100 pixels count as 100. Source: equation 7.
    """
    area = (mask >= MASK_THRESHOLD).sum((1, 2, 3))
    return (coarse - target).square().sum((1, 2, 3)) / area.clamp(min=SMALLEST_AREA)


def refine_losses(final: Tensor, target: Tensor, submasks: Tensor, image_index: Tensor) -> Tensor:
    """Return the term of every submask in L_refine, (R,): squared errors inside it per its area. Source: equation 8.

    final, target: (B, 3, H, W) in [0, 1]; submasks: (R, 1, H, W) in {0, 1}; image_index: (R,). Areas below 100 pixels count as 100.
    """
    squared = (final - target).square().sum(1, keepdim=True).index_select(0, image_index) * submasks  # (R, 1, H, W)
    return squared.sum((1, 2, 3)) / submasks.sum((1, 2, 3)).clamp(min=SMALLEST_AREA)
