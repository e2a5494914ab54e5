"""Image errors: closed forms, scikit-image as witness, properties, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from authors import authors
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

from harmlib.errors import EmptyMaskError, ParameterError, RangeError, ShapeError
from harmlib.metrics import functional

FLOAT64 = 1e-10
SSIM_TOLERANCE = 1e-9  # scikit-image sums its windows in another order
CAP = 10 * np.log10(255**2 / 1e-6)


def random_batch(seed: int, batch: int = 3, height: int = 12, width: int = 17) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Prediction, target and binary mask (every mask with foreground)."""
    generator = np.random.default_rng(seed)
    pictures = generator.integers(0, 256, (2, batch, 3, height, width)).astype(np.float32) / 255
    mask = (generator.uniform(size=(batch, 1, height, width)) < 0.4).astype(np.float32)
    mask[:, :, 3:6, 3:6] = 1
    return torch.from_numpy(pictures[0]), torch.from_numpy(pictures[1]), torch.from_numpy(mask)


def levels(picture: torch.Tensor) -> np.ndarray:
    """One picture of a batch as uint8 (H, W, 3)."""
    return (255 * picture).round().byte().permute(1, 2, 0).numpy()


def two_by_two() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One pixel differs by 51 levels in every channel; it and its right neighbor are the foreground."""
    target = torch.full((1, 3, 2, 2), 0.4)
    prediction = target.clone()
    prediction[..., 0, 0] = 0.6
    mask = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    return prediction, target, mask


def test_mse_of_two_by_two_is_a_quarter_of_the_squared_difference() -> None:
    prediction, target, _ = two_by_two()

    assert functional.mse(prediction, target).item() == pytest.approx(51**2 / 4, rel=1e-6)


def test_fmse_of_two_by_two_is_half_of_the_squared_difference() -> None:
    assert functional.fmse(*two_by_two()).item() == pytest.approx(51**2 / 2, rel=1e-6)


def test_psnr_of_two_by_two_follows_its_definition() -> None:
    prediction, target, _ = two_by_two()

    assert functional.psnr(prediction, target).item() == pytest.approx(20 * np.log10(255 / 25.5), rel=1e-6)


def test_fpsnr_of_two_by_two_follows_its_definition() -> None:
    assert functional.fpsnr(*two_by_two()).item() == pytest.approx(10 * np.log10(255**2 / (51**2 / 2)), rel=1e-6)


def test_soft_mask_weights_the_error_or_its_square() -> None:
    prediction, target, mask = two_by_two()
    soft = mask / 2

    by_error = functional.fmse(prediction, target, soft, rule="error").item()
    by_pictures = functional.fmse(prediction, target, soft, rule="pictures").item()

    assert by_error == pytest.approx(2 * by_pictures, rel=1e-6)


def test_identical_pictures_stop_at_the_cap() -> None:
    picture, _, mask = random_batch(1)

    scores = [functional.psnr(picture, picture), functional.fpsnr(picture, picture, mask)]

    assert torch.allclose(torch.stack(scores), torch.tensor(CAP), atol=0.01, rtol=0)


def test_ssim_of_identical_pictures_is_one() -> None:
    picture, _, mask = random_batch(2)

    scores = torch.stack([functional.ssim(picture, picture), functional.fssim(picture, picture, mask)])

    assert torch.allclose(scores, torch.ones_like(scores), rtol=0, atol=FLOAT64)


def test_one_value_per_image() -> None:
    prediction, target, mask = random_batch(3, batch=4)

    shapes = {
        functional.mse(prediction, target).shape,
        functional.psnr(prediction, target).shape,
        functional.ssim(prediction, target).shape,
        functional.fmse(prediction, target, mask).shape,
        functional.fpsnr(prediction, target, mask).shape,
        functional.fssim(prediction, target, mask).shape,
    }

    assert shapes == {torch.Size([4])}


@pytest.mark.parametrize("size", [(7, 7), (12, 17), (33, 20)])
def test_mse_and_psnr_agree_with_scikit_image(size: tuple[int, int]) -> None:
    prediction, target, _ = random_batch(4, 2, *size)

    ours = torch.stack([functional.mse(prediction, target), functional.psnr_from_mse(functional.mse(prediction, target), offset=0.0)])
    pairs = [(levels(prediction[i]), levels(target[i])) for i in range(2)]
    theirs = [[mean_squared_error(a, b) for a, b in pairs], [peak_signal_noise_ratio(b, a) for a, b in pairs]]

    assert torch.allclose(ours, torch.tensor(theirs, dtype=torch.float64), rtol=1e-6)


@pytest.mark.parametrize("size", [(7, 7), (12, 17), (33, 20)])
def test_ssim_agrees_with_scikit_image(size: tuple[int, int]) -> None:
    prediction, target, _ = random_batch(5, 2, *size)

    ours = functional.ssim(prediction.double(), target.double())
    theirs = [
        structural_similarity(target[i].double().numpy(), prediction[i].double().numpy(), channel_axis=0, data_range=1.0) for i in range(2)
    ]

    assert ours.tolist() == pytest.approx(theirs, abs=SSIM_TOLERANCE)


def test_ssim_map_agrees_with_scikit_image_up_to_the_border() -> None:
    prediction, target, _ = random_batch(6, 1)

    ours = functional.ssim_map(prediction.double(), target.double())[0].numpy()
    _, theirs = structural_similarity(target[0].double().numpy(), prediction[0].double().numpy(), channel_axis=0, data_range=1.0, full=True)

    np.testing.assert_allclose(ours, theirs, rtol=0, atol=SSIM_TOLERANCE)


def test_fssim_is_the_mean_of_the_map_over_the_foreground() -> None:
    prediction, target, mask = random_batch(7)

    over_map = functional.ssim_map(prediction, target)
    expected = [over_map[i][:, mask[i, 0] == 1].mean().item() for i in range(len(mask))]

    assert functional.fssim(prediction, target, mask).tolist() == pytest.approx(expected, rel=FLOAT64)


def test_metrics_reproduce_the_sgmmh_authors_numbers() -> None:
    golden = authors("sgmmh")
    target, prediction = (
        torch.from_numpy(golden[f"metric/{name}_bgr8"].transpose(2, 0, 1).astype(np.float64) / 255)[None] for name in ("real", "ham")
    )
    result_range = torch.from_numpy(golden["metric/ssim_data_range"] / 255)[None]

    ours = [
        functional.mse(prediction, target).item(),
        functional.psnr_from_mse(functional.mse(prediction, target), offset=1e-9).item(),
        functional.ssim_from_map(functional.ssim_map(prediction, target, data_range=result_range)).item(),
        functional.ssim(prediction, target).item(),
    ]
    theirs = [float(golden[f"metric/{name}"]) for name in ("mse", "psnr", "ssim", "ssim_data_range_255")]

    assert ours == pytest.approx(theirs, rel=1e-8)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_fmse_times_area_is_mse_times_all_when_backgrounds_agree(seed: int) -> None:
    prediction, target, mask = random_batch(seed)
    pasted = prediction * mask + target * (1 - mask)

    from_foreground = functional.fmse(pasted, target, mask) * mask.sum((1, 2, 3))
    from_picture = functional.mse(pasted, target) * mask[0].numel()

    assert torch.allclose(from_foreground, from_picture, rtol=1e-9)


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(4)))
def test_order_of_the_batch_is_irrelevant(order: list[int]) -> None:
    prediction, target, mask = random_batch(8, batch=4)

    for score in (functional.fmse, functional.fpsnr, functional.fssim):
        shuffled = score(prediction[order], target[order], mask[order])
        assert torch.equal(shuffled, score(prediction, target, mask)[order])


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 0.4), st.floats(1.01, 2.0))
def test_stronger_perturbation_gives_larger_error(shift: float, factor: float) -> None:
    target = torch.full((1, 3, 8, 8), 0.1)

    weak, strong = (functional.mse(target + amount, target).item() for amount in (shift, shift * factor))

    assert weak < strong


def test_inputs_are_left_alone() -> None:
    batch = random_batch(9)
    copies = [tensor.clone() for tensor in batch]

    functional.fssim(*batch)

    assert all(torch.equal(tensor, copy) for tensor, copy in zip(batch, copies, strict=True))


def test_gradient_of_mse_points_away_from_the_target() -> None:
    prediction, target, _ = two_by_two()
    prediction.requires_grad_()

    functional.mse(prediction, target).sum().backward()

    assert prediction.grad is not None
    assert prediction.grad[0, 0, 0, 0] > 0


def test_empty_mask_is_an_error_that_names_its_place() -> None:
    prediction, target, mask = random_batch(10)
    mask[1] = 0

    with pytest.raises(EmptyMaskError, match=r"mask 1 of the batch has no foreground"):
        functional.fmse(prediction, target, mask)


def test_eight_bit_levels_are_refused() -> None:
    prediction, target, _ = random_batch(11)

    with pytest.raises(RangeError, match=r"prediction has values from .* expected \[0, 1\]: divide 8-bit levels by 255"):
        functional.mse(255 * prediction, target)


def test_nan_is_refused() -> None:
    prediction, target, _ = random_batch(12)
    prediction[0, 0, 0, 0] = torch.nan

    with pytest.raises(RangeError, match="prediction"):
        functional.mse(prediction, target)


def test_different_sizes_are_refused() -> None:
    prediction, target, _ = random_batch(13)

    with pytest.raises(ShapeError, match="both must be"):
        functional.mse(prediction[..., 1:], target)


def test_picture_smaller_than_the_window_is_refused() -> None:
    picture = torch.zeros(1, 3, 6, 9)

    with pytest.raises(ShapeError, match=r"6x9: SSIM needs at least 7x7"):
        functional.ssim(picture, picture)


def test_unknown_foreground_rule_is_refused() -> None:
    with pytest.raises(ParameterError, match='rule is "both": choose from error, pictures'):
        functional.fmse(*random_batch(14), rule="both")
