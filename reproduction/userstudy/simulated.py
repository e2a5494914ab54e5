"""Simulated raters: a stated noise model that exercises a study from end to end, for tests and teaching, never for claims.

A ranking sorts utilities s_method + b_item,method + e with e standard Gumbel, so that every pair follows Bradley-Terry with s (+ b); a
choice takes the largest. Everything is a pure function of (seed, participant, item). All studies say ``synthetic`` and all raters
belong to the group "simulated", which ``records`` never lets stand beside people.

Where s is not given it comes from real outputs: ``utilities_from_distances`` turns a distance of every result to the real photograph
into utilities. ``color_difference`` (CIEDE2000) needs no weights; "mse" or "lpips" of a scores.csv do as well.

The defaults are ours (docs/methods/userstudy.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harmlib.errors import DataError, ShapeError
from harmlib.seeds import item_generator
from reproduction.documents import check_document
from reproduction.userstudy.bradley_terry import printed_scores
from reproduction.userstudy.choices import SETS, SUBJECTS, printed_votes
from reproduction.userstudy.records import StudyInfo, StudyRecords
from reproduction.userstudy.tables import SEPARATOR, SIMULATED

# Participants and items of Harmonizer's table 5.
PARTICIPANTS = 12
ITEMS = {"image": 99, "video": 20}
SCENARIOS = ("illumination", "filtered", "two photographs")
# Harmonizer Fig. 2: 26 people, 5 images for all and 5 of one's own; no value is printed, the means are ours. The pool size is ours.
FILTER_PARTICIPANTS, COMMON_IMAGES, RANDOM_IMAGES, RANDOM_POOL = 26, 5, 5, 50
IMPORTANCE = {
    "brightness": 4.5,
    "contrast": 4.2,
    "saturation": 3.9,
    "temperature": 3.7,
    "highlight": 3.4,
    "shadow": 3.2,
    "tint": 2.5,
    "hue": 2.2,
}
IMPORTANCE_DEVIATION = 0.8
GAIN_DEVIATION = 0.2


@dataclass(frozen=True)
class Behavior:
    """How raters differ from the plain model.

    item_effect: deviation of b, normal. careless: share of participants that rank at random. tie_width: utilities closer than that to the
    next better one share its rank.
    """

    item_effect: float = 0.3
    careless: float = 0.05
    tie_width: float = 0.05


def ranking_study(
    row: str = "image", *, participants: int = PARTICIPANTS, items: int | None = None, behavior: Behavior | None = None, seed: int = 0
) -> StudyRecords:
    """Return simulated rankings of the methods of Harmonizer's table 5, s its printed row, centered.

    row: "image" or "video"; items: as many as in the paper unless given. Raises ParameterError for another row.
    """
    printed = printed_scores(row).set_index("method")["centered"]
    names = [f"{row}-{number:02d}" for number in range(1, (items or ITEMS[row]) + 1)]
    utilities = pd.DataFrame([printed.to_numpy()] * len(names), index=names, columns=printed.index)
    return preference_study(utilities, kind=f"bt_{row}", participants=participants, behavior=behavior, seed=seed)


def preference_study(
    utilities: pd.DataFrame, *, kind: str = "bt_image", participants: int = PARTICIPANTS, behavior: Behavior | None = None, seed: int = 0
) -> StudyRecords:
    """Return simulated rankings of methods whose utility on every item is given.

    utilities: one row per item, one column per method, as from ``utilities_from_distances``. kind: "bt_image" or "bt_video".
    """
    people, items, methods = _people(participants), list(utilities.index), list(utilities.columns)
    behavior = behavior or Behavior()
    ranks = draw_ranks(with_item_effects(utilities, behavior, seed), people, behavior, seed)
    index = pd.MultiIndex.from_product([people, items, methods], names=["participant", "item", "method"])
    positions = [_generator(seed, "position", person, item).permutation(len(methods)) + 1 for person in people for item in items]
    rankings = pd.DataFrame({"rank": ranks.reshape(-1), "position": np.concatenate(positions)}, index=index).reset_index()
    info = _info(kind, "Rank the results from the most to the least realistic one.", methods, items, seed)
    return StudyRecords(info, _participants(people, seed), rankings=rankings.assign(seconds=np.nan))


def utilities_from_distances(distances: pd.DataFrame) -> pd.DataFrame:
    """Return utilities -z, z the distances of one item's results divided by their spread: a simulated preference.

    distances: one row per item, one column per method, 0 = equal to the real photograph; any metric. An item whose results are all
    equally far has utilities 0. Raises DataError for a missing distance.
    """
    if distances.isna().any(axis=None):
        raise DataError("a distance is missing: give every result of every item one")
    centered = distances.sub(distances.mean(axis=1), axis=0)
    spread = distances.std(axis=1, ddof=0)
    return -centered.div(spread.where(spread > 0, 1), axis=0)


def color_difference(harmonized: np.ndarray, target: np.ndarray, foreground: np.ndarray) -> float:
    """Return the mean CIEDE2000 difference of the foreground's pixels, 0 = equal, about 1 = just visible.

    harmonized, target: uint8 RGB (H, W, 3). foreground: bool (H, W). Raises ShapeError for other sizes or an empty foreground.
    """
    from skimage.color import deltaE_ciede2000

    from harmlib.color import rgb_to_lab

    if harmonized.shape != target.shape or foreground.shape != target.shape[:2] or not foreground.any():
        raise ShapeError(
            f"pictures are {harmonized.shape} and {target.shape}, foreground {foreground.shape}: expected one size, some foreground"
        )
    return float(deltaE_ciede2000(rgb_to_lab(harmonized[foreground]), rgb_to_lab(target[foreground])).mean())


def with_item_effects(utilities: pd.DataFrame, behavior: Behavior, seed: int) -> pd.DataFrame:
    """Return the utilities (a row per item, a column per method) with every item's own deviation added."""
    size = utilities.shape[1]
    return utilities + np.array([_generator(seed, "effect", item).normal(0, behavior.item_effect, size) for item in utilities.index])


