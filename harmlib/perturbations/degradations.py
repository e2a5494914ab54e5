"""Small blurs, JPEG compression and integer noise: what makes the whole picture a poor one."""

from __future__ import annotations

import io
import math

import cv2
import numpy as np
from PIL import Image

from harmlib.errors import ParameterError
from harmlib.perturbations import check_numbers, perturbation

# imgaug's choice for a deviation of 1, the only one that Sg-MMH uses.
GAUSSIAN_SIZE = (5, 5)
GAUSSIAN_SIGMA = 1.0
# OpenCV 4, with which the published pictures were made, rotates on a grid of 1/32 pixel.
STEPS_PER_PIXEL = 32
CHROMA_420 = 2  # Pillow's number for chroma at half resolution in both directions
MAX_LEVEL = 255
MAX_SEED = 2**63 - 1


@perturbation("gaussian_blur", reads="picture")
def gaussian_blur(image: np.ndarray) -> np.ndarray:
    """Return the picture, uint8 (H, W, 3), after a 5x5 Gaussian of deviation 1, its border reflected without repeating the edge."""
    return cv2.GaussianBlur(image, GAUSSIAN_SIZE, GAUSSIAN_SIGMA, borderType=cv2.BORDER_REFLECT_101)


@perturbation("motion_blur", reads="picture")
def motion_blur(image: np.ndarray, *, angle: float, direction: float) -> np.ndarray:
    """Return the picture, uint8 (H, W, 3), smeared over three pixels.

    angle: degrees clockwise from vertical, 0 to 360. direction: -1 to 1, where on the line the weight lies.
    Raises ParameterError outside these ranges.
    """
    check_numbers("the angle of a motion blur", [angle], 0, 360)
    check_numbers("the direction of a motion blur", [direction], -1, 1)
    return cv2.filter2D(image, -1, motion_kernel(angle, direction), borderType=cv2.BORDER_REFLECT_101)


def motion_kernel(angle: float, direction: float) -> np.ndarray:
    """Return the weights, float32 (3, 3), sum 1, of a motion blur: a vertical line of three values, rotated.

    The line goes from t to 1 - t with t = (direction + 1) / 2, is cut to 8 bits, and rotated bilinearly about the center with zeros
    around it. Source: Sg-MMH's code, which takes imgaug's; OpenCV's rotation is repeated here, because its versions differ by a level.
    """
    t = (direction + 1) / 2
    line = np.floor(np.linspace(t, 1 - t, 3) * 255)
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    y, x = np.mgrid[-1:2, -1:2]
    # Where each weight comes from in the unrotated kernel, relative to its center.
    source_x = np.rint((cosine * x + sine * y) * STEPS_PER_PIXEL) / STEPS_PER_PIXEL  # (3, 3)
    source_y = np.rint((cosine * y - sine * x) * STEPS_PER_PIXEL) / STEPS_PER_PIXEL
    along = sum(value * _tent(source_y - row) for row, value in zip((-1, 0, 1), line, strict=True))
    levels = np.floor(_tent(source_x) * along + 0.5).astype(np.float32) / 255
    return levels / levels.sum()


def _tent(distance: np.ndarray) -> np.ndarray:
    """Return the bilinear weight of a pixel at a distance along one axis."""
    return np.maximum(0, 1 - np.abs(distance))


@perturbation("jpeg", reads="picture")
def jpeg(image: np.ndarray, *, quality: int) -> np.ndarray:
    """Return the picture, uint8 (H, W, 3), after JPEG at ``quality`` (1 to 100) with 4:2:0 chroma.

    The bytes depend on the JPEG library behind Pillow: another one may shift a few levels.
    Raises ParameterError for a quality outside its range.
    """
    check_numbers("the quality of a JPEG", [quality], 1, 100)
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="JPEG", quality=quality, subsampling=CHROMA_420)
    return np.asarray(Image.open(stream))


@perturbation("gaussian_noise", reads="picture")
def gaussian_noise(image: np.ndarray, *, sigma: float, seed: int) -> np.ndarray:
    """Return the picture plus rounded normal noise of deviation ``sigma`` (8-bit levels, 0 to 255), clipped.

    Noise is independent per pixel and channel; its seed stands in the step.
    """
    return _add(image, np.rint(_generator(sigma, seed).normal(0, sigma, image.shape)))


@perturbation("laplace_noise", reads="picture")
def laplace_noise(image: np.ndarray, *, scale: float, seed: int) -> np.ndarray:
    """Return the picture plus rounded Laplace noise of ``scale`` (0 to 255; the deviation is sqrt(2) times that), clipped."""
    return _add(image, np.rint(_generator(scale, seed).laplace(0, scale, image.shape)))


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
