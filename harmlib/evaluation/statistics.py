"""From score tables to numbers with intervals over photographs: means, buckets by foreground size, paired differences and ratios.

Where methods were trained from several seeds, the scores have the column "repeat" (``repeats``): values are means over images and runs,
and what compares methods, or is compared with published values, has both in its interval.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from harmlib.errors import DataError, ParameterError
from harmlib.evaluation.intervals import Interval, mean_interval, ratio_of_means
from harmlib.evaluation.repeats import REPEAT, with_seeds
from harmlib.evaluation.table import KEYS
from harmlib.metrics.protocols import METRICS

ALL = "All"
SEEDS = ("seeds", "seed_sd")

Buckets = Mapping[str, tuple[float, float]]
# FRIH tables 2 and 4; the published closed intervals count a boundary image twice, ours are [low, high).
RATIO_BUCKETS: Buckets = {"0%-5%": (0.0, 0.05), "5%-15%": (0.05, 0.15), "15%-100%": (0.15, 1.0)}
# The no-reference paper's table 3; an object of 80 % or more is in none of them.
SIZE_BUCKETS: Buckets = {f"{10 * k}-{10 * k + 10}%": (k / 10, (k + 1) / 10) for k in range(8)}

# Sg-MMH's benchmarks write degraded copies of a photograph beside it.
COMPOSITE_NAME = re.compile(r"(?P<photo>.+?)(-degraded\d+)?(_[^_]+_\d+)?")


def photograph_of(image_id: str) -> str:
    """Return the name of the photograph that a composite was made from.

    A composite is named "<photo>_<object>_<variant>" (iHarmony4); "<photo>-degraded<k>" is a copy of the photograph. Any other name is
    a photograph itself.

    >>> photograph_of("d90000005-10_1_2"), photograph_of("189006-degraded2_2_1"), photograph_of("189006")
    ('d90000005-10', '189006', '189006')
    """
    found = COMPOSITE_NAME.fullmatch(image_id)
    return found["photo"] if found else image_id


def photographs(scores: pd.DataFrame) -> pd.Series:
    """Return the photograph of each row as "<subset>/<photo>": what intervals over scores treat as independent.

    scores: with the column "id", and "subset" where names repeat. Raises DataError without ids.
    """
    _check_columns(scores, ["id"])
    photo = scores["id"].map({name: photograph_of(str(name)) for name in scores["id"].unique()})
    return scores["subset"].astype(str) + "/" + photo if "subset" in scores else photo


def summarize(
    scores: pd.DataFrame,
    by: Sequence[str] = ("benchmark", "method"),
    *,
    metrics: Sequence[str] = METRICS,
) -> pd.DataFrame:
    """Return one row per group and metric: the columns of ``by``, then metric, mean, low, high, n, photographs.

    Means are over images (a missing score visibly lowers n); 95 % intervals treat photographs as independent (``mean_interval``).
    Groups keep the order in which they first appear. Rows whose group is missing (an image outside every bucket) are left out.
    Scores of several runs ("repeat") add the columns seeds, how many runs, and seed_sd, the standard deviation of the runs' means, NaN of
    one; the interval is then about these weights, averaged. A group holds the runs of one method.
    Raises DataError for a column that is not there, and when the runs of a group differ in their images.

    >>> scores = pd.DataFrame({"method": ["composite"] * 2 + ["idt"] * 2, "id": ["a", "b"] * 2, "mse": [100.0, 50.0, 40.0, 30.0]})
    >>> summarize(scores, by=("method",), metrics=("mse",))[["method", "metric", "mean", "n"]].to_numpy().tolist()
    [['composite', 'mse', 75.0, 2], ['idt', 'mse', 35.0, 2]]
    """
    _check_columns(scores, [*by, *metrics])
    rows = []
    for group, part in scores.assign(photograph=photographs(scores)).groupby(list(by), sort=False, observed=True):
        for metric in metrics:
            found, runs = _over_images(part, metric, part["photograph"])
            spread = float(runs.std(ddof=1)) if len(runs) > 1 else math.nan
            rows.append((*group, metric, found.mean, found.low, found.high, found.n, found.units, len(runs), spread))
    table = pd.DataFrame(rows, columns=[*by, "metric", "mean", "low", "high", "n", "photographs", *SEEDS])
    return table if REPEAT in scores else table.drop(columns=list(SEEDS))


def with_all(scores: pd.DataFrame, column: str = "subset") -> pd.DataFrame:
    """Return the scores followed by themselves with ``column`` set to "All".

    The mean of those copies is the mean over images, never the mean of the subsets' means.
    """
    _check_columns(scores, [column])
    parts = scores.astype({column: object})
    return pd.concat([parts, parts.assign(**{column: ALL})], ignore_index=True)


def bucket(ratios: pd.Series, buckets: Buckets = RATIO_BUCKETS) -> pd.Series:
    """Return the label of the bucket that each ratio falls into, missing where it falls into none.

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


def mean_score(scores: pd.DataFrame, metric: str) -> Interval:
    """Return the mean of one column of one method's scores with its interval over photographs, and seeds where it has several runs."""
    image, runs = _over_images(scores, metric, photographs(scores))
    return with_seeds(image, [runs])


