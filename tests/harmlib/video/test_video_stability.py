"""The temporal metric on curves whose change is known."""

from __future__ import annotations

import numpy as np
import pytest

from harmlib import color
from harmlib.errors import ShapeError, VideoError
from harmlib.video import flicker, foreground_lab, temporal_change

HALF = np.zeros((4, 6), np.uint8)
HALF[:, :3] = 255
TOLERANCE = 1e-10


def two_levels(inside: int, outside: int = 90) -> np.ndarray:
    """A gray picture with one level in the left half and one in the right."""
    picture = np.full((4, 6, 3), outside, np.uint8)
    picture[:, :3] = inside
    return picture


def lightness(level: int) -> float:
    return float(color.rgb_to_lab(np.full((1, 3), level, np.uint8))[0, 0])


def test_only_the_foreground_counts() -> None:
    curve = foreground_lab([two_levels(50), two_levels(50, outside=200)], [HALF, HALF])

    assert curve.shape == (2, 3)
    np.testing.assert_allclose(curve[:, 0], lightness(50), atol=TOLERANCE)


def test_fractions_of_a_soft_mask_weigh_the_mean() -> None:
    mask = np.where(HALF, 255, 85).astype(np.uint8)

    curve = foreground_lab([two_levels(50, outside=200)], [mask])

    assert curve[0, 0] == pytest.approx((3 * lightness(50) + lightness(200)) / 4, abs=TOLERANCE)


@pytest.mark.parametrize("mask", [HALF > 0, (HALF / 255).astype(np.float32), (HALF > 0).astype(np.uint8)])
def test_the_scale_of_the_mask_does_not_matter(mask: np.ndarray) -> None:
    np.testing.assert_allclose(foreground_lab([two_levels(50)], [mask]), foreground_lab([two_levels(50)], [HALF]), atol=TOLERANCE)


def test_a_frame_without_foreground_has_no_mean() -> None:
    curve = foreground_lab([two_levels(50), two_levels(60)], [np.zeros_like(HALF), HALF])

    assert np.isnan(curve[0]).all()
    assert not np.isnan(curve[1]).any()


def test_change_is_the_mean_over_steps_and_channels() -> None:
    curve = np.array([[50.0, 0, 0], [53.0, 0, -6], [53.0, 3, -6]])

    assert temporal_change(curve) == pytest.approx((3 + 0 + 6 + 0 + 3 + 0) / 6)


def test_steps_to_and_from_an_empty_frame_are_left_out() -> None:
    curve = np.array([[50.0, 0, 0], [np.nan] * 3, [90.0, 0, 0], [96.0, 0, 0]])

    assert temporal_change(curve) == pytest.approx(2)


@pytest.mark.parametrize("curve", [np.empty((0, 3)), np.zeros((1, 3)), np.array([[1.0, 2, 3], [np.nan] * 3])])
def test_no_steps_have_no_change(curve: np.ndarray) -> None:
    assert np.isnan(temporal_change(curve))


def test_flicker_is_what_the_result_adds() -> None:
    composite = [two_levels(level) for level in (50, 60, 50)]
    result = [two_levels(level) for level in (50, 80, 50)]

    found = flicker(iter(result), iter(composite), iter([HALF] * 3))

    assert found == pytest.approx((lightness(80) - lightness(60)) / 3, abs=1e-3)  # a and b of a gray are not exactly 0


def test_the_composite_itself_does_not_flicker() -> None:
    frames = [two_levels(level) for level in (50, 60, 50)]

    assert flicker(frames, frames, [HALF] * 3) == 0


def test_flicker_of_frames_without_foreground_is_unknown() -> None:
    assert np.isnan(flicker([two_levels(1)] * 2, [two_levels(2)] * 2, [np.zeros_like(HALF)] * 2))


def test_videos_of_different_lengths_are_refused() -> None:
    with pytest.raises(VideoError, match="the result ends after 2 frames"):
        flicker([two_levels(1)] * 2, [two_levels(2)] * 3, [HALF] * 3)


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ShapeError, match="resize the mask"):
        foreground_lab([two_levels(1)], [np.zeros((5, 6), np.uint8)])
