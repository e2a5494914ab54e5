"""``harmonize``: any picture in, the same kind and size out, and one sentence for what cannot be used."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harmlib import models
from harmlib.errors import ImageError, MaskError, ParameterError
from harmlib.inference.pictures import harmonize

NARROW = 1 / 64
ORIENTATION = 0x0112  # EXIF tag


@pytest.fixture
def mask_array(photo_array: np.ndarray) -> np.ndarray:
    """A rectangle of foreground."""
    mask = np.zeros(photo_array.shape[:2], bool)
    mask[10:30, 20:50] = True
    return mask


def test_an_array_comes_back_as_an_array(photo_array: np.ndarray) -> None:
    assert np.array_equal(harmonize("composite", photo_array), photo_array)


def test_a_picture_comes_back_as_a_picture(photo_array: np.ndarray) -> None:
    harmonized = harmonize("composite", Image.fromarray(photo_array))

    assert isinstance(harmonized, Image.Image)
    assert np.array_equal(np.asarray(harmonized), photo_array)


def test_foreground_moves_and_background_stays(photo_array: np.ndarray, mask_array: np.ndarray) -> None:
    harmonized = harmonize("reinhard_lab", photo_array, mask_array)

    assert np.array_equal(harmonized[~mask_array], photo_array[~mask_array])
    assert not np.array_equal(harmonized[mask_array], photo_array[mask_array])


@pytest.mark.parametrize("kind", ["array", "picture"])
def test_alpha_is_kept(kind: str, photo_array: np.ndarray, generator: np.random.Generator) -> None:
    alpha = generator.integers(0, 256, photo_array.shape[:2], dtype=np.uint8)
    given = np.dstack([photo_array, alpha])

    harmonized = harmonize("composite", Image.fromarray(given) if kind == "picture" else given)

    assert np.array_equal(np.asarray(harmonized), given)


@pytest.mark.parametrize("mode", ["L", "CMYK", "P"])
def test_other_color_modes_become_rgb_with_a_notice(mode: str, photo_array: np.ndarray, caplog: pytest.LogCaptureFixture) -> None:
    picture = Image.fromarray(photo_array).convert(mode)

    with caplog.at_level(logging.INFO):
        harmonized = harmonize("composite", picture)

    assert harmonized.mode == "RGB"
    assert f"the composite is {mode} and was converted to RGB" in caplog.text


def test_a_gray_array_becomes_rgb(photo_array: np.ndarray) -> None:
    assert harmonize("composite", photo_array[..., 0]).shape == photo_array.shape


def test_exif_rotation_is_applied(photo_array: np.ndarray, tmp_path: Path) -> None:
    picture = Image.fromarray(photo_array)
    exif = picture.getexif()
    exif[ORIENTATION] = 6  # stored lying on its side
    picture.save(tmp_path / "turned.png", exif=exif)

    harmonized = harmonize("composite", Image.open(tmp_path / "turned.png"))

    assert np.array_equal(np.asarray(harmonized), np.rot90(photo_array, -1))


@pytest.mark.parametrize("scale", [1, 255])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float64])
def test_masks_of_every_kind_mean_the_same(dtype: type, scale: int, photo_array: np.ndarray, mask_array: np.ndarray) -> None:
    given = mask_array.astype(dtype) * (scale if np.issubdtype(dtype, np.integer) else 1)

    harmonized = harmonize("reinhard_lab", photo_array, given.astype(dtype))

    assert np.array_equal(harmonized, harmonize("reinhard_lab", photo_array, mask_array))


def test_a_binary_method_sees_a_soft_mask_cut_at_a_half_and_is_blended_along_it(photo_array: np.ndarray, mask_array: np.ndarray) -> None:
    whole = harmonize("reinhard_lab", photo_array, mask_array)

    blended = harmonize("reinhard_lab", photo_array, np.where(mask_array, 0.75, 0.25))

    assert np.array_equal(blended[~mask_array], photo_array[~mask_array])
    expected = 0.75 * whole[mask_array] + 0.25 * photo_array[mask_array]
    assert np.abs(blended[mask_array] - expected).max() <= 0.5 + 1e-4


def test_a_mask_that_vanishes_at_the_working_size_returns_the_composite(generator: np.random.Generator) -> None:
    composite = generator.integers(0, 256, (600, 600, 3), dtype=np.uint8)
    mask = np.zeros((600, 600), bool)
    mask[0, 0] = True

    with pytest.warns(UserWarning, match="no foreground at 256x256"):
        harmonized = harmonize(models.create("dovenet", width=NARROW), composite, mask)

    assert np.array_equal(harmonized, composite)


def test_training_mode_is_left_as_it_was(photo_array: np.ndarray) -> None:
    model = models.create("sgmmh_rgb", width=NARROW).train()

    first, second = harmonize(model, photo_array), harmonize(model, photo_array)

    assert model.training
    assert np.array_equal(first, second)  # no dropout


def test_given_weights_are_used_and_named_in_the_log(photo_array: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(1)
    model = models.create("sgmmh_om", width=NARROW)
    models.save_checkpoint(model, tmp_path / "sgmmh_om-hlip" / "checkpoint.pt")

    with caplog.at_level(logging.INFO):
        harmonized = harmonize("sgmmh_om", photo_array, weights=tmp_path / "sgmmh_om-hlip")

    assert np.array_equal(harmonized, harmonize(model, photo_array))
    assert f"sgmmh_om uses the weights {tmp_path / 'sgmmh_om-hlip'}" in caplog.text


def test_a_detector_is_told_that_it_harmonizes_nothing(photo_array: np.ndarray) -> None:
    with pytest.raises(ParameterError, match='"ptc" looks for what is wrong and harmonizes nothing: use detect'):
        harmonize(models.create("ptc", width=NARROW), photo_array)


def test_an_unknown_background_is_told_the_known_ones(photo_array: np.ndarray) -> None:
    with pytest.raises(ParameterError, match='background is "real": choose from composite, keep'):
        harmonize("composite", photo_array, background="real")


def test_an_unknown_method_is_told_the_closest(photo_array: np.ndarray) -> None:
    with pytest.raises(ParameterError, match='no method "dovnet": choose from dovenet'):
        harmonize("dovnet", photo_array)


def test_a_method_that_needs_a_mask_says_so(photo_array: np.ndarray) -> None:
    with pytest.raises(MaskError, match='"reinhard_lab" needs a mask of the foreground'):
        harmonize("reinhard_lab", photo_array)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4, 3), np.uint16), "holds uint16, expected uint8"),
        (np.zeros((4, 4, 3)), "holds float64, expected uint8, 0 to 255: multiply it by 255"),
        (np.full((4, 4, 3), 255.0), "holds float64, expected uint8, 0 to 255: convert it"),
        (np.zeros((3, 8, 9), np.uint8), r"has shape \(3, 8, 9\), .*: move its channels to the end"),
        (np.zeros((4, 4, 2), np.uint8), r"has shape \(4, 4, 2\)"),
        (np.zeros((0, 4, 3), np.uint8), r"has shape \(0, 4, 3\)"),
        (Image.fromarray(np.zeros((4, 4), np.uint16)), "more than 8 bits per channel"),
        ("picture.png", "is a str, expected a PIL picture or an array .*: open it first"),
        (None, "is a NoneType, .*: OpenCV's imread gives that for a file that it cannot read"),
    ],
)
def test_an_unusable_picture_gets_one_sentence(image: object, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        harmonize("composite", image)  # type: ignore[arg-type]


def test_the_method_comes_first(photo_array: np.ndarray) -> None:
    with pytest.raises(ParameterError, match=r"the method comes first.*: harmonize\(model, image, mask\)"):
        harmonize(photo_array, photo_array, "composite")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((5, 4), bool), r'mask of "the composite" is 5x4, its composite 48x64 \(height x width\): resize the mask'),
        (np.ones((48, 64, 3), bool), r"mask has shape \(48, 64, 3\), expected \(H, W\)"),
        (np.full((48, 64), 2.0), "mask spans 2 to 2, expected 0 to 1"),
        (np.full((48, 64), np.nan), "mask spans nan to nan"),
        (np.full((48, 64), -1), "mask spans -1 to -1"),
    ],
)
def test_an_unusable_mask_gets_one_sentence(mask: np.ndarray, message: str, photo_array: np.ndarray) -> None:
    with pytest.raises(MaskError, match=message):
        harmonize("reinhard_lab", photo_array, mask)
