"""Single test composites of Sg-MMH's benchmarks at the size they are scored at, and what the models do with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harmlib.data.pairs import Pair
from harmlib.io.images import read_labels, resize, to_array, to_tensor
from harmlib.models.base import Prediction
from harmlib.models.layers.retoucher import OPERATORS, edit
from reproduction.kit import examples
from reproduction.kit.examples import picture, predict
from reproduction.kit.selection import Sample, read_real_composites, read_sample

__all__ = ["Example", "edited", "operator_maps", "picture", "predict", "read_example", "read_real_composite"]

SIZE = 256
# One unit of the network's scale, [-1, 1], in 8-bit LAB codes.
CODES = 127.5
REAL_COMPOSITES = "tsai_real_composites"


@dataclass(frozen=True, eq=False)
class Example(examples.Example):
    """A composite at the size at which it is scored; regions: uint8 (256, 256), the ids of the perturbed regions, 0 elsewhere."""

    regions: np.ndarray = field(kw_only=True)


def read_example(pair: Pair) -> Example:
    """Return a pair as Sg-MMH's protocol looks at it."""
    return _with_regions(read_sample(pair), read_labels(pair.regions) if pair.regions else None)


def read_real_composite(data: Path | None) -> Example | None:
    """Return the first composite of the pack of real composites under ``data``; None when the pack is not there."""
    return next((_with_regions(sample, None) for sample in read_real_composites(data, REAL_COMPOSITES, 1)), None)


def _with_regions(sample: Sample, regions: np.ndarray | None) -> Example:
    """Return a composite at 256x256; without perturbed regions its foreground is one, and their union is its mask."""
    small = resize(sample.mask.astype(np.uint8) if regions is None else regions, (SIZE, SIZE), "nearest")
    seen = examples.small_example(sample, "sgmmh")
    return Example(seen.id, seen.subset, seen.composite, seen.target, small > 0, "", seen.shape, regions=small)


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
