"""The claims of a paper as one table: id -> the setting that we built as printed, or the function that measures it.

A setting of our code or profile that is as printed is no finding about pictures: the scoreboard counts the two apart.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from harmlib import models
from harmlib.errors import ParameterError
from harmlib.models.registry import without_values
from reproduction.kit.artefacts import Artefacts
from reproduction.kit.findings import NOT_COMPARABLE, NOT_TESTABLE, Finding, judge_exact
from reproduction.kit.style import save_csv
from reproduction.papers import claims

BUILT, MEASURED, UNTESTABLE = "built as printed", "measured", "not testable here"
# Where a setting stands.
CODE, SETTINGS = "the code", "the paper profile"


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the claims of a paper are judged on.

    artefacts: with the systems that the paper compares with, where they are finished. tables: what its notebook has made of them.
    """

    artefacts: Artefacts
    tables: Mapping[str, pd.DataFrame]


@lru_cache
def full_network(method: str) -> Any:
    """Return a method's network at full width, built without memory."""
    with without_values():
        return models.create(method)


# From its ``Evidence``, where it needs any, and the number that the paper prints, NaN where that is no number.
Judge = Callable[[Any, float], Finding]


@dataclass(frozen=True)
class Setting:
    """A number that our code or a profile has, as printed or not.

    ours: the number, or what computes it. paper: None: the number in ``papers.claims``. data: where it stands.
    note: what a reader has to know about it, or what says so.
    """

    ours: float | Callable[[], float]
    paper: float | None = None
    tolerance: float = 0.0
    data: str = CODE
    note: str | Callable[[], str] = ""

    def __call__(self, _: object, printed: float) -> Finding:
        """Return whether the number is the printed one."""
        ours = self.ours() if callable(self.ours) else self.ours
        note = self.note() if callable(self.note) else self.note
        paper = printed if self.paper is None else self.paper
        return judge_exact(ours, paper=paper, tolerance=self.tolerance, data=self.data, note=note)


@dataclass(frozen=True)
class Construction:
    """A claim about how we built something that takes more than one number to judge."""

    judge: Judge

    def __call__(self, evidence: object, printed: float) -> Finding:
        """Return what the function finds."""
        return self.judge(evidence, printed)


@dataclass(frozen=True)
class ClaimResult:
    """One judged claim: its id in ``papers.claims``, BUILT, MEASURED or UNTESTABLE, and the parts of its ``Finding``."""

    claim_id: str
    kind: str
    verdict: str
    ours: float
    low: float
    high: float
    n: int
    data: str
    note: str = ""


def judge(table: Mapping[str, Judge], evidence: Evidence | None = None) -> list[ClaimResult]:
    """Return what becomes of every claim of a table; raises ParameterError for an unknown one."""
    results = []
    for claim_id, claim in table.items():
        found = claim(evidence, printed_number(claim_id))
        kind = BUILT if isinstance(claim, (Setting, Construction)) else MEASURED
        if found.verdict in (NOT_TESTABLE, NOT_COMPARABLE):
            kind = UNTESTABLE
        numbers = (found.ours.mean, found.ours.low, found.ours.high, found.ours.n)
        results.append(ClaimResult(claim_id, kind, found.verdict, *numbers, found.data, found.note))
    return results


def printed_number(claim_id: str) -> float:
    """Return the number that a claim prints, "40k" as 40000, NaN where it prints none or several.

    Raises ParameterError for an unknown id.
    """
    values = claims().set_index("id")["value"]
    if claim_id not in values:
        raise ParameterError(f'claim "{claim_id}" is unknown: take an id of papers.claims()')
    text = values[claim_id]
    try:
        return 1000 * float(text[:-1]) if text.endswith("k") else float(text)
    except ValueError:
        return math.nan


def save_claims(results: Iterable[ClaimResult], tables: str | os.PathLike[str], name: str) -> pd.DataFrame:
    """Write judged claims to ``<tables>/claims-<name>.csv`` and return them, in the order of their ids.

    name: of the paper, and after a hyphen of what else is judged elsewhere, such as "sgmmh-studies".
    Raises ParameterError when a claim belongs to another paper or is judged twice.
    """
    columns = [field.name for field in fields(ClaimResult)]
    table = pd.DataFrame([asdict(result) for result in results], columns=columns).sort_values("claim_id", ignore_index=True)
    owner, paper = claims().set_index("id")["paper"], name.partition("-")[0]
    for claim_id, twice in zip(table["claim_id"], table["claim_id"].duplicated(), strict=True):
        if twice or owner[claim_id] != paper:
            raise ParameterError(
                f'claim "{claim_id}" ' + ("is judged twice" if twice else f'belongs to "{owner[claim_id]}", not to "{paper}"')
            )
    save_csv(table, Path(tables) / f"claims-{name}.csv")
    return table


def claim_rows(results: Iterable[ClaimResult], chosen: Mapping[str, str] | Iterable[str]) -> list[dict[str, Any]]:
    """Return rows of a summary (``kit.summary.COLUMNS``) for some claims: the printed value, ours, and the note as likely reason.

    chosen: their ids, or id -> what the quantity is called where the claim's own words are too short.
    """
    texts, words = claims().set_index("id"), chosen if isinstance(chosen, Mapping) else dict.fromkeys(chosen, "")
    rows = []
    for result in (result for result in results if result.claim_id in words):
        text = texts.loc[result.claim_id]
        numbers = {"paper": text["value"], "ours": result.ours, "low": result.low, "high": result.high, "n": result.n}
        quantity = words[result.claim_id] or text["quantity"]
        rows.append({"quantity": quantity, "data": result.data, **numbers, "verdict": result.verdict, "likely reason": result.note})
    return rows


def summary_view(table: pd.DataFrame) -> pd.DataFrame:
    """Return a paper's summary, or that of the user studies, for reading, as ``readable`` writes numbers."""
    raters = ["raters"] if "raters" in table else []
    return readable(table)[[*raters, "quantity", "data", "paper", "ours", "95 % interval", "n", "verdict", "likely reason"]]


def claims_view(tested: pd.DataFrame) -> pd.DataFrame:
    """Return the claims of ``save_claims`` with their texts and the paper's values, for reading."""
    texts = claims()[["id", "claim", "value_as_printed"]].set_axis(["claim_id", "claim", "paper"], axis="columns")
    table = tested.merge(texts, on="claim_id", how="left", validate="one_to_one")
    return readable(table)[["claim_id", "claim", "paper", "ours", "95 % interval", "n", "kind", "verdict", "data", "note"]]


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with paper and ours as text, and low and high as "95 % interval", empty for an exact number."""
    bounds = zip(table["low"], table["high"], strict=True)
    interval = [f"[{low:.4g}, {high:.4g}]" if low < high else "" for low, high in bounds]
    ours = ["" if math.isnan(value) else f"{value:.5g}" for value in table["ours"]]
    paper = [value if isinstance(value, str) else "" if math.isnan(value) else f"{value:.5g}" for value in table["paper"]]
    return table.assign(paper=paper, ours=ours, **{"95 % interval": interval})
