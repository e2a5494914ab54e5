"""JPEG compression of the whole picture."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from harmlib.perturbations import check_numbers, perturbation

CHROMA_420 = 2  # Pillow's number for chroma at half resolution in both directions


@perturbation("jpeg", reads="picture")
def jpeg(image: np.ndarray, *, quality: int) -> np.ndarray:
    """Return the picture, uint8 (H, W, 3), after JPEG at ``quality`` (1 to 100) with 4:2:0 chroma.

    The bytes depend on the JPEG library behind Pillow: another one may shift a few levels.
    Raises ParameterError for a quality outside its range.
    """
    check_numbers("the quality of a JPEG", [quality], 1, 100)
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="JPEG", quality=quality, subsampling=CHROMA_420)
    return np.asarray(Image.open(stream))
