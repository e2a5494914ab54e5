from __future__ import annotations

import cv2
import numpy as np
import pytest
from foreign_files import write_malformed_exif
from PIL import Image
from PIL.PngImagePlugin import PngInfo

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


def test_a_folder_is_not_called_damaged(tmp_path):
    with pytest.raises(ImageError, match=r"is a folder: name a picture in it"):
        images.read_image(tmp_path)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_colors_of_16_bits_are_refused_decoded_or_not(tmp_path, suffix, photo_array):
    path = tmp_path / f"deep.{suffix}"
    cv2.imwrite(str(path), photo_array.astype(np.uint16) * 257)

    with pytest.raises(ImageError, match="more than 8 bits per channel"):
        images.open_image(path)
    with Image.open(path) as decoded:
        decoded.load()
        with pytest.raises(ImageError, match="more than 8 bits per channel"):
            images.check_image(decoded, "it")


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_several_pictures_in_a_file_are_refused(tmp_path, suffix, photo_array):
    pages = [Image.fromarray(photo_array), Image.fromarray(255 - photo_array)]
    pages[0].save(tmp_path / f"two.{suffix}", save_all=True, append_images=pages[1:])

    with pytest.raises(ImageError, match="holds 2 pictures"):
        images.open_image(tmp_path / f"two.{suffix}")


def test_the_first_picture_of_a_phones_jpeg_is_the_photograph(tmp_path, photo_array):
    pages = [Image.fromarray(photo_array), Image.fromarray(255 - photo_array)]
    pages[0].save(tmp_path / "phone.jpg", format="MPO", save_all=True, append_images=pages[1:], quality=95)

    assert np.abs(images.read_image(tmp_path / "phone.jpg").astype(int) - photo_array).mean() < 20


def test_lab_has_no_alpha_and_is_refused(tmp_path):
    Image.new("LAB", (4, 3)).save(tmp_path / "lab.tif")

    with pytest.raises(ImageError, match="is LAB: convert it"):
        images.read_image(tmp_path / "lab.tif")
    assert images.alpha_of(Image.new("LAB", (4, 3))) is None


@pytest.mark.parametrize("suffix", ["avif", "webp", "tif", "bmp", "png"])
def test_damage_of_every_format_is_one_sentence(tmp_path, suffix, generator):
    path = save(tmp_path / f"a.{suffix}", generator.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(ImageError, match=rf'a\.{suffix}" is'):
        images.read_image(path)


def test_a_flipped_bit_of_a_png_is_noticed(tmp_path, photo_array, generator):
    images.write_png(tmp_path / "a.png", photo_array)
    whole = (tmp_path / "a.png").read_bytes()
    start = whole.index(b"IDAT") + 4

    for place in generator.integers(start, len(whole) - 16, 40):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(generator.integers(8))
        (tmp_path / "a.png").write_bytes(flipped)
        with pytest.raises(ImageError, match="damaged"):
            images.read_image(tmp_path / "a.png")


def test_other_formats_of_pillow_are_not_tried(tmp_path):
    Image.new("RGB", (4, 3)).save(tmp_path / "a.png", format="GIF")

    with pytest.raises(ImageError, match="is not a picture that can be read: use PNG, JPEG"):
        images.read_image(tmp_path / "a.png")


def test_malformed_exif_is_left_out_with_a_log_line(tmp_path, photo_array, caplog):
    with caplog.at_level("INFO"):
        found = images.open_image(write_malformed_exif(tmp_path / "a.jpg", photo_array))

    assert found.size == (64, 48)
    assert 'a.jpg" has malformed EXIF tags' in caplog.text


def test_a_profile_for_ink_is_used_for_the_conversion(tmp_path, caplog):
    Image.new("CMYK", (5, 4), (0, 255, 255, 0)).save(tmp_path / "a.jpg", icc_profile=b"no profile")

    with caplog.at_level("INFO"):
        images.read_image(tmp_path / "a.jpg")

    assert "has a color profile that cannot be used" in caplog.text


def test_arrays_are_row_by_row_in_memory(photo_array):
    assert images.to_array(images.to_tensor(photo_array)).flags.c_contiguous


def test_a_mask_on_its_side_is_told_so(photo_array):
    with pytest.raises(MaskError, match="it lies on its side, turn it by a quarter"):
        images.check_same_size("a", np.zeros((64, 48)), photo_array)


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


def test_a_megabyte_of_packed_text_is_named(tmp_path):
    texts = PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", "x" * 2**21, zip=True)
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", pnginfo=texts)

    with pytest.raises(ImageError, match=r'a\.png" holds more than a megabyte of packed text \(XMP, comments\): save it without'):
        images.read_image(tmp_path / "a.png")
