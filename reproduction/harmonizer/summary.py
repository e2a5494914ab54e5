"""The last table of notebook 62: what the paper reports, what we saw, and what probably makes the difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from harmlib.evaluation.statistics import mean_score
from reproduction.harmonizer import numbers
from reproduction.harmonizer.artefacts import AT_256, AT_FULL_SIZE, BASELINE, PAPER, Artefacts
from reproduction.kit.comparisons import data_of
from reproduction.kit.summary import Row, interval_of, order_rows, summary, value_row
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
    orders = [row for table in (against_others, ablations) for row in _orders(artefacts, table)]
    return summary([*_means(artefacts), *orders, *_losses(artefacts, sizes), *claim_rows(results, MEASURED_CLAIMS)])


def _means(artefacts: Artefacts) -> Iterator[Row]:
    """Yield Harmonizer's own MSE at both sizes beside the paper's."""
    for protocol, size in SIZES.items():
        scores = numbers.under(artefacts, protocol)
        nothing = scores.loc[scores["method"] == BASELINE, "mse"].mean()
        reason = f"other composites: doing nothing has {nothing:.4g} here; {artefacts.budget(PAPER)}"
        ours, paper = mean_score(scores[scores["method"] == PAPER], "mse"), numbers.printed_value(protocol, PAPER, "mse")
        yield value_row(f"MSE of Harmonizer, {size}", data_of(scores), paper, ours, reason)


def _orders(artefacts: Artefacts, table: pd.DataFrame) -> Iterator[Row]:
    """Yield the orders in MSE that the paper prints, with the size at which they are scored."""
    for protocol, part in table.groupby("protocol", sort=False):
        for row in order_rows(artefacts, part, "mse"):
            yield {**row, "quantity": f"{row['quantity']}, {SIZES[str(protocol)]}"}


def _losses(artefacts: Artefacts, table: pd.DataFrame) -> Iterator[Row]:
    """Yield how many times larger the MSE becomes at full size."""
    for row in table[(table["metric"] == "mse") & table["ratio in the paper"].notna()].to_dict("records"):
        quantity, reason = f"MSE at full size over MSE at 256x256, {row['method']}", "the paper's files are larger and saved as JPEG"
        yield value_row(quantity, data_of(artefacts.scores), row["ratio in the paper"], interval_of(row, "ratio"), reason)
