"""Which rater sees what, in which order and where on the screen: at random, and balanced.

Cards, an item and an arrangement of its versions each, lie in a ring, and every rater is dealt the next ones. Along the ring both items
and arrangements come round in turn, so that any stretch of it holds all of them about equally often; a rater who sees every
item once is dealt a whole round. Arrangements and orders are rows of Williams squares: every version stands in every position, and every
trial follows every other one, equally often (Williams 1949). The seed decides who is who in the ring and in the squares.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harmlib.errors import ParameterError
from harmlib.seeds import item_generator

KINDS = ("rankings", "pairs", "choices", "filters")
COMPOSITE = "composite"
SPOILED = "spoiled-"
# Roles of trials: catch trials never enter the scores; the other two are those of Harmonizer's filter study.
SCORED, CATCH, COMMON, RANDOM = "scored", "catch", "common", "random"
MOST_RATERS = 10_000
# Images of a filter study that all raters see, and that each sees besides (Harmonizer sec. 3.1).
COMMON_IMAGES, RANDOM_IMAGES = 5, 5
# A pair takes about eight seconds; more than this many tire.
MOST_PAIRS = 60
CATCH_TRIALS = {"rankings": 2, "pairs": 2, "choices": 2, "filters": 1}


@dataclass(frozen=True)
class Trial:
    """One screen.

    role: SCORED, CATCH, COMMON or RANDOM. versions: methods in the order on screen; in a catch trial names of ``spoiled`` among them.
    """

    item: str
    role: str
    versions: tuple[str, ...]


@dataclass(frozen=True)
class Design:
    """What a plan is made from.

    trials: per rater, catch trials not counted; None: all items, of pairs at most MOST_PAIRS. catch_items: one catch trial each.
    """

    kind: str
    items: tuple[str, ...]
    methods: tuple[str, ...]
    raters: int
    seed: int
    trials: int | None = None
    catch_items: tuple[str, ...] = ()


def spoiled(number: int) -> str:
    """Return the name of an item's spoiled version, counted from 0; no method has a hyphen in its name."""
    return f"{SPOILED}{number}"


def is_spoiled(version: str) -> bool:
    """Tell whether a version is a spoiled one."""
    return version.startswith(SPOILED)


def spoiled_number(version: str) -> int:
    """Return the number of a spoiled version."""
    return int(version.removeprefix(SPOILED))


def rater_names(raters: int) -> list[str]:
    """Return "rater-01", "rater-02", ..., as many digits as the last one needs."""
    digits = max(2, len(str(raters)))
    return [f"rater-{number:0{digits}d}" for number in range(1, raters + 1)]


def plan_study(design: Design) -> dict[str, list[Trial]]:
    """Return rater -> trials in their order; a pure function of the design.

    Every rater gets equally many trials. Raters of all items see every version in every position equally often, and every item shows it
    there equally often over raters, both within one; with fewer trials within two.
    Raises ParameterError for an unknown kind, too few items, methods or raters, and more trials than there are.
    """
    _check(design)
    generator = item_generator(design.seed, f"plan {design.kind}")
    items = [design.items[index] for index in generator.permutation(len(design.items))]
    methods = [design.methods[index] for index in generator.permutation(len(design.methods))]
    deal = {"pairs": _deal_pairs, "filters": _deal_filters}.get(design.kind, _deal_arrangements)
    hands = deal(design, items, methods, generator)
    ordered = _order(hands, round_length=len(items), generator=generator)
    names = rater_names(design.raters)
    return {name: _add_catch_trials(trials, design, name) for name, trials in zip(names, ordered, strict=True)}


