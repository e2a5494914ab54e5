"""Who preferred what to what: wins of every method over every other, per participant and item, from the three kinds of answers.

In the code, wins[..., i, j] is how often i was preferred to j; a tie is half a win for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harmlib.errors import DataError
from reproduction.userstudy.tables import SEPARATOR, TIE, answered

LEFT_SHARE = {"left": 1.0, TIE: 0.5, "right": 0.0}


@dataclass(frozen=True)
class Comparisons:
    """Wins per participant and item.

    wins: (R, K, M, M) float64; wins[r, k, i, j] = how often participant r preferred method i to j on item k; the diagonal is 0.
    Participants and items without any answer are not in it; the others are in the order of their first answers.
    """

    methods: tuple[str, ...]
    wins: np.ndarray

    @property
    def pooled(self) -> np.ndarray:
        """The wins of all participants on all items, (M, M)."""
        return self.wins.sum((0, 1))


def count_rankings(rankings: pd.DataFrame, methods: Sequence[str]) -> Comparisons:
    """Return the comparisons in a table of rankings: participant, item, method, rank (1 = best, equal = tie, NA = not judged).

    A ranking of n judged methods gives n (n - 1) / 2 pairs.
    Raises DataError when nothing is judged, for an unknown method, and for a method that one ranking holds twice.
    """
    judged = answered(rankings, "rankings")
    twice = judged[judged.duplicated(["participant", "item", "method"])]
    if len(twice):
        participant, item, method = twice[["participant", "item", "method"]].iloc[0]
        raise DataError(f'participant "{participant}" ranked "{method}" twice on item "{item}": keep one of the two rows')
    (rater, raters), (item, items) = pd.factorize(judged["participant"]), pd.factorize(judged["item"])
    ranks = np.full((len(raters), len(items), len(methods)), np.nan)
    ranks[rater, item, _indices(judged["method"], methods)] = judged["rank"].to_numpy(dtype=float)
    return Comparisons(tuple(methods), wins_of_ranks(ranks))


def wins_of_ranks(ranks: np.ndarray) -> np.ndarray:
    """Return the wins in rankings; ranks: (..., M), 1 = best, NaN = not judged. Returns (..., M, M)."""
    mine, others = ranks[..., :, None], ranks[..., None, :]
    wins = (mine < others) + 0.5 * (mine == others)
    wins[..., np.eye(ranks.shape[-1], dtype=bool)] = 0
    return wins


def count_pairs(pairs: pd.DataFrame, methods: Sequence[str]) -> Comparisons:
    """Return the comparisons in a table of pairs: participant, item, left, right, winner (left, right, tie, NA = not judged).

    Raises DataError when nothing is judged, and for an unknown method.
    """
    judged = answered(pairs, "pairs")
    (rater, raters), (item, items) = pd.factorize(judged["participant"]), pd.factorize(judged["item"])
    wins = np.zeros((len(raters), len(items), len(methods), len(methods)))
    left, right = _indices(judged["left"], methods), _indices(judged["right"], methods)
    share = judged["winner"].map(LEFT_SHARE).to_numpy(dtype=float)
    np.add.at(wins, (rater, item, left, right), share)
    np.add.at(wins, (rater, item, right, left), 1 - share)
    return Comparisons(tuple(methods), wins)


def count_choices(choices: pd.DataFrame, methods: Sequence[str]) -> Comparisons:
    """Return the comparisons in a table of choices: participant, item, options, chosen (NA = not judged).

    The chosen method beats each of the others once; where everybody sees all methods, the scores are those of Luce's choice model.
    Raises DataError when nothing is judged, and for an unknown method.
    """
    judged = answered(choices, "choices")
    offered = judged.assign(right=judged["options"].str.split(SEPARATOR, regex=False)).explode("right")
    beaten = offered[offered["right"] != offered["chosen"]]
    return count_pairs(beaten.assign(left=beaten["chosen"], winner="left"), methods)


def _indices(column: pd.Series, names: Sequence[str]) -> np.ndarray:
    """Return where every cell stands in ``names``; raises DataError for one that does not."""
    indices = pd.Index(names).get_indexer(pd.Index(column))
    if (indices < 0).any():
        raise DataError(f'method "{column[indices < 0].iloc[0]}" is not one of {", ".join(names)}')
    return indices
