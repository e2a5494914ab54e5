"""Zhu et al.'s energy against golden numbers (``tests/authors/classical.npz``), whose score is a stand-in, and the search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from authors import authors
from golden_fill import NARROW, ellipse, noise, noise8
from torch import Tensor

from harmlib import models
from harmlib.errors import ParameterError
from harmlib.inference.pictures import harmonize
from harmlib.models.layers.perceptual import IMAGENET_MEAN
from harmlib.models.zhu import BIAS_BOUNDS, GAIN_BOUNDS, UNCHANGED, energy, recolor, search

TOLERANCE = 1e-6  # relative: the golden numbers are in single precision
CASES = [(weight, case) for weight in (0, 50) for case in range(4)]
CAFFE_MEAN = (123.68, 116.779, 103.939)


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    return authors("classical")


@pytest.fixture(scope="module")
def pictures(golden: Mapping[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
    """Source, target and soft mask, as RGB in [0, 1]; stored is BGR in 0..255."""
    source, target = (torch.from_numpy(golden[key][..., ::-1].copy()).permute(2, 0, 1) / 255 for key in ("zhu_src", "zhu_tgt"))
    return source, target, torch.from_numpy(golden["zhu_m"])[None]


def stand_in(image: Tensor) -> Tensor:
    """Return the golden file's score of a picture."""
    centered = 255 * image - image.new_tensor(CAFFE_MEAN).view(3, 1, 1)
    return 0.5 * (centered / 50 - 0.3).square().mean()


def rgb(vector: np.ndarray) -> np.ndarray:
    """Return gains and biases in the order R, G, B of stored ones in the order B, G, R."""
    return vector.reshape(2, 3)[:, ::-1].ravel().copy()


def redness(image: Tensor) -> Tensor:
    """Return a score that is best where the mean of red is 0.4."""
    return 100 * (image[0].mean() - 0.4).square()


@pytest.mark.parametrize(("weight", "case"), CASES)
def test_energy_agrees_with_the_authors(weight: int, case: int, golden: Mapping[str, Any], pictures: tuple[Tensor, Tensor, Tensor]) -> None:
    found = energy(torch.from_numpy(rgb(golden["zhu_X"][case])), *pictures, stand_in, weight=weight)

    assert found.item() == pytest.approx(golden[f"zhu_f_w{weight}"][case], rel=TOLERANCE)


@pytest.mark.parametrize(("weight", "case"), CASES)
def test_gradient_agrees_with_the_authors(
    weight: int, case: int, golden: Mapping[str, Any], pictures: tuple[Tensor, Tensor, Tensor]
) -> None:
    x = torch.from_numpy(rgb(golden["zhu_X"][case])).requires_grad_()
    expected = rgb(golden[f"zhu_g_w{weight}"][case])

    (found,) = torch.autograd.grad(energy(x, *pictures, stand_in, weight=weight), x)

    np.testing.assert_allclose(found, expected, atol=TOLERANCE * np.abs(expected).max())


