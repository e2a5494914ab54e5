"""The one renderer: from composites to harmonized pictures, for users, videos, the editor and scores alike.

A method looks at thumbnails of its working size. What it finds there comes to the composite's size in the method's own way
(``HarmonizationModel.upscale``) or in one that works for every method, and the composite shows again outside the mask.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from harmlib.errors import CheckpointError, ParameterError
from harmlib.inference import thumbnails
from harmlib.inference.upsampling import polynomial_color_mapping
from harmlib.io import images
from harmlib.io.memory import check_memory
from harmlib.models.base import HarmonizationModel, Prediction, paste, resize_to
from harmlib.models.layers.recoloring import Recoloring

# What shows outside the mask: the composite, or whatever the method made of it.
BACKGROUNDS = ("composite", "keep")
# What the quick way for bytes takes a pixel, beyond picture and mask, rounded up: 8 were measured at 20 megapixels (harmonizer, pctnet).
QUICK_BYTES = 12
# uint8 RGB pictures (H, W, 3), or masks (H, W) in [0, 1].
Arrays = Sequence[np.ndarray]


@dataclass(frozen=True)
class Look:
    """What a method looks at: pictures (B, 3, h, w) of its working size on its device, and their masks (B, 1, h, w) or None."""

    pictures: Tensor
    masks: Tensor | None


def look(model: HarmonizationModel, composites: Arrays, masks: Arrays | None, *, thumbnail: str = "own") -> Look:
    """Return the thumbnails of composites and masks; composites may differ in size unless the method works at every size.

    thumbnail: "own" or "plain", as in ``thumbnails.thumbnail``.
    """
    first = next(model.parameters(), torch.zeros(0, dtype=torch.float32, device="cpu"))
    if first.dtype != torch.float32:
        raise ParameterError(f'"{model.name}" holds {first.dtype}, and pictures are float32: call its float() first')
    device = first.device
    pictures = torch.cat([thumbnails.thumbnail(model, composite, thumbnail) for composite in composites]).to(device)
    if masks is None:
        return Look(pictures, None)
    return Look(pictures, torch.cat([thumbnails.small_mask(model, mask, thumbnail) for mask in masks]).to(device))


def predict(model: HarmonizationModel, found: Look) -> Prediction:
    """Return what a method, in the mode it is in, makes of its thumbnails; it sees the masks only if it needs them.

    Raises CheckpointError where that is not finite.
    """
    with torch.inference_mode():
        prediction = model(found.pictures, found.masks if model.needs_mask else None)
    if not prediction.image.isfinite().all():
        raise CheckpointError(f'"{model.name}" makes NaN of this picture: its weights are damaged, or their training diverged')
    return prediction


def render(
    model: HarmonizationModel,
    composites: Arrays,
    masks: Arrays | None,
    *,
    seen: tuple[Arrays, Arrays] | None = None,
    thumbnail: str = "own",
    background: str = "composite",
    upsampling: str = "own",
    rounded: bool = False,
) -> Tensor:
    """Return the harmonized pictures (B, 3, H, W) in [0, 1], on the CPU.

    composites, masks: of one size; masks may be None for a method that needs none.
    seen: composites and masks of which thumbnails are made instead, such as the files in their original size.
    thumbnail: as in ``look``. background: one of BACKGROUNDS; a method without a mask keeps its own.
    upsampling: as in ``harmonize``. rounded: to 8 bits, and then the bytes are those of ``render_picture``.
    A composite whose mask has no foreground in its thumbnail stays as it is.
    """
    job = _Job(model, background, upsampling, rounded=rounded)
    of_composites, of_masks = seen if seen is not None and model.working_size is not None else (composites, masks)
    found = look(model, of_composites, of_masks if job.uses_masks else None, thumbnail=thumbnail)
    return _finish(job, found, predict(model, found), composites, masks)


def render_picture(
    model: HarmonizationModel,
    composite: np.ndarray,
    mask: np.ndarray | None,
    *,
    thumbnail: str = "own",
    background: str = "composite",
    upsampling: str = "own",
) -> tuple[np.ndarray, Prediction | None]:
    """Return ``render`` of one composite, rounded to uint8 (H, W, 3), and the prediction behind it.

    The prediction is None where the mask has no foreground in the thumbnail: nothing is computed then. That of a method that recolors
    bytes holds no picture, (1, 3, 0, 0): the result is all there is.
    Methods that have a quicker way for bytes (``HarmonizationModel.upscale_picture``) take it.
    """
    job = _Job(model, background, upsampling, rounded=True)
    masks = None if mask is None or not job.uses_masks else [mask]
    height, width = composite.shape[:2]
    needed = height * width * QUICK_BYTES if job.quick else model.memory_for(height * width)
    check_memory(height, width, needed, f'for "{model.name}"')
    if isinstance(model, Recoloring) and mask is not None:
        return _recolored(model, composite, mask, pastes=job.pastes)
    found = look(model, [composite], masks, thumbnail=thumbnail)
    if found.masks is not None and not found.masks.any():
        return composite.copy(), None
    prediction = predict(model, found)
    if job.quick:
        return _quickly(model, prediction, composite, mask), prediction
    return images.to_array(_finish(job, found, prediction, [composite], masks)[0]), prediction


def evaluating(model: HarmonizationModel) -> HarmonizationModel:
    """Return the model in evaluation mode: itself, or a twin that shares its weights where the model is in training.

    The given model is not touched, so that threads can share it, and its owner can train on.
    """
    if not any(module.training for module in model.modules()):
        return model
    # Tensors beside parameters and buffers: what spectral norm keeps of its last pass.
    tensors = [value for module in model.modules() for value in vars(module).values() if isinstance(value, Tensor)]
    twin = copy.deepcopy(model, {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers(), *tensors)})
    return twin.eval()


class _Job:
    """How one call of the renderer goes about it: which masks it uses, which way goes to full size, and what it pastes.

    quick: the method's way for bytes is taken, where only bytes are wanted and the method has one.
    """

    def __init__(self, model: HarmonizationModel, background: str, upsampling: str, *, rounded: bool) -> None:
        self.model = model
        self.upsampling = "own" if model.working_size is None else upsampling
        self.uses_masks = model.needs_mask or self.upsampling == "pcm"
        # Where the composite shows outside the mask already, a soft mask would count twice.
        shows_it = self.upsampling == "pcm" or (model.keeps_background and model.soft_masks and self.upsampling == "own")
        self.pastes = background == "composite" and model.needs_mask and not shows_it
        has_quick_way = type(model).upscale_picture is not HarmonizationModel.upscale_picture
        self.quick = rounded and has_quick_way and self.upsampling == "own" and model.working_size is not None and not self.pastes


def _finish(job: _Job, found: Look, prediction: Prediction, composites: Arrays, masks: Arrays | None) -> Tensor:
    """Return the pictures (B, 3, H, W) that a prediction leads to, on the CPU."""
    composite = _stacked([images.to_tensor(picture) for picture in composites]).to(found.pictures.device)
    with torch.inference_mode():
        if job.quick:
            regions: Sequence[np.ndarray | None] = masks or [None] * len(composites)
            pictures = []
            for index, arrays in enumerate(zip(composites, regions, strict=True)):
                one = slice(index, index + 1)
                alone = Prediction(prediction.image[one], {name: values[one] for name, values in prediction.extras.items()})
                pictures.append(images.to_tensor(_quickly(job.model, alone, *arrays)))
            picture = torch.stack(pictures).to(composite)
        else:
            picture = _full_size(job, found, prediction, composite, masks).float().clamp(0, 1)
        if job.pastes and masks is not None:
            mask = _to_tensor(masks).to(composite)
            binary = ((mask == 0) | (mask == 1)).all()  # gives the same, in a quarter of the time
            picture = torch.where(mask > 0, picture, composite) if binary else paste(picture, composite, mask)
        if found.masks is not None and not (seen := found.masks.flatten(1).any(1)).all():
            picture = torch.where(seen.view(-1, 1, 1, 1), picture, composite)
        return picture.cpu()


def _full_size(job: _Job, found: Look, prediction: Prediction, composite: Tensor, masks: Arrays | None) -> Tensor:
    """Return the predicted pictures at the size of the composites (B, 3, H, W), the background as it comes."""
    model = job.model
    if model.working_size is None:
        return prediction.image
    if job.upsampling == "bilinear":
        return resize_to(prediction.image, composite)
    if job.upsampling == "own":
        regions = _to_tensor([_taken(model, mask) for mask in masks]).to(composite) if model.needs_mask and masks is not None else None
        return model.upscale(prediction, composite, regions)
    assert masks is not None  # checked at the door
    assert found.masks is not None
    tensors = zip(found.pictures, prediction.image, found.masks, composite, _to_tensor(masks), strict=True)
    arrays = ([tensor.permute(1, 2, 0).squeeze(2).cpu().numpy() for tensor in row] for row in tensors)
    return torch.stack([torch.from_numpy(polynomial_color_mapping(*row)).permute(2, 0, 1) for row in arrays]).to(composite)


def _quickly(model: HarmonizationModel, prediction: Prediction, composite: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Return one picture, uint8 (H, W, 3), by the method's way for bytes."""
    with torch.inference_mode():
        return model.upscale_picture(prediction, composite, _taken(model, mask) if model.needs_mask and mask is not None else None)


