"""Orders of methods: our paired differences beside the printed ones, and whether the printed order holds here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from reproduction.kit.artefacts import BASELINE
from reproduction.kit.comparisons import OPEN, TOO_FEW, differences
from reproduction.kit.findings import AGREES, ALL_WORSE, CANNOT_SAY, DIFFERS
from reproduction.kit.tables import LOWER_IS_BETTER
from reproduction.papers import printed_difference

COLUMNS = ["comparison", "first", "second", "metric", "paper", "ours", "low", "high", "n", "reading", "verdict", "dataset", "data"]


def orders(
    scores: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    metrics: Sequence[str],
    *,
    tables: Sequence[pd.DataFrame],
    labels: Mapping[str, str],
) -> pd.DataFrame:
    """Return the paired differences of pairs of methods, those that are scored, with the columns of COLUMNS.

    tables: printed ones (``papers.published``); paper: the difference of the means over all images in the first that prints both, NaN
    without one. reading: ``comparisons.differences``. verdict: ``order_verdict``, empty where no order is printed.
    """
    datasets = dict(zip(scores["data"], scores["dataset"], strict=True))
    means = scores.groupby(["data", "method"])[list(metrics)].mean()
    rows = []
    for row in differences(scores, pairs, metrics).to_dict("records"):
        first, second, metric, dataset = row["first"], row["second"], row["metric"], datasets[row["data"]]
        paper = printed_difference(tables, first, second, metric, dataset)
        lost = all_worse(means.loc[row["data"]][metric], (first, second), metric)
        found = {"comparison": f"{labels[first]} - {labels[second]}", "paper": paper, "dataset": dataset}
        rows.append(row | found | {"verdict": order_verdict(row["reading"], row["ours"], paper, lost=lost)})
    return pd.DataFrame(rows, columns=COLUMNS)


def order_verdict(reading: str, ours: float, paper: float, *, lost: bool = False) -> str:
    """Return whether a printed order holds: where our difference is clear, and both methods do not lose to doing nothing (``lost``).

    ours, paper: the differences; the verdict is empty where the paper prints none, or that both are alike.
    """
    if math.isnan(paper) or paper == 0:
        return ""
    if lost:
        return ALL_WORSE
    if reading in (OPEN, TOO_FEW):
        return CANNOT_SAY
    return AGREES if (ours < 0) == (paper < 0) else DIFFERS


def all_worse(means: Mapping[str, float] | pd.Series, methods: Sequence[str], metric: str) -> bool:
    """Tell whether the composite has a better mean than all of some methods; false where it is one of them or not scored.

    means: method -> mean of the metric.
    """
    if BASELINE in methods or BASELINE not in means:
        return False
    sign = 1 if metric in LOWER_IS_BETTER else -1
    return all(sign * means[method] > sign * means[BASELINE] for method in methods)
