"""What redrawing raters and items together counts too often, and by how much to shrink it.

In a first-order expansion every answer of rater r on item k moves the scores by a contribution c_rk. Summed over items, over raters, and
not at all, their squares estimate the variance between raters V_r, between items V_k, and of single answers V_rk. The variance of the
scores is V_r + V_k - V_rk (Cameron, Gelbach and Miller 2011, Journal of Business and Economic Statistics 29:238), since either of the
first two holds the noise of single answers. Redrawing both gives V_r + V_k + V_rk, that noise three times (Owen 2007, Annals of Applied
Statistics 1:386). The draws' deviations are therefore multiplied by the root of the ratio.
"""

from __future__ import annotations

import numpy as np

from reproduction.userstudy.bradley_terry import covariance, fit_many, win_probabilities


def shrinkage(contributions: np.ndarray) -> np.ndarray:
    """Return the factors, (M,) in (0, 1], for the deviations of draws of raters and items; contributions: (R, K, M).

    The estimated variance is never taken below the larger of V_r and V_k, which a negative estimate of the rest would do.
    """
    raters, items = (contributions.sum(axis) ** 2 for axis in (1, 0))
    between_raters, between_items, single = raters.sum(0), items.sum(0), (contributions**2).sum((0, 1))
    variance = np.maximum(between_raters + between_items - single, np.maximum(between_raters, between_items))
    counted = between_raters + between_items + single
    return np.sqrt(np.divide(variance, counted, out=np.ones_like(counted), where=counted > 0))


def pooled_contributions(wins: np.ndarray) -> np.ndarray:
    """Return what every answer contributes to the scores of the pooled wins, (R, K, M); wins: (R, K, M, M)."""
    pooled = wins.sum((0, 1))
    scores, _ = fit_many(pooled[None])
    return _gradients(wins, scores[0]) @ covariance(pooled, scores[0])


def item_contributions(wins: np.ndarray) -> np.ndarray:
    """Return what every answer contributes to the mean of the scores per item, (R, K, M); 0 on items that do not compare all methods."""
    people = len(wins)
    scores, _ = fit_many(wins.sum(0))
    complete = ~np.isnan(scores).any(1)
    kept, scores = wins[:, complete], scores[complete]
    within = np.einsum("rkm,kmn->rkn", _gradients(kept, scores), covariance(kept.sum(0), scores))
    contributions = np.zeros(wins.shape[:3])
    contributions[:, complete] = (within + (scores - scores.mean(0)) / people) / len(scores)
    return contributions


def _gradients(wins: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return every answer's wins minus the expected ones, (R, K, M); scores: (M,) or (K, M)."""
    return wins.sum(-1) - ((wins + wins.swapaxes(-1, -2)) * win_probabilities(scores)).sum(-1)
