"""The most realistic one among several (Sg-MMH table 3): votes, shares with intervals, and whether the position on the screen mattered.

The interval of a share is the bootstrap over participants, because one person's votes belong together; Wilson's interval, which takes
all votes for independent, stands beside it for a quick look and for printed votes, whose participants are unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from harmlib.errors import DataError
from harmlib.evaluation.intervals import draw_weights, percentile_interval
from reproduction.papers import published
from reproduction.userstudy.intervals import DRAWS, wilson
from reproduction.userstudy.tables import SEPARATOR, answered

# 60 subjects, one choice on each of 11 sets (Sg-MMH section 4.3).
SUBJECTS, SETS = 60, 11


def vote_table(choices: pd.DataFrame, methods: Sequence[str], *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Return one row per method: method, votes, share, low, high, wilson_low, wilson_high; shares in [0, 1].

    choices: participant, chosen (NA = no answer). low, high: 95 % bootstrap over participants, NaN for one participant.
    Raises DataError when nothing was chosen, or something that is none of the methods.
    """
    chosen = answered(choices, "choices")
    votes = pd.crosstab(chosen["participant"], chosen["chosen"])
    strangers = votes.columns.difference(list(methods))
    if len(strangers):
        raise DataError(f'"{strangers[0]}" was chosen and is not one of {", ".join(methods)}')
    counts = votes.reindex(columns=list(methods), fill_value=0).to_numpy(dtype=float)  # (R, M)
    drawn = draw_weights(len(counts), draws, np.random.default_rng(seed)) @ counts
    low, high = percentile_interval(drawn / drawn.sum(1, keepdims=True), len(counts))
    table = share_table(methods, counts.sum(0).astype(int))
    return table.assign(low=low, high=high)[["method", "votes", "share", "low", "high", "wilson_low", "wilson_high"]]


def share_table(methods: Sequence[str] | np.ndarray, votes: Sequence[int] | np.ndarray) -> pd.DataFrame:
    """Return one row per method: method, votes, share in [0, 1], wilson_low, wilson_high; for votes whose participants are unknown."""
    total = int(sum(votes))
    intervals = [wilson(int(count), total) for count in votes]
    low, high = zip(*intervals, strict=True)
    shares = np.asarray(votes) / max(total, 1)
    return pd.DataFrame({"method": list(methods), "votes": votes, "share": shares, "wilson_low": low, "wilson_high": high})


def scenario_table(choices: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Return ``share_table`` for every scenario, with a first column "scenario"; raises DataError when nothing was chosen."""
    parts = []
    for scenario, part in answered(choices, "choices").groupby("scenario", sort=False):
        votes = part["chosen"].value_counts().reindex(list(methods), fill_value=0).to_numpy()
        parts.append(share_table(methods, votes).assign(scenario=scenario))
    table = pd.concat(parts, ignore_index=True)
    return table[["scenario", *table.columns.drop("scenario")]]


def position_table(choices: pd.DataFrame) -> pd.DataFrame:
    """Return one row per position on the screen, from 1: position, votes, share, wilson_low, wilson_high, expected.

    choices: options (in displayed order), chosen (NA = no answer). expected: votes if the position did not matter.
    Raises DataError when nothing was chosen.
    """
    chosen = answered(choices, "choices")
    options = [text.split(SEPARATOR) for text in chosen["options"]]
    indices = [names.index(name) for names, name in zip(options, chosen["chosen"], strict=True)]
    most = max(len(names) for names in options)
    expected = [sum(1 / len(names) for names in options if index < len(names)) for index in range(most)]
    votes = np.bincount(indices, minlength=most)
    table = share_table(np.arange(1, most + 1), votes).rename(columns={"method": "position"})
    return table.assign(expected=expected)


def equal_votes(votes: Sequence[int], expected: Sequence[float] | None = None) -> tuple[float, int, float]:
    """Return chi-square, its degrees of freedom and p of the votes against equal (or ``expected``) numbers.

    It takes the votes for independent: with several votes per person, p is too small. Raises DataError without a vote.
    """
    if sum(votes) == 0:
        raise DataError("there is no vote to test: collect some first")
    result = stats.chisquare(votes, expected)
    return float(result.statistic), len(votes) - 1, float(result.pvalue)


def printed_votes() -> pd.DataFrame:
    """Return Sg-MMH's table 3 as votes: method (our id), label (the paper's), votes, share (printed, in [0, 1]).

    Only one set of whole votes out of 660 rounds to the printed percentages.
    """
    table = published("sgmmh", 3)
    shares = table["number"] / 100
    votes = (shares * SUBJECTS * SETS).round().astype(int)
    return pd.DataFrame({"method": table["method"], "label": table["row"], "votes": votes, "share": shares})