def _recolored(model: Recoloring, composite: np.ndarray, mask: np.ndarray, *, pastes: bool) -> tuple[np.ndarray, Prediction | None]:
    """Return one picture, uint8 (H, W, 3), and its prediction, as ``render_picture`` does, row by row where a soft mask blends."""
    picture = model.recolor_picture(composite, mask)
    if picture is None:
        return composite.copy(), None
    if pastes:
        for row, weights in enumerate(mask):
            if (blended := (weights > 0) & (weights < 1)).any():
                recolored, original = (images.to_tensor(part[row : row + 1, blended]) for part in (picture, composite))
                picture[row, blended] = images.to_array(paste(recolored, original, torch.from_numpy(weights[blended])))[0]
    return picture, Prediction(torch.zeros(1, 3, 0, 0, device="cpu"))


def _taken(model: HarmonizationModel, mask: np.ndarray) -> np.ndarray:
    """Return a mask as the method takes it, float32: cut at a half unless it uses fractions."""
    return mask.astype(np.float32, copy=False) if model.soft_masks else thumbnails.cut(mask)


def _to_tensor(masks: Arrays) -> Tensor:
    """Return masks (H, W) as a tensor (B, 1, H, W)."""
    return _stacked([torch.from_numpy(mask.astype(np.float32, copy=False))[None] for mask in masks])


def _stacked(tensors: Sequence[Tensor]) -> Tensor:
    """Return tensors as one batch; a single large picture is not copied."""
    return tensors[0][None] if len(tensors) == 1 else torch.stack(list(tensors))
