"""The one reader of masks: what is a mask, from files, PIL and arrays alike, and what is refused, with the values that were found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from harmlib.errors import MaskError
from harmlib.io.masks import check_gray, read_mask, read_soft_mask, to_mask

COMPOSITE = np.zeros((6, 5, 3), np.uint8)
LEVELS = np.zeros((6, 5), np.uint8)
LEVELS[1:3, 2:] = 255


def palette(indices: np.ndarray, colors: list[int]) -> Image.Image:
    """Return a palette picture."""
    picture = Image.fromarray(indices.astype(np.uint8), "P")
    picture.putpalette(colors)
    return picture


def both(picture: Image.Image, folder: Path) -> list[np.ndarray]:
    """Return a mask read from a file and from the picture, as bool."""
    picture.save(folder / "mask.png")
    return [read_mask(folder / "mask.png"), to_mask(picture, COMPOSITE) >= 0.5]


def test_a_gray_mask_is_thresholded_not_dithered(tmp_path: Path) -> None:
    Image.fromarray(np.tile(np.array([0, 127, 128, 255], np.uint8), (4, 1))).save(tmp_path / "mask.png")

    assert np.array_equal(read_mask(tmp_path / "mask.png"), np.tile([False, False, True, True], (4, 1)))


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P", "LA", "CMYK"])
def test_masks_of_any_mode_agree(mode: str, tmp_path: Path) -> None:
    picture = Image.fromarray(LEVELS).convert("RGB").convert(mode)
    picture.save(tmp_path / ("mask.tif" if mode == "CMYK" else "mask.png"))

    assert np.array_equal(read_mask(next(tmp_path.iterdir())), LEVELS > 0)
    assert np.array_equal(to_mask(picture, COMPOSITE), LEVELS / np.float32(255))


@pytest.mark.parametrize("color", [0, 255])
@pytest.mark.parametrize("full", [1, 255])
def test_the_alpha_of_a_cut_out_is_the_mask_whatever_its_colors(color: int, full: int, tmp_path: Path, caplog) -> None:
    alpha = LEVELS // 255 * np.uint8(full)
    cut_out = np.dstack([np.full((6, 5, 3), color, np.uint8), alpha])

    with caplog.at_level("INFO"):
        found = [*both(Image.fromarray(cut_out), tmp_path), to_mask(cut_out, COMPOSITE) >= 0.5]

    assert all(np.array_equal(mask, LEVELS > 0) for mask in found)
    assert caplog.text.count("is a cut-out: its alpha is the mask") == 3


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.uint16, np.bool_, np.float32, np.float16])
def test_a_mask_of_0_and_1_is_one(kind: type, tmp_path: Path) -> None:
    assert np.array_equal(to_mask((LEVELS > 0).astype(kind), COMPOSITE), (LEVELS > 0).astype(np.float32))
    assert all(np.array_equal(mask, LEVELS > 0) for mask in both(Image.fromarray((LEVELS > 0).astype(np.uint8)), tmp_path))


def test_soft_levels_are_kept(tmp_path: Path) -> None:
    soft = np.linspace(0, 255, 30).astype(np.uint8).reshape(6, 5)
    Image.fromarray(soft).save(tmp_path / "soft.png")

    assert np.array_equal(read_soft_mask(tmp_path / "soft.png"), soft)
    assert np.array_equal(to_mask(soft, COMPOSITE), soft.astype(np.float32) / 255)
    assert np.array_equal(to_mask(soft[..., None], COMPOSITE), soft.astype(np.float32) / 255)


def test_the_indices_0_and_1_of_a_colored_palette_are_a_mask(tmp_path: Path) -> None:
    one_object = palette(LEVELS // 255, [0, 0, 0, 128, 0, 0])

    assert all(np.array_equal(mask, LEVELS > 0) for mask in both(one_object, tmp_path))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([0, 2], "holds the values 0, 2, which look like labels"),
        ([0, 1, 2, 3], "holds the values 0, 1, 2, 3"),
        ([0, 15, 255], "holds the values 0, 15, 255"),
        ([0, 5, 19, 41, 58], "holds the values 0, 5, 19, 41, 58"),  # clothes, of 59 classes
        ([0, 5, 39, 255], "holds the values 0, 5, 39, 255"),  # rooms, of 40 classes and void
        (list(range(20)), "holds the values 0, 1, 2, 3, 4, 5 and 14 more"),
    ],
)
def test_labels_are_refused_by_their_values(values: list[int], sentence: str, tmp_path: Path) -> None:
    labels = np.resize(np.array(values, np.uint8), (6, 5))

    for source in (labels, Image.fromarray(labels), labels.astype(np.int32)):
        with pytest.raises(MaskError, match=f"the mask {sentence}"):
            to_mask(source, COMPOSITE)
    Image.fromarray(labels).save(tmp_path / "labels.png")
    with pytest.raises(MaskError, match=f'labels.png" {sentence}'):
        read_mask(tmp_path / "labels.png")


def test_flat_areas_of_high_numbers_are_labels_too() -> None:
    labels = np.kron(np.array([[0, 12, 95], [150, 0, 137]], np.uint8), np.ones((20, 20), np.uint8))

    with pytest.raises(MaskError, match="the mask holds the values 0, 12, 95, 137, 150, which look like labels"):
        to_mask(labels, np.zeros((40, 60, 3), np.uint8))


def test_two_flat_levels_without_any_full_foreground_are_labels() -> None:
    labels = np.kron(np.array([[0, 100, 200]], np.uint8), np.ones((20, 20), np.uint8))

    with pytest.raises(MaskError, match="holds the values 0, 100, 200, which look like labels"):
        to_mask(labels, np.zeros((20, 60, 3), np.uint8))


def test_a_float_mask_may_leave_its_range_by_rounding() -> None:
    mask = np.full((6, 5), 1 + 1e-6, np.float32)

    assert to_mask(mask, COMPOSITE).max() == 1


@pytest.mark.parametrize(
    "mask",
    [
        np.tile(np.repeat(np.arange(256, dtype=np.uint8), 4), (8, 1)),  # a wide edge
        np.kron(np.array([[0, 128, 255], [0, 90, 255]], np.uint8), np.ones((20, 20), np.uint8)),  # two panes of glass
    ],
)
def test_soft_masks_are_no_labels(mask: np.ndarray) -> None:
    assert np.array_equal(to_mask(mask, np.zeros((*mask.shape, 3), np.uint8)), mask.astype(np.float32) / 255)


def test_a_blurred_mask_of_few_levels_is_no_label() -> None:
    disk = Image.fromarray(np.where(np.hypot(*np.mgrid[-40:40, -40:40]) < 25, 255, 0).astype(np.uint8))
    soft = np.asarray(disk.filter(ImageFilter.GaussianBlur(1))) // 17 * np.uint8(17)  # 4 bits

    assert np.array_equal(to_mask(soft, np.zeros((80, 80, 3), np.uint8)), soft.astype(np.float32) / 255)


def test_a_palette_of_objects_is_refused_by_its_indices(tmp_path: Path) -> None:
    objects = palette(np.resize([0, 1, 2], (6, 5)), [0, 0, 0, 128, 0, 0, 0, 128, 0])

    with pytest.raises(MaskError, match="palette picture with the indices 0, 1, 2"):
        both(objects, tmp_path)


def test_colors_are_refused_by_what_they_are(tmp_path: Path) -> None:
    colored = np.zeros((6, 5, 3), np.uint8)
    colored[2:] = (255, 0, 0)

    for source in (colored, Image.fromarray(colored)):
        with pytest.raises(MaskError, match=r"has colors, such as \(255, 0, 0\)"):
            to_mask(source, COMPOSITE)


def test_a_composite_in_the_masks_place_is_guessed() -> None:
    photograph = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)

    with pytest.raises(MaskError, match=r"and \d+ more \(is it the composite\?\): save"):
        to_mask(photograph, photograph)


def test_a_jpeg_of_a_gray_mask_is_a_mask(tmp_path: Path) -> None:
    large = np.kron(LEVELS, np.ones((7, 7), np.uint8))
    Image.fromarray(large).convert("RGB").save(tmp_path / "mask.jpg", quality=70)

    assert (read_mask(tmp_path / "mask.jpg") == (large > 0)).mean() > 0.99


def test_small_differences_between_channels_are_gray() -> None:
    check_gray(np.array([[[250, 244, 255], [3, 0, 9]]], np.uint8), "it")


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        ("m.png", "is a str, expected a PIL picture or an array"),
        (torch.zeros(6, 5), "is a Tensor, expected"),
        (LEVELS.tolist(), "is a list, expected"),
        (None, "is a NoneType, expected"),
        (Image.new("LAB", (5, 6)), "is LAB"),
        (Image.new("I", (5, 6)), "more than 8 bits"),
        (LEVELS.astype(str), "expected bool, integers or floats"),
        (LEVELS.astype(complex), "expected bool, integers or floats"),
        (np.full((6, 5), np.nan), "spans nan"),
        (np.full((6, 5), -1), "spans -1 to -1"),
        (np.full((6, 5), 65535, np.uint16), "spans 65535"),
        (np.full((6, 5), 1.5), "spans 1.5"),
        (np.zeros((2, 6, 5)), "has shape"),
        (np.zeros((5, 5)), "is 5x5, its composite 6x5"),
    ],
)
def test_everything_else_is_one_sentence(mask: Any, sentence: str) -> None:
    with pytest.raises(MaskError, match=sentence):
        to_mask(mask, COMPOSITE)
