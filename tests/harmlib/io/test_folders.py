from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harmlib.errors import DataError, ImageError
from harmlib.io.folders import find_partners, list_pictures
from harmlib.io.images import write_png


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of both kinds, and what is none."""
    for name in ("b_1.png", "a.png", "a_1_1.png", ".hidden.png"):
        write_png(tmp_path / name, np.zeros((2, 2), np.uint8))
    (tmp_path / "c.JPG").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("")
    return tmp_path


def test_pictures_are_listed_by_name_without_hidden_and_other_files(folder: Path) -> None:
    assert [path.name for path in list_pictures(folder)] == ["a.png", "a_1_1.png", "b_1.png", "c.JPG"]


def test_two_pictures_of_one_name_are_refused(folder: Path) -> None:
    (folder / "a.jpg").write_bytes(b"")

    with pytest.raises(DataError, match=r'has both "a.jpg" and "a.png": keep one of them'):
        list_pictures(folder)


def test_what_is_left_out_is_counted_and_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "inner").mkdir()
    (folder / "d.gif").write_bytes(b"")

    with caplog.at_level("INFO"):
        list_pictures(folder)

    assert "3 left out that are no PNG, JPEG, WebP, TIFF, BMP or AVIF (d.gif, inner/, notes.txt)" in caplog.text


@pytest.mark.parametrize("suffix", [".png", ".JPG", ".jpeg", ".jfif", ".WEBP", ".tif", ".TIFF", ".bmp", ".avif"])
def test_every_suffix_that_works_singly_works_in_folders(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"a{suffix}").write_bytes(b"")

    assert [path.name for path in list_pictures(tmp_path)] == [f"a{suffix}"]


def test_what_belongs_to_no_picture_is_counted_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert partners(tmp_path, ["a.png"], ["a.png", "b.png", "c.png"]) == ["a.png"]

    assert f'"{tmp_path}": 2 belong to none of the pictures (b.png, c.png)' in caplog.text


def partners(tmp_path: Path, pictures: list[str], there: list[str], parts: int = 1) -> list[str]:
    """Return the names of what belongs to the pictures out of what is there."""
    for name in there:
        (tmp_path / name).write_bytes(b"")
    return [path.name for path in find_partners([Path("p") / name for name in pictures], tmp_path, parts)]


@pytest.mark.parametrize(
    ("pictures", "there", "parts", "expected"),
    [
        (["a.png", "b.jpg"], ["b.PNG", "a.webp", "c.png"], 1, ["a.webp", "b.PNG"]),
        (["a_1_1.png", "b_c_1_2.png"], ["a_1.png", "b_c_1.png"], 1, ["a_1.png", "b_c_1.png"]),
        (["a_1_1.png", "a_1_2.png"], ["a.jpg"], 2, ["a.jpg", "a.jpg"]),
        (["a_1_1.png", "a_1.png"], ["a_1_1.png", "a_1.png"], 1, ["a_1_1.png", "a_1.png"]),
        (["caf\u00e9.png"], ["cafe\u0301.png"], 1, ["cafe\u0301.png"]),
    ],
)
def test_partners_follow_one_rule(pictures: list[str], there: list[str], parts: int, expected: list[str], tmp_path: Path) -> None:
    assert partners(tmp_path, pictures, there, parts) == expected


@pytest.mark.parametrize(
    ("pictures", "there", "missing"),
    [
        (["img_1.png", "img_2.png"], ["img_1.png", "img.png"], '"img_2" for "img_2.png"'),
        (["photo_1.jpg"], ["photo_1_mask.png"], '"photo_1" for "photo_1.jpg"'),
        (["a_1_1.png", "a_2_1.png", "b_1_1.png"], ["a_1.png", "b_1.png"], '"a_2" for "a_2_1.png"'),
        (["a_1_1.png", "b_1_1.png"], ["a_1.png", "b_1_1.png"], '"a_1_1" for "a_1_1.png"'),
    ],
)
def test_a_fallback_name_needs_the_whole_folder(pictures: list[str], there: list[str], missing: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=f"has no picture {missing}"):
        partners(tmp_path, pictures, there)


def test_a_file_in_place_of_a_folder_is_one_sentence(folder: Path) -> None:
    with pytest.raises(DataError, match=r'notes.txt" is no folder: give a folder of pictures'):
        list_pictures(folder / "notes.txt")
    with pytest.raises(DataError, match="does not exist"):
        list_pictures(folder / "none")
