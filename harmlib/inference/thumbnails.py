"""What a method looks at: the picture and its mask at the method's working size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harmlib.io import images

if TYPE_CHECKING:
    from torch import Tensor

    from harmlib.models.base import HarmonizationModel

MASK_THRESHOLD = 0.5


def thumbnail(model: HarmonizationModel, composite: np.ndarray, rule: str = "own") -> Tensor:
    """Return the picture (1, 3, h, w) that the method looks at, at its working size.

    rule: "own", made as the method says (``HarmonizationModel.antialias``), or "plain", sampled plainly whatever the method.
    """
    import torch

    if model.working_size is None:
        return images.to_tensor(composite)[None]
    size = (model.working_size, model.working_size)
    if model.antialias and rule == "own":
        return images.to_tensor(images.resize(composite, size, "bilinear"))[None]
    return torch.from_numpy(sample_bilinear(composite, size) / 255).permute(2, 0, 1)[None].contiguous()


def small_mask(model: HarmonizationModel, mask: np.ndarray, rule: str = "own") -> Tensor:
    """Return the mask (1, 1, h, w) beside the thumbnail; where thumbnails are antialiased, a binary mask stays binary.

    mask: (H, W) in [0, 1]; a method that takes binary masks only gets it cut at a half.
    """
    import torch

    small = mask.astype(np.float32, copy=False) if model.soft_masks else cut(mask)
    if model.working_size is not None:
        size = (model.working_size, model.working_size)
        if model.antialias and rule == "own":
            binary = not model.soft_masks or bool(np.isin(small, (0, 1)).all())
            small = images.resize(small, size, "nearest" if binary else "bilinear").copy()
        else:
            small = sample_bilinear(small, size)
        small = small if model.soft_masks else cut(small)
    return torch.from_numpy(small)[None, None]


def cut(mask: np.ndarray) -> np.ndarray:
    """Return a mask in [0, 1] cut at a half, float32."""
    return (mask >= MASK_THRESHOLD).astype(np.float32)


def sample_bilinear(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a picture (H, W, 3) or map (H, W) sampled bilinearly at ``size`` (height, width), float32, on the scale of its values.

    Half-pixel centers, no antialiasing: torch's ``interpolate`` with ``align_corners=False``. Reads four pixels per sample, so that the
    size of the picture does not count.
    """
    if picture.shape[:2] == size:
        return picture.astype(np.float32)
    (top, bottom, down), (left, right, across) = (_neighbors(*sides) for sides in zip(picture.shape[:2], size, strict=True))
    down = down.reshape(-1, *[1] * (picture.ndim - 1))
    across = across.reshape(-1, *[1] * (picture.ndim - 2))

    def row(rows: np.ndarray) -> np.ndarray:
        return (1 - across) * picture[np.ix_(rows, left)] + across * picture[np.ix_(rows, right)]

    return (1 - down) * row(top) + down * row(bottom)


def _neighbors(length: int, samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, for every sample along one side, the pixels before and after it and the weight of the second, float32."""
    # In float32, as torch does: far from the origin the weights feel it.
    position = np.maximum((np.arange(samples, dtype=np.float32) + np.float32(0.5)) * np.float32(length / samples) - np.float32(0.5), 0)
    before = position.astype(np.intp)
    return before, np.minimum(before + 1, length - 1), position - before.astype(np.float32)
