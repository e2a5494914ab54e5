"""The eight filters: the authors' own output, known values, and what holds everywhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from authors import assert_agrees, authors
from hypothesis import given, settings
from hypothesis import strategies as st

from harmlib.errors import ParameterError, ShapeError
from harmlib.filters import FILTERS, SIX, apply_filter
from harmlib.io.images import to_array, to_tensor

LEVEL = 1 / 255
# clip(αI) in place of the code's way through HSV: at argument 1, α = 10⁶ magnifies the code's own rounding (note beside the golden file).
BRIGHTNESS_AT_ONE = 1e-2


def filtered(name: str, image: torch.Tensor, argument: float) -> torch.Tensor:
    return apply_filter(name, image, torch.full((len(image),), argument))


def gray(level: int) -> torch.Tensor:
    return torch.full((1, 3, 2, 2), level * LEVEL)


@pytest.fixture
def picture():
    return torch.rand((2, 3, 16, 12), generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("picture_name", ["rand", "special"])
@pytest.mark.parametrize("name", SIX)
def test_filter_agrees_with_the_authors_output(name, picture_name):
    golden = authors("harmonizer")
    image, arguments = torch.from_numpy(golden[f"filt/image_{picture_name}"])[None], golden["filt/args"]

    results = torch.cat([filtered(name, image, float(argument)) for argument in arguments])

    tolerances = np.where((name == "brightness") & (arguments == 1), BRIGHTNESS_AT_ONE, 2e-5)
    assert_agrees(results, golden[f"filt/{name}_{picture_name}"], rtol=0, atol=tolerances[:, None, None, None])


@pytest.mark.parametrize("picture_name", ["rand", "special"])
@pytest.mark.parametrize("name", SIX)
def test_gradient_of_the_argument_agrees_with_the_authors(name, picture_name):
    golden = authors("harmonizer")
    image, weights = (torch.from_numpy(golden[f"filt/{key}"]) for key in (f"image_{picture_name}", "gradW"))

    for value, expected in zip(golden["filt/args"], golden[f"filt/{name}_{picture_name}_grad"], strict=True):
        if name == "brightness" and value == 1:
            continue  # the code's gradient is that of its HSV rounding there
        argument = torch.tensor([value], requires_grad=True)
        (gradient,) = torch.autograd.grad((apply_filter(name, image[None], argument)[0] * weights).sum(), argument)
        assert gradient.item() == pytest.approx(float(expected), rel=1e-5, abs=1e-5)


def test_shadow_filter_gives_the_levels_of_the_papers_figure_4():
    lowered = to_array(filtered("shadow", gray(204), -0.7)[0])
    lifted = to_array(filtered("shadow", gray(174), 0.7)[0])

    assert (lowered == 174).all()
    assert (lifted == 227).all()


def test_brightness_scales_every_channel():
    image = torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1)

    assert torch.allclose(filtered("brightness", image, 0.5), 2 * image, atol=1e-5)
    assert torch.allclose(filtered("brightness", image, -0.5), image / 2)


def test_lowest_contrast_leaves_the_mean(picture):
    result = filtered("contrast", picture, -1.0)

    assert torch.allclose(result, picture.mean((1, 2, 3), keepdim=True).expand_as(picture), atol=1e-6)


def test_lowest_saturation_is_gray(picture):
    result = filtered("saturation", picture, -1.0)

    assert torch.allclose(result.amax(1), result.amin(1), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "argument", "raised", "lowered"),
    [("temperature", 0.3, 0, 2), ("temperature", -0.3, 2, 0), ("tint", 0.3, 1, 0), ("tint", -0.3, 0, 1)],
)
def test_gains_move_along_their_axis(name, argument, raised, lowered):
    result = filtered(name, gray(128), argument)[0].mean((1, 2))

    assert result[raised] > 128 * LEVEL > result[lowered]


@pytest.mark.parametrize(("argument", "expected"), [(2 / 3, (1, 1, 0)), (-2 / 3, (1, 0, 1)), (1.0, (0.5, 1, 0))])
def test_hue_turns_red_by_the_stated_angle(argument, expected):
    # 2/3 of a right angle is one sector of 60 degrees: red becomes yellow, or magenta.
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)

    assert torch.allclose(filtered("hue", red, argument).flatten(), torch.tensor(expected, dtype=torch.float32), atol=1e-6)


def test_hue_keeps_value_and_chroma(picture):
    result = filtered("hue", picture, 0.37)

    assert torch.allclose(result.amax(1), picture.amax(1), atol=1e-6)
    assert torch.allclose(result.amin(1), picture.amin(1), atol=1e-6)


def test_hue_leaves_gray_alone():
    assert torch.equal(filtered("hue", gray(77), 0.9), gray(77))


# 0 < x < 1/255 lowers contrast slightly, and at 0 contrast and saturation are off by float rounding only.
@pytest.mark.parametrize("name", FILTERS)
def test_argument_zero_gives_the_picture_back(picture, name):
    assert torch.allclose(filtered(name, picture, 0.0), picture, atol=2e-6)


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(FILTERS), argument=st.floats(-1, 1, width=32), seed=st.integers(0, 99))
def test_every_result_is_a_picture(name, argument, seed):
    image = torch.rand((1, 3, 5, 4), generator=torch.Generator().manual_seed(seed)).round(decimals=1)

    result = filtered(name, image, argument)

    assert result.isfinite().all()
    assert result.min() >= 0
    assert result.max() <= 1


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("argument", [-1.0, 0.0, 1.0])
def test_gradients_stay_finite_on_black_white_and_gray(name, argument):
    image = torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 1, 3).repeat(1, 3, 1, 1).requires_grad_()
    value = torch.tensor([argument], requires_grad=True)

    apply_filter(name, image, value).sum().backward()

    assert image.grad is not None
    assert value.grad is not None
    assert image.grad.isfinite().all()
    assert value.grad.isfinite().all()


@pytest.mark.parametrize("name", FILTERS)
def test_pictures_of_a_batch_do_not_mix(picture, name):
    arguments = torch.tensor([0.4, -0.6])

    together = apply_filter(name, picture, arguments)
    alone = torch.cat([apply_filter(name, picture[i : i + 1], arguments[i : i + 1]) for i in range(2)])

    assert torch.allclose(together, alone, atol=1e-6)


def test_straight_through_gives_contrast_a_gradient_and_the_same_picture(picture):
    argument = torch.tensor([0.4, 0.4], requires_grad=True)

    plain = apply_filter("contrast", picture, argument)
    smooth = apply_filter("contrast", picture, argument, contrast_grad="straight_through")
    (none,) = torch.autograd.grad(plain.square().sum(), argument)
    (some,) = torch.autograd.grad(smooth.square().sum(), argument)

    assert torch.allclose(plain, smooth, atol=1e-6)
    assert (none == 0).all()
    assert (some != 0).all()


def test_eight_bit_perturbation_is_the_same_filter():
    from harmlib.perturbations import apply_step

    image = np.random.default_rng(3).integers(0, 256, (6, 5, 3), dtype=np.uint8)

    result = apply_step(image, {"name": "white_box", "filter": "highlight", "argument": -0.4})

    assert np.array_equal(result, to_array(filtered("highlight", to_tensor(image)[None], -0.4)[0]))


def test_unknown_filter_is_refused(picture):
    with pytest.raises(ParameterError, match='no filter "sepia": choose from temperature'):
        filtered("sepia", picture, 0.1)


def test_unknown_contrast_gradient_is_refused(picture):
    with pytest.raises(ParameterError, match='contrast_grad is "exact": choose from code, straight_through'):
        apply_filter("contrast", picture, torch.zeros(2), contrast_grad="exact")


def test_wrong_number_of_arguments_is_refused(picture):
    with pytest.raises(ShapeError, match=r"argument \(3,\): expected"):
        apply_filter("shadow", picture, torch.zeros(3))
