"""Integer noise, independent per pixel and channel, drawn from a seed that stands in the step."""

from __future__ import annotations

import numpy as np

from harmlib.errors import ParameterError
from harmlib.perturbations import check_numbers, perturbation

MAX_LEVEL = 255
MAX_SEED = 2**63 - 1


@perturbation("gaussian_noise", reads="picture")
def gaussian_noise(image: np.ndarray, *, sigma: float, seed: int) -> np.ndarray:
    """Return the picture plus rounded normal noise of deviation ``sigma`` (8-bit levels, 0 to 255), clipped."""
    generator = _generator(sigma, seed)
    return _add(image, np.rint(generator.normal(0, sigma, image.shape)))


@perturbation("laplace_noise", reads="picture")
def laplace_noise(image: np.ndarray, *, scale: float, seed: int) -> np.ndarray:
    """Return the picture plus rounded Laplace noise of ``scale`` (0 to 255; the deviation is sqrt(2) times that), clipped."""
    generator = _generator(scale, seed)
    return _add(image, np.rint(generator.laplace(0, scale, image.shape)))


@perturbation("poisson_noise", reads="picture")
def poisson_noise(image: np.ndarray, *, rate: float, seed: int) -> np.ndarray:
    """Return the picture plus or minus Poisson counts of ``rate`` (0 to 255), each with a random sign, clipped."""
    generator = _generator(rate, seed)
    counts, signs = generator.poisson(rate, image.shape), generator.choice((-1, 1), image.shape)
    return _add(image, signs * counts)


def _generator(level: float, seed: int) -> np.random.Generator:
    """Return the generator of a checked seed; the level is checked too."""
    check_numbers("a noise level", [level], 0, MAX_LEVEL)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise ParameterError(f"a noise seed is {seed!r}, expected a whole number from 0 to {MAX_SEED}")
    return np.random.default_rng(seed)


def _add(image: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return the sum of a picture and integer-valued noise in 8 bits."""
    return (image + noise).clip(0, 255).astype(np.uint8)
