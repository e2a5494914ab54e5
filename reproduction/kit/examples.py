"""Test composites at the size at which they are scored, and what a method makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, overload

import numpy as np

from harmlib.data.pairs import Pair
from harmlib.io.images import to_array
from harmlib.metrics.protocols import get_protocol
from harmlib.metrics.scoring import evaluated_mask, evaluated_picture
from harmlib.models.base import Prediction
from reproduction.kit.grids import proportioned
from reproduction.kit.selection import Sample, read_sample


@dataclass(frozen=True, eq=False)
class Example(Sample):
    """A composite at the size at which it is scored, 256x256; shape: height and width of its file."""

    shape: tuple[int, int] = (1, 1)

    def proportioned(self, array: np.ndarray) -> np.ndarray:
        """Return a 256x256 array in the proportions of the file."""
        return proportioned(array, self.shape)


Kind = TypeVar("Kind", bound=Example)


@overload
def read_example(pair: Pair, rule: str = "") -> Example: ...


@overload
def read_example(pair: Pair, rule: str, kind: type[Kind]) -> Kind: ...


def read_example(pair: Pair, rule: str = "", kind: type[Example] = Example) -> Example:
    """Return a pair as the default protocol looks at it, as an example of a ``kind``."""
    sample, protocol = read_sample(pair), get_protocol()
    composite, target = (evaluated_picture(image, protocol) for image in (sample.composite, sample.real))
    mask = evaluated_mask(sample.mask, protocol) > 0
    return kind(pair.id, pair.subset, composite, target, mask, rule, sample.mask.shape)


def picture(prediction: Prediction) -> np.ndarray:
    """Return the harmonized picture of a batch of one, uint8 (256, 256, 3)."""
    return to_array(prediction.image[0])
