"""95 % intervals of numbers over pictures, which take photographs for independent, never the composites of one photograph.

What is independent is called a unit: the photograph of a composite, the clip of a video frame, the participant of a study. Means and
ratios of means take ``mean_interval`` and ``ratio_of_means``, which need no random draws; every other statistic is computed again on
units drawn with replacement, by ``bootstrap_interval``. Fewer than FEWEST units have no interval.
``benchmarks/interval_coverage.py`` measures how often each interval holds the truth, ``results/coverage.csv`` has the figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

# The functions under scipy.stats, whose import takes a second.
from scipy.special import ndtr, ndtri, stdtr, stdtrit

LEVEL = 0.95
DRAWS = 2000
# With fewer photographs the intervals of errors as skewed as those of iHarmony4 hold the truth in less than 81 % (coverage.csv).
FEWEST = 10
# Draws are made in blocks, so that 2000 draws of 7404 images stay within 64 MiB.
BLOCK = 1_000_000

Units = pd.Series | pd.Index | np.ndarray | Sequence[str] | None


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % interval; NaN where there is none.

    n: the values behind it. units: how many independent ones those are, photographs as a rule. p: of the two-sided test that the number
    is 0, below 0.05 where the interval leaves 0 out.
    """

    mean: float
    low: float
    high: float
    n: int
    units: int = 0
    p: float = math.nan


def mean_interval(values: Sequence[float] | np.ndarray | pd.Series, units: Units) -> Interval:
    """Return the mean of the values that are not NaN, with its interval.

    values: (N,). units: (N,), whose each value is; None where every value is independent.

    >>> found = mean_interval([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10], list("aabbccddeeffgghhiijj"))
    >>> found.mean, found.n, found.units, round(found.low, 2), round(found.high, 2)
    (5.5, 20, 10, 3.33, 7.67)
    """
    return ratio_of_means(values, np.ones(len(values)), units)


def ratio_of_means(
    upper: Sequence[float] | np.ndarray | pd.Series, lower: Sequence[float] | np.ndarray | pd.Series, units: Units
) -> Interval:
    """Return the ratio of two means over the same images, those where both are known, with its interval.

    upper, lower: (N,). units: as for ``mean_interval``. The ratio estimator of cluster sampling (Cochran 1977, Sampling Techniques,
    section 6.3): each unit's residual is its sum of ``upper`` less the ratio times its sum of ``lower``. Two t intervals are made from the
    residuals, the plain one and that of Hall (1992, JRSS B 54:221), which corrects for skewness, and each end is that of the wider one:
    the plain one alone holds the mean squared error of 100 photographs in 80 %, Hall's alone a symmetric difference in 86 %.
    Few large units among many small ones count as the effective number of units of their sizes.
    Where no value is negative, neither is an end of the interval.
    """
    above, below = np.asarray(upper, dtype=float), np.asarray(lower, dtype=float)
    known = ~(np.isnan(above) | np.isnan(below))
    above, below, n = above[known], below[known], int(known.sum())
    codes, count = _codes(units, known)
    if n == 0 or below.sum() == 0:
        return Interval(math.nan, math.nan, math.nan, n, count)
    ratio = float(above.sum() / below.sum())
    if count < FEWEST:
        return Interval(ratio, math.nan, math.nan, n, count)
    sums, sizes = np.bincount(codes, above), np.bincount(codes, below)
    low, high, p = _ends(ratio, sums - ratio * sizes, sizes)
    if (above >= 0).all() and (below >= 0).all():
        low = max(low, 0.0)
    return Interval(ratio, low, high, n, count, p)


