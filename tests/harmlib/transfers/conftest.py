"""Pictures for the tests of color transfers."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

Pictures = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _muted(seed: int, size: tuple[int, int], center: tuple[int, int, int], spread: float) -> np.ndarray:
    """A smooth picture with grain around a color, uint8 (H, W, 3), whose channels correlate."""
    generator = np.random.default_rng(seed)
    mixing = np.array([[1.0, 0.5, 0.2], [0.1, 0.9, 0.4], [0.3, 0.2, 0.8]])
    coarse = cv2.resize(generator.normal(0, spread, (6, 8, 3)), size[::-1], interpolation=cv2.INTER_CUBIC)
    grain = generator.normal(0, spread / 4, (*size, 3))
    return np.clip((coarse + grain) @ mixing + center, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def pictures() -> Pictures:
    """Picture, mask, reference and its mask, of two sizes and without extremes, so that transfers hardly clip."""
    image, reference = _muted(1, (48, 64), (110, 120, 130), 10), _muted(2, (56, 40), (140, 120, 100), 14)
    mask, reference_mask = np.zeros((48, 64), bool), np.zeros((56, 40), bool)
    mask[8:40, 10:50] = True
    reference_mask[5:50, 4:30] = True
    return image, mask, reference, reference_mask
