"""The last table of notebook 70: what the paper reports, what we saw, and what probably makes the difference."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from harmlib.evaluation.intervals import Interval
from harmlib.evaluation.statistics import mean_score
from reproduction.kit.artefacts import paper_budget
from reproduction.kit.comparisons import VERDICTS, reading
from reproduction.kit.labelme import CHANCE, PACK
from reproduction.kit.verdicts import AGREES, CANNOT_SAY, DIFFERS, ClaimResult, claim_row, few_images, value_verdict
from reproduction.papers import published_value
from reproduction.perceptual.artefacts import BASELINE, DETECTOR, LABELS, TRUE_MASK, TWO_STAGE, Artefacts
from reproduction.perceptual.detector import MANY_MISSED, PUBLISHED_DISTANCE
from reproduction.perceptual.numbers import DATASETS, SMALL, sized

# Claims that are measured, in words that say what our number is.
MEASURED_CLAIMS = {
    "perceptual-C16": "MSE, PTC-DIH - DIH-M, objects of 20 to 40 %, COCO-Exp",
    "perceptual-C17": "MSE, PTC-DIH - other methods without mask, by size",
    "perceptual-C18": "MSE, PTC-DIH and PTC-att-DIH - DIH-NM",
    "perceptual-C19": "rank correlation of the error that PTC-DIH removes with the object's share",
    "perceptual-C20": "rank correlation of the error of 0.5 stops with the object's share",
}

Row = dict[str, Any]


def summary_table(
    artefacts: Artefacts,
    orders: pd.DataFrame,
    small: pd.DataFrame,
    thresholds: pd.DataFrame,
    learned: pd.DataFrame,
    realism: pd.DataFrame | None,
    results: Iterable[ClaimResult],
) -> pd.DataFrame:
    """Return one row per quantity: quantity, data, paper, ours, low, high, n, verdict, likely reason.

    orders, small: ``numbers.orders`` and ``small_objects``; thresholds, learned: ``detector.threshold_table`` and ``learned_table``;
    realism: ``realism.auc_table``, None without the pack; results: ``claims.judge_claims``.
    """
    chosen = [result for result in results if result.claim_id in MEASURED_CLAIMS]
    measured = [{**claim_row(result), "quantity": MEASURED_CLAIMS[result.claim_id]} for result in chosen]
    harmonizers = (_difficulty(artefacts), _orders(artefacts, orders), _small(artefacts, small))
    parts = (*harmonizers, _detector(artefacts, thresholds, learned), _realism(artefacts, realism))
    return pd.DataFrame([*(row for part in parts for row in part), *measured])


def _difficulty(artefacts: Artefacts) -> Iterator[Row]:
    """Yield how far composites with small objects are from their targets, the size that both data sets have most of."""
    for dataset in DATASETS:
        scores = artefacts.scores[(artefacts.scores["dataset"] == dataset) & (artefacts.scores["method"] == BASELINE)]
        part = sized(scores)
        interval = mean_score(part[part["subset_or_bucket"] == SMALL], "mse")
        paper, data = published_value("perceptual", 3, BASELINE, dataset, SMALL, "MSE"), scores["data"].iloc[0]
        verdict = value_verdict(interval, paper=paper, data=data)
        reason = f"other photographs and objects than {dataset}'s"
        yield _row(f"MSE of the composites, objects below 10 %, for {dataset}", data, paper, interval, verdict, reason)


def _orders(artefacts: Artefacts, orders: pd.DataFrame) -> Iterator[Row]:
    """Yield the differences in MSE that tables 1 and 2 print."""
    for row in orders[(orders["metric"] == "mse") & orders["paper"].notna()].to_dict("records"):
        verdict = {"yes": AGREES, "no": DIFFERS}.get(row["holds"], CANNOT_SAY)
        reason = budget(artefacts, TRUE_MASK if row["first"] == TWO_STAGE else row["first"])
        if row["first"] == TWO_STAGE:
            reason = f"the paper's are released weights; {reason}"
        yield _row(f"MSE, {row['comparison']}, for {row['dataset']}", row["data"], row["paper"], _interval(row), verdict, reason)


def _small(artefacts: Artefacts, small: pd.DataFrame) -> Iterator[Row]:
    """Yield what methods without mask do to small objects: the paper's own table has two of three worse than doing nothing."""
    names = {name: method for method, name in LABELS.items()}
    for row in small[small["paper"].notna()].to_dict("records"):
        verdict = VERDICTS.get(row["reading"], CANNOT_SAY)
        if row["paper"] > 0 and verdict != CANNOT_SAY:
            verdict = DIFFERS if verdict == AGREES else AGREES
        quantity = f"MSE below 10 %, {row['method']} - composite, for {row['dataset']}"
        yield _row(quantity, row["data"], row["paper"], _interval(row), verdict, budget(artefacts, names[row["method"]]))


