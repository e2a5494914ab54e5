"""The last table of notebook 50: what the paper reports, what we saw, and what probably makes the difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from harmlib.evaluation.intervals import FEWEST, mean_interval
from harmlib.evaluation.statistics import mean_score, photographs
from harmlib.models.frih import SMALLEST_AREA
from reproduction.frih.artefacts import BASELINE, Artefacts
from reproduction.frih.gains import EXPLANATIONS, HELD
from reproduction.frih.numbers import printed_mean
from reproduction.frih.pictures import LITERAL
from reproduction.frih.submasks import DEFAULT_CUTOFF, flattest, per_image
from reproduction.kit.artefacts import paper_budget
from reproduction.kit.comparisons import VERDICTS
from reproduction.kit.verdicts import AGREES, CANNOT_SAY, DIFFERS, ClaimResult, claim_row, few_images, value_verdict

MEASURED_CLAIMS = ("frih-C03", "frih-C05", "frih-C27", "frih-C28", "frih-C36")
# "Too coarse-grained" in the text; its last cut-off distance.
COARSE = 0.4

Row = dict[str, Any]


def summary_table(
    artefacts: Artefacts,
    orders: pd.DataFrame,
    submasks: pd.DataFrame,
    regions: pd.DataFrame,
    correlations: pd.DataFrame,
    results: Iterable[ClaimResult],
) -> pd.DataFrame:
    """Return one row per quantity: quantity, data, paper, ours, low, high, n, verdict, likely reason.

    orders: ``numbers.orders``; submasks, regions: ``submasks.measure`` and ``regions``; correlations: ``gains.correlations``;
    results: ``claims.judge_claims``.
    """
    measured = [claim_row(result) for result in results if result.claim_id in MEASURED_CLAIMS]
    data = artefacts.scores["data"].iloc[0]
    parts = (_orders(artefacts, orders), _flat(regions, data), _sweep(submasks, data), _explanations(correlations, data), measured)
    return pd.DataFrame([_difficulty(artefacts), *(row for part in parts for row in part)])


def _difficulty(artefacts: Artefacts) -> Row:
    """Return how far the composites are from their targets."""
    scores = artefacts.scores[artefacts.scores["method"] == BASELINE]
    interval, data, paper = mean_score(scores, "mse"), scores["data"].iloc[0], printed_mean(BASELINE, "mse")
    verdict = value_verdict(interval, paper=paper, data=data)
    numbers = {"paper": paper, "ours": interval.mean, "low": interval.low, "high": interval.high, "n": interval.n}
    reason = "" if verdict == AGREES else f"other photographs and foregrounds than iHarmony4's{few_images(interval.n)}"
    return {"quantity": "MSE of the composites", "data": data, **numbers, "verdict": verdict, "likely reason": reason}


def _orders(artefacts: Artefacts, orders: pd.DataFrame) -> Iterator[Row]:
    """Yield the order of tables 3 and 4 in fMSE, each with the budget behind it."""
    rows = orders[(orders["metric"] == "fmse") & orders["paper"].notna()]
    for row in rows.to_dict("records"):
        verdict = VERDICTS[row["reading"]]
        run = next(run for run in artefacts.plan.runs if run.scored_as == row["first"])
        reason = f"budget: {artefacts.budgets[run.name]}; {paper_budget(run)}{few_images(row['n'])}"
        numbers = {name: row[name] for name in ("paper", "ours", "low", "high", "n")}
        quantity = f"fMSE, {row['comparison']}"
        yield {
            "quantity": quantity,
            "data": row["data"],
            **numbers,
            "verdict": verdict,
            "likely reason": "" if verdict == AGREES else reason,
        }


def _flat(regions: pd.DataFrame, data: str) -> Iterator[Row]:
    """Yield what the printed rule does with the foregrounds of which the text says that they are hard to separate."""
    interval = mean_score(flattest(regions), "K_printed")
    verdict = DIFFERS if interval.low > 1 else AGREES if interval.high <= 1 else CANNOT_SAY
    numbers = {"paper": "1 (hard to separate)", "ours": interval.mean, "low": interval.low, "high": interval.high, "n": interval.n}
    reason = f"the ten largest δ are ten candidates, of which few have a density of ten pixels or less{few_images(interval.n)}"
    quantity = "K of the flattest quarter of the foregrounds, rule as printed"
    yield {"quantity": quantity, "data": data, **numbers, "verdict": verdict, "likely reason": "" if verdict == AGREES else reason}


def _sweep(submasks: pd.DataFrame, data: str) -> Iterator[Row]:
    """Yield what the printed rule does as the cut-off distance grows, and how small its submasks are."""
    printed = submasks[submasks["min_area"] == LITERAL]
    images = per_image(printed).pivot_table(index=["subset", "id"], columns="d_c", values=["K", "largest"])
    more = mean_interval(images["K", COARSE] - images["K", DEFAULT_CUTOFF], photographs(images.index.to_frame()))
    verdict = DIFFERS if more.low > 0 else AGREES if more.high < 0 else CANNOT_SAY
    numbers = {"paper": "fewer (too coarse)", "ours": more.mean, "low": more.low, "high": more.high, "n": more.n}
    share = float(images["largest", COARSE].median())
    reason = f"more submasks, of a few pixels: the largest holds {share:.1%} of the foreground in the median{few_images(more.n)}"
    quantity = f"K at d_c = {COARSE} less K at {DEFAULT_CUTOFF}, rule as printed"
    yield {"quantity": quantity, "data": data, **numbers, "verdict": verdict, "likely reason": "" if verdict == AGREES else reason}
    small = printed.loc[printed["d_c"] == DEFAULT_CUTOFF, "pixels"] < SMALLEST_AREA
    numbers = {"paper": "not printed", "ours": float(small.mean()), "low": float("nan"), "high": float("nan"), "n": more.n}
    quantity = f"share of the submasks below {SMALLEST_AREA} pixels, rule as printed"
    reason = "in L_refine a submask of 5 pixels weighs a twentieth of one of 100 or more"
    yield {"quantity": quantity, "data": data, **numbers, "verdict": CANNOT_SAY, "likely reason": reason}


def _explanations(correlations: pd.DataFrame, data: str) -> Iterator[Row]:
    """Yield whether larger gains go with more regions, the paper's explanation, and with more regions among foregrounds of one size."""
    wanted = (EXPLANATIONS["K_merged"], HELD)
    for row in correlations[correlations["explanation"].isin(wanted)].to_dict("records"):
        verdict = VERDICTS[row["reading"]]
        few = f"; an interval needs {FEWEST} photographs" if row["n"] < FEWEST else few_images(row["n"])
        numbers = {"paper": "positive (ablation 3 to 5)", **{name: row[name] for name in ("ours", "low", "high", "n")}}
        quantity = f"rank correlation of the gain in fMSE, {row['step']}, with {row['explanation']}"
        reason = "" if verdict == AGREES else f"a gain presupposes that the second stage has learned something{few}"
        yield {"quantity": quantity, "data": data, **numbers, "verdict": verdict, "likely reason": reason}
