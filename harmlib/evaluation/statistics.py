"""From scores to numbers with intervals: means, bootstrap over images, buckets by foreground size, paired differences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harmlib.errors import DataError, ParameterError
from harmlib.evaluation.table import KEYS
from harmlib.metrics.protocols import METRICS

DRAWS = 2000
# With fewer images a bootstrap of ranks says nothing.
FEWEST = 10
LEVELS = (2.5, 97.5)
# Draws are made in blocks, so that 2000 draws of 7404 images stay within 64 MiB.
BLOCK = 1_000_000
ALL = "All"

Buckets = Mapping[str, tuple[float, float]]
# FRIH tables 2 and 4; the published closed intervals count a boundary image twice, ours are [low, high).
RATIO_BUCKETS: Buckets = {"0%-5%": (0.0, 0.05), "5%-15%": (0.05, 0.15), "15%-100%": (0.15, 1.0)}
# The no-reference paper's table 3; an object of 80 % or more is in none of them.
SIZE_BUCKETS: Buckets = {f"{10 * k}-{10 * k + 10}%": (k / 10, (k + 1) / 10) for k in range(8)}


@dataclass(frozen=True)
class Interval:
    """A mean, its 95 % bootstrap interval, and the number of images behind it; NaN where there is none."""

    mean: float
    low: float
    high: float
    n: int


def mean_interval(values: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> Interval:
    """Return the mean of the values that are not NaN, with its percentile bootstrap interval.

    values: (N,). One value has a mean and no interval; none has neither.

    >>> interval = mean_interval(np.arange(20.0))
    >>> interval.mean, interval.n, interval.low < 9.5 < interval.high
    (9.5, 20, True)
    """
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    if len(known) == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    if len(known) == 1:
        return Interval(float(known[0]), math.nan, math.nan, 1)
    low, high = np.percentile(_bootstrap_means(known, draws, np.random.default_rng(seed)), LEVELS)
    return Interval(float(known.mean()), float(low), float(high), len(known))


def _bootstrap_means(values: np.ndarray, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Return the means of ``draws`` samples with replacement, (draws,)."""
    n = len(values)
    rows = max(1, BLOCK // n)
    blocks = [generator.integers(0, n, (min(rows, draws - start), n)) for start in range(0, draws, rows)]
    return np.concatenate([values[block].mean(axis=1) for block in blocks])


def summarize(
    scores: pd.DataFrame,
    by: Sequence[str] = ("benchmark", "method"),
    *,
    metrics: Sequence[str] = METRICS,
    draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """Return one row per group and metric: the columns of ``by``, then metric, mean, low, high, n.

    Means are over images (a missing score lowers n, in sight); intervals are 95 % bootstrap intervals, the same for the same seed.
    Groups keep the order in which they first appear. Rows whose group is missing (an image outside every bucket) are left out.
    Raises DataError for a column that is not there.

    >>> scores = pd.DataFrame({"method": ["composite"] * 2 + ["idt"] * 2, "id": ["a", "b"] * 2, "mse": [100.0, 50.0, 40.0, 30.0]})
    >>> summarize(scores, by=("method",), metrics=("mse",))[["method", "metric", "mean", "n"]].to_numpy().tolist()
    [['composite', 'mse', 75.0, 2], ['idt', 'mse', 35.0, 2]]
    """
    _check_columns(scores, [*by, *metrics])
    rows = []
    for group, part in scores.groupby(list(by), sort=False, observed=True):
        for metric in metrics:
            interval = mean_interval(part[metric].to_numpy(dtype=float), draws=draws, seed=seed)
            rows.append((*group, metric, interval.mean, interval.low, interval.high, interval.n))
    return pd.DataFrame(rows, columns=[*by, "metric", "mean", "low", "high", "n"])


def with_all(scores: pd.DataFrame, column: str = "subset", *, label: str = ALL) -> pd.DataFrame:
    """Return the scores followed by themselves with ``column`` set to "All".

    The mean of those copies is the mean over images, never the mean of the subsets' means.
    """
    _check_columns(scores, [column])
    parts = scores.astype({column: object})
    return pd.concat([parts, parts.assign(**{column: label})], ignore_index=True)


def bucket(ratios: pd.Series, buckets: Buckets = RATIO_BUCKETS) -> pd.Series:
    """Return the label of the bucket that each ratio falls into, missing outside of all.

    ratios: foreground area / image area, 0..1. A bucket holds its lower end; the one that ends at 1 holds 1 too.
    Raises ParameterError for a ratio outside [0, 1].
    """
    values = ratios.to_numpy(dtype=float)
    if not ((values >= 0) & (values <= 1)).all():
        raise ParameterError(f"foreground ratios run from {values.min():g} to {values.max():g}, expected [0, 1]")
    labels = np.full(len(values), None, dtype=object)
    for label, (low, high) in buckets.items():
        inside = (values >= low) & ((values < high) | ((values == high) & (high == 1)))
        labels[inside] = label
    return pd.Series(labels, index=ratios.index, name="bucket")


def paired_difference(scores: pd.DataFrame, method_a: str, method_b: str, metric: str, *, draws: int = DRAWS, seed: int = 0) -> Interval:
    """Return the mean of ``metric`` of method a minus that of method b, over the same images, with its interval.

    Images are joined by benchmark, subset, split, protocol and id, never by row order.
    Raises DataError when a method is missing, an image stands twice, or an image has only one of the methods.

    >>> scores = pd.DataFrame({"method": ["composite"] * 2 + ["idt"] * 2, "id": ["a", "b", "b", "a"], "mse": [100.0, 50.0, 30.0, 40.0]})
    >>> paired_difference(scores, "idt", "composite", "mse").mean
    -40.0
    """
    pairs = paired_scores(scores, method_a, method_b, metric)
    return mean_interval((pairs["a"] - pairs["b"]).to_numpy(), draws=draws, seed=seed)


def ratio_of_means(upper: pd.Series, lower: pd.Series, *, seed: int = 0) -> Interval:
    """Return the ratio of two means over the same images with its 95 % bootstrap interval, which draws images, both scores together."""
    values = np.stack([upper, lower])
    n = values.shape[1]
    chosen = np.random.default_rng(seed).integers(0, n, (DRAWS, n))
    sums = np.array([values[:, draw].sum(1) for draw in chosen])
    low, high = np.percentile(sums[:, 0] / sums[:, 1], LEVELS)
    return Interval(float(values[0].sum() / values[1].sum()), float(low), float(high), n)


def rank_correlation(values: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> Interval:
    """Return the rank correlation of the first two columns, given the third where there is one, with a bootstrap interval over rows.

    values: (N, 2) or (N, 3). Fewer than FEWEST rows have no interval; where a column does not vary there is no correlation: NaN.
    """
    n = len(values)
    mean = float(_partial_correlation(values[None])[0])
    if n < FEWEST:
        return Interval(mean, np.nan, np.nan, n)
    chosen = np.random.default_rng(seed).integers(0, n, (draws, n))
    low, high = np.nanpercentile(_partial_correlation(values[chosen]), LEVELS) if np.isfinite(mean) else (np.nan, np.nan)
    return Interval(mean, float(low), float(high), n)


def _partial_correlation(values: np.ndarray) -> np.ndarray:
    """Return the (partial) rank correlations of (D, N, 2 or 3), (D,)."""
    from scipy.stats import rankdata

    ranks = rankdata(values, axis=1)
    ranks -= ranks.mean(1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        ranks /= np.sqrt((ranks**2).sum(1, keepdims=True))
        matrix = np.einsum("dni,dnj->dij", ranks, ranks)
        plain = matrix[:, 0, 1]
        if values.shape[2] == 2:
            return plain
        first, second = matrix[:, 0, 2], matrix[:, 1, 2]
        return (plain - first * second) / np.sqrt((1 - first**2) * (1 - second**2))


def paired_scores(scores: pd.DataFrame, method_a: str, method_b: str, metric: str) -> pd.DataFrame:
    """Return one row per image with its keys and the two methods' scores as columns a and b; errors as ``paired_difference``."""
    keys = [name for name in KEYS if name != "method" and name in scores]
    _check_columns(scores, ["method", "id", metric])
    sides = {name: _side(scores, method, metric, keys, name) for name, method in (("a", method_a), ("b", method_b))}
    joined = sides["a"].merge(sides["b"], on=keys, how="outer", validate="one_to_one", indicator=True)
    alone = joined[joined["_merge"] != "both"]
    if len(alone):
        have, lack = (method_a, method_b) if alone["_merge"].iloc[0] == "left_only" else (method_b, method_a)
        raise DataError(
            f'{len(alone)} images are not scored by both methods (first: "{alone["id"].iloc[0]}" has "{have}" and no "{lack}"): '
            "score both on the same images"
        )
    return joined.drop(columns="_merge")


def _side(scores: pd.DataFrame, method: str, metric: str, keys: list[str], name: str) -> pd.DataFrame:
    """Return one method's keys and scores, every image once."""
    part = scores.loc[scores["method"] == method, [*keys, metric]].rename(columns={metric: name})
    if part.empty:
        raise DataError(f'the scores hold no method "{method}": score it first')
    twice = part.duplicated(keys)
    if twice.any():
        raise DataError(
            f'image "{part.loc[twice, "id"].iloc[0]}" of "{method}" stands in the scores twice: filter by protocol and benchmark'
        )
    return part


def _check_columns(scores: pd.DataFrame, names: Sequence[str]) -> None:
    """Raise DataError for a column that the scores lack."""
    missing = [name for name in names if name not in scores]
    if missing:
        raise DataError(f"the scores lack the column {', '.join(missing)}")
