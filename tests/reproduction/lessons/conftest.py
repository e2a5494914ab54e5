"""Methods whose behavior is known, and composites for them."""

from __future__ import annotations

import numpy as np
import pytest

from harmlib.models.base import HarmonizationModel, Prediction
from reproduction.kit.examples import Example


class Affine(HarmonizationModel):
    """Goes a share of the way to a gray level, everywhere or in the mask only."""

    working_size = None

    def __init__(self, share: float, level: float = 0.5, *, needs_mask: bool = False) -> None:
        super().__init__()
        self.share, self.level, self.needs_mask = share, level, needs_mask

    def predict(self, composite, mask):
        moved = composite + self.share * (self.level - composite)
        return Prediction(moved if mask is None else composite * (1 - mask) + moved * mask)


class Finder(HarmonizationModel):
    """Knows what it looks for: turns pixels of one level into another, and leaves a picture without them alone."""

    needs_mask = False
    working_size = None

    def predict(self, composite, mask):
        return Prediction(composite.masked_fill((composite * 255).round() == 200, 100 / 255))


@pytest.fixture
def affine():
    return Affine


@pytest.fixture
def finder():
    return Finder()


def make_example(photo: int, composite: int = 1) -> Example:
    """A composite of a gray photograph of level 100, in which a quarter is 200; photographs differ in one corner."""
    target = np.full((32, 32, 3), 100, np.uint8)
    target[-4:, -4:] = 10 * photo
    mask = np.zeros((32, 32), bool)
    mask[:16, :16] = True
    picture = target.copy()
    picture[mask] = 200
    return Example(f"p{photo}_1_{composite}", "mini", picture, target, mask, "", (32, 32))


@pytest.fixture
def examples():
    """Two composites of each of twelve photographs: fewer than ten have no interval."""
    return [make_example(photo, composite) for photo in range(1, 13) for composite in (1, 2)]
