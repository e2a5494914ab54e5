"""The last table of notebook 60: what the paper reports, what we saw, and what probably makes the difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from harmlib.evaluation.intervals import Interval
from harmlib.evaluation.statistics import mean_score
from reproduction.harmonizer import numbers
from reproduction.harmonizer.artefacts import AT_256, BASELINE, PAPER, Artefacts
from reproduction.kit.artefacts import paper_budget
from reproduction.kit.comparisons import VERDICTS
from reproduction.kit.verdicts import AGREES, CANNOT_SAY, DIFFERS, ClaimResult, claim_row, few_images, value_verdict
from reproduction.profiles import PCM

MEASURED_CLAIMS = tuple(f"harmonizer-C{number}" for number in ("02", 12, 13, 20, 21, 24, 28))
SIZES = {"1": "256x256", "2": "full size"}

Row = dict[str, object]


def summary_table(
    artefacts: Artefacts, against_others: pd.DataFrame, ablations: pd.DataFrame, sizes: pd.DataFrame, results: Iterable[ClaimResult]
) -> pd.DataFrame:
    """Return one row per quantity: quantity, data, paper, ours, low, high, n, verdict, likely reason.

    against_others: ``numbers.all_orders``; ablations: ``numbers.orders`` of ABLATIONS; sizes: ``numbers.size_effect``; results:
    ``claims.judge_claims``.
    """
    measured = [result for result in results if result.claim_id in MEASURED_CLAIMS]
    rows = [
        *_means(artefacts),
        *_orders(artefacts, against_others),
        *_orders(artefacts, ablations),
        *_losses(artefacts, sizes),
        *map(claim_row, measured),
    ]
    return pd.DataFrame(rows)


def _means(artefacts: Artefacts) -> Iterator[Row]:
    """Yield Harmonizer's own MSE at both sizes beside the paper's."""
    data = ", ".join(artefacts.scores["data"].unique())
    for table, protocol in numbers.PROTOCOLS.items():
        scores = numbers.under(artefacts, protocol)
        interval = mean_score(scores[scores["method"] == PAPER], "mse")
        paper = numbers.printed_mean(str(table), PAPER, "mse")
        verdict = value_verdict(interval, paper=paper, data=data)
        nothing = scores.loc[scores["method"] == BASELINE, "mse"].mean()
        reason = "" if verdict == AGREES else f"other composites: doing nothing has {nothing:.4g} here; {budget(artefacts)}"
        values = {"paper": paper, "ours": interval.mean, "low": interval.low, "high": interval.high, "n": interval.n}
        yield {"quantity": f"MSE of Harmonizer, {SIZES[str(table)]}", "data": data, **values, "verdict": verdict, "likely reason": reason}


def _orders(artefacts: Artefacts, table: pd.DataFrame) -> Iterator[Row]:
    """Yield the orders in MSE that the paper prints: an order agrees when the whole interval lies on the paper's side of zero."""
    for row in table[(table["metric"] == "mse") & table["paper"].notna()].to_dict("records"):
        # All orders are printed as first minus second; the first is the worse one where the paper's difference is positive.
        verdict = VERDICTS[row["reading"]]
        if row["paper"] > 0 and verdict != CANNOT_SAY:
            verdict = DIFFERS if verdict == AGREES else AGREES
        reason = "" if verdict == AGREES else f"{budget(artefacts, row['first'])}{few_images(row['n'])}"
        values = {name: row[name] for name in ("paper", "ours", "low", "high", "n")}
        size = "256x256" if row["protocol"] == AT_256 else "full size"
        yield {"quantity": f"MSE, {row['comparison']}, {size}", "data": row["data"], **values, "verdict": verdict, "likely reason": reason}


def _losses(artefacts: Artefacts, table: pd.DataFrame) -> Iterator[Row]:
    """Yield how many times larger the MSE becomes at full size."""
    data = ", ".join(artefacts.scores["data"].unique())
    for row in table[(table["metric"] == "mse") & table["ratio in the paper"].notna()].to_dict("records"):
        ratio = Interval(row["ratio"], row["low"], row["high"], row["n"])
        verdict = value_verdict(ratio, paper=row["ratio in the paper"], data=data)
        values = {"paper": row["ratio in the paper"], "ours": row["ratio"], "low": row["low"], "high": row["high"], "n": row["n"]}
        reason = "" if verdict == AGREES else "the paper's files are larger and saved as JPEG"
        quantity = f"MSE at full size over MSE at 256x256, {row['method']}"
        yield {"quantity": quantity, "data": data, **values, "verdict": verdict, "likely reason": reason}


def budget(artefacts: Artefacts, method: str = PAPER) -> str:
    """Return how a method was trained here and how in the paper; of one without training, how Harmonizer was."""
    runs = {run.scored_as: run for run in artefacts.plan.runs}
    run = runs.get(method.removesuffix(PCM), runs[PAPER])
    return f"budget of {artefacts.labels[run.scored_as]}: {artefacts.budgets[run.name]}; {paper_budget(run)}"
