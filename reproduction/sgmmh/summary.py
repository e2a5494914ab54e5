"""The last table of notebook 41: what the paper reports, what we saw, and what probably makes the difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from harmlib.evaluation.statistics import mean_score
from reproduction.kit.comparisons import VERDICTS, reading
from reproduction.kit.summary import Row, interval_of, order_rows, summary, summary_row, value_row
from reproduction.kit.verdicts import ClaimResult, claim_rows
from reproduction.papers import printed_mean
from reproduction.sgmmh.artefacts import BASELINE, Artefacts
from reproduction.sgmmh.directions import CHANCE
from reproduction.sgmmh.numbers import TABLES

MEASURED_CLAIMS = ("sgmmh-C09", "sgmmh-C27")
# The order of table 2: every method against the one before it, and the last against doing nothing.
STEPS = (("sgmmh_rgb", BASELINE), ("sgmmh_om", "sgmmh_rgb"), ("sgmmh_omgan", "sgmmh_om"), ("sgmmh_omgan", BASELINE))


def summary_table(
    artefacts: Artefacts, differences: pd.DataFrame, directions: pd.DataFrame, results: Iterable[ClaimResult]
) -> pd.DataFrame:
    """Return one row per quantity (``kit.summary.COLUMNS``).

    differences: ``numbers.differences``; directions: ``directions.agreement``; results: ``claims.judge_claims``.
    """
    steps = differences[[pair in STEPS for pair in zip(differences["first"], differences["second"], strict=True)]]
    measured = claim_rows(results, MEASURED_CLAIMS)
    return summary([*_difficulty(artefacts), *order_rows(artefacts, steps, "mse"), *_signs(directions), *measured])


def _difficulty(artefacts: Artefacts) -> Iterator[Row]:
    """Yield how far the composites are from their targets, per benchmark."""
    for dataset, scores in artefacts.scores[artefacts.scores["method"] == BASELINE].groupby("dataset", sort=False):
        paper, data = printed_mean(TABLES, BASELINE, "mse", str(dataset)), scores["data"].iloc[0]
        reason = "other photographs and regions than the paper's"
        yield value_row("MSE of the composites", data, paper, mean_score(scores, "mse"), reason)


def _signs(directions: pd.DataFrame) -> Iterator[Row]:
    """Yield, per benchmark and channel, how often the additive mask has the sign of what has to be undone."""
    for row in directions[directions["compared"] == "add"].to_dict("records"):
        verdict = VERDICTS[reading(row["low"] - CHANCE, row["high"] - CHANCE, lower_is_better=False)]
        quantity = f"share of regions where add {row['channel']} has the wanted sign"
        reason = "the multiplying masks move the color too"
        yield summary_row(quantity, row["data"], "same sign (figure 5)", interval_of(row, "share"), verdict, reason)
