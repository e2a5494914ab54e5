"""What our numbers say about the papers': agrees, differs, cannot say, or not testable here, always with the interval behind it.

Agreement is never an interval that happens to be wide: a value agrees only where the interval could have told a value a tenth away.
Values of stand-in photographs are not compared with those of the data set that they stand for; orders are.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harmlib.errors import ParameterError
from harmlib.evaluation.intervals import LEVEL, Interval, holm

AGREES = "agrees"
DIFFERS = "differs"
CANNOT_SAY = "cannot say"
# An order of methods none of which is better than doing nothing is no order of merit.
ALL_WORSE = "cannot say (all worse than the composite)"
NOT_TESTABLE = "not testable here"
NOT_COMPARABLE = "not comparable (stand-in photographs)"
# What the titles of stand-ins for a data set hold: "HScene-style, camvid + bsds500".
STAND_IN = "-style"
# An interval can agree up to this half-width, as a share of the printed value; and the same in dB, a tenth of the error.
NARROW = 0.1
NARROW_PSNR = 10 * math.log10(1 + NARROW)
NOTHING = Interval(math.nan, math.nan, math.nan, 0)


@dataclass(frozen=True)
class Finding:
    """What was found about a claim: the verdict, our number with interval and n, on which data, and why so."""

    verdict: str
    ours: Interval = NOTHING
    data: str = ""
    note: str = ""


def judge_sign(difference: Interval, *, expected: str, data: str, note: str = "") -> Finding:
    """Judge a claim of order, such as "OM beats RGB in MSE".

    difference: a paired difference; expected: "below" or "above" zero if the claim holds.
    It agrees when the whole interval lies on that side, differs when it lies on the other, and cannot say when it holds zero.
    Raises ParameterError for another expectation.
    """
    if expected not in ("below", "above"):
        raise ParameterError(f'expected "{expected}" is unknown: choose below or above')
    below, above = difference.high < 0, difference.low > 0
    verdict = CANNOT_SAY
    if below or above:
        verdict = AGREES if below == (expected == "below") else DIFFERS
    return Finding(verdict, difference, data, note)


def judge_value(ours: Interval, *, paper: float, tolerance: float = 0.0, narrow: float | None = None, data: str, note: str = "") -> Finding:
    """Judge a claim of size, such as "MSE 23.98", by ``value_verdict``."""
    return Finding(value_verdict(ours, paper=paper, tolerance=tolerance, narrow=narrow, data=data), ours, data, note)


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


def judge_together(parts: Mapping[str, Interval], *, expected: str, data: str, note: str = "", lost: Collection[str] = ()) -> Finding:
    """Judge a claim that says the same of several things, such as the steps of an order, as one hypothesis (``whole_verdict``).

    parts: what -> its difference from zero; expected: "below" or "above", as in ``judge_sign``; lost: the parts whose methods all lose
    to doing nothing. A part differs after Holm's correction over all: uncorrected, 1 of 32 would in half of the tables in which nothing
    differs. Parts without images are left out, and then the claim can differ but not agree. Shown is, of the parts that decide, the one
    that lies farthest from what is expected.
    """
    known = {name: interval for name, interval in parts.items() if interval.n}
    if not known:
        return not_testable("no image of this size")
    sign = 1 if expected == "below" else -1
    judged = {name: judge_sign(interval, expected=expected, data=data).verdict for name, interval in known.items()}
    clear = holm([interval.p for interval in known.values()]) < 1 - LEVEL
    for name, sure in zip(known, clear, strict=True):
        if name in lost:
            judged[name] = ALL_WORSE
        elif judged[name] == DIFFERS and not sure:
            judged[name] = CANNOT_SAY
    verdicts = list(judged.values())
    verdict = whole_verdict([*verdicts, *(len(parts) - len(known)) * [CANNOT_SAY]])
    deciding = [name for name in known if judged[name] == verdict] or list(known)
    worst = max(deciding, key=lambda name: np.nan_to_num(sign * known[name].mean, nan=-np.inf))
    words = [f"{verdicts.count(name)} {name}" for name in (AGREES, DIFFERS, CANNOT_SAY, ALL_WORSE) if name in verdicts]
    empty = f", {len(parts) - len(known)} without images" if len(known) < len(parts) else ""
    text = f"of {len(parts)} comparisons {', '.join(words)}{empty}; shown: {worst}"
    return Finding(verdict, known[worst], data, f"{text}; {note}" if note else text)


def whole_verdict(verdicts: Sequence[str]) -> str:
    """Return the verdict on one hypothesis of several parts: it agrees where all of them do, and differs where one does."""
    if DIFFERS in verdicts:
        return DIFFERS
    return verdicts[0] if set(verdicts) in ({AGREES}, {ALL_WORSE}) else CANNOT_SAY


def judge_exact(ours: float, *, paper: float, tolerance: float = 0.0, data: str, note: str = "") -> Finding:
    """Judge a number that has no chance in it, such as a count; it agrees within ``tolerance``."""
    return exactly(AGREES if abs(ours - paper) <= tolerance else DIFFERS, ours, data=data, note=note)


def exactly(verdict: str, ours: float, *, data: str, note: str = "") -> Finding:
    """Return a verdict on a number that has no chance in it."""
    return Finding(verdict, Interval(ours, ours, ours, 1), data, note)


def not_testable(note: str) -> Finding:
    """Return that a claim cannot be tested here, with the reason."""
    return Finding(NOT_TESTABLE, note=note)
