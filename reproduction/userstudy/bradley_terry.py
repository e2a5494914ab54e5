"""Bradley-Terry scores: P(i beats j) = exp(s_i) / (exp(s_i) + exp(s_j)), s centered to mean 0.

The likelihood of a matrix of wins has a finite and unique maximum if and only if the graph with an edge i -> j wherever i ever beat j
is strongly connected (Ford 1957). Where it is not (a method never wins, or always), VIRTUAL_WINS go to both sides of every pair that
was compared, and the fit says ``regularized``.

Two solvers find that maximum. ``fit`` calls choix (I-LSR, without choix's own regularization, which would also tie methods that
nobody compared); every reported score comes from it. ``fit_many`` solves thousands of small matrices together, by Newton steps,
because an interval takes 1000 fits and choix loops in Python over each; a test holds the two to one answer.

Sources: Bradley and Terry 1952; Harmonizer table 5; docs/methods/userstudy.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from harmlib.errors import DataError, ParameterError
from reproduction.papers import published

VIRTUAL_WINS = 0.5
TABLE5_ROWS = ("image", "video")
# The largest change of a log strength at which a solver stops, and the steps after which it gives up.
TOLERANCE = 1e-10
MOST_STEPS = 10_000


@dataclass(frozen=True)
class Fit:
    """Bradley-Terry scores of one matrix of wins.

    wins: (M, M), virtual ones not counted. scores: (M,), log strengths of mean 0. errors: (M,), standard errors from the Fisher
    information, which takes all pairs for independent and is too optimistic: intervals come from ``intervals.bootstrap_scores``.
    regularized: virtual wins were added, because the wins are not strongly connected.
    """

    methods: tuple[str, ...]
    wins: np.ndarray
    scores: np.ndarray
    errors: np.ndarray
    regularized: bool


def fit(wins: np.ndarray, methods: Sequence[str]) -> Fit:
    """Return the maximum-likelihood scores of a matrix of wins.

    wins: (M, M), wins[i, j] >= 0 = how often i beat j, the diagonal 0; halves are fine. methods: the M names.
    Raises DataError for another matrix, and, naming the groups, when the methods fall into groups that nobody compared.
    """
    import choix
    from scipy.sparse.csgraph import connected_components

    if wins.shape != (len(methods), len(methods)) or len(methods) < 2:
        raise DataError(f"the wins are {wins.shape} for {len(methods)} methods: expected a square of at least two methods")
    if not np.isfinite(wins).all() or (wins < 0).any() or np.diag(wins).any():
        raise DataError("the wins hold a negative or missing number or a method that beat itself: expected numbers from 0, diagonal 0")
    compared = (wins + wins.T) > 0
    groups, labels = connected_components(compared, connection="weak")
    if groups > 1:
        named = [[name for name, label in zip(methods, labels, strict=True) if label == group] for group in range(groups)]
        words = " | ".join(map(", ".join, named))
        raise DataError(f"nobody compared these groups of methods with each other, so their scores share no scale: {words}")
    regularized = connected_components(wins > 0, connection="strong")[0] > 1
    counted = wins + VIRTUAL_WINS * compared if regularized else wins
    scores = choix.ilsr_pairwise_dense(counted, max_iter=MOST_STEPS, tol=TOLERANCE)
    errors = np.sqrt(np.diagonal(covariance(counted, scores)))
    return Fit(tuple(methods), wins, scores - scores.mean(), errors, regularized)


def fit_many(wins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of many matrices of wins, and which of them took virtual wins.

    wins: (B, M, M). Returns (B, M), rows of mean 0, NaN where the methods fall into groups that nobody compared; and (B,) bool.
    """
    compared = (wins + wins.swapaxes(1, 2)) > 0
    connected = _reach_all(compared)
    regularized = connected & ~_reach_all(wins > 0)
    counted = wins + VIRTUAL_WINS * compared * regularized[:, None, None]
    scores = np.full(wins.shape[:2], np.nan)
    scores[connected] = _maximize(counted[connected])
    return scores, regularized


