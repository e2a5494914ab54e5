"""The last table of notebook 40: what the paper reports, what we saw, and what probably makes the difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from harmlib.evaluation.statistics import mean_score
from harmlib.models.sgmmh import FIRST_STAGE
from reproduction.kit.comparisons import VERDICTS, reading
from reproduction.kit.verdicts import AGREES, ClaimResult, claim_row, few_images, value_verdict
from reproduction.sgmmh.artefacts import BASELINE, Artefacts
from reproduction.sgmmh.directions import CHANCE
from reproduction.sgmmh.numbers import printed_mean

MEASURED_CLAIMS = ("sgmmh-C09", "sgmmh-C27")

Row = dict[str, object]


def summary_table(
    artefacts: Artefacts, differences: pd.DataFrame, directions: pd.DataFrame, results: Iterable[ClaimResult]
) -> pd.DataFrame:
    """Return one row per quantity: quantity, data, paper, ours, low, high, n, verdict, likely reason.

    differences: ``numbers.differences``; directions: ``directions.agreement``; results: ``claims.judge_claims``.
    """
    measured = [result for result in results if result.claim_id in MEASURED_CLAIMS]
    rows = [*_difficulty(artefacts), *_orders(artefacts, differences), *_signs(directions), *map(claim_row, measured)]
    return pd.DataFrame(rows)


def _difficulty(artefacts: Artefacts) -> Iterator[Row]:
    """Yield how far the composites are from their targets, per benchmark."""
    for dataset, scores in artefacts.scores[artefacts.scores["method"] == BASELINE].groupby("dataset", sort=False):
        interval, data = mean_score(scores, "mse"), scores["data"].iloc[0]
        paper = printed_mean(str(dataset), BASELINE, "mse")
        verdict = value_verdict(interval, paper=paper, data=data)
        reason = "" if verdict == AGREES else "other photographs and regions than the paper's"
        numbers = {"paper": paper, "ours": interval.mean, "low": interval.low, "high": interval.high, "n": interval.n}
        yield {"quantity": "MSE of the composites", "data": data, **numbers, "verdict": verdict, "likely reason": reason}


def _orders(artefacts: Artefacts, differences: pd.DataFrame) -> Iterator[Row]:
    """Yield the order of table 2 in MSE: every method against the one before it, and the last against doing nothing."""
    benchmarks = {benchmark.title: benchmark.name for benchmark in artefacts.plan.benchmarks}
    steps = ["RGB - composite", "OM - RGB", "OMGAN - OM", "OMGAN - composite"]
    chosen = differences[(differences["metric"] == "MSE") & differences["comparison"].isin(steps)]
    for row in chosen.to_dict("records"):
        verdict = VERDICTS[row["reading"]]
        budget = artefacts.budgets[f"{row['method']}-{benchmarks[row['data']]}"]
        paper = f"{FIRST_STAGE.iterations:,} and more of {FIRST_STAGE.batch_size} per GPU, width 1"
        reason = "" if verdict == AGREES else f"budget: {budget}; the paper {paper}{few_images(row['n'])}"
        numbers = {name: row[name] for name in ("paper", "ours", "low", "high", "n")}
        yield {"quantity": f"MSE, {row['comparison']}", "data": row["data"], **numbers, "verdict": verdict, "likely reason": reason}


def _signs(directions: pd.DataFrame) -> Iterator[Row]:
    """Yield, per benchmark and channel, how often the additive mask has the sign of what has to be undone."""
    for row in directions[directions["compared"] == "add"].to_dict("records"):
        verdict = VERDICTS[reading(row["low"] - CHANCE, row["high"] - CHANCE, lower_is_better=False)]
        reason = "" if verdict == AGREES else f"the multiplying masks move the color too{few_images(row['n'])}"
        numbers = {"paper": "same sign (figure 5)", "ours": row["share"], "low": row["low"], "high": row["high"], "n": row["n"]}
        quantity = f"share of regions where add {row['channel']} has the wanted sign"
        yield {"quantity": quantity, "data": row["data"], **numbers, "verdict": verdict, "likely reason": reason}
