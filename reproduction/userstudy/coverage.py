"""How often the intervals hold the truth, measured on simulated studies.

"True" needs a definition where items differ. Redrawing participants alone asks about the items that were shown, so the truth is what
infinitely many raters would give on exactly those (``true_scores``). Redrawing participants and items asks about all items there could
be, so the truth is what infinitely many raters on infinitely many items would give (``population_scores``), which lies 4 % closer to 0
than s for item effects of 0.3, because averaging over items flattens win probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reproduction.userstudy.bradley_terry import fit_many, win_probabilities
from reproduction.userstudy.comparisons import Comparisons, wins_of_ranks
from reproduction.userstudy.intervals import DRAWS, bootstrap_scores
from reproduction.userstudy.simulated import PARTICIPANTS, Behavior, draw_ranks, with_item_effects

# Enough nodes for ten digits where item effects have a deviation of up to 1.
NODES = 40


@dataclass(frozen=True)
class Coverage:
    """How often 95 % intervals held the true scores.

    table: method, covered (by its own interval, share of repetitions), width (mean). joint: share of repetitions in which all joint
    intervals held; order: in which no pair of methods was called in the wrong order with confidence.
    """

    table: pd.DataFrame
    joint: float
    order: float


def coverage(
    strengths: Mapping[str, float],
    *,
    participants: int = PARTICIPANTS,
    items: int = 24,
    cluster: str = "participant",
    item_effect: float = 0.0,
    repetitions: int = 100,
    draws: int = DRAWS,
    seed: int = 0,
) -> Coverage:
    """Return how often the intervals of simulated studies hold the truth; no rater is careless, nothing is tied.

    strengths: method -> s. cluster, draws: as for ``intervals.bootstrap_scores``. Repetition number n has the seed ``seed`` + n.
    """
    people, names = [str(number) for number in range(participants)], [str(number) for number in range(items)]
    utilities = pd.DataFrame([list(strengths.values())] * items, index=names, columns=list(strengths))
    behavior = Behavior(item_effect, careless=0, tie_width=0)
    covered, widths, joint, order = [], [], [], []
    for repetition in range(seed, seed + repetitions):
        felt = with_item_effects(utilities, behavior, repetition)
        wins = wins_of_ranks(draw_ranks(felt, people, behavior, repetition))
        scores = bootstrap_scores(Comparisons(tuple(strengths), wins), cluster=cluster, draws=draws, seed=repetition)
        truth = true_scores(felt.to_numpy()) if cluster == "participant" else population_scores(utilities.to_numpy()[0], item_effect)
        low, high, joint_low, joint_high = scores.table[["low", "high", "joint_low", "joint_high"]].to_numpy().T
        covered.append((low <= truth) & (truth <= high))
        widths.append(high - low)
        joint.append(((joint_low <= truth) & (truth <= joint_high)).all())
        order.append(not (scores.better.to_numpy() & (truth[:, None] < truth)).any())
    table = pd.DataFrame({"method": list(strengths), "covered": np.mean(covered, axis=0), "width": np.mean(widths, axis=0)})
    return Coverage(table, float(np.mean(joint)), float(np.mean(order)))


def true_scores(utilities: np.ndarray) -> np.ndarray:
    """Return the scores, (M,), that infinitely many raters give to items with utilities (K, M)."""
    return fit_many(_without_diagonal(win_probabilities(utilities).mean(0))[None])[0][0]


def population_scores(strengths: np.ndarray, item_effect: float) -> np.ndarray:
    """Return the scores, (M,), that infinitely many raters give to infinitely many items; strengths: (M,), item_effect: deviation."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    # The difference of two methods' item effects has twice the variance of one.
    shift = np.sqrt(2) * item_effect * nodes
    differences = (strengths[:, None] - strengths)[..., None] + shift  # (M, M, NODES)
    probabilities = (weights / weights.sum() / (1 + np.exp(-differences))).sum(-1)
    return fit_many(_without_diagonal(probabilities)[None])[0][0]


def _without_diagonal(wins: np.ndarray) -> np.ndarray:
    """Return a matrix of wins with zeros on its diagonal."""
    return wins * (1 - np.eye(len(wins)))
