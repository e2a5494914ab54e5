"""What every transfer promises, and what the door refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harmlib.errors import EmptyMaskError, MaskError, ParameterError, ShapeError
from harmlib.transfers import LUMINANCE_TRANSFERS, TRANSFERS, transfer
from harmlib.transfers.histogram import rgb_to_ycbcr

Pictures = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
PARAMETRIC = ("reinhard", "xiao_ma")
# New colors depend on a pixel's own color only; IDT's regraining looks at neighbors, the black outside of the foreground included.
POINTWISE = (*PARAMETRIC, "histogram")
ROUNDING = 0.5  # 8-bit levels: a recolored picture is rounded to integers
# A region transferred onto itself: mean absolute difference in levels. The matrices of Reinhard's space are rounded; bytes in YCbCr
# hold fewer colors than RGB; regraining starts from a coarse picture, which is blurred at the outline (measured: 2.8).
SELF_TOLERANCE = {"reinhard": 0.5, "xiao_ma": 0.0, "histogram": 1.0, "idt": 4.0}

ALL = (*TRANSFERS, *LUMINANCE_TRANSFERS)

every_transfer = pytest.mark.parametrize("name", ALL)
# A NaN in a picture shows as NumPy's warning about the cast, as does a division by 0.
strict = pytest.mark.filterwarnings("error")


def _lalphabeta(rgb: np.ndarray) -> np.ndarray:
    """Reinhard's color space, from its published definition."""
    lms = rgb / 255 @ np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]]).T
    long, medium, short = np.log10(lms).T
    return np.stack([(long + medium + short) / 3**0.5, (long + medium - 2 * short) / 6**0.5, (long - medium) / 2**0.5], axis=1)


def _flat(pictures: Pictures, part: int, color: tuple[int, int, int]) -> Pictures:
    """The pictures with one region, 0 or 2, in a single color."""
    changed = list(pictures)
    changed[part] = changed[part].copy()
    changed[part][changed[part + 1]] = color
    return tuple(changed)


@every_transfer
def test_foreground_changes(pictures: Pictures, name: str) -> None:
    image, mask, *_ = pictures

    assert (transfer(name, *pictures)[mask] != image[mask]).any(axis=1).mean() > 0.9


@every_transfer
def test_background_keeps_its_bytes(pictures: Pictures, name: str) -> None:
    image, mask, *_ = pictures

    assert np.array_equal(transfer(name, *pictures)[~mask], image[~mask])


@every_transfer
def test_only_the_region_of_the_reference_counts(pictures: Pictures, name: str) -> None:
    image, mask, reference, reference_mask = pictures
    elsewhere = np.where(reference_mask[..., None], reference, 255 - reference)

    assert np.array_equal(transfer(name, *pictures), transfer(name, image, mask, elsewhere, reference_mask))


@every_transfer
def test_background_does_not_color_the_foreground(pictures: Pictures, name: str) -> None:
    image, mask, reference, reference_mask = pictures
    elsewhere = np.where(mask[..., None], image, 255 - image)

    assert np.array_equal(transfer(name, *pictures)[mask], transfer(name, elsewhere, mask, reference, reference_mask)[mask])


@every_transfer
def test_inputs_are_not_changed(pictures: Pictures, name: str) -> None:
    before = [array.copy() for array in pictures]

    transfer(name, *pictures)

    assert all(np.array_equal(array, copy) for array, copy in zip(pictures, before, strict=True))


def test_seed_repeats_the_picture(pictures: Pictures) -> None:
    assert np.array_equal(transfer("idt", *pictures, seed=5), transfer("idt", *pictures, seed=5))


def test_another_seed_makes_another_picture(pictures: Pictures) -> None:
    assert not np.array_equal(transfer("idt", *pictures, seed=5), transfer("idt", *pictures, seed=6))


@pytest.mark.parametrize("statistic", [np.mean, np.std])
def test_reinhard_matches_mean_and_deviation_in_its_space(pictures: Pictures, statistic) -> None:
    _, mask, reference, reference_mask = pictures

    own, other = _lalphabeta(transfer("reinhard", *pictures)[mask]), _lalphabeta(reference[reference_mask])

    assert statistic(own, axis=0) == pytest.approx(statistic(other, axis=0), abs=2e-3)  # about half a level of 100


def test_xiao_ma_matches_the_mean(pictures: Pictures) -> None:
    _, mask, reference, reference_mask = pictures

    assert transfer("xiao_ma", *pictures)[mask].mean(0) == pytest.approx(reference[reference_mask].mean(0), abs=0.05)


def test_xiao_ma_matches_the_covariance(pictures: Pictures) -> None:
    _, mask, reference, reference_mask = pictures

    own, other = np.cov(transfer("xiao_ma", *pictures)[mask].T), np.cov(reference[reference_mask].T)

    assert own == pytest.approx(other, abs=0.02 * np.abs(other).max())


def test_histogram_matches_the_distribution_of_every_channel(pictures: Pictures) -> None:
    _, mask, reference, reference_mask = pictures
    shares = np.linspace(0.05, 0.95, 10)

    own = np.quantile(rgb_to_ycbcr(transfer("histogram", *pictures)[mask]), shares, axis=0)

    # The code below the share, then a way to RGB and back that rounds three times.
    assert own == pytest.approx(np.quantile(rgb_to_ycbcr(reference[reference_mask]), shares, axis=0), abs=2)


