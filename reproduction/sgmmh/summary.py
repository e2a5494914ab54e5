"""The last table of notebook 41: what the paper reports, what we saw, and what probably makes the difference."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from harmlib.evaluation.statistics import mean_score
from reproduction.kit.comparisons import VERDICTS, reading
from reproduction.kit.summary import interval_of, order_rows, summary, summary_row, value_row
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
    rows, reason = [], "other photographs and regions than the paper's"
    for dataset, scores in artefacts.scores[artefacts.scores["method"] == BASELINE].groupby("dataset", sort=False):
        paper, data = printed_mean(TABLES, BASELINE, "mse", str(dataset)), scores["data"].iloc[0]
        rows.append(value_row("MSE of the composites", data, paper, mean_score(scores, "mse"), reason))
    steps = differences[[pair in STEPS for pair in zip(differences["first"], differences["second"], strict=True)]]
    rows += order_rows(artefacts, steps, "mse")
    for row in directions[directions["compared"] == "add"].to_dict("records"):
        verdict = VERDICTS[reading(row["low"] - CHANCE, row["high"] - CHANCE, lower_is_better=False)]
        quantity, reason = f"share of regions where add {row['channel']} has the wanted sign", "the multiplying masks move the color too"
        rows.append(summary_row(quantity, row["data"], "same sign (figure 5)", interval_of(row, "share"), verdict, reason))
    return summary([*rows, *claim_rows(results, MEASURED_CLAIMS)])
