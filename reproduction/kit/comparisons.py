"""Tables that any paper makes from its scores: by sub-dataset, by size of the foreground, and method against method.

``scores`` is one row per image and method, with the column "data" that says on what (``artefacts.named_scores``).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

import pandas as pd

from harmlib.evaluation.intervals import LEVEL, Interval, holm
from harmlib.evaluation.statistics import ALL, RATIO_BUCKETS, bucket, paired_difference, summarize, with_all
from reproduction.kit.findings import AGREES, CANNOT_SAY, DIFFERS
from reproduction.kit.tables import LOWER_IS_BETTER, beside_paper, with_ranks

BETTER, WORSE, OPEN, TOO_FEW = "better", "worse", "no clear difference", "too few"
# A reading before the name of the second method.
PHRASES = {BETTER: "better than", WORSE: "worse than", OPEN: "no clear difference from", TOO_FEW: "too few photographs to tell from"}
VERDICTS = {BETTER: AGREES, WORSE: DIFFERS, OPEN: CANNOT_SAY, TOO_FEW: CANNOT_SAY}


def reading(low: float, high: float, *, lower_is_better: bool) -> str:
    """Return what one interval of a difference says about the first method: "too few" photographs where there is no interval."""
    if math.isnan(low):
        return TOO_FEW
    if high < 0:
        return BETTER if lower_is_better else WORSE
    if low > 0:
        return WORSE if lower_is_better else BETTER
    return OPEN


def bounds(low: float, high: float, form: str = ".4g") -> str:
    """Return an interval in brackets behind its mean, nothing without one."""
    return "" if math.isnan(low) else f" [{low:{form}}, {high:{form}}]"


def readings(intervals: Sequence[Interval], *, lower_is_better: Iterable[bool], against: float = 0.0) -> list[str]:
    """Return what the intervals of one table say: ``reading`` of each, where it is clear after Holm's correction over all of them.

    An interval that leaves zero out may so read "no clear difference": 1 in 20 does by chance. against: what stands for no difference.
    """
    clear = holm([interval.p for interval in intervals]) < 1 - LEVEL
    words = [
        reading(interval.low - against, interval.high - against, lower_is_better=lower)
        for interval, lower in zip(intervals, lower_is_better, strict=True)
    ]
    return [word if sure or word == TOO_FEW else OPEN for word, sure in zip(words, clear, strict=True)]


def differences(scores: pd.DataFrame, comparisons: Sequence[tuple[str, str]], metrics: Sequence[str]) -> pd.DataFrame:
    """Return the mean of first - second over the same images: data, first, second, metric, ours, low, high, n, photographs, reading.

    comparisons: pairs of methods; those of which one was not scored on some data are left out there.
    The 95 % intervals take photographs for independent. The reading is about the first method, and corrected over the whole table
    (``readings``).
    """
    rows, intervals = [], []
    for data, part in scores.groupby("data", sort=False):
        known = set(part["method"])
        for first, second in (pair for pair in comparisons if known.issuperset(pair)):
            for metric in metrics:
                interval = paired_difference(part, first, second, metric)
                intervals.append(interval)
                rows.append((data, first, second, metric, interval.mean, interval.low, interval.high, interval.n, interval.units))
    table = pd.DataFrame(rows, columns=["data", "first", "second", "metric", "ours", "low", "high", "n", "photographs"])
    return table.assign(reading=readings(intervals, lower_is_better=table["metric"].isin(LOWER_IS_BETTER)))


def subset_table(scores: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Return the means per sub-dataset and over all images, with intervals and n; metrics that no image has are left out."""
    known = [metric for metric in metrics if scores[metric].notna().any()]
    table = summarize(with_all(scores), by=("data", "subset", "method"), metrics=known)
    single = table.groupby("data")["subset"].transform("nunique") == 2  # one sub-dataset and "All" are the same images
    return table[~(single & (table["subset"] == ALL))].reset_index(drop=True)


def subset_view(table: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """Return ``subset_table`` for reading: sub-datasets and methods down, metrics across; labels: method -> its name in tables."""
    text = [f"{mean:.4g}{bounds(low, high)}" for mean, low, high in table[["mean", "low", "high"]].to_numpy()]
    cells = table.assign(text=text, method=table["method"].map(labels))
    return cells.pivot_table(index=["data", "subset", "n", "method"], columns="metric", values="text", aggfunc="first", sort=False)


def by_foreground(scores: pd.DataFrame, metric: str = "mse") -> pd.DataFrame:
    """Return the mean of a metric by data, method and share of the picture that is foreground, with intervals and n."""
    table = summarize(scores.assign(bucket=bucket(scores["foreground_ratio"])), by=("data", "method", "bucket"), metrics=[metric])
    order = table["bucket"].map(list(RATIO_BUCKETS).index)
    return table.assign(order=order).sort_values("order", kind="stable", ignore_index=True).drop(columns="order")


def in_subsets(scores: pd.DataFrame) -> pd.DataFrame:
    """Return scores with the column "subset_or_bucket": every sub-dataset, then all of them under "All"; a single one only under "All"."""
    grouped = with_all(scores.assign(subset_or_bucket=scores["subset"]), "subset_or_bucket")
    several = len(scores["subset"].unique()) > 1
    return grouped[several | (grouped["subset_or_bucket"] == ALL)].reset_index(drop=True)


def in_buckets(scores: pd.DataFrame) -> pd.DataFrame:
    """Return scores with the column "subset_or_bucket": the bucket of every foreground's share, then all images under "All"."""
    return with_all(scores.assign(subset_or_bucket=bucket(scores["foreground_ratio"])), "subset_or_bucket")


def printed_table(
    grouped: pd.DataFrame,
    printed: pd.DataFrame,
    metrics: Sequence[str],
    *,
    labels: Mapping[str, str],
    reasons: Mapping[str, str],
    ranked: Collection[str] | None = None,
) -> pd.DataFrame:
    """Return a printed table with our means, intervals and ranks (``tables.beside_paper``, ``tables.with_ranks``).

    grouped: scores with the column "subset_or_bucket" (``in_subsets``, ``in_buckets``). labels: the names of rows the paper does not
    print. reasons: metric or method -> why a cell of it has no number. ranked: the methods that are ranked; None: all.
    """
    summary = summarize(grouped, by=("subset_or_bucket", "method"), metrics=metrics)
    table = beside_paper(summary, printed, data=data_of(grouped), reasons=reasons)
    table["row"] = table["row"].where(table["row"] != "", table["method"].map(labels))
    if ranked is None:
        return with_ranks(table, grouped)
    marks = with_ranks(table[table["method"].isin(ranked)], grouped)["rank"]
    return table.assign(rank=marks.reindex(table.index, fill_value=""))


def data_of(scores: pd.DataFrame) -> str:
    """Return what scores were measured on."""
    return ", ".join(scores["data"].unique())
