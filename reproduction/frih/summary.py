"""The last table of notebook 51: what the paper reports, what we saw, and what probably makes the difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from harmlib.evaluation.intervals import Interval, mean_interval
from harmlib.evaluation.statistics import mean_score, photographs
from harmlib.models.frih import SMALLEST_AREA
from reproduction.frih.artefacts import BASELINE, Artefacts
from reproduction.frih.gains import EXPLANATIONS, HELD
from reproduction.frih.numbers import TABLES
from reproduction.frih.pictures import LITERAL
from reproduction.frih.submasks import DEFAULT_CUTOFF, flattest, per_image
from reproduction.kit.comparisons import VERDICTS
from reproduction.kit.findings import AGREES, CANNOT_SAY, DIFFERS
from reproduction.kit.summary import Row, interval_of, order_rows, summary, summary_row, value_row
from reproduction.kit.verdicts import ClaimResult, claim_rows
from reproduction.papers import printed_mean

MEASURED_CLAIMS = ("frih-C03", "frih-C05", "frih-C27", "frih-C28", "frih-C36")
# "Too coarse-grained" in the text; its last cut-off distance.
COARSE = 0.4


def summary_table(
    artefacts: Artefacts,
    orders: pd.DataFrame,
    submasks: pd.DataFrame,
    regions: pd.DataFrame,
    correlations: pd.DataFrame,
    results: Iterable[ClaimResult],
) -> pd.DataFrame:
    """Return one row per quantity (``kit.summary.COLUMNS``).

    orders: ``numbers.orders``; submasks, regions: ``submasks.measure`` and ``regions``; correlations: ``gains.correlations``;
    results: ``claims.judge_claims``.
    """
    data, composites = artefacts.scores["data"].iloc[0], artefacts.scores[artefacts.scores["method"] == BASELINE]
    difficulty = mean_score(composites, "mse")
    paper, reason = printed_mean(TABLES, BASELINE, "mse", "iHarmony4"), "other photographs and foregrounds than iHarmony4's"
    rows = [value_row("MSE of the composites", data, paper, difficulty, reason), *order_rows(artefacts, orders, "fmse")]
    # Of these foregrounds the text says that they are hard to separate.
    found = mean_score(flattest(regions), "K_printed")
    verdict = DIFFERS if found.low > 1 else AGREES if found.high <= 1 else CANNOT_SAY
    quantity = "K of the flattest quarter of the foregrounds, rule as printed"
    reason = "the ten largest δ are ten candidates, of which few have a density of ten pixels or less"
    rows += [summary_row(quantity, data, "1 (hard to separate)", found, verdict, reason), *_sweep(submasks, data)]
    # The paper's explanation of its gains, and the same among foregrounds of one size.
    reason = "a gain presupposes that the second stage has learned something"
    for row in correlations[correlations["explanation"].isin((EXPLANATIONS["K_merged"], HELD))].to_dict("records"):
        quantity = f"rank correlation of the gain in fMSE, {row['step']}, with {row['explanation']}"
        rows.append(summary_row(quantity, data, "positive (ablation 3 to 5)", interval_of(row), VERDICTS[row["reading"]], reason))
    return summary([*rows, *claim_rows(results, MEASURED_CLAIMS)])


def _sweep(submasks: pd.DataFrame, data: str) -> Iterator[Row]:
    """Yield what the printed rule does as the cut-off distance grows, and how small its submasks are."""
    printed = submasks[submasks["min_area"] == LITERAL]
    images = per_image(printed).pivot_table(index=["subset", "id"], columns="d_c", values=["K", "largest"])
    more = mean_interval(images["K", COARSE] - images["K", DEFAULT_CUTOFF], photographs(images.index.to_frame()))
    verdict = DIFFERS if more.low > 0 else AGREES if more.high < 0 else CANNOT_SAY
    share = float(images["largest", COARSE].median())
    reason = f"more submasks, of a few pixels: the largest holds {share:.1%} of the foreground in the median"
    quantity = f"K at d_c = {COARSE} less K at {DEFAULT_CUTOFF}, rule as printed"
    yield summary_row(quantity, data, "fewer (too coarse)", more, verdict, reason)
    small = float((printed.loc[printed["d_c"] == DEFAULT_CUTOFF, "pixels"] < SMALLEST_AREA).mean())
    quantity = f"share of the submasks below {SMALLEST_AREA} pixels, rule as printed"
    reason = "in L_refine a submask of 5 pixels weighs a twentieth of one of 100 or more"
    yield summary_row(quantity, data, "not printed", Interval(small, float("nan"), float("nan"), more.n), CANNOT_SAY, reason)
