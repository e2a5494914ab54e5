"""The last table of a paper's notebook: what the paper reports, what we saw, and what probably makes the difference."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from harmlib.evaluation.intervals import Interval
from reproduction.kit.artefacts import Artefacts
from reproduction.kit.findings import AGREES, value_verdict

COLUMNS = ["quantity", "data", "paper", "ours", "low", "high", "n", "verdict", "likely reason"]
# Fewer are named as a reason beside a verdict.
FEW_IMAGES = 30

Row = dict[str, Any]


def summary_row(quantity: str, data: str, paper: float | str, ours: Interval, verdict: str, reason: str = "") -> Row:
    """Return one row, with the columns of COLUMNS: agreement needs no reason, and few images are one more for every other verdict."""
    numbers = {"paper": paper, "ours": ours.mean, "low": ours.low, "high": ours.high, "n": ours.n}
    few = f"; only {ours.n} images" if 0 < ours.n < FEW_IMAGES else ""
    likely = "" if verdict == AGREES else reason + few
    return {"quantity": quantity, "data": data, **numbers, "verdict": verdict, "likely reason": likely}


def value_row(quantity: str, data: str, paper: float, ours: Interval, reason: str) -> Row:
    """Return the row of a printed value, judged by ``verdicts.value_verdict``."""
    return summary_row(quantity, data, paper, ours, value_verdict(ours, paper=paper, data=data), reason)


def order_rows(artefacts: Artefacts, orders: pd.DataFrame, metric: str) -> Iterator[Row]:
    """Yield the orders in one metric that the paper prints, each with the budget of its first method; orders: ``kit.orders``."""
    for row in orders[(orders["metric"] == metric) & (orders["verdict"] != "")].to_dict("records"):
        quantity = f"{metric.replace('mse', 'MSE')}, {row['comparison']}"
        yield summary_row(quantity, row["data"], row["paper"], interval_of(row), row["verdict"], artefacts.budget(row["first"]))


def interval_of(row: Mapping[Hashable, Any], mean: str = "ours") -> Interval:
    """Return the columns ours (or another name), low, high and n of a row as an interval."""
    return Interval(row[mean], row["low"], row["high"], row["n"])


def summary(rows: Iterable[Row]) -> pd.DataFrame:
    """Return rows as a table with the columns of COLUMNS."""
    return pd.DataFrame(rows, columns=COLUMNS)