def test_true_gradient_is_that_of_the_energy() -> None:
    source, target, mask = (values[0].double() for values in (noise(1, 8, 8), noise(2, 8, 8), noise(3, 8, 8)[:, :1]))
    x = torch.tensor([1.3, 0.9, 0.8, 0.1, -0.2, 0.05], dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(lambda x: energy(x, source, target, mask, stand_in, gradient="true"), x)


def test_the_codes_gradient_goes_through_clipping() -> None:
    white, mask = torch.ones(3, 4, 4), torch.ones(1, 4, 4)
    x = torch.tensor([2.0, 2, 2, 0, 0, 0], requires_grad=True)

    slopes = [torch.autograd.grad(energy(x, white, white, mask, stand_in, weight=0, gradient=kind), x)[0] for kind in ("code", "true")]

    assert slopes[0].abs().min() > 0
    assert not slopes[1].any()


def test_penalty_is_what_it_is_by_hand() -> None:
    source = torch.tensor([0.2, 0.4, 0.6]).view(3, 1, 1).repeat(1, 2, 2)
    mask = torch.tensor([[[1.0, 0], [0, 0]]])
    # D = (0.1, 0, 0) at one of four pixels; w1 = 50 / 3; mean(src²) = 0.56 / 3, mean squared difference of channels 0.24 / 3
    w1, w2 = 50 / 3, 50 / 3 * 0.56 / 0.24

    found = energy(torch.tensor([1.0, 1, 1, 0.1, 0, 0]), source, source, mask, lambda image: image.new_zeros(()))

    assert found.item() == pytest.approx(w1 / 2 * 0.01 + w2 / 2 * 0.02, rel=1e-5)


def test_channels_of_a_gray_picture_are_bound_twenty_times_as_much() -> None:
    source, mask = torch.full((3, 2, 2), 0.5), torch.ones(1, 2, 2)

    found = energy(torch.tensor([1.0, 1, 1, 0.1, 0, 0]), source, source, mask, lambda image: image.new_zeros(()))

    assert found.item() == pytest.approx(50 / 12 / 2 * 4 * (0.01 + 20 * 0.02), rel=1e-5)


def test_search_finds_what_the_score_prefers() -> None:
    composite, mask = 0.5 * noise(1, 32, 32)[0], ellipse(32, 32, (16, 16), (12, 12))[0]

    found = search(composite, mask, lambda image: 1000 * redness(image), gradient="true")

    reached = recolor(composite[None], mask[None], found[None])[0, 0].mean().item()
    assert composite[0].mean() < 0.3
    assert reached == pytest.approx(0.4, abs=0.02)


def test_search_is_deterministic_and_stays_within_its_bounds() -> None:
    composite, mask = noise(1, 32, 32)[0], ellipse(32, 32, (16, 16), (8, 8))[0]

    first, second = (search(composite, mask, lambda image: -1000 * image.mean(), gradient="code") for _ in range(2))

    assert torch.equal(first, second)
    assert (first[:3] <= GAIN_BOUNDS[1]).all()
    assert (first[3:] <= BIAS_BOUNDS[1]).all()
    assert first.max() == GAIN_BOUNDS[1]


@pytest.mark.parametrize("filling", [0.0, 1.0], ids=["empty", "full"])
def test_a_mask_that_is_empty_or_full_returns_the_composite(filling: float) -> None:
    prediction = models.create("zhu", width=NARROW)(noise(1, 32, 32), torch.full((1, 1, 32, 32), filling))

    assert torch.equal(prediction.image, noise(1, 32, 32))
    assert prediction["adjustment"].tolist() == [list(UNCHANGED)]


@pytest.fixture
def stubborn() -> Any:
    """A narrow model whose judge has a strong opinion on the mean of red."""
    torch.manual_seed(0)
    model = models.create("zhu", width=NARROW).eval()
    first = next(iter(model.judge.backbone.children()))
    with torch.no_grad():
        for layer in model.judge.backbone.modules():
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.zero_()
                layer.weight[0, 0, 1, 1] = 1.0  # red, handed through to the end
        first.bias[0] = IMAGENET_MEAN[0] / 0.229  # above zero, where ReLU is linear
        model.judge.head.weight.fill_(0.0)
        model.judge.head.weight[0, 0] = 30.0
        model.judge.head.bias.fill_(-90.0)
    return model


def test_harmonized_foreground_follows_the_judge(stubborn: Any) -> None:
    composite, mask = 0.6 * noise(1, 64, 64), ellipse(64, 64, (32, 32), (20, 20))

    adjustment = stubborn(composite, mask)["adjustment"][0]

    assert adjustment[0] + adjustment[3] > 1.1  # redder


@pytest.mark.slow
def test_inference_mode_gives_the_same_result(stubborn: Any) -> None:
    composite, mask = 0.6 * noise(1, 64, 64), ellipse(64, 64, (32, 32), (20, 20))

    with torch.inference_mode():
        found = stubborn(composite.clone(), mask.clone()).image

    assert torch.equal(found, stubborn(composite, mask).image)


def test_harmonizing_leaves_no_gradient_behind(stubborn: Any) -> None:
    prediction = stubborn(0.6 * noise(1, 64, 64), ellipse(64, 64, (32, 32), (20, 20)))

    assert not prediction.image.requires_grad
    assert all(parameter.grad is None for parameter in stubborn.parameters())


@pytest.mark.slow
def test_harmonized_background_is_untouched(stubborn: Any, generator: np.random.Generator) -> None:
    composite = generator.integers(0, 128, (90, 120, 3), dtype=np.uint8)
    foreground = np.zeros((90, 120), bool)
    foreground[20:70, 30:90] = True

    harmonized = harmonize(stubborn, composite, foreground)

    assert np.array_equal(harmonized[~foreground], composite[~foreground])
    assert harmonized[foreground][:, 0].mean() > composite[foreground][:, 0].mean() + 5


def test_soft_masks_blend() -> None:
    composite = torch.full((1, 3, 2, 2), 0.4)
    mask = torch.tensor([[[[1.0, 0.5], [0.25, 0.0]]]])

    found = recolor(composite, mask, torch.tensor([[1.0, 1, 1, 0.2, 0.2, 0.2]]))

    assert found[0, 0].flatten().tolist() == pytest.approx([0.6, 0.5, 0.45, 0.4])


def test_full_size_gets_the_small_pictures_gains_and_biases(stubborn: Any) -> None:
    prediction = stubborn(0.6 * noise(1, 64, 64), ellipse(64, 64, (32, 32), (20, 20)))
    full, mask = 0.6 * noise(2, 100, 120), ellipse(100, 120, (50, 60), (30, 30))

    assert torch.equal(stubborn.upscale(prediction, full, mask), recolor(full, mask, prediction["adjustment"]))


def test_judge_without_an_opinion_loses_ln_2(batch: dict[str, Any]) -> None:
    model = models.create("zhu", width=NARROW)
    torch.nn.init.zeros_(model.judge.head.weight)
    torch.nn.init.zeros_(model.judge.head.bias)

    losses = model.training_loss(batch)

    assert {name: value.item() for name, value in losses.items()} == pytest.approx(dict.fromkeys(losses, math.log(2)))


def test_composites_and_photographs_are_told_apart_by_sign(batch: dict[str, Any]) -> None:
    model = models.create("zhu", width=NARROW)
    torch.nn.init.zeros_(model.judge.head.weight)
    torch.nn.init.constant_(model.judge.head.bias, 3.0)  # all are photographs

    losses = model.training_loss(batch)

    assert losses["photograph"].item() == pytest.approx(math.log1p(math.exp(-3)))
    assert losses["composite"].item() == pytest.approx(math.log1p(math.exp(3)))


def test_judge_learns_to_tell_a_batch_apart(batch: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = models.create("zhu", width=NARROW)
    pair = {key: batch[key][..., ::4, ::4] for key in ("composite", "target")}
    pair["composite"] = 0.5 * pair["composite"]
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    first = model.training_loss(pair)["total"].item()

    for _ in range(20):
        optimizer.zero_grad()
        model.training_loss(pair)["total"].backward()
        optimizer.step()

    assert model.training_loss(pair)["total"].item() < 0.5 * first


def test_judge_has_vgg16s_convolutions_and_one_logit() -> None:
    with torch.device("meta"):
        model = models.create("zhu")

    assert sum(parameter.numel() for parameter in model.parameters()) == 14_714_688 + 513


def test_judge_scores_pictures_one_by_one() -> None:
    model = models.create("zhu", width=NARROW)

    assert model.judge(torch.cat([noise8(1), noise8(2)])).shape == (2,)


def test_an_unknown_gradient_is_refused() -> None:
    with pytest.raises(ParameterError, match='gradient is "exact": choose from code, true'):
        models.create("zhu", gradient="exact")
