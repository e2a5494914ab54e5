"""The claims of both papers about their user studies.

What people prefer can be tested by people alone: simulated raters know only what they were told. The numbers of people and pictures are
tested where something printed depends on them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from harmlib.evaluation.intervals import Interval
from reproduction.exhibits_userstudy.votes import fitting
from reproduction.kit import verdicts
from reproduction.kit.findings import AGREES, DIFFERS, Finding, not_testable
from reproduction.kit.verdicts import ClaimResult, Judge, Setting, judge
from reproduction.userstudy.choices import SETS, SUBJECTS, printed_votes
from reproduction.userstudy.tables import NUMBERS

PAPERS = ("sgmmh", "harmonizer")
ARITHMETIC = "the paper's own numbers"
UNPUBLISHED = "no answer is published and no printed number depends on it"
STAND_IN = "simulated raters stand in"


def judge_claims() -> list[ClaimResult]:
    """Return what becomes of every claim about studies."""
    return judge(CLAIMS)


def of_votes(share: int, words: str) -> Judge:
    """Return the test of sgmmh-C25 or C26: are there whole votes of 60 people on 11 sets that round to the four printed shares?

    share: the votes of each one of what is claimed. words: what else fits, with a gap for the numbers.
    """

    def test(_: object, __: float) -> Finding:
        votes = printed_votes()["votes"]
        verdict = AGREES if fitting([SUBJECTS * SETS]) == [votes.sum()] else DIFFERS
        most = SUBJECTS * SETS // share
        also = ", ".join(str(number // share) for number in fitting(share * number for number in range(1, most + 1)))
        note = f"{', '.join(map(str, votes))} votes, {votes.sum()} in all, round to every printed share; {words.format(also)}"
        return Finding(verdict, Interval(votes.sum() / share, math.nan, math.nan, int(votes.sum())), ARITHMETIC, note)

    return test


def unpublished(words: str) -> Judge:
    """Return the test of a claim that only the authors' files could tell."""
    return lambda _, __: not_testable(f"{UNPUBLISHED}; {words}")


CLAIMS: dict[str, Judge] = {
    "sgmmh-C25": of_votes(SETS, f"with {SETS} sets so do {{}} people"),
    "sgmmh-C26": of_votes(SUBJECTS, f"with {SUBJECTS} people, of 1 to {SETS} sets so do only {{}}"),
    "harmonizer-C04": unpublished("the filters that the experts' tools were split into are those of figure 2"),
    "harmonizer-C05": unpublished(STAND_IN),
    "harmonizer-C06": unpublished("the simulated raters have 5 common and 5 own composites each"),
    "harmonizer-C07": Setting(
        NUMBERS["importance"][1],
        paper=5,
        note=f"the largest score that a page offers and a file may hold; the smallest is {NUMBERS['importance'][0]:g}",
    ),
    "harmonizer-C31": unpublished("the 99 composites are not at hand"),
    "harmonizer-C32": unpublished("the clips are not published"),
    "harmonizer-C33": unpublished(STAND_IN),
}


def save_claims(results: Iterable[ClaimResult], tables: str | os.PathLike[str]) -> pd.DataFrame:
    """Write ``claims-<paper>-studies.csv`` of each paper, beside the claims of its own notebook; return all, ids in order."""
    found = list(results)
    parts = [
        verdicts.save_claims([result for result in found if result.claim_id.startswith(f"{paper}-")], Path(tables), f"{paper}-studies")
        for paper in PAPERS
    ]
    return pd.concat(parts, ignore_index=True)
