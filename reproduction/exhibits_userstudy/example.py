"""A worked example with three methods: how answers become wins, and wins scores, small enough to follow with a pencil."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from reproduction.userstudy.bradley_terry import Fit
from reproduction.userstudy.comparisons import Comparisons

# Wins that fit the model exactly: A beats B twice as often as not, B beats C twice as often, A beats C four times as often.
EXACT = ((0, 10, 12), (5, 0, 10), (3, 5, 0))
# Three answers with a tie, a method that was not judged, and one that never wins.
AWKWARD = {"Ada": "A > B > C", "Ben": "A = B > C", "Cyd": "B > A"}
# Two groups of methods that nobody compared.
APART = {"Ada": "A > B", "Ben": "B > A", "Cyd": "C > D", "Dan": "D > C"}
# Three whole rankings, for the agreement of raters.
RANKINGS = {"Ada": "A > B > C", "Ben": "A > C > B", "Cyd": "B > A > C"}


def rankings(answers: Mapping[str, str]) -> pd.DataFrame:
    """Return answers such as "A > B = C" (A best, B and C alike) as a table of rankings of one item; what is not named is not judged."""
    rows = []
    for participant, answer in answers.items():
        rank = 1
        for group in answer.split(">"):
            names = [name.strip() for name in group.split("=")]
            rows += [(participant, "photo", name, rank) for name in names]
            rank += len(names)
    return pd.DataFrame(rows, columns=["participant", "item", "method", "rank"])


def win_matrix(comparisons: Comparisons) -> pd.DataFrame:
    """Return the pooled wins of the row's method over the column's."""
    return pd.DataFrame(comparisons.pooled, index=list(comparisons.methods), columns=list(comparisons.methods))


def fit_table(fitted: Fit) -> pd.DataFrame:
    """Return one row per method: method, wins, comparisons, score, standard error, virtual wins."""
    wins = fitted.wins
    columns = {"wins": wins.sum(1), "comparisons": (wins + wins.T).sum(1), "score": fitted.scores, "standard error": fitted.errors}
    return pd.DataFrame({"method": fitted.methods, **columns, "virtual wins": "yes" if fitted.regularized else "no"})
