"""Test composites as FRIH sees them: at 256x256, their foregrounds split into submasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from harmlib.submasks import Submasks, extract_submasks
from reproduction.kit.examples import Example, picture, predict, read_example  # noqa: F401 (the notebooks take them from here)

# The rule as printed, and the one of the smaller profiles: smallest area of a submask in pixels.
LITERAL, MERGED = 1, 100


def split(example: Example, *, d_c: float = 0.1, min_area: int = LITERAL) -> Submasks:
    """Return the submasks of an example's foreground, by color."""
    return extract_submasks(example.composite, example.mask, d_c=d_c, min_area=min_area)


def spread(example: Example) -> float:
    """Return how far the foreground's colors lie from their mean, root mean square, RGB in [0, 1]; NaN without foreground."""
    if not example.mask.any():
        return float("nan")
    colors = example.composite[example.mask] / 255
    return float(np.sqrt(((colors - colors.mean(0)) ** 2).sum(1).mean()))


def flattest_and_most_varied(examples: Iterable[Example], count: int) -> list[Example]:
    """Return the ``count`` examples whose foregrounds have the least spread of colors, then the ``count`` with the most."""
    ordered = sorted((example for example in examples if example.mask.any()), key=spread)
    varied = [example for example in ordered[::-1][:count] if example not in ordered[:count]]
    return [replace(example, rule="flattest") for example in ordered[:count]] + [replace(example, rule="most varied") for example in varied]


def nearest_to_four(examples: Sequence[Example], *, d_c: float, min_area: int) -> Example:
    """Return the first example whose number of submasks is nearest to the four that the paper shows in figure 3."""
    return min(examples, key=lambda example: abs(len(split(example, d_c=d_c, min_area=min_area).sizes) - 4))
