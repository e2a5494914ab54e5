"""Each transfer on a handful of pixels, by hand."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from regrained import regrain

from harmlib.transfers import transfer
from harmlib.transfers.histogram import transfer_histogram
from harmlib.transfers.pitie import draw_rotations, move_distribution
from harmlib.transfers.regrain import resampling_matrix
from harmlib.transfers.reinhard import transfer_reinhard_lalphabeta
from harmlib.transfers.xiao_ma import transfer_xiao_ma

# A cross of colors: one pair of pixels along each channel, around the mean.
CROSS = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])


def _row(pixels: object) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (N, 3), or gray levels (N,), as a picture of one row that is all foreground."""
    levels = np.atleast_2d(np.asarray(pixels, np.uint8).T).T
    image = np.broadcast_to(levels, (len(levels), 3))[None]
    return image, np.ones(image.shape[:2], bool)


def test_reinhard_matches_the_mean_and_deviation_of_logarithms() -> None:
    result = transfer_reinhard_lalphabeta(*_row([50, 100, 200]), *_row([40, 90]))

    # Logarithms 100 * 2^(-1, 0, 1) deviate by log 2, those of 60 * 1.5^(-1, 1) by √2 log 1.5: the result is 60 * 1.5^(-√2, 0, √2).
    # One level more or less, because the matrices there and back are rounded.
    assert result[0] == pytest.approx(np.repeat([[33.8], [60], [106.5]], 3, axis=1), abs=1)


def test_reinhard_leaves_black_pixels_out_and_black() -> None:
    without = transfer_reinhard_lalphabeta(*_row([50, 100, 200]), *_row([40, 90]))

    result = transfer_reinhard_lalphabeta(*_row([50, 100, 200, 0]), *_row([40, 90, 0, 0]))

    assert np.array_equal(result[0], [*without[0], (0, 0, 0)])


def test_reinhard_keeps_a_pixel_that_is_dark_in_one_channel_only() -> None:
    result = transfer_reinhard_lalphabeta(*_row([(0, 100, 50), (80, 0, 90), (60, 70, 80)]), *_row([40, 90]))

    assert result.any(axis=2).all()


def test_reinhard_after_a_black_region_is_black() -> None:
    assert not transfer_reinhard_lalphabeta(*_row([50, 100]), *_row([0, 0])).any()


@pytest.mark.filterwarnings("error")
def test_reinhard_clips_what_a_huge_gain_throws_out_of_the_range_of_floats() -> None:
    nearly_flat = np.full(360_000, 100)
    nearly_flat[0] = 101

    result = transfer_reinhard_lalphabeta(*_row(nearly_flat), *_row([1, 255]))

    # The odd pixel is 600 deviations from the mean.
    assert np.array_equal(result[0, 0], (255, 255, 255))


def test_xiao_ma_scales_and_moves_along_the_axes_of_the_reference() -> None:
    own, other = CROSS * (10, 5, 2) + (100, 50, 40), CROSS * (20, 15, 8) + (120, 100, 80)

    assert np.array_equal(transfer_xiao_ma(*_row(own), *_row(other))[0], other)


def test_xiao_ma_mirrors_an_axis_whose_eigenvector_is_turned() -> None:
    own, other = CROSS * (10, 5, 2) + (100, 50, 40), CROSS * (20, 15, 8) + (120, 100, 80)
    ascending = np.eye(3)[:, ::-1]

    result = transfer_xiao_ma(*_row(own), *_row(other), eigenvectors=(ascending, ascending * (1, 1, -1)))

    assert np.array_equal(result[0], other[[1, 0, 2, 3, 4, 5]])


# Luma codes are 25, 33, 42, 50 and 68, 119, 171, 222. The last code whose share of the reference is at most 1/4 precedes 119, and so on.
GRAYS, REFERENCE_GRAYS = [10, 20, 30, 40], [60, 120, 180, 240]


def test_histogram_takes_the_last_code_of_the_same_share_and_stays_in_the_occupied_range() -> None:
    result = transfer_histogram(*_row(GRAYS), *_row(REFERENCE_GRAYS))

    assert np.array_equal(result[0], np.repeat([[119], [179], [239], [240]], 3, axis=1))


def test_exact_histogram_drops_the_highest_code_to_zero() -> None:
    result = transfer_histogram(*_row(GRAYS), *_row(REFERENCE_GRAYS), exact=True)

    # Every pixel has the highest Cb and Cr, here 128, so both become 0; the last one has the highest luma too: YCbCr (0, 0, 0).
    assert np.array_equal(result[0], [(0, 255, 0), (0, 255, 0), (34, 255, 0), (0, 136, 0)])


def test_rotated_axes_stay_two_orthogonal_bases() -> None:
    axes = draw_rotations(np.random.default_rng(3))

    np.testing.assert_allclose(axes.transpose(0, 2, 1) @ axes, np.broadcast_to(2 * np.eye(3), (10, 3, 3)), atol=1e-12)


