"""Intervals for user studies: people are drawn again, not answers, because the answers of one person belong together.

The plain percentile bootstrap of 12 raters holds the truth in 91 % of studies instead of 95 % (of 4 raters in 80 %): its spread is that of
n, not n - 1 raters, and its quantiles are those of a normal, not a t distribution. ``widened`` has both corrections, sqrt(n / (n - 1))
and t (Hesterberg 2015, The American Statistician 69:371). Scores take that many bootstrap standard errors on either side, which
``coverage`` finds to hold in 94 to 95 % from 4 raters on. Shares and means of bounded answers take the bootstrap's quantiles at the widened
level instead, which stay within the bounds; they need about 12 people.

Redrawing raters and items together counts the noise of single answers three times, so those draws are shrunk (``two_way``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from harmlib.errors import DataError, ParameterError
from harmlib.evaluation.intervals import LEVEL, draw_weights, widened
from reproduction.userstudy.bradley_terry import fit, fit_many
from reproduction.userstudy.comparisons import Comparisons
from reproduction.userstudy.two_way import contributions, shrinkage

DRAWS = 1000
NORMAL = float(stats.norm.isf((1 - LEVEL) / 2))
CLUSTERS = ("participant", "participant+item")
# What the solver leaves of a spread of 0, when all people answered alike.
ROUNDING = 1e-9
# Draws are made in blocks, so that the wins of 1000 draws of 99 items stay within 16 MiB.
BLOCK = 2_000_000


@dataclass(frozen=True)
class Scores:
    """Bradley-Terry scores with intervals.

    table: method, score, low, high (95 % for each method), joint_low, joint_high (95 % for all methods at once), wins, comparisons;
    without an interval (one participant) NaN.
    draws: (B, M), the scores of every bootstrap draw that compares all methods. above: the share of draws in which the row's method is
    above the column's; better: whether the 95 % interval of the difference of the two scores is above 0.
    regularized: whether the scores took virtual wins; regularized_draws: how many draws did. left_out_draws: those that do not compare
    all methods.
    """

    table: pd.DataFrame
    above: pd.DataFrame
    better: pd.DataFrame
    draws: np.ndarray
    regularized: bool
    regularized_draws: int
    left_out_draws: int

    @property
    def footnote(self) -> str:
        """What a table of these scores has to say below it; empty when nothing."""
        table = self.table
        notes = {
            "intervals without width, because all participants answered alike": int((table["low"] == table["high"]).sum()),
            "fits took virtual wins, because a method never or always won": int(self.regularized),
            "bootstrap draws took virtual wins": self.regularized_draws,
            "bootstrap draws were left out, because not all methods were compared in them": self.left_out_draws,
        }
        return "; ".join(f"{count} {note}" for note, count in notes.items() if count)


def bootstrap_scores(comparisons: Comparisons, *, cluster: str = "participant", draws: int = DRAWS, seed: int = 0) -> Scores:
    """Return Bradley-Terry scores with 95 % bootstrap intervals, the same for the same seed.

    cluster: what is drawn again, "participant" (the items are those asked about) or "participant+item" (the items stand for others).
    Raises ParameterError for another cluster; DataError as ``bradley_terry.fit``, and when no draw compares all methods.
    """
    if cluster not in CLUSTERS:
        raise ParameterError(f'cluster is "{cluster}": choose one of {", ".join(CLUSTERS)}')
    methods, (people, items) = comparisons.methods, comparisons.wins.shape[:2]
    fitted = fit(comparisons.pooled, methods)
    generator = np.random.default_rng(seed)
    blocks = [fit_many(wins) for wins in _redrawn(comparisons.wins, cluster, draws, generator)]
    replicates, regularized = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    kept = replicates[~np.isnan(replicates).any(1)]
    if not len(kept):
        raise DataError("no bootstrap draw compares all methods: let more participants compare each pair, or take scores without intervals")
    clusters = people
    if cluster == "participant+item":
        clusters = min(people, items)
        kept = fitted.scores + (kept - fitted.scores) * shrinkage(contributions(comparisons.wins))
    differences, errors = fitted.scores[:, None] - fitted.scores, (kept[:, :, None] - kept[:, None, :]).std(0)
    better = pd.DataFrame(differences > widened(NORMAL, clusters) * errors, index=methods, columns=methods)
    above = pd.DataFrame((kept[:, :, None] > kept[:, None, :]).mean(0), index=methods, columns=methods)
    table = _table(comparisons, fitted.scores, kept, clusters)
    return Scores(table, above, better, kept, fitted.regularized, int(regularized.sum()), draws - len(kept))


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share, taking the trials for independent; NaN without trials."""
    if trials == 0:
        return np.nan, np.nan
    interval = stats.binomtest(successes, trials).proportion_ci(LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def _redrawn(wins: np.ndarray, cluster: str, draws: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield blocks of draws, (B, M, M): the wins of the drawn people, summed over the drawn items."""
    people, items, size, _ = wins.shape
    people_weights = draw_weights(people, draws, generator)
    item_weights = draw_weights(items, draws, generator) if cluster == "participant+item" else np.ones((draws, items))
    rows = max(1, BLOCK // (items * size * size))
    for start in range(0, draws, rows):
        block = slice(start, start + rows)
        drawn = (people_weights[block] @ wins.reshape(people, -1)).reshape(-1, items, size, size)
        yield np.einsum("bk,bkij->bij", item_weights[block], drawn)


def _table(comparisons: Comparisons, scores: np.ndarray, draws: np.ndarray, clusters: int) -> pd.DataFrame:
    """Return one row per method: score, both intervals, wins and comparisons."""
    errors = draws.std(0)
    errors[errors < ROUNDING] = 0
    largest = (np.abs(draws - scores) / np.where(errors > 0, errors, 1)).max(1)
    columns = {"score": scores}
    for prefix, z in (("", NORMAL), ("joint_", float(np.quantile(largest, LEVEL)))):
        half = widened(z, clusters) * errors
        columns |= {f"{prefix}low": scores - half, f"{prefix}high": scores + half}
    wins = comparisons.pooled
    return pd.DataFrame({"method": comparisons.methods, **columns, "wins": wins.sum(1), "comparisons": (wins + wins.T).sum(1)})


def _clearly_above(scores: np.ndarray, draws: np.ndarray, clusters: int) -> np.ndarray:
    """Tell for each pair, (M, M), whether the 95 % interval of the difference of its scores is above 0."""
    errors = (draws[:, :, None] - draws[:, None, :]).std(0)
    return scores[:, None] - scores > widened(NORMAL, clusters) * errors
