"""Test composites as FRIH sees them: at 256x256, split into submasks, and through the trained models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from harmlib.data.pairs import Pair
from harmlib.io.images import to_tensor
from harmlib.models.base import Prediction
from harmlib.submasks import Submasks, extract_submasks
from reproduction.kit import examples
from reproduction.kit.examples import picture

__all__ = ["LITERAL", "MERGED", "Example", "flattest_and_most_varied", "nearest_to_four", "picture", "predict", "read_example"]

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel

# The rule as printed, and the one of the smaller profiles (specs/frih.md section 2.2): smallest area of a submask in pixels.
LITERAL, MERGED = 1, 100


@dataclass(frozen=True, eq=False)
class Example(examples.Example):
    """A composite at the size at which it is scored, whose foreground can be split by color."""

    def split(self, *, d_c: float = 0.1, min_area: int = LITERAL) -> Submasks:
        """Return the foreground's submasks."""
        return extract_submasks(self.composite, self.mask, d_c=d_c, min_area=min_area)

    @property
    def spread(self) -> float:
        """How far the foreground's colors lie from their mean, root mean square, RGB in [0, 1]; NaN without foreground."""
        if not self.mask.any():
            return float("nan")
        colors = self.composite[self.mask] / 255
        return float(np.sqrt(((colors - colors.mean(0)) ** 2).sum(1).mean()))


def read_example(pair: Pair, rule: str = "") -> Example:
    """Return a pair as the default protocol looks at it."""
    return examples.read_example(pair, rule, Example)


def flattest_and_most_varied(examples: Iterable[Example], count: int) -> list[Example]:
    """Return the ``count`` examples whose foregrounds have the least spread of colors, then the ``count`` with the most."""
    ordered = sorted((example for example in examples if example.mask.any()), key=lambda example: example.spread)
    varied = [example for example in ordered[::-1][:count] if example not in ordered[:count]]
    return [replace(example, rule="flattest") for example in ordered[:count]] + [replace(example, rule="most varied") for example in varied]


def nearest_to_four(examples: Sequence[Example], *, d_c: float, min_area: int) -> Example:
    """Return the first example whose number of submasks is nearest to the four that the paper shows in figure 3."""
    return min(examples, key=lambda example: abs(len(example.split(d_c=d_c, min_area=min_area).sizes) - 4))


def predict(model: HarmonizationModel, example: Example) -> Prediction:
    """Return a model's prediction for one example, a batch of one."""
    with torch.inference_mode():
        return model(to_tensor(example.composite)[None], to_tensor(example.mask)[None])
