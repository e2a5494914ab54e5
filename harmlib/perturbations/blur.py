"""Small blurs of the whole picture."""

from __future__ import annotations

import math

import cv2
import numpy as np

from harmlib.perturbations import check_numbers, perturbation

# imgaug's choice for a deviation of 1, the only one that Sg-MMH uses.
GAUSSIAN_SIZE = (5, 5)
GAUSSIAN_SIGMA = 1.0
# OpenCV 4, with which the published pictures were made, rotates on a grid of 1/32 pixel.
STEPS_PER_PIXEL = 32


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
