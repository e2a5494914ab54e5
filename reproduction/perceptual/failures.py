"""Figure 10 of the no-reference paper: failures of PTC-DIH, found by three rules among test composites.

Of the composites that meet a rule, the one with the largest error is shown; where none does, the figure says so and shows nothing instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from harmlib.data.pairs import Pair
from harmlib.models.base import HarmonizationModel
from reproduction.kit.grids import picture_grid
from reproduction.kit.style import CAPTION_SIZE, LINE_HEIGHT, sentence_figure, wrapped
from reproduction.perceptual.artefacts import LABELS, NO_MASK
from reproduction.perceptual.figures import LEVELS, input_error, no_mask_row
from reproduction.perceptual.pictures import change, detected_mask, error, predict, read_example

METHOD = NO_MASK[-1]
# Specified: shares of the picture, mean of the detected mask in the object, share of the composite's error.
LARGE, SMALL, MISSED, REMAINING = 0.20, 0.03, 0.10, 0.60
# Ours, where the paper leaves it open: how many times stronger the mask is in an object that was found; by how many levels a pixel
# is changed; what share of the picture that makes outside of the object.
FOUND, CHANGED, ELSEWHERE = 2.0, 10.0, 0.01
CAPTION_LINES = 3  # under a picture

Facts = pd.DataFrame


class Rule(NamedTuple):
    """One way to fail: its letter in the figure, its words, which composites can fail so, and which of these do, as queries of facts."""

    letter: str
    words: str
    concerns: str
    fails: str


UNSEEN = f"mean of the detected mask in it below {MISSED}"
HALF_DONE = (
    f"object whose detected mask is at least {FOUND:g} times as strong inside as outside, but above {REMAINING:.0%} of the input's MSE "
    f"left and at least {ELSEWHERE:.0%} of the picture changed by more than {CHANGED:g} levels outside"
)
RULES = (
    Rule("a", f"object above {LARGE:.0%} of the picture, {UNSEEN}", f"size > {LARGE}", f"inside < {MISSED}"),
    Rule("b", f"object below {SMALL:.0%} of the picture, {UNSEEN}", f"size < {SMALL}", f"inside < {MISSED}"),
    Rule("c", HALF_DONE, f"inside >= {FOUND} * outside", f"remaining > {REMAINING} and elsewhere >= {ELSEWHERE}"),
)


@dataclass(frozen=True)
class Failure:
    """What a rule found: the row of the composite that is shown, None without one; how many fail, of how many that can."""

    rule: Rule
    row: int | None
    failing: int
    concerned: int


def measure(model: HarmonizationModel, pairs: Sequence[Pair]) -> Facts:
    """Return what the rules ask about PTC-DIH's results, one row per pair.

    Columns: subset, id, size (the object's share of the picture), inside and outside (means of the detected mask in the object and around
    it), input_mse, mse, remaining (their ratio), elsewhere (share of the picture that is outside of the object and was changed).
    """
    rows = []
    for pair in pairs:
        example = read_example(pair)
        prediction = predict(model, example)
        found, mask = detected_mask(prediction), example.mask
        before, after = input_error(example), error(prediction, example)
        changed = np.abs(change(prediction, example.composite)) > CHANGED
        row = {"subset": pair.subset, "id": pair.id, "size": float(mask.mean())}
        row |= {"inside": _mean(found[mask]), "outside": _mean(found[~mask]), "input_mse": before, "mse": after}
        rows.append({**row, "remaining": after / before if before else np.nan, "elsewhere": float((changed & ~mask).mean())})
    return pd.DataFrame(rows)


def _mean(values: np.ndarray) -> float:
    """Return the mean, NaN of nothing: an object may vanish at 256x256, or fill it."""
    return float(values.mean()) if values.size else np.nan


def find_failures(facts: Facts) -> list[Failure]:
    """Return what every rule finds, the largest error first; a composite that one rule shows is not shown by the next."""
    facts = facts.reset_index(drop=True)
    shown: list[int] = []
    failures = []
    for rule in RULES:
        concerned = facts.query(rule.concerns)
        failing = concerned.query(rule.fails)
        rows = failing.drop(index=shown, errors="ignore").sort_values("mse", ascending=False, kind="stable").index
        failures.append(Failure(rule, int(rows[0]) if len(rows) else None, len(failing), len(concerned)))
        shown.extend(rows[:1])
    return failures


def failure_figure(failures: Sequence[Failure], facts: Facts, pairs: Sequence[Pair], models: Mapping[str, HarmonizationModel]) -> Figure:
    """Return figure 10: columns as figure 8, one row per rule that some composite meets, what the rules say underneath.

    facts: ``measure`` of the same pairs; models: as ``Artefacts.models`` has them.
    """
    words, rows = failure_sentence(failures, facts), []
    for failure in failures:
        if failure.row is not None:
            fact, shown = facts.iloc[failure.row], no_mask_row(read_example(pairs[failure.row], f"({failure.rule.letter})"), models)
            # What made it a failure stands under input and result.
            captions = dict(shown.captions)
            captions["input"] += f"\nobject {fact['size']:.1%}"
            captions[LABELS[METHOD]] += f"\nmask in {fact['inside']:.2f}\nmask out {fact['outside']:.2f}"
            rows.append(replace(shown, captions=captions))
    if not rows:
        return sentence_figure(words)
    figure = picture_grid(rows, unit=LEVELS)
    below = CAPTION_LINES * LINE_HEIGHT / figure.get_figheight()
    figure.text(0.03, -below, wrapped(words), fontsize=CAPTION_SIZE, va="top")
    return figure


def failure_sentence(failures: Sequence[Failure], facts: Facts) -> str:
    """Return what was looked at, and a line per rule: what it asks, and how many of the objects that it is about meet it."""
    name = LABELS[METHOD]
    lines = [f"{len(facts)} composites; mask and errors are those of {name}; of every rule the composite with the largest MSE is shown."]
    for failure in failures:
        found = f"{failure.failing or 'none'} of {failure.concerned} objects" if failure.concerned else "there is no such object"
        lines.append(f"({failure.rule.letter}) {failure.rule.words}: {found}.")
    return "\n".join(lines)