def covariance(wins: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the pseudo-inverse of the Fisher information, (..., M, M); wins: (..., M, M), connected, scores: (..., M).

    Its only null direction is (1, ..., 1). Filling that before and emptying it after the inversion is exact, where a pseudo-inverse by
    eigenvalues has to guess which of them are 0.
    """
    filled = _information(wins + wins.swapaxes(-1, -2), win_probabilities(scores)) + 1
    return np.linalg.inv(filled) - 1 / wins.shape[-1] ** 2


def win_probabilities(scores: np.ndarray) -> np.ndarray:
    """Return P(i beats j), (..., M, M), of scores (..., M); one half on the diagonal."""
    return expit(scores[..., :, None] - scores[..., None, :])


def win_rates(wins: np.ndarray) -> np.ndarray:
    """Return the share of the comparisons of i with j that i won, (M, M), NaN where there was none; wins: (M, M)."""
    total = wins + wins.T
    return np.divide(wins, total, out=np.full(wins.shape, np.nan), where=total > 0)


def printed_scores(row: str) -> pd.DataFrame:
    """Return a row of Harmonizer's table 5, in its order: method (our id), label (the paper's), printed, centered.

    row: "image" (99 composites), or "video" (20 clips, which no person retouched). The printed scale is stated nowhere and fits neither
    a fixed sum, mean, product nor norm: compare order and differences, hence "centered".
    Raises ParameterError for another row.
    """
    if row not in TABLE5_ROWS:
        raise ParameterError(f'Harmonizer\'s table 5 has no row "{row}": choose one of {", ".join(TABLE5_ROWS)}')
    table = published("harmonizer", 5)
    table = table[table["subset_or_bucket"] == row].rename(columns={"row": "label", "number": "printed"})
    table = table.assign(centered=table["printed"] - table["printed"].mean())
    return table[["method", "label", "printed", "centered"]].reset_index(drop=True)


def _maximize(wins: np.ndarray) -> np.ndarray:
    """Return the maximum-likelihood scores of strongly connected wins, (B, M, M), as (B, M).

    The steps are Newton's, shortened to log(1 + r) / r where r is the spread of the step, which makes every one of them raise the
    likelihood; near the maximum they become whole (generalized self-concordance: Bach 2010; Sun and Tran-Dinh 2019).
    """
    total = wins + wins.swapaxes(1, 2)
    scores = np.zeros(wins.shape[:2])
    for _ in range(MOST_STEPS):
        probabilities = win_probabilities(scores)
        gradient = wins.sum(2) - (total * probabilities).sum(2)
        # The information is singular along (1, ..., 1), where the gradient is 0: adding to that direction leaves the step as it is.
        step = np.linalg.solve(_information(total, probabilities) + 1, gradient[..., None])[..., 0]
        spread = np.ptp(step, axis=1, keepdims=True)
        scores += step * np.divide(np.log1p(spread), spread, out=np.ones_like(spread), where=spread > 0)
        if spread.max(initial=0) < TOLERANCE:
            return scores - scores.mean(1, keepdims=True)
    raise DataError("the Bradley-Terry scores did not settle: some methods are compared thousands of times as often as others")


def _information(total: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the Fisher information, (..., M, M), of the comparisons' total numbers and win probabilities."""
    weights = total * probabilities * (1 - probabilities)
    return weights.sum(-1)[..., None] * np.eye(weights.shape[-1]) - weights


def _reach_all(edges: np.ndarray) -> np.ndarray:
    """Tell for each graph whether every node reaches every other; edges: (B, M, M) bool. Returns (B,) bool."""
    size = edges.shape[-1]
    reached = (edges | np.eye(size, dtype=bool)).astype(np.float32)
    for _ in range(size.bit_length()):  # each squaring doubles the length of the paths
        reached = (reached @ reached > 0).astype(np.float32)
    return np.asarray(reached.all((1, 2)))