def williams_square(n: int) -> np.ndarray:
    """Return rows of 0..n-1 in which every value stands in every position, and follows every other, equally often.

    (n, n) for even n; (2n, n) for odd n, whose first n rows, and last n rows, have every value in every position once.
    """
    zigzag = [(column + 1) // 2 if column % 2 else (n - column // 2) % n for column in range(n)]
    rows = (np.array(zigzag) + np.arange(n)[:, None]) % n
    return rows if n % 2 == 0 else np.vstack([rows, rows[:, ::-1]])


def most_trials(design: Design) -> int:
    """Return how many different trials a rater can get, catch trials not counted."""
    count = len(design.items)
    if design.kind == "filters":
        return min(COMMON_IMAGES + RANDOM_IMAGES, count)
    return count * (math.comb(len(design.methods), 2) if design.kind == "pairs" else 1)


def _check(design: Design) -> None:
    """Raise ParameterError unless the design can be planned."""
    if design.kind not in KINDS:
        raise ParameterError(f'there is no kind "{design.kind}": choose from {", ".join(KINDS)}')
    if design.raters < 1:
        raise ParameterError(f"raters is {design.raters}: a study needs at least one")
    if design.raters > MOST_RATERS:
        raise ParameterError(f"raters is {design.raters}: a study has at most {MOST_RATERS}")
    if not design.items:
        raise ParameterError("a study needs at least one item")
    if design.kind != "filters" and len(design.methods) < 2:
        raise ParameterError(f'the kind "{design.kind}" compares methods: name at least two')
    if design.kind == "filters" and design.trials is not None:
        raise ParameterError(
            f"a filter study shows {COMMON_IMAGES} common and {RANDOM_IMAGES} random images: leave the number of trials out"
        )
    if design.trials is not None and not 1 <= design.trials <= most_trials(design):
        raise ParameterError(f"trials is {design.trials}: choose from 1 to {most_trials(design)}, which is all that there is to ask")


def _ring_card(number: int, items: int, arrangements: int) -> tuple[int, int]:
    """Return item and arrangement of a card; along the ring both come round in turn, and all combinations occur once."""
    number %= items * arrangements
    # Both cycles alone meet only every lcm-th combination: each time they have come full circle, one of them moves on by one.
    return number % items, (number + number // math.lcm(items, arrangements)) % arrangements


def _deal_arrangements(design: Design, items: Sequence[str], methods: Sequence[str], generator: np.random.Generator) -> list[list[Trial]]:
    """Return every rater's trials with all methods on each, arranged by a Williams square."""
    arrangements = williams_square(len(methods))[: len(methods)]
    arrangements = generator.permutation(len(methods))[arrangements]
    hand = design.trials or len(items)

    def trial(number: int) -> Trial:
        item, row = _ring_card(number, len(items), len(arrangements))
        return Trial(items[item], SCORED, tuple(methods[column] for column in arrangements[row]))

    return [[trial(rater * hand + index) for index in range(hand)] for rater in range(design.raters)]


def _deal_pairs(design: Design, items: Sequence[str], methods: Sequence[str], generator: np.random.Generator) -> list[list[Trial]]:
    """Return every rater's pairs; a pair changes sides every time that it comes round."""
    pairs = _cyclic_pairs(len(methods))
    ring = len(items) * len(pairs)
    hand = design.trials or min(ring, MOST_PAIRS)

    def trial(number: int) -> Trial:
        item, pair = _ring_card(number, len(items), len(pairs))
        turned = (number % ring // len(pairs) + number // ring) % 2
        left, right = pairs[pair][::-1] if turned else pairs[pair]
        return Trial(items[item], SCORED, (methods[left], methods[right]))

    return [[trial(rater * hand + index) for index in range(hand)] for rater in range(design.raters)]


def _cyclic_pairs(n: int) -> list[tuple[int, int]]:
    """Return all pairs of 0..n-1, neighbors in a circle first, so that every value is first as often as second (within one)."""
    pairs = [(first, (first + step) % n) for step in range(1, (n - 1) // 2 + 1) for first in range(n)]
    return pairs if n % 2 else pairs + [(first, first + n // 2) for first in range(n // 2)]


def _deal_filters(design: Design, items: Sequence[str], methods: Sequence[str], generator: np.random.Generator) -> list[list[Trial]]:
    """Return every rater's composites: the common ones, and the next of the others in turn."""
    common = items[: min(COMMON_IMAGES, math.ceil(len(items) / 2))]
    others = items[len(common) :]
    hand = min(RANDOM_IMAGES, len(others))
    return [
        [Trial(item, COMMON, (COMPOSITE,)) for item in common]
        + [Trial(others[(rater * hand + index) % len(others)], RANDOM, (COMPOSITE,)) for index in range(hand)]
        for rater in range(design.raters)
    ]


def _order(hands: list[list[Trial]], round_length: int, generator: np.random.Generator) -> list[list[Trial]]:
    """Return the hands, each round of items (in which none comes twice) ordered by a row of a Williams square."""
    labels = {length: generator.permutation(length) for length in range(1, round_length + 1)}

    def order(trials: list[Trial], row: int) -> list[Trial]:
        square = williams_square(len(trials))
        return [trials[labels[len(trials)][index]] for index in square[row % len(square)]]

    ordered: list[list[Trial]] = []
    for rater, hand in enumerate(hands):
        rounds = [hand[start : start + round_length] for start in range(0, len(hand), round_length)]
        ordered.append([trial for number, trials in enumerate(rounds) for trial in order(trials, rater + number)])
    return ordered


def _add_catch_trials(trials: list[Trial], design: Design, rater: str) -> list[Trial]:
    """Return the trials with one catch trial in each of equal stretches, never first and, if possible, not beside its own item."""
    generator = item_generator(design.seed, f"catch {rater}")
    result = list(trials)
    count = len(design.catch_items)
    for number in reversed(range(count)):  # from the end, so that earlier indices stay what they are
        item = design.catch_items[number]
        low, high = max(1, len(trials) * number // count), max(1, len(trials) * (number + 1) // count)
        indices = list(range(low, max(low + 1, high)))
        apart = [index for index in indices if item not in [trial.item for trial in trials[index - 1 : index + 1]]]
        index = int(generator.choice(apart or indices))
        result.insert(index, Trial(item, CATCH, _catch_versions(design, generator)))
    return result


def _catch_versions(design: Design, generator: np.random.Generator) -> tuple[str, ...]:
    """Return a catch trial's versions in random order, as many as in other trials.

    One is spoiled and must come last; where only the best is asked for, all but one are, so that guessing seldom helps.
    """
    if design.kind == "filters":
        return (spoiled(0),)
    shown = 2 if design.kind == "pairs" else len(design.methods)
    bad = shown - 1 if design.kind == "choices" else 1
    good = generator.permutation(design.methods)[: shown - bad]
    return tuple(map(str, generator.permutation([*good, *map(spoiled, range(bad))])))
