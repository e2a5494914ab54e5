"""Published trees of composites, used where they lie."""

from __future__ import annotations

import json

import pytest
from miniature import write_iharmony4_tree

from harmlib.data.adopted import adopt_benchmark
from harmlib.data.benchmarks import BenchmarkPlan
from harmlib.data.built import inputs_fingerprint, read_composites
from harmlib.data.composers.base import describe_recipe
from harmlib.data.pairs import load_pair, read_pairs
from harmlib.errors import DataError
from harmlib.io.files import read_manifest

PLAN = BenchmarkPlan("iharmony4", "published", "iHarmony4", "iHarmony4", ("iharmony4",))


@pytest.fixture
def tree(tmp_path):
    return write_iharmony4_tree(tmp_path / "public tree")


def test_pairs_of_an_adopted_tree_are_those_of_the_tree(tree, tmp_path):
    adopt_benchmark(PLAN, tree, tmp_path / "b")

    pairs = read_pairs(tmp_path / "b", "test")

    assert [(pair.subset, pair.id) for pair in pairs] == [("HCOCO", "c1_7_2"), ("HFlickr", "f1_7_2")]
    assert load_pair(pairs[0])["composite"][7, 0].tolist() == [102, 102, 102]


def test_adopting_counts_and_lists_every_pair(tree, tmp_path):
    manifest = adopt_benchmark(PLAN, tree, tmp_path / "b")

    assert manifest["counts"]["HCOCO"]["train"] == {"photographs": 1, "used": 1, "composites": 1, "skipped": {}}
    table = read_composites(tmp_path / "b")
    assert table[["subset", "split", "id"]].values.tolist() == [
        ["HCOCO", "train", "c1_7_1"],
        ["HFlickr", "train", "f1_7_1"],
        ["HCOCO", "test", "c1_7_2"],
        ["HFlickr", "test", "f1_7_2"],
    ]


def test_adopted_composites_are_described_without_a_recipe(tree, tmp_path):
    adopt_benchmark(PLAN, tree, tmp_path / "b")

    row = read_composites(tmp_path / "b").iloc[0]

    assert describe_recipe(PLAN.composer, json.loads(row["recipe"]), {}) == "published without a recipe"
    assert row["regions"] == row["mask"]
    assert read_manifest(tmp_path / "b")["seed"] is None


def test_a_changed_tree_is_adopted_anew(tree, tmp_path):
    adopt_benchmark(PLAN, tree, tmp_path / "b")
    before = inputs_fingerprint(tmp_path / "b")

    (tree / "HCOCO" / "HCOCO_test.txt").write_text("c1_7_1.png\n")
    adopt_benchmark(PLAN, tree, tmp_path / "b")

    assert inputs_fingerprint(tmp_path / "b") != before
    assert [pair.id for pair in read_pairs(tmp_path / "b", "test")] == ["c1_7_1", "f1_7_2"]


def test_a_missing_composite_is_named(tree, tmp_path):
    (tree / "HCOCO" / "composite_images" / "c1_7_2.png").unlink()

    with pytest.raises(DataError, match=r'c1_7_2.png" is missing'):
        adopt_benchmark(PLAN, tree, tmp_path / "b")


def test_a_merged_tree_is_refused(tree, tmp_path):
    merged = tree / "HCOCO"
    (merged / "IHD_test.txt").write_text("c1_7_2.png\n")

    with pytest.raises(DataError, match="one folder per sub-dataset"):
        adopt_benchmark(PLAN, merged, tmp_path / "b")
