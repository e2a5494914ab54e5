"""What the system refuses while a picture is written, in every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_files import small_files

from harmlib.errors import DataError, ImageError
from harmlib.inference.pictures import harmonize
from harmlib.io.saving import SAVE_OPTIONS, save_picture


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg"])
def test_tags_of_cameras_are_kept(suffix: str, big: bool, tmp_path: Path, generator: np.random.Generator) -> None:
    tags = Image.Exif()
    tags[0x010F] = "maker"
    if not big:  # Pillow writes no blocks into BigTIFF
        tags.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
        tags.get_ifd(0x8825).update({1: "N", 2: (1.0, 2.0, 3.0)})
    Image.fromarray(generator.integers(0, 256, (9, 12, 3), dtype=np.uint8)).save(
        tmp_path / "a.tif", exif=tags.tobytes(), big_tiff=big, icc_profile=b"no profile"
    )

    save_picture(harmonize("composite", Image.open(tmp_path / "a.tif")), tmp_path / f"b{suffix}")

    written = Image.open(tmp_path / f"b{suffix}").getexif()
    assert written[0x010F] == "maker"
    assert dict(written.get_ifd(0x8769)) == dict(tags.get_ifd(0x8769))
    assert dict(written.get_ifd(0x8825)) == dict(tags.get_ifd(0x8825))
    assert "icc_profile" not in Image.open(tmp_path / f"b{suffix}").info


@pytest.mark.parametrize("suffix", SAVE_OPTIONS)
def test_a_picture_that_the_system_does_not_take_is_one_sentence(
    suffix: str, tmp_path: Path, generator: np.random.Generator, capfd
) -> None:
    noise = Image.fromarray(generator.integers(0, 256, (90, 120, 3), dtype=np.uint8))

    with small_files(), pytest.raises(DataError, match=rf'a{suffix}" cannot be written \(File too large\)'):
        save_picture(noise, tmp_path / f"a{suffix}")

    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().err == ""  # libtiff would speak for itself


def test_tags_that_cannot_be_written_are_one_sentence(tmp_path: Path) -> None:
    picture = Image.new("RGB", (4, 3))
    picture.info["exif"] = b"Exif\0\0no tags"

    with pytest.raises(ImageError, match=r'a\.tif" cannot be written with what its source held'):
        save_picture(picture, tmp_path / "a.tif")
