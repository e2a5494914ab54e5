"""Which composites an exhibit shows, on small tables whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harmlib.errors import DataError
from harmlib.io.images import write_png
from reproduction.kit import selection


def write_pack(folder: Path, names: list[str]) -> None:
    """A pack of real composites, its index not in alphabetical order."""
    rows = []
    for value, name in enumerate(names):
        write_png(folder / f"composites/{name}.png", np.full((8, 12, 3), value, np.uint8))
        write_png(folder / f"masks/{name}.png", np.eye(8, 12, dtype=np.uint8) * 255)
        rows.append({"id": name, "composite": f"composites/{name}.png", "mask": f"masks/{name}.png"})
    pd.DataFrame(rows).to_csv(folder / "index.csv", index=False)


def test_first_photos_let_the_subsets_take_turns():
    table = pd.DataFrame({"subset": ["a"] * 4 + ["b"] * 2, "photo": ["1", "1", "2", "3", "8", "9"], "id": list("uvwxyz")})

    assert selection.first_photos(table, 3)["id"].tolist() == ["u", "y", "w"]


def test_worst_images_are_not_the_first_ones_again():
    table = pd.DataFrame({"subset": "a", "photo": ["1", "2", "3"], "id": ["x", "y", "z"]})
    scores = pd.DataFrame({"subset": "a", "id": ["x", "y", "z"], "method": "sgmmh_om", "mse": [9.0, 1.0, 5.0]})

    assert selection.first_and_worst(table, scores, "sgmmh_om", 1) == [("a", "x", "first"), ("a", "z", "worst")]


@pytest.mark.parametrize(("ratios", "expected"), [((0.01, 0.2, 0.3), "y"), ((0.01, 0.02, 0.03), "x")])
def test_visible_foreground_is_preferred_where_there_is_one(ratios, expected):
    table = pd.DataFrame({"subset": "a", "id": ["x", "y", "z"], "foreground_ratio": ratios})

    assert selection.first_visible(table) == ("a", expected)


def test_long_ids_are_broken_at_a_hyphen():
    assert selection.row_label("camvid", "0001TP-008550-degraded1_1_1") == "camvid\n0001TP-008550-\ndegraded1_1_1"


def test_limited_images_span_the_list():
    assert selection.evenly(list(range(100)), 3) == [0, 50, 99]
    assert selection.evenly([1, 2], 5) == [1, 2]


def test_real_composites_are_the_first_of_their_index(tmp_path):
    write_pack(tmp_path / "pack", ["007", "003", "001"])

    found = selection.read_real_composites(tmp_path, "pack", 2)

    assert [sample.id for sample in found] == ["007", "003"]
    assert found[0].mask.sum() == 8


def test_missing_pack_has_no_composites(tmp_path):
    assert selection.read_real_composites(tmp_path, "pack", 2) == []
    assert selection.read_real_composites(None, "pack", 2) == []


def test_real_composite_has_no_target_to_ask_for(tmp_path):
    write_pack(tmp_path / "pack", ["007"])

    with pytest.raises(DataError, match="real composite"):
        _ = selection.read_real_composites(tmp_path, "pack", 1)[0].real
