"""Intervals for user studies: people are drawn again, not answers, because the answers of one person belong together.

The plain percentile bootstrap of 12 raters holds the truth in 91 % of studies instead of 95 % (of 4 raters in 80 %): its spread is that of
n, not n - 1 raters, and its quantiles are those of a normal, not a t distribution. ``widened`` has both corrections, sqrt(n / (n - 1))
and t (Hesterberg 2015, The American Statistician 69:371). Scores take that many bootstrap standard errors on either side, which
``coverage`` finds to hold in 94 to 95 % from 4 raters on. Shares and means of bounded answers take the bootstrap's quantiles at the widened
level instead, which stay within the bounds; they need about 12 people.

Redrawing raters and items together counts the noise of single answers three times, so those draws are shrunk (``two_way``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit, logit

from harmlib.errors import DataError, ParameterError
from harmlib.evaluation.intervals import LEVEL, draw_weights, widened
from reproduction.userstudy.bradley_terry import fit, fit_many, rescale
from reproduction.userstudy.comparisons import Comparisons
from reproduction.userstudy.two_way import item_contributions, pooled_contributions, shrinkage

DRAWS = 1000
NORMAL = float(stats.norm.isf((1 - LEVEL) / 2))
CLUSTERS = ("participant", "participant+item")
AGGREGATES = ("pooled", "per_item")
# Scales of numbers between 0 and 1, whose intervals are made on the logits.
BOUNDED = ("strength", "win_probability")
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
    regularized: fits behind the scores that took virtual wins (pooled: 0 or 1; per item: items). regularized_draws: the same, draws.
    left_out: items (per item) whose raters did not compare all methods; left_out_draws: draws of that kind.
    """

    table: pd.DataFrame
    above: pd.DataFrame
    better: pd.DataFrame
    draws: np.ndarray
    regularized: int
    regularized_draws: int
    left_out: int
    left_out_draws: int

    @property
    def footnote(self) -> str:
        """What a table of these scores has to say below it; empty when nothing."""
        table = self.table
        notes = {
            "intervals without width, because all participants answered alike": int((table["low"] == table["high"]).sum()),
            "fits took virtual wins, because a method never or always won": self.regularized,
            "bootstrap draws took virtual wins": self.regularized_draws,
            "items were left out, because not all methods were compared on them": self.left_out,
            "bootstrap draws were left out, because not all methods were compared in them": self.left_out_draws,
        }
        return "; ".join(f"{count} {note}" for note, count in notes.items() if count)


