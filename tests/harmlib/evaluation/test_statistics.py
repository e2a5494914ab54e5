"""Means, intervals, buckets and paired differences; a published table rebuilt from real per-image scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harmlib.errors import DataError, ParameterError
from harmlib.evaluation.statistics import (
    RATIO_BUCKETS,
    SIZE_BUCKETS,
    bucket,
    mean_interval,
    paired_difference,
    paired_scores,
    rank_correlation,
    summarize,
    with_all,
)
from reproduction.papers import published

FEW_DRAWS = 20


@pytest.fixture
def scores() -> pd.DataFrame:
    """Two methods on four images of two subsets; method b is worse by 1, 2, 3 and 4."""
    generator = np.random.default_rng(0)
    a = pd.DataFrame(
        {"benchmark": "x", "subset": ["p", "p", "p", "q"], "method": "a", "id": list("1234"), "mse": generator.uniform(1, 9, 4)}
    )
    b = a.assign(method="b", mse=a["mse"] + [1, 2, 3, 4])
    return pd.concat([a, b.iloc[::-1]], ignore_index=True)


@pytest.fixture(scope="module")
def harmonizer_scores(shared) -> pd.DataFrame:
    """Harmonizer on all 7404 test images of iHarmony4, scored by others at the size of the files."""
    scores = pd.read_csv(shared / "data" / "iharmony4_eval" / "harmonizer.csv").rename(columns={"name": "id"})
    return scores.assign(benchmark="iHarmony4", method="harmonizer")


def test_published_harmonizer_column_is_rebuilt_from_per_image_scores(harmonizer_scores: pd.DataFrame) -> None:
    paper = published("harmonizer", 2).query("method == 'harmonizer'").set_index(["subset_or_bucket", "metric"])["number"]

    ours = summarize(with_all(harmonizer_scores), ["subset"], metrics=["mse", "fmse", "psnr"], draws=FEW_DRAWS)
    ours["metric"] = ours["metric"].map({"mse": "MSE", "fmse": "fMSE", "psnr": "PSNR"})
    means = ours.set_index(["subset", "metric"])["mean"]

    assert len(paper) == 15
    assert ((means.reindex(paper.index) / paper - 1).abs() < 0.001).all()


def test_published_bucket_sizes_are_rebuilt(harmonizer_scores: pd.DataFrame) -> None:
    sizes = bucket(harmonizer_scores["foreground_ratio"]).value_counts()

    assert [sizes[label] for label in RATIO_BUCKETS] == [3831, 1955, 1618]


def test_published_object_sizes_are_rebuilt(harmonizer_scores: pd.DataFrame) -> None:
    sizes = bucket(harmonizer_scores["foreground_ratio"], SIZE_BUCKETS).value_counts()

    assert [sizes[label] for label in list(SIZE_BUCKETS)[:8]] == [5134, 1105, 593, 246, 159, 106, 37, 24]


def test_bucket_labels_are_those_of_the_papers() -> None:
    printed = set(published("frih", 2)["subset_or_bucket"]) | set(published("perceptual", 3)["subset_or_bucket"])

    assert printed - {"All"} <= set(RATIO_BUCKETS) | set(SIZE_BUCKETS)


def test_boundary_ratio_belongs_to_the_upper_bucket_only() -> None:
    labels = bucket(pd.Series([0.0, 0.05, 0.15, 1.0]))

    assert labels.tolist() == ["0%-5%", "5%-15%", "15%-100%", "15%-100%"]


def test_ratio_outside_every_bucket_is_missing() -> None:
    assert bucket(pd.Series([0.5]), {"small": (0.0, 0.1)}).isna().all()


def test_impossible_ratio_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"expected \[0, 1\]"):
        bucket(pd.Series([0.2, 1.2]))


def test_all_is_the_mean_over_images(scores: pd.DataFrame) -> None:
    table = summarize(with_all(scores), ["method", "subset"], metrics=["mse"], draws=FEW_DRAWS).set_index(["method", "subset"])

    assert table.loc[("a", "All"), "mean"] == pytest.approx(scores.loc[scores["method"] == "a", "mse"].mean())


def test_missing_scores_lower_n(scores: pd.DataFrame) -> None:
    scores.loc[0, "mse"] = np.nan

    table = summarize(scores, metrics=["mse"], draws=FEW_DRAWS).set_index("method")

    assert table["n"].to_dict() == {"a": 3, "b": 4}


def test_unscored_metric_has_no_mean() -> None:
    interval = mean_interval(np.array([np.nan, np.nan]))

    assert interval.n == 0
    assert np.isnan(interval.mean)


def test_single_image_has_no_interval() -> None:
    interval = mean_interval(np.array([3.0]))

    assert (interval.mean, interval.n) == (3.0, 1)
    assert np.isnan(interval.low)


def test_interval_has_the_width_of_theory(generator: np.random.Generator) -> None:
    interval = mean_interval(generator.normal(0, 1, 4000))

    assert interval.high - interval.low == pytest.approx(2 * 1.96 / np.sqrt(4000), rel=0.1)


def test_one_seed_repeats_and_two_differ(generator: np.random.Generator) -> None:
    values = generator.normal(size=50)

    first, again, other = (mean_interval(values, seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=2, max_size=30))
def test_interval_stays_within_the_values(values: list[float]) -> None:
    interval = mean_interval(np.array(values), draws=FEW_DRAWS)

    assert min(values) - 1e-9 <= interval.low <= interval.high <= max(values) + 1e-9


def test_methods_are_joined_by_id_not_by_row(scores: pd.DataFrame) -> None:
    difference = paired_difference(scores, "b", "a", "mse")

    assert difference.mean == pytest.approx(2.5)
    assert 1 <= difference.low < 2.5 < difference.high <= 4


def test_paired_interval_is_narrower_than_the_means(harmonizer_scores: pd.DataFrame) -> None:
    shifted = harmonizer_scores.assign(method="shifted", mse=harmonizer_scores["mse"] + 1)
    both = pd.concat([harmonizer_scores, shifted])

    paired = paired_difference(both, "shifted", "harmonizer", "mse", draws=FEW_DRAWS)

    assert paired.high - paired.low < 1e-9


def test_share_of_improved_images_joined_by_id(shared) -> None:
    folder = shared / "data" / "iharmony4_eval"
    parts = [pd.read_csv(folder / f"{name}.csv").rename(columns={"name": "id"}).assign(method=name) for name in ("composite", "harmonizer")]

    pairs = paired_scores(pd.concat([parts[0], parts[1].sample(frac=1, random_state=0)]), "harmonizer", "composite", "mse")

    assert (pairs["a"] < pairs["b"]).mean() == pytest.approx(np.mean(parts[1]["mse"].to_numpy() < parts[0]["mse"].to_numpy()))


def test_image_scored_by_one_method_only_is_named(scores: pd.DataFrame) -> None:
    lacking = scores[~((scores["method"] == "b") & (scores["id"] == "3"))]

    with pytest.raises(DataError, match=r'1 images are not scored by both methods \(first: "3" has "a" and no "b"\)'):
        paired_difference(lacking, "a", "b", "mse")


def test_image_that_stands_twice_is_named(scores: pd.DataFrame) -> None:
    with pytest.raises(DataError, match='image "1" of "a" stands in the scores twice'):
        paired_difference(pd.concat([scores, scores.iloc[:1]]), "a", "b", "mse")


def test_unscored_method_is_named(scores: pd.DataFrame) -> None:
    with pytest.raises(DataError, match='no method "c"'):
        paired_difference(scores, "a", "c", "mse")


def test_missing_column_is_named(scores: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="lack the column psnr"):
        summarize(scores, metrics=["psnr"])


def test_rank_correlation_is_spearmans(generator):
    x = generator.normal(size=40)
    y = x**3 + generator.normal(size=40)

    interval = rank_correlation(np.stack([x, y], 1))

    assert interval.mean == pytest.approx(pd.Series(x).corr(pd.Series(y), method="spearman"))
    assert interval.low < interval.mean < interval.high


def test_few_images_have_a_correlation_without_an_interval():
    interval = rank_correlation(np.array([[1.0, 1], [2, 2], [3, 3]]))

    assert interval.mean == pytest.approx(1)
    assert np.isnan(interval.low)


def test_equal_counts_have_no_correlation():
    assert np.isnan(rank_correlation(np.stack([np.arange(20.0), np.ones(20)], 1)).mean)