def draw_ranks(utilities: pd.DataFrame, people: Sequence[str], behavior: Behavior, seed: int) -> np.ndarray:
    """Return ranks, (R, K, M) int, 1 = best, that people give the methods of every item; utilities: a row per item."""
    size = utilities.shape[1]
    noise = np.array([[_generator(seed, "rank", person, item).gumbel(size=size) for item in utilities.index] for person in people])
    careless = np.array([_generator(seed, "careless", person).random() < behavior.careless for person in people])
    felt = noise + np.where(careless[:, None, None], 0, utilities.to_numpy())
    order = np.argsort(-felt, axis=2)
    gaps = -np.diff(np.take_along_axis(felt, order, 2), axis=2)
    ranks = np.ones(felt.shape, dtype=int)
    np.put_along_axis(ranks, order[:, :, 1:], np.cumsum(gaps >= behavior.tie_width, axis=2) + 1, 2)
    return ranks


def choice_study(*, participants: int = SUBJECTS, items: int = SETS, position_bias: float = 0.0, seed: int = 0) -> StudyRecords:
    """Return simulated choices of one among all methods, with probabilities proportional to Sg-MMH's printed shares, exp(s).

    position_bias: added to s of what is shown first.
    Items take the paper's three scenarios in turn; how its eleven sets divide is not printed.
    """
    printed = printed_votes()
    s = dict(zip(printed["method"], np.log(printed["share"]), strict=True))
    people, methods = _people(participants), list(s)
    sets = {f"set-{number + 1:02d}": SCENARIOS[number % len(SCENARIOS)] for number in range(items)}
    rows = []
    for person in people:
        for item, scenario in sets.items():
            generator = _generator(seed, "choice", person, item)
            shown = [methods[index] for index in generator.permutation(len(methods))]
            felt = np.array([s[method] for method in shown]) + generator.gumbel(size=len(shown))
            felt[0] += position_bias
            rows.append((person, item, scenario, SEPARATOR.join(shown), shown[int(felt.argmax())], np.nan))
    choices = pd.DataFrame(rows, columns=["participant", "item", "scenario", "options", "chosen", "seconds"])
    info = _info("choice4", "Choose the most realistic picture.", methods, list(sets), seed)
    return StudyRecords(info, _participants(people, seed), choices=choices)


def filter_study(*, participants: int = FILTER_PARTICIPANTS, seed: int = 0) -> StudyRecords:
    """Return simulated answers to the filter study: eight filters on five common and five own images per participant.

    Importance is a rounded normal around IMPORTANCE; a filter is touched with probability importance / 5; its argument is normal with half
    the released range as deviation, times the participant's gain, clipped to [-1, 1], and 0 when untouched.
    """
    people = _people(participants)
    common = [f"common-{number}" for number in range(1, COMMON_IMAGES + 1)]
    pool = [f"random-{number:02d}" for number in range(1, RANDOM_POOL + 1)]
    rows = []
    for person in people:
        generator = _generator(seed, "person", person)
        gain = generator.normal(1, GAIN_DEVIATION)
        own = sorted(generator.choice(pool, RANDOM_IMAGES, replace=False).tolist())
        for role, images in (("common", common), ("random", own)):
            for image in images:
                rows += [(person, image, role, *answer) for answer in _filter_answers(_generator(seed, "filter", person, image), gain)]
    columns = ["participant", "image", "role", "filter", "argument", "touched", "importance"]
    answers = pd.DataFrame(rows, columns=columns).assign(seconds=np.nan)
    question = "Set the filters until the picture looks natural, then say how important each one was."
    info = _info("filters", question, list(IMPORTANCE), [*common, *pool], seed)
    return StudyRecords(info, _participants(people, seed), filters=answers)


def _filter_answers(generator: np.random.Generator, gain: float) -> list[tuple[str, float, int, int]]:
    """Return one person's filter, argument, touched and importance for every filter on one image."""
    from harmlib.filters import RANGES  # imports torch

    answers = []
    for name, mean in IMPORTANCE.items():
        importance = int(np.clip(np.round(generator.normal(mean, IMPORTANCE_DEVIATION)), 1, 5))
        touched = int(generator.random() < importance / 5)
        argument = float(np.clip(gain * generator.normal(0, RANGES[name] / 2), -1, 1))
        answers.append((name, argument * touched, touched, importance))
    return answers


def _generator(seed: int, *parts: str) -> np.random.Generator:
    """Return the generator of one thing that is drawn."""
    return item_generator(seed, "\0".join(parts))


def _people(number: int) -> list[str]:
    """Return the names of simulated participants."""
    return [f"{SIMULATED}-{index:02d}" for index in range(1, number + 1)]


def _participants(people: Sequence[str], seed: int) -> pd.DataFrame:
    """Return the rows of participants.csv."""
    return pd.DataFrame({"participant": people, "group": SIMULATED, "seed": seed})


def _info(kind: str, question: str, methods: Sequence[str], items: Sequence[str], seed: int) -> StudyInfo:
    """Return what study.json says about a simulated study."""
    content = {"name": f"{SIMULATED} {kind}", "kind": kind, "question": question, "methods": list(methods), "seed": seed}
    content |= {"items": {item: {} for item in items}, "date": "never, simulated", "synthetic": True}
    return check_document(content, StudyInfo, "a simulated study", advice="give it two methods and one item, or more")
