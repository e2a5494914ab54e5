"""Composites at the size at which they are scored, and what a method makes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from harmlib.data.pairs import Pair
from harmlib.io.images import to_array, to_tensor
from harmlib.metrics.protocols import DEFAULT, get_protocol
from harmlib.metrics.scoring import evaluated_mask, evaluated_picture
from harmlib.models.base import HarmonizationModel, Prediction
from reproduction.kit.selection import Sample, read_sample


@dataclass(frozen=True, eq=False)
class Example(Sample):
    """A composite at the size at which it is scored, 256x256; shape: height and width of its file."""

    shape: tuple[int, int] = (1, 1)

    def proportioned(self, array: np.ndarray) -> np.ndarray:
        """Return a 256x256 array in the proportions of the file, by repeating rows or columns; no new values appear."""
        (height, width), side = self.shape, array.shape[0]
        longer = max(height / width, 1.0), max(width / height, 1.0)
        rows, columns = (np.arange(round(side * factor)) * side // round(side * factor) for factor in longer)
        return array[rows][:, columns]


def read_example(pair: Pair, rule: str = "") -> Example:
    """Return a pair as the default protocol sees it; rule: why it is shown."""
    return small_example(read_sample(pair, rule))


def small_example(sample: Sample, protocol: str = DEFAULT) -> Example:
    """Return a composite as a protocol sees it."""
    seen = get_protocol(protocol)
    target = None if sample.target is None else evaluated_picture(sample.target, seen)
    mask = evaluated_mask(sample.mask, seen) > 0
    return Example(sample.id, sample.subset, evaluated_picture(sample.composite, seen), target, mask, sample.rule, sample.mask.shape)


def predict(model: HarmonizationModel, example: Example) -> Prediction:
    """Return a model's prediction for one example, a batch of one; only methods that need a mask are shown the true one."""
    composite, mask = to_tensor(example.composite)[None], to_tensor(example.mask)[None]
    with torch.inference_mode():
        return model(composite, mask if model.needs_mask else None)


def picture(prediction: Prediction) -> np.ndarray:
    """Return the harmonized picture of a batch of one, uint8 (256, 256, 3)."""
    return to_array(prediction.image[0])
