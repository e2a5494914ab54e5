"""The last table of notebook 62: what the paper reports, what we saw, and what probably makes the difference."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from harmlib.evaluation.statistics import mean_score
from reproduction.harmonizer import numbers
from reproduction.harmonizer.artefacts import AT_256, AT_FULL_SIZE, BASELINE, PAPER, Artefacts
from reproduction.kit.comparisons import data_of
from reproduction.kit.summary import interval_of, order_rows, summary, value_row
from reproduction.kit.verdicts import ClaimResult, claim_rows

MEASURED_CLAIMS = tuple(f"harmonizer-C{number}" for number in ("02", 12, 13, 20, 21, 24, 28))
SIZES = {AT_256: "256x256", AT_FULL_SIZE: "full size"}


def summary_table(
    artefacts: Artefacts, against_others: pd.DataFrame, ablations: pd.DataFrame, sizes: pd.DataFrame, results: Iterable[ClaimResult]
) -> pd.DataFrame:
    """Return one row per quantity (``kit.summary.COLUMNS``).

    against_others: ``numbers.all_orders``; ablations: ``numbers.orders`` of ABLATIONS; sizes: ``numbers.size_effect``; results:
    ``claims.judge_claims``.
    """
    rows = []
    for protocol, size in SIZES.items():
        scores = numbers.under(artefacts, protocol)
        nothing = scores.loc[scores["method"] == BASELINE, "mse"].mean()
        reason = f"other composites: doing nothing has {nothing:.4g} here; {artefacts.budget(PAPER)}"
        ours, paper = mean_score(scores[scores["method"] == PAPER], "mse"), numbers.printed_value(protocol, PAPER, "mse")
        rows.append(value_row(f"MSE of Harmonizer, {size}", data_of(scores), paper, ours, reason))
    for orders in (against_others, ablations):
        for scored_under, part in orders.groupby("protocol", sort=False):
            sized = f", {SIZES[str(scored_under)]}"
            rows += [{**row, "quantity": row["quantity"] + sized} for row in order_rows(artefacts, part, "mse")]
    for row in sizes[(sizes["metric"] == "mse") & sizes["ratio in the paper"].notna()].to_dict("records"):
        quantity, reason = f"MSE at full size over MSE at 256x256, {row['method']}", "the paper's files are larger and saved as JPEG"
        rows.append(value_row(quantity, data_of(artefacts.scores), row["ratio in the paper"], interval_of(row, "ratio"), reason))
    return summary([*rows, *claim_rows(results, MEASURED_CLAIMS)])
