"""COCO-Exp's counts, sizes and errors, from a composites.csv of a few lines."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest
from authors import authors
from miniature import write_benchmark

from harmlib.errors import DataError
from harmlib.evaluation.statistics import SIZE_BUCKETS, bucket
from reproduction.perceptual.objects import (
    BEYOND,
    category_table,
    closer_transfer,
    count_table,
    distance_table,
    error_table,
    read_objects,
    size_table,
    with_recipes,
)

REINHARD, HISTOGRAM = "reinhard_luminance", "histogram_luminance"
# The row "MSE orig." of table 3, COCO-Exp, first two sizes.
SMALL, LARGER = 86.11, 524.29


def composites(transfer: str, mse: float, ratio: float, n: int, category: str = "cat") -> pd.DataFrame:
    """Rows of composites.csv for n photographs that differ in nothing else."""
    recipe = json.dumps({"transfer": transfer, "category": category})
    rows = [(f"p{k}_1_1", "mini", f"p{k}", ratio, mse, recipe) for k in range(n)]
    return pd.DataFrame(rows, columns=["id", "subset", "photo", "foreground_ratio", "mse", "recipe"])


def objects(*parts: pd.DataFrame) -> pd.DataFrame:
    return with_recipes(pd.concat(parts, ignore_index=True))


def distances(*parts: pd.DataFrame) -> pd.DataFrame:
    return distance_table(error_table(objects(*parts), data="mini"))


def test_sizes_equal_the_golden_ones():
    golden = authors("perceptual_ops")
    ratios, indices = golden["bucket_ratio"], golden["bucket_index"]
    names = [*SIZE_BUCKETS, BEYOND]  # -1 is none

    assert bucket(pd.Series(ratios), SIZE_BUCKETS).fillna(BEYOND).tolist() == [names[index] for index in indices]


@pytest.mark.parametrize(("ratio", "size"), [(0.0999, "0-10%"), (0.1, "10-20%"), (0.7999, "70-80%"), (0.8, BEYOND)])
def test_a_size_holds_its_lower_end(ratio: float, size: str):
    assert objects(composites(REINHARD, 1, ratio, 1))["size"].tolist() == [size]


def test_counts_stand_beside_the_papers():
    drawn_twice = pd.concat([composites(REINHARD, 1, 0.1, 3, "dog"), composites(REINHARD, 1, 0.1, 1, "cat")])

    row = count_table(with_recipes(drawn_twice)).iloc[0]

    assert row.tolist() == [REINHARD, 4, 68128, 3, 2, "dog", 0.75]


def test_categories_come_by_number_within_a_transfer():
    both = objects(composites(REINHARD, 1, 0.1, 1, "cat"), composites(REINHARD, 1, 0.1, 3, "dog"), composites(HISTOGRAM, 1, 0.1, 2, "cat"))

    table = category_table(both)

    assert table.to_numpy().tolist() == [[REINHARD, "dog", 3, 0.75], [REINHARD, "cat", 1, 0.25], [HISTOGRAM, "cat", 2, 1.0]]


def test_sizes_without_objects_stand_in_the_table():
    table = size_table(objects(composites(REINHARD, 1, 0.05, 3), composites(REINHARD, 1, 0.9, 1)))

    assert table["size"].tolist() == [*SIZE_BUCKETS, BEYOND]
    assert table["composites"].tolist() == [3, 0, 0, 0, 0, 0, 0, 0, 1]
    assert table["share"].sum() == 1


def test_errors_stand_beside_the_papers_of_the_same_size():
    parts = composites(REINHARD, 40, 0.05, 2), composites(REINHARD, 60, 0.05, 2), composites(HISTOGRAM, 70, 0.15, 1)

    table = error_table(objects(*parts), data="mini").dropna(subset="ours")

    columns = ["transfer", "subset_or_bucket", "ours", "paper", "n"]
    assert table[columns].to_numpy().tolist() == [[REINHARD, "0-10%", 50, "86.11", 4], [HISTOGRAM, "10-20%", 70, "524.29", 1]]


def test_a_size_without_objects_says_so_beside_the_paper():
    table = error_table(objects(composites(REINHARD, 40, 0.05, 2)), data="mini")

    assert set(table.loc[table["n"] == 0, "note"]) == {"no object of this size"}
    assert len(table) == 8


def test_objects_beyond_the_table_are_in_no_error():
    table = error_table(objects(composites(REINHARD, 40, 0.05, 2), composites(REINHARD, 9999, 0.8, 2)), data="mini")

    assert table["n"].sum() == 2


def test_distance_is_the_mean_logarithm_over_sizes():
    table = distances(composites(REINHARD, 2 * SMALL, 0.05, 10), composites(REINHARD, LARGER / 4, 0.15, 10))

    assert table["distance"].tolist() == pytest.approx([math.log(2 * 4) / 2])
    assert table["sizes"].tolist() == [2]


def test_sizes_with_few_images_of_one_transfer_count_for_none():
    table = distances(
        composites(REINHARD, 2 * SMALL, 0.05, 10),
        composites(REINHARD, 9 * LARGER, 0.15, 10),
        composites(HISTOGRAM, 3 * SMALL, 0.05, 10),
        composites(HISTOGRAM, 9 * LARGER, 0.15, 9),
    )

    assert table["distance"].tolist() == pytest.approx([math.log(2), math.log(3)])


def test_the_closer_transfer_is_named_with_both_distances():
    words = closer_transfer(distances(composites(REINHARD, 2 * SMALL, 0.05, 10), composites(HISTOGRAM, SMALL, 0.05, 10)))

    assert words.startswith("histogram_luminance is closer to the paper's unharmonized errors: mean |ln(ours / paper)| 0.00 against 0.69")
    assert words.endswith("(sizes with 10 images or more: 1).")


def test_one_transfer_alone_is_not_judged():
    words = closer_transfer(distances(composites(REINHARD, SMALL, 0.05, 10)))

    assert words == "Cannot say which transfer is closer to the paper: only reinhard_luminance was built."


def test_few_images_are_not_judged():
    words = closer_transfer(distances(composites(REINHARD, SMALL, 0.05, 9), composites(HISTOGRAM, SMALL, 0.05, 9)))

    assert words == "Cannot say which transfer is closer to the paper: no size has 10 images of each."


def test_recipes_of_another_composer_are_refused():
    other = composites(REINHARD, 1, 0.1, 1).assign(recipe='{"regions": []}')

    with pytest.raises(DataError, match='build the benchmark with the composer "coco_exp" or "coco_exp_histogram"'):
        with_recipes(other)


def test_a_finished_benchmark_is_read(tmp_path: Path):
    write_benchmark(tmp_path, composites(HISTOGRAM, 1, 0.1, 2, "kite").assign(split="test"))

    assert read_objects(tmp_path)[["transfer", "category", "size"]].to_numpy().tolist() == [[HISTOGRAM, "kite", "10-20%"]] * 2
