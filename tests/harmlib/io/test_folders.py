from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harmlib.errors import DataError, ImageError
from harmlib.io.folders import find_partner, list_pictures
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


@pytest.mark.parametrize(
    ("stem", "parts", "partner"),
    [("a", 1, "a.png"), ("a_1_1", 2, "a_1_1.png"), ("a_1_2", 2, "a.png"), ("b_1_7", 1, "b_1.png")],
)
def test_the_same_name_goes_before_iharmony4s_rule(stem: str, parts: int, partner: str, folder: Path) -> None:
    assert find_partner(folder, stem, parts).name == partner


def test_a_missing_partner_is_named(folder: Path) -> None:
    with pytest.raises(ImageError, match='has no picture "d_1"'):
        find_partner(folder, "d_1_1", 1)
