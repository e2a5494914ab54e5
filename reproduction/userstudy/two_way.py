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


def shrinkage(parts: np.ndarray) -> np.ndarray:
    """Return the factors, (M,) in (0, 1], for the deviations of draws of raters and items; parts: ``contributions``.

    The estimated variance is never taken below the larger of V_r and V_k, which a negative estimate of the rest would do.
    """
    raters, items = (parts.sum(axis) ** 2 for axis in (1, 0))
    between_raters, between_items, single = raters.sum(0), items.sum(0), (parts**2).sum((0, 1))
    variance = np.maximum(between_raters + between_items - single, np.maximum(between_raters, between_items))
    counted = between_raters + between_items + single
    return np.sqrt(np.divide(variance, counted, out=np.ones_like(counted), where=counted > 0))


def contributions(wins: np.ndarray) -> np.ndarray:
    """Return what every answer contributes to the scores of the pooled wins, (R, K, M); wins: (R, K, M, M)."""
    pooled = wins.sum((0, 1))
    scores = fit_many(pooled[None])[0][0]
    expected = ((wins + wins.swapaxes(-1, -2)) * win_probabilities(scores)).sum(-1)
    return (wins.sum(-1) - expected) @ covariance(pooled, scores)
