"""Perturbation by the white-box filters that Harmonizer undoes."""

from __future__ import annotations

import numpy as np

from harmlib.errors import check_choice
from harmlib.perturbations import check_numbers, perturbation


@perturbation("white_box", reads="picture")
def white_box(image: np.ndarray, *, filter: str, argument: float) -> np.ndarray:
    """Return the picture after one filter of ``harmlib.filters``, rounded to 8 bits.

    image: uint8 RGB (H, W, 3). filter: temperature, brightness, ...; argument: -1 to 1.
    Raises ParameterError for an unknown filter or an argument out of range. Source: Harmonizer sec. 3.3.
    """
    import torch

    from harmlib.filters import FILTERS, apply_filter
    from harmlib.io.images import to_array, to_tensor

    check_choice("white-box filter", filter, FILTERS)
    check_numbers("a filter argument", [argument], -1, 1)
    return to_array(apply_filter(filter, to_tensor(image)[None], torch.tensor([float(argument)]))[0])
