"""The last table of notebook 72: what the paper reports, what we saw, and what probably makes the difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from harmlib.evaluation.statistics import mean_score
from reproduction.kit.comparisons import VERDICTS, reading
from reproduction.kit.findings import AGREES, CANNOT_SAY, value_verdict
from reproduction.kit.labelme import CHANCE, PACK
from reproduction.kit.orders import order_verdict
from reproduction.kit.summary import Row, interval_of, order_rows, summary, summary_row, value_row
from reproduction.kit.verdicts import ClaimResult, claim_rows
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


def summary_table(
    artefacts: Artefacts,
    orders: pd.DataFrame,
    small: pd.DataFrame,
    thresholds: pd.DataFrame,
    learned: pd.DataFrame,
    realism: pd.DataFrame | None,
    results: Iterable[ClaimResult],
) -> pd.DataFrame:
    """Return one row per quantity (``kit.summary.COLUMNS``).

    orders, small: ``numbers.orders`` and ``small_objects``; thresholds, learned: ``detector.threshold_table`` and ``learned_table``;
    realism: ``realism.auc_table``, None without the pack; results: ``claims.judge_claims``.
    """
    # The two-stage system has no training of its own: its budget is that of DIH-M.
    trained = orders.replace({"first": {TWO_STAGE: TRUE_MASK}})
    harmonizers = (_difficulty(artefacts), order_rows(artefacts, trained, "mse"), _small(artefacts, small))
    parts = (*harmonizers, _detector(artefacts, thresholds, learned), _realism(artefacts, realism), claim_rows(results, MEASURED_CLAIMS))
    return summary(row for part in parts for row in part)


def _difficulty(artefacts: Artefacts) -> Iterator[Row]:
    """Yield how far composites with small objects are from their targets, the size that both data sets have most of."""
    for dataset in DATASETS:
        scores = artefacts.scores[(artefacts.scores["dataset"] == dataset) & (artefacts.scores["method"] == BASELINE)]
        part = sized(scores)
        ours = mean_score(part[part["subset_or_bucket"] == SMALL], "mse")
        paper, data = published_value("perceptual", 3, BASELINE, dataset, SMALL, "MSE"), scores["data"].iloc[0]
        quantity, reason = f"MSE of the composites, objects below 10 %, for {dataset}", f"other photographs and objects than {dataset}'s"
        yield value_row(quantity, data, paper, ours, reason)


def _small(artefacts: Artefacts, small: pd.DataFrame) -> Iterator[Row]:
    """Yield what methods without mask do to small objects: the paper's own table has two of three worse than doing nothing."""
    names = {name: method for method, name in LABELS.items()}
    for row in small[small["paper"].notna()].to_dict("records"):
        # Without an image of this size there is no reading.
        verdict = order_verdict(row["reading"], row["ours"], row["paper"]) if row["n"] else CANNOT_SAY
        quantity = f"MSE below 10 %, {row['method']} - composite, for {row['dataset']}"
        yield summary_row(quantity, row["data"], row["paper"], interval_of(row), verdict, artefacts.budget(names[row["method"]]))


def _detector(artefacts: Artefacts, thresholds: pd.DataFrame, learned: pd.DataFrame) -> Iterator[Row]:
    """Yield how far predicted thresholds lie from those of the labels, how often there are none, and whether each direction is learned."""
    data, reason = "objects of the detector's test photographs", artefacts.budget(DETECTOR)
    for row in thresholds.to_dict("records"):
        interval = interval_of(row, "distance")
        few = row["never"] >= MANY_MISSED or not interval.high > interval.low
        nearer = AGREES if interval.high < PUBLISHED_DISTANCE else value_verdict(interval, paper=PUBLISHED_DISTANCE, data=data)
        verdict = CANNOT_SAY if few else nearer
        missed = f"{row['never']:.0%} of {row['objects']} objects are never detected; labels are medians, not what people saw; {reason}"
        quantity = f"distance of predicted thresholds in stops, {row['direction']}"
        yield summary_row(quantity, data, PUBLISHED_DISTANCE, interval, verdict, missed)
    for row in learned.to_dict("records"):
        quantity = f"detector, {row['direction']}: {row['quantity']}"
        yield summary_row(quantity, data, "above 0 (learned)", interval_of(row), VERDICTS[row["reading"]], reason)


def _realism(artefacts: Artefacts, table: pd.DataFrame | None) -> Iterator[Row]:
    """Yield whether the detected area follows what people said about real composites; the paper does not test this."""
    if table is None:
        return
    for row in table[table["score"].isin(["inside", "whole"])].to_dict("records"):
        interval = interval_of(row)
        verdict = VERDICTS[reading(interval.low - CHANCE, interval.high - CHANCE, lower_is_better=False)]
        reason = f"people judge more than exposure, and the detector knows nothing else; {artefacts.budget(DETECTOR)}"
        quantity = f"AUC of unrealistic against realistic, {row['meaning']}"
        yield summary_row(quantity, PACK, "above 0.5 (not in the paper)", interval, verdict, reason)
