"""What our numbers say about the papers' claims: agrees, differs, or cannot say, always with the interval behind it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from harmlib.errors import ParameterError
from harmlib.evaluation.statistics import Interval
from reproduction.kit.style import save_csv
from reproduction.papers import claims

AGREES = "agrees"
DIFFERS = "differs"
CANNOT_SAY = "cannot say"
# Fewer are named as a reason beside a verdict.
FEW_IMAGES = 30


@dataclass(frozen=True)
class ClaimResult:
    """One tested claim: its id in ``papers.claims``, the verdict, our number with interval and n, on which data, and why so."""

    claim_id: str
    verdict: str
    ours: float
    low: float
    high: float
    n: int
    data: str
    note: str = ""


def judge_sign(claim_id: str, difference: Interval, *, expected: str, data: str, note: str = "") -> ClaimResult:
    """Judge a claim of order, such as "OM beats RGB in MSE".

    difference: a paired difference; expected: "below" or "above" zero if the claim holds.
    It agrees when the whole interval lies on that side, differs when it lies on the other, and cannot say when it holds zero.
    Raises ParameterError for another expectation or an unknown claim.
    """
    if expected not in ("below", "above"):
        raise ParameterError(f'expected "{expected}" is unknown: choose below or above')
    below, above = difference.high < 0, difference.low > 0
    verdict = CANNOT_SAY
    if below or above:
        verdict = AGREES if below == (expected == "below") else DIFFERS
    return _result(claim_id, verdict, difference, data, note)


def judge_value(claim_id: str, ours: Interval, *, paper: float, tolerance: float = 0.0, data: str, note: str = "") -> ClaimResult:
    """Judge a claim of size, such as "MSE 23.98".

    It agrees when our interval, widened by ``tolerance`` on both sides, holds the paper's value, and differs when it does not.
    Without an interval (fewer than two images) it cannot say.
    """
    inside = ours.low - tolerance <= paper <= ours.high + tolerance
    verdict = CANNOT_SAY if math.isnan(ours.low) else AGREES if inside else DIFFERS
    return _result(claim_id, verdict, ours, data, note)


def judge_exact(claim_id: str, ours: float, *, paper: float, tolerance: float = 0.0, data: str, note: str = "") -> ClaimResult:
    """Judge a claim that has no chance in it, such as a parameter count; it agrees within ``tolerance``."""
    verdict = AGREES if abs(ours - paper) <= tolerance else DIFFERS
    return _result(claim_id, verdict, Interval(ours, ours, ours, 1), data, note)


def cannot_say(claim_id: str, note: str) -> ClaimResult:
    """Return a claim that cannot be tested here, with the reason."""
    return _result(claim_id, CANNOT_SAY, Interval(math.nan, math.nan, math.nan, 0), "", note)


def few_images(n: int) -> str:
    """Return a further reason when there are few images."""
    return f"; only {n} images" if n < FEW_IMAGES else ""


def _result(claim_id: str, verdict: str, interval: Interval, data: str, note: str) -> ClaimResult:
    """Put the parts together; raises ParameterError for an unknown claim."""
    if claim_id not in set(claims()["id"]):
        raise ParameterError(f'claim "{claim_id}" is unknown: take an id of papers.claims()')
    return ClaimResult(claim_id, verdict, interval.mean, interval.low, interval.high, interval.n, data, note)


def save_claims(results: Iterable[ClaimResult], tables: str | os.PathLike[str], paper: str) -> pd.DataFrame:
    """Write the tested claims of one paper to ``<tables>/claims-<paper>.csv`` and return them, in the order of their ids.

    Raises ParameterError when a claim belongs to another paper or is judged twice.
    """
    rows = [asdict(result) for result in results]
    table = pd.DataFrame(rows, columns=[field.name for field in fields(ClaimResult)]).sort_values("claim_id", ignore_index=True)
    owner = claims().set_index("id")["paper"]
    for claim_id, twice in zip(table["claim_id"], table["claim_id"].duplicated(), strict=True):
        if twice or owner[claim_id] != paper:
            raise ParameterError(
                f'claim "{claim_id}" ' + ("is judged twice" if twice else f'belongs to "{owner[claim_id]}", not to "{paper}"')
            )
    save_csv(table, Path(tables) / f"claims-{paper}.csv")
    return table


def claim_row(result: ClaimResult) -> dict[str, Any]:
    """Return the row of a claim in a paper's summary: quantity, data, paper, ours, low, high, n, verdict, likely reason (its note)."""
    text = claims().set_index("id").loc[result.claim_id]
    numbers = {"paper": text["value"], "ours": result.ours, "low": result.low, "high": result.high, "n": result.n}
    return {"quantity": text["quantity"], "data": result.data, **numbers, "verdict": result.verdict, "likely reason": result.note}


def summary_view(table: pd.DataFrame) -> pd.DataFrame:
    """Return a paper's summary, rows as ``claim_row`` returns them, for reading, as ``readable`` writes numbers."""
    return readable(table)[["quantity", "data", "paper", "ours", "95 % interval", "n", "verdict", "likely reason"]]


def claims_view(tested: pd.DataFrame) -> pd.DataFrame:
    """Return the claims of ``save_claims`` with their texts and the paper's values, for reading."""
    texts = claims()[["id", "claim", "value_as_printed"]].set_axis(["claim_id", "claim", "paper"], axis="columns")
    table = tested.merge(texts, on="claim_id", how="left", validate="one_to_one")
    return readable(table)[["claim_id", "claim", "paper", "ours", "95 % interval", "n", "verdict", "data", "note"]]


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with paper and ours as text, and low and high as "95 % interval", empty for an exact number."""
    bounds = zip(table["low"], table["high"], strict=True)
    interval = [f"[{low:.4g}, {high:.4g}]" if low < high else "" for low, high in bounds]
    ours = ["" if math.isnan(value) else f"{value:.5g}" for value in table["ours"]]
    paper = [value if isinstance(value, str) else "" if math.isnan(value) else f"{value:.5g}" for value in table["paper"]]
    return table.assign(paper=paper, ours=ours, **{"95 % interval": interval})