def test_first_axes_are_not_rotated() -> None:
    assert np.array_equal(draw_rotations(np.random.default_rng(3))[0, :3], np.eye(3))


def test_distribution_ends_one_bin_low() -> None:
    own = np.array([[0.0, 1.0]] * 3)

    assert move_distribution(own, own, np.eye(3)[None]) == pytest.approx(own - 1 / 299)


def test_distribution_agrees_with_the_reference_in_every_quantile(generator: np.random.Generator) -> None:
    mixing = np.array([[0.1, 0.05, 0], [0, 0.08, 0.02], [0.03, 0, 0.06]])
    own, other = mixing @ generator.standard_normal((3, 5000)) + 0.5, mixing.T @ generator.uniform(-1, 1, (3, 4000)) + 0.4
    shares = np.linspace(0.02, 0.98, 25)

    moved = move_distribution(own, other, draw_rotations(generator))

    # The range is about 0.7 wide, a bin 1/300 of it, and two samples of this size differ by as much.
    assert np.quantile(moved, shares, axis=1) == pytest.approx(np.quantile(other, shares, axis=1), abs=0.01)


def test_distribution_of_one_color_is_reached(generator: np.random.Generator) -> None:
    own, other = generator.uniform(0, 1, (3, 500)), np.full((3, 7), [[0.2], [0.5], [0.9]])

    moved = move_distribution(own, other, draw_rotations(generator))

    assert moved.mean(1) == pytest.approx(other[:, 0], abs=0.01)


def test_distribution_onto_itself_stays_within_a_few_bins(generator: np.random.Generator) -> None:
    own = generator.uniform(0, 1, (3, 2000))

    moved = move_distribution(own, own, draw_rotations(generator))

    assert np.abs(moved - own).mean() < 3 / 300


def test_regraining_an_unchanged_picture_changes_nothing(generator: np.random.Generator) -> None:
    picture = generator.uniform(0, 1, (3, 20, 30))

    np.testing.assert_allclose(regrain(picture, picture), picture, atol=1e-14)


def test_regraining_by_hand() -> None:
    """One step at an edge: two gray pixels, of which the right one was recolored by 0.5."""
    original = np.broadcast_to([0.0, 0.1], (3, 1, 2))
    recolored = np.broadcast_to([0.0, 0.6], (3, 1, 2))
    # ∇I0 is 0.1 in three channels at both, so ψ = 1 and φ = 30 / (1 + √3) towards all four neighbors, three of them the pixel itself.
    phi = 30 / (1 + np.sqrt(3))
    left, right = 0.0, 0.1
    for _ in range(4):
        new_left = 0.8 * phi * (3 * left + right - 0.1) / (1 + 4 * phi) + 0.2 * left
        right = 0.8 * (0.6 + phi * (3 * right + left + 0.1)) / (1 + 4 * phi) + 0.2 * right
        left = new_left

    result = regrain(original, recolored)

    np.testing.assert_allclose(result, np.broadcast_to([left, right], (3, 1, 2)), atol=1e-14)


@pytest.mark.parametrize(
    ("size", "part"),
    # The last: at the far end of an odd side, rows of the half picture lie up to half a pixel further on.
    [((45, 90), (slice(7, 19), slice(60, 61))), ((360, 300), (slice(100, 140), slice(0, 30))), ((101, 84), (slice(80, 95), slice(3, 84)))],
)
def test_regraining_a_part_equals_that_part_of_the_whole(
    generator: np.random.Generator, size: tuple[int, int], part: tuple[slice, slice]
) -> None:
    original, recolored = generator.uniform(0, 1, (2, 3, *size))

    assert np.array_equal(regrain(original, recolored, part), regrain(original, recolored)[:, *part])


def test_halving_averages_by_a_triangle_with_mirrored_edges() -> None:
    assert resampling_matrix(4, 2).toarray() * 8 == pytest.approx(np.array([[4, 3, 1, 0], [0, 1, 3, 4]]))


def test_doubling_interpolates() -> None:
    assert resampling_matrix(2, 4).toarray() * 4 == pytest.approx(np.array([[4, 0], [3, 1], [1, 3], [0, 4]]))


@pytest.mark.parametrize(("old", "new"), [(43, 22), (22, 43), (1, 1)])
def test_resizing_keeps_a_constant(old: int, new: int) -> None:
    assert resampling_matrix(old, new) @ np.ones(old) == pytest.approx(np.ones(new))


def test_colors_are_the_same_bytes_whatever_the_matrix_library_computes_with() -> None:
    # A histogram's bin turns a last digit into other pixels, so the digest was the same under old and new processor instructions.
    generator = np.random.default_rng(11)
    image, reference = (generator.integers(0, 256, (24, 31, 3), np.uint8) for _ in range(2))
    mask = np.zeros((24, 31), bool)
    mask[3:20, 4:28] = True

    result = transfer("idt", image, mask, reference, mask, seed=5)

    assert hashlib.sha256(result.tobytes()).hexdigest()[:16] == "7eab1003b44f1c4a"
