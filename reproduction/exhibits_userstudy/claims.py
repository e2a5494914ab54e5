"""The claims of both papers about their user studies, with their verdicts.

What people prefer can be tested by people alone: simulated raters know only what they were told. The numbers of people and pictures are
tested where something printed depends on them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from reproduction.exhibits_userstudy.votes import fitting
from reproduction.kit.style import save_csv
from reproduction.kit.verdicts import AGREES, DIFFERS, ClaimResult, cannot_say, judge_exact
from reproduction.userstudy.choices import SETS, SUBJECTS, printed_votes
from reproduction.userstudy.tables import NUMBERS

PAPERS = ("sgmmh", "harmonizer")
ARITHMETIC, CODE = "the paper's own numbers", "the code"
UNPUBLISHED = "no answer is published and no printed number depends on it"
STAND_IN = "simulated raters stand in"


def judge_claims() -> list[ClaimResult]:
    """Return the verdict on every claim about studies."""
    return [*vote_claims(), *design_claims()]


def vote_claims() -> Iterator[ClaimResult]:
    """Judge sgmmh-C25 and C26: are there whole votes of 60 people on 11 sets that round to the four printed shares?"""
    total = int(printed_votes()["votes"].sum())
    found = ", ".join(map(str, printed_votes()["votes"]))
    verdict = AGREES if fitting([SUBJECTS * SETS]) == [total] else DIFFERS
    people = [number // SETS for number in fitting(SETS * number for number in range(1, SUBJECTS + 1))]
    note = f"{found} votes, {total} in all, round to every printed share; with {SETS} sets so do {', '.join(map(str, people))} people"
    yield ClaimResult("sgmmh-C25", verdict, total / SETS, float("nan"), float("nan"), total, ARITHMETIC, note)
    sets = [number // SUBJECTS for number in fitting(SUBJECTS * number for number in range(1, SETS + 1))]
    note = f"with {SUBJECTS} people, of 1 to {SETS} sets only {' and '.join(map(str, sets))} give the printed shares"
    yield ClaimResult("sgmmh-C26", verdict, total / SUBJECTS, float("nan"), float("nan"), total, ARITHMETIC, note)


def design_claims() -> Iterator[ClaimResult]:
    """Judge harmonizer-C04 to C07 and C31 to C33: who was asked about what, and the scale of the scores."""
    yield cannot_say("harmonizer-C04", f"{UNPUBLISHED}; the filters that the experts' tools were split into are those of figure 2")
    for number, words in (("05", STAND_IN), ("06", "the simulated raters have 5 common and 5 own composites each")):
        yield cannot_say(f"harmonizer-C{number}", f"{UNPUBLISHED}; {words}")
    low, high, *_ = NUMBERS["importance"]
    note = f"the largest score that a page offers and a file may hold; the smallest is {low:g}"
    yield judge_exact("harmonizer-C07", high, paper=5, data=CODE, note=note)
    for number, words in (("31", "the 99 composites are not at hand"), ("32", "the clips are not published"), ("33", STAND_IN)):
        yield cannot_say(f"harmonizer-C{number}", f"{UNPUBLISHED}; {words}")


def save_claims(results: Iterable[ClaimResult], tables: str | os.PathLike[str]) -> pd.DataFrame:
    """Write ``claims-<paper>-studies.csv`` of each paper, beside the claims of its own notebook; return all, ids in order."""
    table = pd.DataFrame([asdict(result) for result in results])
    parts = []
    for paper in PAPERS:
        part = table[table["claim_id"].str.startswith(f"{paper}-")].sort_values("claim_id", ignore_index=True)
        save_csv(part, Path(tables) / f"claims-{paper}-studies.csv")
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