def _detector(artefacts: Artefacts, thresholds: pd.DataFrame, learned: pd.DataFrame) -> Iterator[Row]:
    """Yield how far predicted thresholds lie from those of the labels, how often there are none, and whether each direction is learned."""
    data, reason = "objects of the detector's test photographs", budget(artefacts, DETECTOR)
    for row in thresholds.to_dict("records"):
        interval = Interval(row["distance"], row["low"], row["high"], row["n"])
        few = row["never"] >= MANY_MISSED or not interval.high > interval.low
        nearer = AGREES if interval.high < PUBLISHED_DISTANCE else value_verdict(interval, paper=PUBLISHED_DISTANCE, data=data)
        verdict = CANNOT_SAY if few else nearer
        missed = f"{row['never']:.0%} of {row['objects']} objects are never detected; labels are medians, not what people saw; {reason}"
        yield _row(f"distance of predicted thresholds in stops, {row['direction']}", data, PUBLISHED_DISTANCE, interval, verdict, missed)
    for row in learned.to_dict("records"):
        quantity = f"detector, {row['direction']}: {row['quantity']}"
        yield _row(quantity, data, "above 0 (learned)", _interval(row), VERDICTS[row["reading"]], reason)


def _realism(artefacts: Artefacts, table: pd.DataFrame | None) -> Iterator[Row]:
    """Yield whether the detected area follows what people said about real composites; the paper does not test this."""
    if table is None:
        return
    for row in table[table["score"].isin(["inside", "whole"])].to_dict("records"):
        interval = _interval(row)
        verdict = VERDICTS[reading(interval.low - CHANCE, interval.high - CHANCE, lower_is_better=False)]
        reason = f"people judge more than exposure, and the detector knows nothing else; {budget(artefacts, DETECTOR)}"
        quantity = f"AUC of unrealistic against realistic, {row['meaning']}"
        yield _row(quantity, PACK, "above 0.5 (not in the paper)", interval, verdict, reason)


def budget(artefacts: Artefacts, method: str) -> str:
    """Return how a method was trained here and how the authors recommend."""
    run = next(run for run in artefacts.plan.runs if run.method == method)
    return f"budget: {artefacts.budgets[run.name]}; {paper_budget(run)}"


def _interval(row: Mapping[Hashable, Any]) -> Interval:
    """Return the columns ours, low, high and n as an interval."""
    return Interval(row["ours"], row["low"], row["high"], row["n"])


def _row(quantity: str, data: str, paper: float | str, ours: Interval, verdict: str, reason: str) -> Row:
    """Return one row; agreement needs no reason, and few images are one."""
    numbers = {"paper": paper, "ours": ours.mean, "low": ours.low, "high": ours.high, "n": ours.n}
    likely = "" if verdict == AGREES else f"{reason}{few_images(ours.n) if ours.n else ''}"
    return {"quantity": quantity, "data": data, **numbers, "verdict": verdict, "likely reason": likely}
