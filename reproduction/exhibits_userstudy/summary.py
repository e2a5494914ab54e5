"""The last table of notebook 81: what the papers report of people, what we saw, and who it was that answered.

An order of methods gets a verdict from people alone. Simulated raters are asked all the same, with the number of people and pictures of the
paper: their interval says what a study of that size could tell if the printed scores were log strengths.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from reproduction.exhibits_userstudy import votes
from reproduction.exhibits_userstudy.claims import ARITHMETIC
from reproduction.exhibits_userstudy.numbers import Scored, difference
from reproduction.kit.comparisons import VERDICTS, reading
from reproduction.kit.findings import CANNOT_SAY
from reproduction.kit.names import label_of
from reproduction.kit.summary import Row, summary_row
from reproduction.kit.verdicts import ClaimResult, claim_rows
from reproduction.userstudy.choices import printed_votes
from reproduction.userstudy.tables import SIMULATED

PEOPLE = "people"
# What table 5 is read for (section 4.4): the method in front and those that it should be above, the best of the previous ones (HT) first.
ORDERS = {
    "image": (("harmonizer", ("ht", "composite")), ("human", ("harmonizer",))),
    "video": (("harmonizer", ("composite",)), ("composite", ("ht",))),
}
SIMULATED_REASON = "simulated raters know the printed scores and nothing else: they show what a study of this size can tell apart"


def summary_table(
    studies: Sequence[Scored], outputs: Scored | None, people: Sequence[Scored], results: Iterable[ClaimResult]
) -> pd.DataFrame:
    """Return one row per quantity: raters, then the columns of ``kit.summary.COLUMNS``.

    studies: simulated from the printed scores. outputs: simulated from real outputs. people: real studies. results: ``judge_claims``.
    """
    rows = [{"raters": PEOPLE, **row} for row in claim_rows(results, ("sgmmh-C25", "sgmmh-C26"))]
    rows.append(_vote_row())
    for study in studies:
        rows += _order_rows(study, SIMULATED_REASON)
    if outputs is not None:
        rows += _order_rows(outputs, "simulated raters look at the color difference to the real photograph, which people do not see")
    for study in people:
        rows += _order_rows(study, "")
    return pd.DataFrame(rows)


def _vote_row() -> Row:
    """Return whether Sg-MMH has more votes than the best of the others, from the paper's printed votes."""
    printed = printed_votes().set_index("method")["votes"]
    first = "sgmmh_omgan"
    ours = votes.lead(pd.concat([printed[[first]], printed.drop(first)]))
    verdict = VERDICTS[reading(ours.low, ours.high, lower_is_better=False)]
    reason = "votes of one person taken for independent, which makes the interval too narrow"
    quantity = "share of votes of Sg-MMH less that of the next, %"
    return {"raters": PEOPLE, **summary_row(quantity, ARITHMETIC, ours.mean, ours, verdict, reason)}


def _order_rows(study: Scored, reason: str) -> Iterator[Row]:
    """Yield the differences that table 5 is read for, as far as the study has both methods."""
    raters = SIMULATED if study.records.info.synthetic else PEOPLE
    methods = set(study.comparisons.methods)
    for first, others in ORDERS[study.row]:
        for second in (other for other in others if {first, other} <= methods):
            ours, paper = difference(study, first, second), study.printed.get(first, math.nan) - study.printed.get(second, math.nan)
            verdict = CANNOT_SAY if study.records.info.synthetic else VERDICTS[reading(ours.low, ours.high, lower_is_better=False)]
            words = reason or "other pictures, other people, other trainings"
            quantity = f"score of {label_of(first)} less that of {label_of(second)}, {study.row}"
            yield {"raters": raters, **summary_row(quantity, study.words, round(float(paper), 3), ours, verdict, words)}