def _codes(units: Units, known: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the number of each known value's unit, (n,), and how many units there are."""
    if units is None:
        return np.arange(known.sum()), int(known.sum())
    codes, names = pd.factorize(np.asarray(units, dtype=object)[known])
    return codes, len(names)


def _ends(ratio: float, residuals: np.ndarray, sizes: np.ndarray) -> tuple[float, float, float]:
    """Return both ends of the interval and the p of zero; residuals, sizes: (C,)."""
    count, total = len(residuals), sizes.sum()
    error = math.sqrt(count / (count - 1) * np.square(residuals).sum()) / total
    if error == 0:
        return ratio, ratio, float(ratio == 0)
    effective = total**2 / np.square(sizes).sum()
    freedom = max(effective - 1, 1.0)
    skewness = (residuals**3).mean() / np.square(residuals).mean() ** 1.5 / math.sqrt(effective)
    t = -float(stdtrit(freedom, (1 - LEVEL) / 2))
    steps = [(t, _without_skewness(t, skewness)), (-t, _without_skewness(-t, skewness))]
    low, high = ratio - max(steps[0]) * error, ratio - min(steps[1]) * error
    both = np.array([ratio / error, _with_skewness(ratio / error, skewness)])
    p = 2 * min(stdtr(freedom, -both).max(), stdtr(freedom, both).max())
    return float(low), float(high), float(min(p, 1.0))


def _with_skewness(t: float, skewness: float) -> float:
    """Return Hall's transformation of a t value; skewness: that of the residuals over the root of their number."""
    return t if abs(skewness) < 1e-9 else ((1 + skewness * t / 3) ** 3 - 1) / skewness + skewness / 6


def _without_skewness(h: float, skewness: float) -> float:
    """Return the t value whose transformation is ``h``."""
    return h if abs(skewness) < 1e-9 else 3 / skewness * (float(np.cbrt(1 + skewness * (h - skewness / 6))) - 1)


def draw_weights(clusters: int, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Return how often each of the units is drawn with replacement, (draws, clusters), float64; rows sum to ``clusters``."""
    return generator.multinomial(clusters, np.full(clusters, 1 / clusters), draws).astype(float)


def widened(z: float, clusters: int) -> float:
    """Return how many bootstrap standard errors of n units stand for z normal ones: sqrt(n / (n - 1)) t; NaN for fewer than two.

    The spread of bootstrap draws is that of n, not n - 1 units, and their quantiles are those of a normal, not a t distribution
    (Hesterberg 2015, The American Statistician 69:371).
    """
    if clusters < 2:
        return math.nan
    return float(np.sqrt(clusters / (clusters - 1)) * -stdtrit(clusters - 1, ndtr(-z)))


def percentile_interval(draws: np.ndarray, clusters: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % interval of bootstrap draws, (D, ...), of ``clusters`` units, as two arrays (...); NaN for fewer than two.

    Quantiles at the ``widened`` level, which stay within the bounds of the statistic. A NaN among the draws is left out.
    """
    if clusters < 2:
        return np.full(draws.shape[1:], np.nan), np.full(draws.shape[1:], np.nan)
    tail = ndtr(-widened(-float(ndtri((1 - LEVEL) / 2)), clusters))
    low, high = np.nanquantile(draws, [tail, 1 - tail], axis=0)
    return low, high


def bootstrap_interval(
    statistic: Callable[[np.ndarray], np.ndarray], clusters: int, n: int, *, null: float = 0.0, seed: int = 0
) -> Interval:
    """Return a statistic with its bootstrap interval, the same for the same seed.

    statistic: how often each unit counts, (D, clusters), to its values, (D,), NaN where it has none. n: the values behind it.
    null: the value that ``p`` is about, such as the 0.5 of chance.
    """
    value = float(statistic(np.ones((1, clusters)))[0]) if clusters else math.nan
    if clusters < FEWEST or math.isnan(value):
        return Interval(value, math.nan, math.nan, n, clusters)
    generator, rows = np.random.default_rng(seed), max(1, BLOCK // max(n, clusters))
    blocks = [statistic(draw_weights(clusters, min(rows, DRAWS - start), generator)) for start in range(0, DRAWS, rows)]
    drawn = np.concatenate(blocks)
    low, high = percentile_interval(drawn, clusters)
    return Interval(value, float(low), float(high), n, clusters, _bootstrap_p(drawn[~np.isnan(drawn)] - null, clusters))


def _bootstrap_p(differences: np.ndarray, clusters: int) -> float:
    """Return p from the share of draws beyond zero, (D,), at the level that ``widened`` stands for; half a draw is the least share."""
    share = max(min((differences <= 0).mean(), (differences >= 0).mean()), 0.5 / len(differences))
    return float(min(1.0, 2 * stdtr(clusters - 1, ndtri(share) / math.sqrt(clusters / (clusters - 1)))))


def rank_correlation(values: np.ndarray, units: Units, *, seed: int = 0) -> Interval:
    """Return the rank correlation of the first two columns, given the third where there is one, with a bootstrap interval.

    values: (N, 2) or (N, 3). units: as for ``mean_interval``. Where a column does not vary there is no correlation: NaN.
    """
    table = np.asarray(values, dtype=float)
    codes, count = _codes(units, np.ones(len(table), dtype=bool))
    dense = [np.unique(column, return_inverse=True)[1].ravel() for column in table.T]

    def statistic(counts: np.ndarray) -> np.ndarray:
        weights = counts[:, codes]
        ranks = np.stack([_ranks(column, weights) for column in dense], axis=2)  # (D, N, 2 or 3)
        return _partial_correlation(ranks, weights)

    return bootstrap_interval(statistic, count, len(table), seed=seed)


def auc_interval(values: np.ndarray, positive: np.ndarray, units: Units, *, seed: int = 0) -> Interval:
    """Return how often a positive value exceeds another, ties half: the area under the ROC curve, with a bootstrap interval.

    values: (N,), positive: bool (N,). units: as for ``mean_interval``. NaN without both classes, no interval where one has fewer than
    FEWEST units. p is about 0.5, the area of chance.
    """
    codes, count = _codes(units, np.ones(len(values), dtype=bool))
    dense = np.unique(values, return_inverse=True)[1].ravel()
    kinds = np.asarray(positive, dtype=bool)

    def statistic(counts: np.ndarray) -> np.ndarray:
        weights = counts[:, codes]
        ours = weights[:, kinds].sum(1)
        # Mann and Whitney: ranks among all, less those among the positive ones themselves.
        sums = (weights * _ranks(dense, weights))[:, kinds].sum(1) - ours**2 / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            return sums / (ours * (weights.sum(1) - ours))

    if min(len(np.unique(codes[kinds])), len(np.unique(codes[~kinds]))) < FEWEST:
        return Interval(float(statistic(np.ones((1, count)))[0]), math.nan, math.nan, len(values), count)
    return bootstrap_interval(statistic, count, len(values), null=0.5, seed=seed)


def _ranks(dense: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return how much weight lies below each value, its equals half, (D, N); dense: (N,), the dense rank of each value."""
    order = np.argsort(dense, kind="stable")
    starts = np.flatnonzero(np.diff(dense[order], prepend=-1))
    own = np.add.reduceat(weights[:, order], starts, axis=1)  # (D, different values)
    return (own.cumsum(1) - own / 2)[:, dense]


def _partial_correlation(ranks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted (partial) correlations of (D, N, 2 or 3), (D,); weights: (D, N)."""
    total = weights.sum(1)[:, None, None]
    centered = ranks - np.einsum("dn,dni->di", weights, ranks)[:, None] / total
    matrix = np.einsum("dn,dni,dnj->dij", weights, centered, centered)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(np.einsum("dii->di", matrix))
        matrix = matrix / (spread[:, :, None] * spread[:, None])
        plain = matrix[:, 0, 1]
        if ranks.shape[2] == 2:
            return plain
        first, second = matrix[:, 0, 2], matrix[:, 1, 2]
        return (plain - first * second) / np.sqrt((1 - first**2) * (1 - second**2))


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the p values of comparisons that are made together, corrected by Holm (1979, Scand. J. Statist. 6:65); NaN stays NaN.

    Calling those below 0.05 clear, one call or more is wrong in at most 5 % of such tables, however many comparisons they have.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")  # NaN last
    count = int((~np.isnan(p)).sum())
    factors = np.maximum(count - np.arange(len(p)), 1)
    corrected = np.full(len(p), np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1)
    return corrected
