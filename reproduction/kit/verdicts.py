"""What our numbers say about the papers' claims, always with the interval behind it: agrees, differs, cannot say, or not comparable.

Agreement is never an interval that happens to be wide: a value agrees only where the interval could have told a value a tenth away.
Values of stand-in photographs are not compared with those of the data set that they stand for; orders are.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harmlib.errors import ParameterError
from harmlib.evaluation.intervals import LEVEL, Interval, holm
from reproduction.kit.style import save_csv
from reproduction.papers import claims

AGREES = "agrees"
DIFFERS = "differs"
CANNOT_SAY = "cannot say"
# An order of methods none of which is better than doing nothing is no order of merit.
ALL_WORSE = "cannot say (all worse than the composite)"
NOT_COMPARABLE = "not comparable (stand-in photographs)"
# What the titles of stand-ins for a data set hold: "HScene-style, camvid + bsds500".
STAND_IN = "-style"
# An interval can agree up to this half-width, as a share of the printed value; and the same in dB, a tenth of the error.
NARROW = 0.1
NARROW_PSNR = 10 * math.log10(1 + NARROW)
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


def judge_value(
    claim_id: str, ours: Interval, *, paper: float, tolerance: float = 0.0, narrow: float | None = None, data: str, note: str = ""
) -> ClaimResult:
    """Judge a claim of size, such as "MSE 23.98", by ``value_verdict``."""
    return _result(claim_id, value_verdict(ours, paper=paper, tolerance=tolerance, narrow=narrow, data=data), ours, data, note)


def value_verdict(ours: Interval, *, paper: float, tolerance: float = 0.0, narrow: float | None = None, data: str) -> str:
    """Return whether our interval says that a printed value holds.

    It differs when the interval, widened by ``tolerance`` on both sides, does not hold the printed value. It agrees when it does and its
    half-width is at most ``narrow`` (None: NARROW of the printed value) or the tolerance; a wider one could not have disagreed, and
    cannot say, as without an interval. Values of stand-in data (``data``, their title) are not comparable.
    """
    if STAND_IN in data:
        return NOT_COMPARABLE
    if math.isnan(ours.low):
        return CANNOT_SAY
    if not ours.low - tolerance <= paper <= ours.high + tolerance:
        return DIFFERS
    widest = max(tolerance, NARROW * abs(paper) if narrow is None else narrow)
    return AGREES if (ours.high - ours.low) / 2 <= widest else CANNOT_SAY


def judge_together(claim_id: str, parts: Mapping[str, Interval], *, expected: str, data: str, note: str = "") -> ClaimResult:
    """Judge a claim that says the same of several things, such as the steps of an order, as one hypothesis.

    parts: what -> its difference from zero; expected: "below" or "above", as in ``judge_sign``. It agrees when every part does, which
    needs no correction, and differs when one of them does after Holm's correction over all: uncorrected, 1 of 32 would in half of the
    tables in which nothing differs. Parts without images are left out, and then the claim can differ but not agree. Shown is, of the
    parts that decide, the one that lies farthest from what is expected.
    """
    known = {name: interval for name, interval in parts.items() if interval.n}
    if not known:
        return cannot_say(claim_id, "no image of this size")
    sign = 1 if expected == "below" else -1
    judged = {name: judge_sign(claim_id, interval, expected=expected, data=data).verdict for name, interval in known.items()}
    clear = holm([interval.p for interval in known.values()]) < 1 - LEVEL
    for name, sure in zip(known, clear, strict=True):
        if judged[name] == DIFFERS and not sure:
            judged[name] = CANNOT_SAY
    verdicts = list(judged.values())
    verdict = DIFFERS if DIFFERS in verdicts else AGREES if verdicts == len(parts) * [AGREES] else CANNOT_SAY
    deciding = [name for name in known if judged[name] == verdict] or list(known)
    worst = max(deciding, key=lambda name: np.nan_to_num(sign * known[name].mean, nan=-np.inf))
    words = [f"{verdicts.count(name)} {name}" for name in (AGREES, DIFFERS, CANNOT_SAY) if name in verdicts]
    empty = f", {len(parts) - len(known)} without images" if len(known) < len(parts) else ""
    text = f"of {len(parts)} comparisons {', '.join(words)}{empty}; shown: {worst}"
    return _result(claim_id, verdict, known[worst], data, f"{text}; {note}" if note else text)


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
