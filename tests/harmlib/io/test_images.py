from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from harmlib.errors import ImageError, MaskError, ShapeError
from harmlib.io import images


def save(path, array, mode=None, **options):
    Image.fromarray(array, mode).save(path, **options)
    return path


def test_a_picture_comes_back_as_it_was_written(tmp_path, photo_array):
    images.write_png(tmp_path / "a.png", photo_array)

    assert np.array_equal(images.read_image(tmp_path / "a.png"), photo_array)


def test_exif_rotation_is_applied(tmp_path, photo_array):
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees clockwise to view
    Image.fromarray(photo_array).save(tmp_path / "a.png", exif=exif)

    assert np.array_equal(images.read_image(tmp_path / "a.png"), np.rot90(photo_array, -1))


def test_gray_is_converted_with_a_notice(tmp_path, caplog):
    path = save(tmp_path / "gray.png", np.full((4, 5), 77, np.uint8))

    with caplog.at_level("INFO"):
        image = images.read_image(path)

    assert image.shape == (4, 5, 3)
    assert "was converted to RGB" in caplog.text


def test_cmyk_is_converted(tmp_path):
    Image.new("CMYK", (5, 4), (0, 255, 255, 0)).save(tmp_path / "a.jpg")

    assert images.read_image(tmp_path / "a.jpg")[0, 0, 0] > 200


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing.png", "does not exist"),
        ("text.png", "is not a picture"),
        ("truncated.jpg", "damaged or truncated"),
        ("deep.png", "more than 8 bits"),
    ],
)
def test_unusable_pictures_are_one_sentence_with_the_name(tmp_path, generator, name, sentence):
    (tmp_path / "text.png").write_text("no picture")
    save(tmp_path / "whole.jpg", generator.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    (tmp_path / "truncated.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:1500])
    save(tmp_path / "deep.png", np.zeros((4, 4), np.uint16))

    with pytest.raises(ImageError, match=sentence) as caught:
        images.read_image(tmp_path / name)

    assert name in str(caught.value)


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 100)
    path = save(tmp_path / "huge.png", np.zeros((11, 10, 3), np.uint8))

    with pytest.raises(ImageError, match="is 11x10, larger than"):
        images.read_image(path)


def test_a_gray_mask_is_thresholded_not_dithered(tmp_path):
    path = save(tmp_path / "mask.png", np.tile(np.array([0, 127, 128, 255], np.uint8), (4, 1)))

    assert np.array_equal(images.read_mask(path), np.tile([False, False, True, True], (4, 1)))


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P", "LA"])
def test_masks_of_any_mode_agree(tmp_path, mode):
    levels = np.zeros((6, 5), np.uint8)
    levels[1:3, 2:] = 255
    Image.fromarray(levels).convert(mode).save(tmp_path / "mask.png")

    assert np.array_equal(images.read_mask(tmp_path / "mask.png"), levels > 0)


def test_a_label_map_keeps_its_ids(tmp_path):
    labels = np.arange(20, dtype=np.uint8).reshape(4, 5)
    images.write_png(tmp_path / "labels.png", labels)

    assert np.array_equal(images.read_labels(tmp_path / "labels.png"), labels)


def test_a_color_picture_is_no_label_map(tmp_path, photo_array):
    images.write_png(tmp_path / "labels.png", photo_array)

    with pytest.raises(ImageError, match="is no label map"):
        images.read_labels(tmp_path / "labels.png")


def test_tensor_and_array_agree(photo_array):
    assert np.array_equal(images.to_array(images.to_tensor(photo_array)), photo_array)


def test_a_mask_of_another_size_is_one_sentence(photo_array):
    with pytest.raises(MaskError, match='mask of "c12_7_1" is 4x4, its composite 48x64'):
        images.check_same_size("c12_7_1", np.zeros((4, 4), bool), photo_array)


def test_a_triplet_of_different_shapes_is_refused():
    import torch

    with pytest.raises(ShapeError, match="mask is"):
        images.check_triplet(torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4), torch.zeros(2, 1, 4, 5))
