"""The frame of methods without weights that recolor the foreground of one picture after another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from harmlib.io import images
from harmlib.models.base import HarmonizationModel, Prediction
from harmlib.transfers.pixels import BLOCK_PIXELS

MASK_THRESHOLD = 0.5
# Of a pixel: the result, as an array and then as a PIL picture; of one in the block that is worked on: floats.
PICTURE_BYTES, BLOCK_BYTES = 7, 300
# Takes a composite, uint8 (H, W, 3), and its foreground, bool (H, W), neither empty nor full; returns uint8 (H, W, 3).
Recolor = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Recoloring(HarmonizationModel):
    """A function on 8-bit pictures as a method, at any size; ``recolor`` sees no picture whose mask is empty or full."""

    working_size = None
    needs_background = True

    def __init__(self, recolor: Recolor, *, picture_bytes: int = PICTURE_BYTES) -> None:
        super().__init__()
        self.recolor = recolor
        self.picture_bytes = picture_bytes

    def memory_for(self, pixels: int) -> int:
        """Return how many bytes a picture takes: a block's, and what is kept of every pixel."""
        return pixels * self.picture_bytes + min(pixels, BLOCK_PIXELS) * BLOCK_BYTES

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        """Return the composite with a recolored foreground; pictures whose mask is empty or full stay as they are."""
        assert mask is not None  # needs_mask: checked at the door
        regions = mask >= MASK_THRESHOLD
        return Prediction(torch.stack([self._recolored(image, region) for image, region in zip(composite, regions, strict=True)]))

    def recolor_picture(self, composite: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
        """Return one picture, uint8 (H, W, 3), recolored where its mask (H, W) is foreground; None where no pixel is.

        No picture of floats is made: the memory that a transfer takes is what its blocks take.
        """
        region = mask >= MASK_THRESHOLD
        if not region.any():
            return None
        return composite.copy() if region.all() else self.recolor(composite, region)

    def _recolored(self, image: Tensor, region: Tensor) -> Tensor:
        """Return one picture (3, H, W) after ``recolor``; outside its region (1, H, W) it is not even rounded."""
        if region.all() or not region.any():
            return image  # one of the two has no colors
        recolored = self.recolor(images.to_array(image), region[0].cpu().numpy())
        return torch.where(region, images.to_tensor(recolored).to(image), image)
