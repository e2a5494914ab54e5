"""Methods that were trained more than once: the spread over training seeds beside the interval over photographs, and both in one.

One training run speaks of its weights, several speak of the method. Both sources of chance are taken for random: a mean over k runs has
the variance of its photographs (that of the scores averaged over the runs) plus that of the k runs' means over k. Averaged scores still
hold a k-th of what photographs and seeds do together, so that the sum is a little too large, never too small. The interval is that of a
t distribution with Satterthwaite's degrees of freedom (1946, Biometrics Bulletin 2:110), which the few runs decide where they differ
most: ``results/coverage.csv`` has how often it holds. Two runs are too few for it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from harmlib.errors import DataError
from harmlib.evaluation.intervals import LEVEL, Interval, mean_interval
from harmlib.evaluation.statistics import photographs
from harmlib.evaluation.table import KEYS

# With two runs of each method, one of which depends far more on its seed, such intervals held in 87 % of 8000 simulations.
FEWEST_SEEDS = 3
REPEATED = re.compile(r"(?P<name>.+)-s\d+")

Runs = Mapping[str, Sequence[pd.DataFrame]]


def runs_of(scores: pd.DataFrame) -> dict[str, list[pd.DataFrame]]:
    """Return method -> the scores of each of its runs, which are named "<method>-s1", "<method>-s2", ...; any other name is one run."""
    runs: dict[str, list[pd.DataFrame]] = {}
    for name, part in scores.groupby("method", sort=False):
        found = REPEATED.fullmatch(str(name))
        runs.setdefault(found["name"] if found else str(name), []).append(part)
    return runs


def seed_table(runs: Runs, metrics: Sequence[str]) -> pd.DataFrame:
    """Return one row per method and metric: its mean over images and runs, and how far seeds and photographs move it.

    runs: method -> one score table per run, all on the same images. Columns: method, metric, mean, low, high (both sources), image_low,
    image_high (photographs alone, the weights as they are), seed_sd (standard deviation of the runs' means; NaN for one run), seeds, n,
    photographs. Raises DataError as ``seed_difference``.
    """
    rows = []
    for method, tables in runs.items():
        for metric in metrics:
            values = _by_run(tables, metric, method)
            image = mean_interval(values.mean(axis=1, skipna=False), photographs(values.index.to_frame()))
            both = _with_seeds(image, [values])
            spread = float(values.dropna().mean().std(ddof=1))
            numbers = (both.mean, both.low, both.high, image.low, image.high, spread, len(tables), both.n, both.units)
            rows.append((method, metric, *numbers))
    columns = ["method", "metric", "mean", "low", "high", "image_low", "image_high", "seed_sd", "seeds", "n", "photographs"]
    return pd.DataFrame(rows, columns=columns)


def seed_difference(runs: Runs, method_a: str, method_b: str, metric: str) -> Interval:
    """Return the mean of ``metric`` of method a minus that of method b over their runs, with the interval of photographs and seeds.

    runs: method -> one score table per run, all on the same images. A method with one run has no spread of its own: it needs no training,
    or the interval is about these weights of it. Two runs of a method have no interval.
    Raises DataError when a method is missing, an image appears twice in a run, or runs differ in their images.
    """
    for method in (method_a, method_b):
        if not runs.get(method):
            raise DataError(f'there is no run of "{method}": train and score it first')
    a, b = (_by_run(runs[method], metric, method) for method in (method_a, method_b))
    if not a.index.equals(b.index):
        raise DataError(f'"{method_a}" and "{method_b}" are not scored on the same images: score both on the same ones')
    difference = a.mean(axis=1, skipna=False) - b.mean(axis=1, skipna=False)
    return _with_seeds(mean_interval(difference, photographs(a.index.to_frame())), [a[difference.notna()], b[difference.notna()]])


def _by_run(tables: Sequence[pd.DataFrame], metric: str, method: str) -> pd.DataFrame:
    """Return one row per image, by its keys in order, and one column per run."""
    keys = [name for name in KEYS if name != "method" and name in tables[0]]
    columns = [table.set_index(keys)[metric].astype(float).sort_index() for table in tables]
    for column in columns:
        if column.index.has_duplicates:
            raise DataError(f'an image of "{method}" stands in the scores of one run twice: filter by protocol and benchmark')
        if not column.index.equals(columns[0].index):
            raise DataError(f'the runs of "{method}" are not scored on the same images: score all on the same ones')
    return pd.concat(columns, axis=1, keys=range(len(columns)))


def _with_seeds(image: Interval, methods: Sequence[pd.DataFrame]) -> Interval:
    """Return the interval over photographs with the variance over the runs of each method, (images, runs), added on either side."""
    from scipy import stats

    repeated = [values.dropna() for values in methods if values.shape[1] > 1]
    if not repeated or math.isnan(image.low):
        return image
    if min(values.shape[1] for values in repeated) < FEWEST_SEEDS:
        return Interval(image.mean, math.nan, math.nan, image.n, image.units)
    seeds = [(values.mean().var(ddof=1) / values.shape[1], values.shape[1] - 1) for values in repeated]
    tail, halves, p = (1 - LEVEL) / 2, [], math.nan
    for end in (image.low, image.high):
        # What a t interval over so many photographs would have for this half of the interval.
        alone = (abs(end - image.mean) / stats.t.isf(tail, image.units - 1)) ** 2
        variance = alone + sum(own for own, _ in seeds)
        if variance == 0:
            return image
        parts = [(alone, image.units - 1), *seeds]
        freedom = variance**2 / sum(own**2 / degrees for own, degrees in parts)
        halves.append(float(stats.t.isf(tail, freedom) * np.sqrt(variance)))
        if (image.mean > 0) == (end is image.low):
            p = float(2 * stats.t.sf(abs(image.mean) / np.sqrt(variance), freedom))
    return Interval(image.mean, image.mean - halves[0], image.mean + halves[1], image.n, image.units, p)
