"""Why so wide: the width of the intervals, and the pairs they tell apart, over the number of raters, from simulated studies."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from harmlib.seeds import item_generator
from reproduction.userstudy.bradley_terry import printed_scores
from reproduction.userstudy.comparisons import Comparisons, wins_of_ranks
from reproduction.userstudy.intervals import bootstrap_scores
from reproduction.userstudy.simulated import ITEMS, PARTICIPANTS
from reproduction.userstudy.tables import SIMULATED

RATERS = (2, 4, 6, 12, 24, 48)
REPETITIONS, DRAWS = 4, 200
# Deviation of one rater's own liking of a method, in units of s; ours, nobody has printed one.
TASTES = {"all of one taste": 0.0, "each with a taste (sd 0.5)": 0.5}


def width_table(*, seed: int, raters: Sequence[int] = RATERS, repetitions: int = REPETITIONS, draws: int = DRAWS) -> pd.DataFrame:
    """Return one row per row of table 5, kind of raters and number of raters: width, told_apart (means over the repetitions), pairs.

    width: of a score's 95 % interval, mean over the methods. told_apart: share of the pairs of methods whose difference has an interval
    that is above or below 0. A smaller number of raters is the first part of the largest, so that neighbors differ in nothing else.
    """
    rows = []
    for row, items in ITEMS.items():
        strengths = printed_scores(row).set_index("method")["centered"]
        pairs = math.comb(len(strengths), 2)
        for taste, deviation in TASTES.items():
            studies = [
                simulate(strengths, max(raters), items, deviation, item_generator(seed, f"{row}, {taste}", visit))
                for visit in range(repetitions)
            ]
            for people in raters:
                first = [Comparisons(study.methods, study.wins[:people]) for study in studies]
                scores = [bootstrap_scores(study, draws=draws, seed=seed) for study in first]
                width = np.mean([(one.table["high"] - one.table["low"]).mean() for one in scores])
                told_apart = np.mean([one.better.to_numpy().sum() / pairs for one in scores])
                rows.append((SIMULATED, row, items, taste, people, width, told_apart, pairs, repetitions))
    columns = ["raters", "subset_or_bucket", "items", "taste", "people", "width", "told_apart", "pairs", "repetitions"]
    return pd.DataFrame(rows, columns=columns)


def simulate(strengths: pd.Series, people: int, items: int, taste: float, generator: np.random.Generator) -> Comparisons:
    """Return the comparisons of simulated raters who rank all methods on all items.

    strengths: method -> s. taste: deviation of what each rater adds to every method, the same on all items. Nobody is careless.
    """
    own = generator.normal(0, taste, (people, 1, len(strengths)))
    felt = strengths.to_numpy() + own + generator.gumbel(size=(people, items, len(strengths)))
    ranks = (-felt).argsort(2).argsort(2) + 1
    return Comparisons(tuple(strengths.index), wins_of_ranks(ranks))


def width_sentences(table: pd.DataFrame) -> list[str]:
    """Return how wide the intervals of the paper's number of raters are in every design, and how many pairs they tell apart."""
    return [
        f"{row['subset_or_bucket']}, {row['items']} items, {row['taste']}: {PARTICIPANTS} raters give intervals {row['width']:.2f} wide "
        f"and tell {row['told_apart']:.0%} of {row['pairs']} pairs apart"
        for row in table[table["people"] == PARTICIPANTS].to_dict("records")
    ]
