"""The same results under the protocols of several code bases: which transfer is best, and does the answer depend on the protocol?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from harmlib import models
from harmlib.errors import ParameterError
from harmlib.evaluation.intervals import mean_interval
from harmlib.evaluation.statistics import photographs, summarize
from harmlib.inference.pictures import harmonize
from harmlib.metrics.scoring import score_pair
from harmlib.progress import progress
from reproduction.kit.comparisons import BETTER, WORSE, readings
from reproduction.kit.selection import Sample

METRICS = {"mse": True, "fmse": True, "psnr": False, "ssim": False}  # whether lower is better


def score_under(samples: Sequence[Sample], methods: Sequence[str], protocols: Sequence[str]) -> pd.DataFrame:
    """Return one row per method, protocol and composite: method, protocol, id, mse, fmse, psnr, ssim; NaN: not a metric of the protocol.

    methods: names of such that need no weights or have released ones; every one makes its picture once, at the size of the file, and only
    the scoring differs. Raises CheckpointError for one without weights.
    """
    chosen = {name: models.resolve(name) for name in methods}
    rows = []
    for sample in progress(samples, desc="composites under every protocol", unit="image"):
        for name, model in chosen.items():
            picture = np.asarray(harmonize(model, sample.composite, sample.mask))
            for protocol in protocols:
                scores = score_pair(picture, sample.real, sample.mask, protocol, composite=sample.composite)
                rows.append((name, protocol, sample.id, *(scores[metric] for metric in METRICS)))
    return pd.DataFrame(rows, columns=["method", "protocol", "id", *METRICS])


def protocol_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of every metric under every protocol with its interval: metric, protocol, method, mean, low, high, n."""
    table = summarize(scores, by=("protocol", "method"), metrics=list(METRICS))
    return table.loc[table["n"] > 0, ["metric", "protocol", "method", "mean", "low", "high", "n"]].reset_index(drop=True)


def protocol_orders(scores: pd.DataFrame) -> pd.DataFrame:
    """Return first - second for every pair of methods under every protocol and metric, paired by composite.

    Columns: first, second, metric, protocol, difference, low, high, reading (about the first), n. Raises ParameterError for one method.
    """
    if scores["method"].nunique() < 2:
        raise ParameterError(f"only {', '.join(scores['method'].unique())} was scored: name two methods or more, because they are compared")
    rows, intervals = [], []
    for first, second in combinations(scores["method"].unique(), 2):
        for protocol, part in scores.groupby("protocol", sort=False):
            wide = part[part["method"].isin([first, second])].pivot_table(index="id", columns="method", values=list(METRICS))
            for metric in (metric for metric in METRICS if part[metric].notna().any()):
                found = mean_interval(wide[metric, first] - wide[metric, second], photographs(wide.index.to_frame()))
                intervals.append(found)
                rows.append((first, second, metric, protocol, found.mean, found.low, found.high, found.n))
    table = pd.DataFrame(rows, columns=["first", "second", "metric", "protocol", "difference", "low", "high", "n"])
    table.insert(7, "reading", readings(intervals, lower_is_better=table["metric"].map(METRICS)))
    return table


def order_counts(orders: pd.DataFrame) -> pd.DataFrame:
    """Return per pair of methods how many combinations of metric and protocol prefer which.

    Columns: first, second, first_better, second_better, clear: of how many of each the interval leaves zero out, as "first / second".
    """
    lower = orders["metric"].map(METRICS)
    prefers = np.where(lower, orders["difference"] < 0, orders["difference"] > 0)
    rows = []
    for (first, second), part in orders.assign(prefers=prefers).groupby(["first", "second"], sort=False):
        clear = part[part["reading"].isin([BETTER, WORSE])]
        counts = part["prefers"].sum(), (~part["prefers"]).sum()
        rows.append((first, second, *counts, f"{clear['prefers'].sum()} / {(~clear['prefers']).sum()}"))
    return pd.DataFrame(rows, columns=["first", "second", "first_better", "second_better", "clear"])
