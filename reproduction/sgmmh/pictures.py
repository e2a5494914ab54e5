"""Single test composites of Sg-MMH's benchmarks at the size they are scored at, and what the models do with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from harmlib.data.pairs import Pair, load_pair
from harmlib.errors import DataError
from harmlib.io.images import read_labels, resize, to_array, to_tensor
from harmlib.metrics.protocols import get_protocol
from harmlib.metrics.scoring import evaluated_picture
from harmlib.models.base import Prediction
from harmlib.models.layers.retoucher import OPERATORS, edit
from reproduction.kit.grids import proportioned
from reproduction.kit.selection import read_real_composites, row_label

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel

SIZE = 256
# One unit of the network's scale, [-1, 1], in 8-bit LAB codes.
CODES = 127.5
REAL_COMPOSITES = "tsai_real_composites"


@dataclass(frozen=True, eq=False)
class Example:
    """One composite at the size at which it is scored.

    composite, target: uint8 (256, 256, 3); target is None for a real composite. mask: bool (256, 256).
    regions: uint8 (256, 256), the ids of the perturbed regions, 0 elsewhere. shape: height and width of the file.
    """

    id: str
    subset: str
    composite: np.ndarray
    target: np.ndarray | None
    mask: np.ndarray
    regions: np.ndarray
    shape: tuple[int, int]

    @property
    def label(self) -> str:
        """What stands beside a row of pictures."""
        return row_label(self.subset, self.id)

    @property
    def real(self) -> np.ndarray:
        """The target; raises DataError for a real composite, which has none."""
        if self.target is None:
            raise DataError(f'"{self.id}" is a real composite, whose true colors nobody knows: choose a composite of a benchmark')
        return self.target

    def proportioned(self, array: np.ndarray) -> np.ndarray:
        """Return a 256x256 array in the proportions of the file, by repeating rows or columns; no new values appear."""
        return proportioned(array, self.shape)


def read_example(pair: Pair) -> Example:
    """Return a pair as Sg-MMH's protocol looks at it."""
    arrays, protocol = load_pair(pair), get_protocol("sgmmh")
    regions = read_labels(pair.regions) if pair.regions else arrays["mask"].astype(np.uint8)
    composite, target = (evaluated_picture(arrays[name], protocol) for name in ("composite", "target"))
    small = resize(regions, (SIZE, SIZE), "nearest")
    return Example(pair.id, pair.subset, composite, target, small > 0, small, arrays["mask"].shape)


def read_real_composite(data: Path | None) -> Example | None:
    """Return the first composite of the pack of real composites under ``data``; None when the pack is not there."""
    for sample in read_real_composites(data, REAL_COMPOSITES, 1):
        small = resize(sample.mask, (SIZE, SIZE), "nearest")
        composite = evaluated_picture(sample.composite, get_protocol("sgmmh"))
        return Example(sample.id, sample.subset, composite, None, small, small.astype(np.uint8), sample.mask.shape)
    return None


def predict(model: HarmonizationModel, example: Example) -> Prediction:
    """Return a model's prediction for one example, a batch of one."""
    with torch.inference_mode():
        return model(to_tensor(example.composite)[None])


def picture(prediction: Prediction) -> np.ndarray:
    """Return the harmonized picture of a batch of one, uint8 (256, 256, 3)."""
    return to_array(prediction.image[0])


def operator_maps(prediction: Prediction) -> dict[str, np.ndarray]:
    """Return operator -> its mask, float32 (256, 256): add in 8-bit LAB codes, mul as a factor."""
    masks = prediction["operator_masks"][0].float().numpy()
    return {name: values * (CODES if name.startswith("add") else 1) for name, values in zip(OPERATORS, masks, strict=True)}


def edited(
    example: Example, prediction: Prediction, *, scale: Mapping[str, float] | None = None, shift: Mapping[str, float] | None = None
) -> np.ndarray:
    """Return the picture retouched with some operator masks edited inside the foreground; no network pass (Sg-MMH, figure 6).

    scale, shift: operator mask -> number, as for ``harmlib.models.sgmmh.edit``.
    """
    region = to_tensor(example.mask)[None]
    result = edit(to_tensor(example.composite)[None], prediction["operator_masks"].clone(), scale=scale, shift=shift, region=region)
    return to_array(result[0])
