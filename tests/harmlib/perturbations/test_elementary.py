"""LAB multipliers, noise, blur and JPEG against golden outputs and their stated statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import pytest
from authors import assert_agrees, assert_equals, authors
from golden_perturbations import FACTORS, FILE, golden_picture

from harmlib.perturbations import apply_step
from harmlib.perturbations.degradations import motion_kernel

# The rotation grid of 1/32 pixel moves a weight by at most 1/64 in each of two directions: 0.03 of the line's peak, which is at most
# as large as the kernel's sum.
KERNEL_TOLERANCE = 0.03
GRAY = np.full((256, 256, 3), 128, np.uint8)
NOISES = {"gaussian_noise": "sigma", "laplace_noise": "scale", "poisson_noise": "rate"}


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("sgmmh")


@pytest.mark.parametrize("case", [0, 1])
def test_lab_multipliers_equal_the_golden_output(golden: Mapping[str, Any], case: int) -> None:
    step = {"name": "lab_multiply", "factors": golden[f"pert/labp/mult{case}"].tolist()}

    assert_equals(apply_step(golden["pert/labp/in_rgb"], step), golden[f"pert/labp/out{case}"])


def test_lab_multipliers_equal_the_stored_output() -> None:
    with np.load(FILE) as stored:
        assert np.array_equal(apply_step(golden_picture(), {"name": "lab_multiply", "factors": FACTORS}), stored["lab_multiply"])


def test_gaussian_blur_equals_the_golden_output(golden: Mapping[str, Any]) -> None:
    assert_equals(apply_step(golden["pert/blur/in"], {"name": "gaussian_blur"}), golden["pert/blur/gauss_sigma1"])


def test_gaussian_blur_equals_the_stored_output() -> None:
    with np.load(FILE) as stored:
        assert np.array_equal(apply_step(golden_picture(), {"name": "gaussian_blur"}), stored["gaussian_blur"])


@pytest.mark.parametrize("case", range(5))
def test_motion_kernel_equals_the_golden_one(golden: Mapping[str, Any], case: int) -> None:
    angle, direction = golden[f"pert/motion/angle_dir{case}"].tolist()

    assert_equals(motion_kernel(angle, direction), golden[f"pert/motion/kernel{case}"])


@pytest.mark.parametrize("case", range(5))
def test_motion_blur_equals_the_golden_output(golden: Mapping[str, Any], case: int) -> None:
    angle, direction = golden[f"pert/motion/angle_dir{case}"].tolist()

    result = apply_step(golden["pert/blur/in"], {"name": "motion_blur", "angle": angle, "direction": direction})

    assert_equals(result, golden[f"pert/motion/out{case}"])


@pytest.mark.parametrize("angle", [0.0, 17.3, 45.0, 90.0, 123.4, 200.0, 359.9])
@pytest.mark.parametrize("direction", [-1.0, 0.0, 0.7])
def test_motion_kernel_agrees_with_a_rotation_by_opencv(angle: float, direction: float) -> None:
    t = (direction + 1) / 2
    line = np.zeros((3, 3), np.float32)
    line[:, 1] = np.linspace(t, 1 - t, 3)
    rotated = cv2.warpAffine(line, cv2.getRotationMatrix2D((1, 1), -angle, 1), (3, 3))

    assert motion_kernel(angle, direction) == pytest.approx(rotated / rotated.sum(), abs=KERNEL_TOLERANCE)


def test_jpeg_equals_the_golden_output(golden: Mapping[str, Any]) -> None:
    result = apply_step(golden["pert/blur/in"], {"name": "jpeg", "quality": 95})

    # Another JPEG library than the authors' may shift values by a few levels.
    assert_agrees(result, golden["pert/jpeg/out_compression5"], rtol=0, atol=3)


@pytest.mark.parametrize(
    ("name", "deviation"),
    # Rounding adds 1/12 to the variance; a Laplace deviation is sqrt(2) scales; signed counts have variance rate + rate^2.
    [("gaussian_noise", (81 + 1 / 12) ** 0.5), ("laplace_noise", (162 + 1 / 12) ** 0.5), ("poisson_noise", 90**0.5)],
)
def test_noise_has_its_deviation_and_no_bias(name: str, deviation: float) -> None:
    noise = apply_step(GRAY, {"name": name, NOISES[name]: 9.0, "seed": 7}).astype(float) - 128

    assert noise.std() == pytest.approx(deviation, rel=0.02)  # five standard errors of 196,608 Laplace values
    assert abs(noise.mean()) < 5 * deviation / noise.size**0.5


@pytest.mark.parametrize("name", NOISES)
def test_noise_is_independent_between_channels(name: str) -> None:
    noise = apply_step(GRAY, {"name": name, NOISES[name]: 9.0, "seed": 7}).reshape(-1, 3)

    correlation = np.corrcoef(noise, rowvar=False)
    assert np.abs(correlation - np.eye(3)).max() < 5 / 256


@pytest.mark.parametrize("name", NOISES)
def test_noise_repeats_for_one_seed_and_differs_for_two(name: str) -> None:
    first, again, other = (apply_step(GRAY, {"name": name, NOISES[name]: 9.0, "seed": seed}) for seed in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_poisson_noise_goes_both_ways_and_is_almost_never_zero() -> None:
    noise = apply_step(GRAY, {"name": "poisson_noise", "rate": 9.0, "seed": 7}).astype(int) - 128

    assert (noise > 0).mean() == pytest.approx(0.5, abs=0.01)
    assert (noise == 0).mean() < 0.001  # exp(-9) = 0.0001


def test_noise_is_clipped_at_black_and_white() -> None:
    black = apply_step(np.zeros_like(GRAY), {"name": "gaussian_noise", "sigma": 9.0, "seed": 7})

    assert black.max() < 128  # a wrapped -1 would be 255