def bootstrap_scores(
    comparisons: Comparisons,
    *,
    cluster: str = "participant",
    aggregate: str = "pooled",
    scale: str = "log",
    printed: Mapping[str, float] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Scores:
    """Return Bradley-Terry scores with 95 % bootstrap intervals, the same for the same seed.

    cluster: what is drawn again, "participant" (the items are those asked about) or "participant+item" (the items stand for others).
    aggregate: "pooled" fits all comparisons at once; "per_item" averages the scores of one fit per item.
    scale, printed: as for ``bradley_terry.rescale``.
    Raises ParameterError for unknown choices; DataError as ``bradley_terry.fit``, when no item alone compares all methods ("per_item"),
    and when no draw does.
    """
    _check_choice("cluster", cluster, CLUSTERS)
    _check_choice("aggregate", aggregate, AGGREGATES)
    methods = comparisons.methods
    scores, regularized, left_out = _estimate(comparisons, aggregate)
    replicates, regularized_draws = _replicates(comparisons, cluster, aggregate, draws, np.random.default_rng(seed))
    kept = replicates[~np.isnan(replicates).any(1)]
    if not len(kept):
        raise DataError("no bootstrap draw compares all methods: let more participants compare each pair, or take scores without intervals")
    if cluster == "participant+item":
        contribute = pooled_contributions if aggregate == "pooled" else item_contributions
        kept = scores + (kept - scores) * shrinkage(contribute(comparisons.wins))
    people, items = comparisons.wins.shape[:2]
    clusters = people if cluster == "participant" else min(people, items)
    above = pd.DataFrame((kept[:, :, None] > kept[:, None, :]).mean(0), index=methods, columns=methods)
    better = pd.DataFrame(_clearly_above(scores, kept, clusters), index=methods, columns=methods)
    point, moved = rescale(scores, methods, scale, printed), rescale(kept, methods, scale, printed)
    table = _table(comparisons, point, moved, clusters, bounded=scale in BOUNDED)
    return Scores(table, above, better, moved, regularized, regularized_draws, left_out, draws - len(kept))


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share, taking the trials for independent; NaN without trials."""
    if trials == 0:
        return np.nan, np.nan
    interval = stats.binomtest(successes, trials).proportion_ci(LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def _estimate(comparisons: Comparisons, aggregate: str) -> tuple[np.ndarray, int, int]:
    """Return the scores, (M,), the number of fits with virtual wins, and the number of items left out."""
    if aggregate == "pooled":
        pooled = fit(comparisons.pooled, comparisons.methods)
        return pooled.scores, int(pooled.regularized), 0
    scores, regularized = fit_many(comparisons.wins.sum(0))
    complete = ~np.isnan(scores).any(1)
    if not complete.any():
        raise DataError('no item alone compares all methods, so scores per item share no scale: use aggregate "pooled"')
    return scores[complete].mean(0), int(regularized.sum()), int((~complete).sum())


def _replicates(
    comparisons: Comparisons, cluster: str, aggregate: str, draws: int, generator: np.random.Generator
) -> tuple[np.ndarray, int]:
    """Return the scores of every draw, (draws, M), NaN where it does not compare all methods, and how many took virtual wins."""
    parts = [
        _pooled_scores(wins, weights) if aggregate == "pooled" else _item_scores(wins, weights)
        for wins, weights in _redrawn(comparisons.wins, cluster, draws, generator)
    ]
    return np.concatenate([scores for scores, _ in parts]), sum(int(regularized.sum()) for _, regularized in parts)


def _redrawn(wins: np.ndarray, cluster: str, draws: int, generator: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield blocks of draws: the wins of the drawn people, (B, K, M, M), and how often each item is drawn, (B, K)."""
    people, items, size, _ = wins.shape
    people_weights = draw_weights(people, draws, generator)
    item_weights = draw_weights(items, draws, generator) if cluster == "participant+item" else np.ones((draws, items))
    rows = max(1, BLOCK // (items * size * size))
    for start in range(0, draws, rows):
        block = slice(start, start + rows)
        yield (people_weights[block] @ wins.reshape(people, -1)).reshape(-1, items, size, size), item_weights[block]


def _pooled_scores(wins: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of each draw's pooled wins, (B, M), and which took virtual wins, (B,)."""
    return fit_many(np.einsum("bk,bkij->bij", weights, wins))


def _item_scores(wins: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each draw's mean, (B, M), of the scores per item that compares all methods, and which took virtual wins, (B,)."""
    draws, items, size, _ = wins.shape
    scores, regularized = fit_many(wins.reshape(-1, size, size))
    scores, regularized = scores.reshape(draws, items, size), regularized.reshape(draws, items)
    weights = np.where(np.isnan(scores).any(2), 0, weights)
    total = weights.sum(1, keepdims=True)
    sums = np.einsum("bk,bkm->bm", weights, np.nan_to_num(scores))
    means = np.divide(sums, total, out=np.full(sums.shape, np.nan), where=total > 0)
    return means, np.asarray((regularized & (weights > 0)).any(1))


def _table(comparisons: Comparisons, point: np.ndarray, draws: np.ndarray, clusters: int, *, bounded: bool) -> pd.DataFrame:
    """Return one row per method: score, both intervals, wins and comparisons."""
    center, moved = (logit(point), logit(draws)) if bounded else (point, draws)
    errors = moved.std(0)
    errors[errors < ROUNDING] = 0
    largest = (np.abs(moved - center) / np.where(errors > 0, errors, 1)).max(1)
    columns = {"score": point}
    for prefix, z in (("", NORMAL), ("joint_", float(np.quantile(largest, LEVEL)))):
        half = widened(z, clusters) * errors
        for name, end in (("low", center - half), ("high", center + half)):
            columns[prefix + name] = expit(end) if bounded else end
    wins = comparisons.pooled
    return pd.DataFrame({"method": comparisons.methods, **columns, "wins": wins.sum(1), "comparisons": (wins + wins.T).sum(1)})


def _clearly_above(scores: np.ndarray, draws: np.ndarray, clusters: int) -> np.ndarray:
    """Tell for each pair, (M, M), whether the 95 % interval of the difference of its scores is above 0."""
    errors = (draws[:, :, None] - draws[:, None, :]).std(0)
    return scores[:, None] - scores > widened(NORMAL, clusters) * errors


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise ParameterError for a value outside its choices."""
    if value not in choices:
        raise ParameterError(f'{name} is "{value}": choose one of {", ".join(choices)}')