def paired_difference(scores: pd.DataFrame, method_a: str, method_b: str, metric: str) -> Interval:
    """Return the mean of ``metric`` of method a minus that of method b, over the same images, with its interval.

    The interval is over photographs, and over the seeds of a method that has several runs ("repeat").
    Images are joined by benchmark, subset, split, protocol and id, never by row order.
    Raises DataError when a method is missing, an image appears twice in a run, an image has only one of the methods, or runs of a
    method differ in their images.

    >>> scores = pd.DataFrame({"method": ["composite"] * 2 + ["idt"] * 2, "id": ["a", "b", "b", "a"], "mse": [100.0, 50.0, 30.0, 40.0]})
    >>> paired_difference(scores, "idt", "composite", "mse").mean
    -40.0
    """
    pairs = paired_scores(scores, method_a, method_b, metric)
    image = mean_interval(pairs["a"] - pairs["b"], photographs(pairs))
    return with_seeds(image, [_run_means(scores[scores["method"] == method], metric) for method in (method_a, method_b)])


def paired_ratio(scores: pd.DataFrame, method_a: str, method_b: str, metric: str) -> Interval:
    """Return the mean of ``metric`` of method a over that of method b, with the interval and errors of ``paired_difference``.

    >>> scores = pd.DataFrame({"method": ["composite"] * 2 + ["idt"] * 2, "id": ["a", "b", "b", "a"], "mse": [100.0, 60.0, 30.0, 50.0]})
    >>> paired_ratio(scores, "idt", "composite", "mse").mean
    0.5
    """
    pairs = paired_scores(scores, method_a, method_b, metric)
    image = ratio_of_means(pairs["a"], pairs["b"], photographs(pairs))
    above, below = (_run_means(scores[scores["method"] == method], metric) for method in (method_a, method_b))
    # To first order: what a run moves of either mean moves the ratio by.
    return with_seeds(image, [above / below.mean(), image.mean * below / below.mean()])


def paired_scores(scores: pd.DataFrame, method_a: str, method_b: str, metric: str) -> pd.DataFrame:
    """Return one row per image with its keys and the two methods' scores, averaged over their runs, as columns a and b.

    Errors as ``paired_difference``.
    """
    keys = [name for name in KEYS if name != "method" and name in scores]
    _check_columns(scores, ["method", "id", metric])
    sides = {name: _side(scores, method, metric, keys, name) for name, method in (("a", method_a), ("b", method_b))}
    if sides["a"][keys].reset_index(drop=True).equals(sides["b"][keys].reset_index(drop=True)):
        # Rows of one run of both, as a table holds them: side by side already, and a join, which takes far longer, would only sort them.
        together = sides["a"].assign(b=sides["b"]["b"].to_numpy())
        order = [key for key in keys if (together[key] != together[key].iloc[0]).any()]  # sorting by what is the same everywhere costs time
        return together.sort_values(order, ignore_index=True) if order else together.reset_index(drop=True)
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
    """Return one method's keys and scores, every image once: the mean over its runs, missing where one of them is."""
    runs = [REPEAT] if REPEAT in scores else []
    part = scores.loc[scores["method"] == method, [*keys, *runs, metric]].rename(columns={metric: name})
    if part.empty:
        raise DataError(f'the scores hold no method "{method}": score it first')
    twice = part.duplicated([*keys, *runs])
    if twice.any():
        raise DataError(
            f'image "{part.loc[twice, "id"].iloc[0]}" of "{method}" stands in the scores twice: filter by protocol and benchmark'
        )
    count = part[REPEAT].nunique() if runs else 1
    if count == 1:
        return part.drop(columns=runs)
    images = part.groupby(keys, sort=False, dropna=False)[name]
    if (images.size() < count).any():
        raise DataError(f'the runs of "{method}" are not scored on the same images: score all on the same ones')
    return (images.sum(min_count=count) / count).reset_index()


def _over_images(scores: pd.DataFrame, metric: str, units: pd.Series) -> tuple[Interval, np.ndarray]:
    """Return the mean over images and runs with its interval over photographs, and the mean of each run; scores: of one method.

    The runs of an image lie in one unit, so that the interval is that of the scores averaged over the runs.
    """
    runs = _run_means(scores, metric)
    if len(runs) > 1 and len(scores) != len(runs) * (scores[REPEAT] == 0).sum():
        raise DataError("runs of a method are not scored on the same images: score all on the same ones")
    found = mean_interval(scores[metric], units)
    return replace(found, n=found.n // max(len(runs), 1)), runs


def _run_means(scores: pd.DataFrame, metric: str) -> np.ndarray:
    """Return the mean of each run, (k,); scores: of one method."""
    if REPEAT not in scores:
        return np.array([scores[metric].mean()])
    return scores.groupby(REPEAT)[metric].mean().to_numpy(dtype=float)


def _check_columns(scores: pd.DataFrame, names: Sequence[str]) -> None:
    """Raise DataError for a column that the scores lack."""
    missing = [name for name in names if name not in scores]
    if missing:
        raise DataError(f"the scores lack the column {', '.join(missing)}")
