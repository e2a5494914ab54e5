"""How far raters agree with each other, and an order with a printed one.

Kendall's W is 1 when all raters rank alike and about 1 / R when R raters rank at random; mean pairwise tau-b is 1 and 0 there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats


def kendalls_w(ratings: np.ndarray) -> float:
    """Return Kendall's coefficient of concordance, corrected for ties, 0..1.

    ratings: (R, M), one row per rater; ranks or scores, as only the order within a row counts.
    NaN for fewer than two raters or objects, and where every rater rates all alike.
    Source: Kendall and Gibbons 1990, chapter 6: 12 S / (R^2 (M^3 - M) - R sum(t^3 - t)), t the sizes of the tied groups.
    """
    raters, objects = ratings.shape
    if raters < 2 or objects < 2:
        return np.nan
    ranks = stats.rankdata(ratings, axis=1)
    ties = sum((sizes**3 - sizes).sum() for sizes in (np.unique(row, return_counts=True)[1] for row in ranks))
    spread = ranks.sum(0).var() * objects
    most = raters**2 * (objects**3 - objects) - raters * ties
    return float(12 * spread / most) if most > 0 else np.nan


def mean_tau(ratings: np.ndarray) -> float:
    """Return the mean of Kendall's tau-b over all pairs of raters, -1..1.

    ratings: (R, M), NaN = not judged: a pair counts with the objects that both judged. A pair without a tau (fewer than two such objects,
    or one rater rates all alike) is left out; NaN when none is left.
    """
    pairs = pd.DataFrame(ratings.T).corr(method="kendall", min_periods=2).to_numpy()
    taus = pairs[np.triu_indices(len(pairs), 1)]
    taus = taus[~np.isnan(taus)]
    return float(taus.mean()) if len(taus) else np.nan


def rater_agreement(rankings: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Return one row per item: item, raters, complete, kendalls_w, mean_tau.

    rankings: participant, item, method, rank (NA = not judged). raters: those who judged anything; Kendall's W takes the ``complete``
    ones, who judged all methods.
    """
    rows = []
    for item, part in rankings[rankings["rank"].notna()].groupby("item", sort=False):
        wide = part.astype({"rank": float}).pivot_table(index="participant", columns="method", values="rank")
        ranks = wide.reindex(columns=list(methods)).to_numpy()
        complete = ranks[~np.isnan(ranks).any(1)]
        rows.append((item, len(ranks), len(complete), kendalls_w(complete), mean_tau(ranks)))
    return pd.DataFrame(rows, columns=["item", "raters", "complete", "kendalls_w", "mean_tau"])


def order_agreement(scores: Mapping[Any, float], printed: Mapping[Any, float]) -> float:
    """Return Kendall's tau-b between two sets of scores over the methods they share, -1..1; NaN for fewer than two."""
    shared = [method for method in printed if method in scores]
    if len(shared) < 2:
        return np.nan
    return float(stats.kendalltau([scores[method] for method in shared], [printed[method] for method in shared]).statistic)