@pytest.mark.parametrize("name", TRANSFERS)
def test_region_onto_itself_stays_nearly_the_same(pictures: Pictures, name: str) -> None:
    image, mask, *_ = pictures

    result = transfer(name, image, mask, image, mask)

    assert np.abs(result[mask].astype(int) - image[mask]).mean() <= SELF_TOLERANCE[name]


@strict
@pytest.mark.parametrize("name", PARAMETRIC)
def test_flat_foreground_takes_the_mean_of_the_reference(pictures: Pictures, name: str) -> None:
    _, mask, reference, reference_mask = pictures

    result = transfer(name, *_flat(pictures, 0, (10, 200, 30)))[mask]

    # In Reinhard's space the mean is that of logarithms.
    assert result.mean(0) == pytest.approx(reference[reference_mask].mean(0), abs=3)


@strict
@pytest.mark.parametrize("name", POINTWISE)
def test_flat_foreground_stays_flat(pictures: Pictures, name: str) -> None:
    _, mask, *_ = pictures

    assert not np.ptp(transfer(name, *_flat(pictures, 0, (110, 120, 130)))[mask], axis=0).any()


@strict
@pytest.mark.parametrize("name", POINTWISE)
def test_flat_reference_gives_its_color(pictures: Pictures, name: str) -> None:
    _, mask, *_ = pictures

    result = transfer(name, *_flat(pictures, 2, (140, 120, 100)))[mask]

    assert np.abs(result.astype(int) - (140, 120, 100)).max() <= 1


@strict
@pytest.mark.parametrize("name", POINTWISE)
def test_one_pixel_takes_the_color_of_one_pixel(name: str) -> None:
    image, reference = np.full((1, 1, 3), (200, 10, 30), np.uint8), np.full((1, 1, 3), (140, 120, 100), np.uint8)
    mask = np.ones((1, 1), bool)

    assert np.abs(transfer(name, image, mask, reference, mask).astype(int) - reference).max() <= 1


@settings(max_examples=90, deadline=None)
@given(name=st.sampled_from(ALL), palette=st.sampled_from([(0,), (255,), (0, 1), (0, 255), (7, 8, 200)]), seed=st.integers(0, 10**6))
@strict
def test_any_few_pixels_give_a_picture_without_warnings(name: str, palette: tuple[int, ...], seed: int) -> None:
    generator = np.random.default_rng(seed)
    (height, width), (rows, columns) = generator.integers(1, 6, (2, 2))
    image, reference = generator.choice(palette, (height, width, 3)), generator.choice([0, 30, 31, 255], (rows, columns, 3))
    mask, reference_mask = generator.random((height, width)) < 0.5, generator.random((rows, columns)) < 0.5
    mask[0, 0] = reference_mask[0, 0] = True

    result = transfer(name, image.astype(np.uint8), mask, reference.astype(np.uint8), reference_mask, seed=seed)

    assert result.shape == image.shape
    assert np.array_equal(result[~mask], image[~mask])


def test_unknown_transfer_is_refused_with_the_known_ones(pictures: Pictures) -> None:
    with pytest.raises(ParameterError, match='no transfer "pitie": choose from reinhard, xiao_ma, histogram, idt'):
        transfer("pitie", *pictures)


@pytest.mark.parametrize(("part", "name"), [(0, "picture"), (2, "reference")])
def test_floats_are_refused(pictures: Pictures, part: int, name: str) -> None:
    arguments = list(pictures)
    arguments[part] = arguments[part] / 255

    with pytest.raises(ShapeError, match=rf"the {name} is float64 of shape .*, expected uint8 RGB \(H, W, 3\)"):
        transfer("reinhard", *arguments)


def test_gray_picture_is_refused(pictures: Pictures) -> None:
    image, *rest = pictures

    with pytest.raises(ShapeError, match=r"the picture is uint8 of shape \(48, 64\)"):
        transfer("reinhard", image[..., 0], *rest)


@pytest.mark.parametrize(("part", "name"), [(1, "picture"), (3, "reference")])
def test_gray_mask_is_refused(pictures: Pictures, part: int, name: str) -> None:
    arguments = list(pictures)
    arguments[part] = arguments[part] * np.uint8(255)

    with pytest.raises(MaskError, match=rf"the mask of the {name} is uint8 of shape .*, expected bool \(H, W\): threshold it at 128"):
        transfer("reinhard", *arguments)


def test_mask_of_another_size_is_refused(pictures: Pictures) -> None:
    image, mask, reference, _ = pictures

    with pytest.raises(MaskError, match="the mask of the reference is 48x64, the reference 56x40: resize the mask"):
        transfer("reinhard", image, mask, reference, mask)


@pytest.mark.parametrize(("part", "name"), [(1, "picture"), (3, "reference")])
def test_empty_mask_is_refused(pictures: Pictures, part: int, name: str) -> None:
    arguments = list(pictures)
    arguments[part] = np.zeros_like(arguments[part])

    with pytest.raises(EmptyMaskError, match=f"the mask of the {name} is empty"):
        transfer("reinhard", *arguments)
