"""The registry of elementary perturbations and its two doors: a whole picture, and one region of it."""

from __future__ import annotations

import numpy as np
import pytest

from harmlib.errors import ParameterError, ShapeError
from harmlib.perturbations import apply_step, apply_steps_to_region, list_perturbations, perturbation

# One valid step per perturbation; the sweep below fails when a newly registered one is missing here.
STEPS = {
    "css": {"filter": "sepia"},
    "exposure": {"stops": 0.4},
    "gaussian_blur": {},
    "gaussian_noise": {"sigma": 9.0, "seed": 5},
    "instagram": {"filter": "rise"},
    "jpeg": {"quality": 95},
    "lab_multiply": {"factors": [1.1, 0.9, 1.05]},
    "laplace_noise": {"scale": 9.0, "seed": 5},
    "motion_blur": {"angle": 30.0, "direction": 0.5},
    "poisson_noise": {"rate": 9.0, "seed": 5},
    "white_box": {"filter": "shadow", "argument": -0.4},
}


def _step(name: str) -> dict:
    return {"name": name, **STEPS[name]}


@pytest.mark.parametrize("name", list_perturbations())
def test_every_perturbation_returns_a_changed_picture_of_the_same_kind(name: str, photo_array: np.ndarray) -> None:
    result = apply_step(photo_array, _step(name))

    assert (result.dtype, result.shape) == (np.uint8, photo_array.shape)
    assert not np.array_equal(result, photo_array)


@pytest.mark.parametrize("name", list_perturbations())
def test_every_perturbation_leaves_its_input_alone(name: str, photo_array: np.ndarray) -> None:
    before = photo_array.copy()

    apply_step(photo_array, _step(name))

    assert np.array_equal(photo_array, before)


@pytest.mark.parametrize("name", list_perturbations())
def test_a_region_gets_the_pixels_of_the_perturbed_picture(name: str, photo_array: np.ndarray) -> None:
    index = np.arange(100, 2000, 7)

    region = apply_steps_to_region(photo_array, index, [_step("instagram"), _step(name)])

    whole = apply_step(apply_step(photo_array, _step("instagram")), _step(name))
    assert np.array_equal(region, whole.reshape(-1, 3)[index])


def test_an_unknown_dependence_is_refused() -> None:
    with pytest.raises(ParameterError, match='reads "weather": choose one of pixel, position, picture'):
        perturbation("rain", reads="weather")(np.copy)


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ({"name": "rain"}, 'there is no perturbation "rain": choose from css, '),
        ({}, 'there is no perturbation "None"'),
        ({"name": "jpeg", "quality": 95, "speed": 1}, 'the perturbation "jpeg" has no parameter "speed": choose from quality'),
        ({"name": "jpeg"}, 'the perturbation "jpeg" lacks its parameter "quality"'),
        ({"name": "instagram", "filter": "aden"}, 'filter is "aden": choose from _1977, '),
        ({"name": "instagram", "filter": "rise", "positions": None}, 'has no parameter "positions"'),
        ({"name": "css", "filter": "blur"}, 'css filter is "blur"'),
        ({"name": "jpeg", "quality": 0}, "the quality of a JPEG is 0, expected a number from 1 to 100"),
        ({"name": "lab_multiply", "factors": [1.0, 1.0]}, "factors has 2 numbers, expected three"),
        ({"name": "lab_multiply", "factors": [1.0, float("nan"), 1.0]}, "a LAB factor is nan"),
        ({"name": "gaussian_noise", "sigma": -1, "seed": 1}, "a noise level is -1, expected a number from 0 to 255"),
        ({"name": "poisson_noise", "rate": 9, "seed": -1}, "a noise seed is -1"),
        ({"name": "gaussian_noise", "sigma": 9, "seed": 1.5}, r"a noise seed is 1\.5, expected a whole number"),
        ({"name": "motion_blur", "angle": 400, "direction": 0}, "the angle of a motion blur is 400"),
        ({"name": "motion_blur", "angle": 0, "direction": "up"}, "the direction of a motion blur is 'up', expected a number"),
    ],
)
def test_a_bad_step_gets_one_sentence(step: dict, sentence: str, photo_array: np.ndarray) -> None:
    with pytest.raises(ParameterError, match=sentence):
        apply_step(photo_array, step)


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_anything_but_an_8_bit_picture_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ShapeError, match=r"expected a picture: uint8 \(H, W, 3\)"):
        apply_step(image, _step("jpeg"))
