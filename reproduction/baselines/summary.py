"""The last table of notebook 55: what the papers' orders say, what we saw, and what probably makes the difference."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from harmlib.evaluation.intervals import Interval
from reproduction.baselines.artefacts import BASELINE, LABELS, Artefacts
from reproduction.baselines.ranking import AGREE, CONTRADICT, WITHOUT_DRAWING
from reproduction.baselines.training import start_correlation
from reproduction.kit.comparisons import BETTER, WORSE, data_of
from reproduction.kit.findings import AGREES, CANNOT_SAY, DIFFERS
from reproduction.kit.summary import Row, interval_of, summary, summary_row

# A rank correlation above this is agreement: from here on Kendall's tau has three pairs of four in the printed order.
AGREEMENT = 0.5


def summary_table(
    artefacts: Artefacts, ranking: pd.DataFrame, agreement: pd.DataFrame, pairs: pd.DataFrame, starts: pd.DataFrame
) -> pd.DataFrame:
    """Return one row per quantity (``kit.summary.COLUMNS``).

    ranking: ``ranking.ranking_table``; agreement: ``ranking.order_agreement``; pairs: ``ranking.printed_pairs``; starts:
    ``training.starts``.
    """
    budget = f"budget: {common_budget(artefacts)}"
    judged = (*_orders(agreement, budget), *_first(pairs, budget), *_learned(pairs, budget), *_against_nothing(ranking, pairs))
    return summary([*judged, _start(starts)]).assign(data=data_of(artefacts.scores))


def common_budget(artefacts: Artefacts) -> str:
    """Return the budget that most of the trained systems share, and how many do."""
    counts = pd.Series(list(artefacts.budgets.values())).value_counts()
    return f"{counts.index[0]} for {counts.iloc[0]} of {counts.sum()} systems"


def _orders(agreement: pd.DataFrame, budget: str) -> Iterator[Row]:
    """Yield the rank correlations: they agree where the whole interval is above AGREEMENT, and differ where it is below."""
    for row in agreement.to_dict("records"):
        verdict = AGREES if row["low"] > AGREEMENT else DIFFERS if row["high"] < AGREEMENT else CANNOT_SAY
        quantity = f"{row['statistic']} of both orders, {row['metric'].upper()}, {row['systems']} systems"
        yield summary_row(quantity, "", "1", interval_of(row), verdict, budget)


def _first(pairs: pd.DataFrame, budget: str) -> Iterator[Row]:
    """Yield of how many others the system that print puts first is clearly better here."""
    for metric, part in pairs.groupby("metric", sort=False):
        first = part["better"].iloc[0]
        rows = part[part["better"] == first]
        beaten, lost = (rows.loc[rows["reading"] == words, "worse"] for words in (AGREE, CONTRADICT))
        verdict = DIFFERS if len(lost) else AGREES if len(beaten) == len(rows) else CANNOT_SAY
        reason = f"clearly worse than {', '.join(map(LABELS.__getitem__, lost)) or 'none'}; {budget}"
        quantity = f"systems that {LABELS[first]} clearly beats, {str(metric).upper()}"
        yield _count(quantity, str(len(rows)), len(beaten), verdict, reason, rows["n"].iloc[0])


def _learned(pairs: pd.DataFrame, budget: str) -> Iterator[Row]:
    """Yield how many of the printed victories of learned systems over classical ones hold."""
    drawn = ~pairs["better"].isin({*WITHOUT_DRAWING, BASELINE})
    for metric, part in pairs[drawn & pairs["worse"].isin(WITHOUT_DRAWING)].groupby("metric", sort=False):
        kept, turned = (int((part["reading"] == words).sum()) for words in (AGREE, CONTRADICT))
        verdict = AGREES if kept == len(part) else DIFFERS if turned > kept else CANNOT_SAY
        reason = f"{turned} are turned around; classical methods need no training; {budget}"
        quantity = f"printed victories of learned over classical systems that hold, {str(metric).upper()}"
        yield _count(quantity, str(len(part)), kept, verdict, reason, part["n"].iloc[0])


def _against_nothing(ranking: pd.DataFrame, pairs: pd.DataFrame) -> Iterator[Row]:
    """Yield how many systems are clearly worse than the composite, and of how many print says so."""
    for metric, part in pairs.groupby("metric", sort=False):
        printed = part.loc[part["better"] == BASELINE, "worse"]
        found = ranking[(ranking["metric"] == metric) & ranking["paper"].notna()]
        worse, better = (found.loc[found["reading"] == words, "system"] for words in (WORSE, BETTER))
        harmful = set(found.loc[found["reading"] == WORSE, "method"])
        verdict = AGREES if harmful == set(printed) else DIFFERS if harmful - set(printed) else CANNOT_SAY
        reason = f"worse: {', '.join(worse) or 'none'}; better: {', '.join(better) or 'none'}"
        quantity = f"printed systems clearly worse than doing nothing, {str(metric).upper()}"
        paper = f"{len(printed)} ({', '.join(map(LABELS.__getitem__, printed))})"
        yield _count(quantity, paper, len(worse), verdict, reason, part["n"].iloc[0])


def _start(starts: pd.DataFrame) -> Row:
    """Return whether networks whose fresh pictures keep the composite have the smaller errors after training."""
    found = start_correlation(starts)
    words = "after so few updates a start near the composite decides" if found.high < 0 else "the start does not decide alone"
    quantity = "rank correlation over systems: what is kept before training, MSE after it"
    return {**summary_row(quantity, "", "not printed", found, CANNOT_SAY), "likely reason": words}  # n counts systems, not images


def _count(quantity: str, paper: str, ours: int, verdict: str, reason: str, n: int) -> Row:
    """Return the row of a count, which has no interval."""
    return summary_row(quantity, "", paper, Interval(float(ours), math.nan, math.nan, int(n)), verdict, reason)
