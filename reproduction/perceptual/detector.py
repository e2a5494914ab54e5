"""How well the detector finds exposure shifts: on labeled test composites, and by a sweep of the shift over test objects.

The measures are those of ``reproduction.perceptual.detection``; here they get their pictures and intervals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harmlib.data.composers.thresholds import Thresholds, classify
from harmlib.data.pairs import Pair
from harmlib.evaluation.intervals import Interval, auc_interval, mean_interval
from harmlib.evaluation.statistics import mean_score, photographs
from harmlib.inference.detection import detect
from harmlib.io import images
from harmlib.io.images import read_image, read_labels
from harmlib.io.masks import read_mask
from harmlib.models.base import HarmonizationModel
from harmlib.models.ptc import CLASSES, REGION_CLASSES
from harmlib.perturbations.exposure import shift_exposure
from reproduction.kit.comparisons import bounds, readings
from reproduction.kit.selection import evenly
from reproduction.perceptual.artefacts import Artefacts, detector_run
from reproduction.perceptual.detection import DETECTED, DIRECTIONS, STOPS, area_under, iou, predicted_thresholds, roc, soft_f1, sweep

# The authors' detector, trained on what people saw: mean distance of predicted and measured thresholds, in stops.
PUBLISHED_DISTANCE = 0.1148
# Where at least this share of objects is never detected, a mean over the others says little.
MANY_MISSED = 0.2
# Objects of a smaller share may vanish at the detector's size.
SMALLEST = 0.005
# Shifts that are certainly beyond both thresholds: the study's largest is 0.90 stops, its medians are 0.2.
BEYOND = 0.3
EXAMPLE_STOPS = 0.5
# What a difference of F1 at -s less F1 at +s favors.
FAVORS = {"better": "darkening is found better", "worse": "brightening is found better"}
# Share of right choices between two pictures at which people's thresholds are usually read.
RIGHT_CHOICES = 0.75


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The detector's answers to labeled composites, at its own size.

    pictures: one row each: subset, id, shifted (negative, positive or none), stops, then of the direction that was shifted f1, iou,
    inside (mean probability inside the region), opposite (mean of the other direction there), and detected, the share of the picture
    that is likelier shifted than not.
    probabilities: float32 (N, 3, S, S). labels: (N, S, S), a class per pixel.
    """

    pictures: pd.DataFrame
    probabilities: np.ndarray
    labels: np.ndarray


def evaluate(artefacts: Artefacts, model: HarmonizationModel, limit: int) -> Evaluation:
    """Return the answers to at most ``limit`` test composites of the detector's benchmark, evenly spaced over its list."""
    name = detector_run(artefacts).benchmark
    pairs = artefacts.pairs(name)
    chosen = evenly(artefacts.composites(name).to_dict("records"), limit)
    answers = [answer(model, pairs[row["subset"], row["id"]]) for row in chosen]
    rows = [
        {"subset": row["subset"], "id": row["id"], **describe(row["recipe"]), **measure(*found)}
        for row, found in zip(chosen, answers, strict=True)
    ]
    return Evaluation(pd.DataFrame(rows), np.stack([found[0] for found in answers]), np.stack([found[1] for found in answers]))


def answer(model: HarmonizationModel, pair: Pair) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the probabilities (3, S, S), the true classes (S, S), and whether a pixel is of the region (S, S), for one composite."""
    assert pair.regions is not None  # our own benchmarks have them
    assert model.working_size is not None  # no detector works at every size
    size = (model.working_size, model.working_size)
    image = images.resize(read_image(pair.composite), size, "bilinear")
    regions = images.resize(read_labels(pair.regions), size, "nearest")
    labels = np.full(size, CLASSES.index("none"))
    for region, label in REGION_CLASSES.items():
        labels[regions == region] = label
    return detect(model, image).transpose(2, 0, 1), labels, regions > 0


def describe(recipe: dict) -> dict[str, object]:
    """Return the class and the stops of a recipe."""
    return {"shifted": CLASSES[classify(recipe["stops"], Thresholds(*recipe["thresholds"]))], "stops": recipe["stops"]}


def measure(probabilities: np.ndarray, labels: np.ndarray, region: np.ndarray) -> dict[str, float]:
    """Return f1, iou, inside, opposite and detected of one picture; those of a direction are NaN where none was shifted visibly."""
    found = dict.fromkeys(("f1", "iou", "inside", "opposite"), float("nan"))
    for index in range(len(DIRECTIONS)):
        truth = labels == index
        if truth.any():
            means = probabilities[:, region].mean(1)
            found = {"f1": soft_f1(probabilities[index], truth), "iou": iou(probabilities.argmax(0) == index, truth)}
            found |= {"inside": float(means[index]), "opposite": float(means[1 - index])}
    return {**found, "detected": float((probabilities[: len(DIRECTIONS)].max(0) >= DETECTED).mean())}


def curves(evaluation: Evaluation) -> dict[str, pd.DataFrame]:
    """Return direction -> ROC curve over the pixels of all pictures; directions that no picture was shifted in are left out."""
    present = [name for index, name in enumerate(DIRECTIONS) if (evaluation.labels == index).any()]
    return {name: roc(evaluation.probabilities, evaluation.labels, name) for name in present}


def direction_table(evaluation: Evaluation) -> pd.DataFrame:
    """Return per direction and measure: the mean over the pictures shifted that way with its interval, and n.

    Columns: direction, measure, ours, low, high, n. Measures: "pixel F1" (soft), IoU, "p inside" and "opposite p inside" (mean
    probabilities inside the region), and "pixel AUC", which is over all pixels and has no interval.
    """
    names = {"pixel F1": "f1", "IoU": "iou", "p inside": "inside", "opposite p inside": "opposite"}
    areas = {direction: area_under(curve) for direction, curve in curves(evaluation).items()}
    rows = []
    for direction in DIRECTIONS:
        part = evaluation.pictures[evaluation.pictures["shifted"] == direction]
        for measure_name, column in names.items():
            rows.append((direction, measure_name, *_numbers(mean_score(part, column))))
        rows.append((direction, "pixel AUC", areas.get(direction, np.nan), np.nan, np.nan, len(part)))
    return pd.DataFrame(rows, columns=["direction", "measure", "ours", "low", "high", "n"])


def quiet_sentence(evaluation: Evaluation) -> str:
    """Return how much the detector reports where nobody would see a shift."""
    part = evaluation.pictures[evaluation.pictures["shifted"] == "none"]
    found = mean_score(part, "detected")
    words = f"{found.mean:.1%} of the picture{bounds(found.low, found.high, '.1%')}" if found.n else "no such picture"
    return f"Detected where the shift is below the thresholds (n = {found.n}): {words}."


def sweep_objects(artefacts: Artefacts, model: HarmonizationModel, limit: int) -> pd.DataFrame:
    """Return ``detection.sweep`` of at most ``limit`` objects of test photographs, one object per photograph, evenly spaced.

    Columns: subset, photo, id, foreground_ratio, label_negative, label_positive (the thresholds behind the labels, in stops above 0),
    then those of the sweep. A photograph's object is the region of its first composite with half a percent of the picture or more.
    """
    tables = []
    for pair, row in _objects(artefacts, limit):
        thresholds = Thresholds(*row["recipe"]["thresholds"])
        known = {name: row[name] for name in ("subset", "photo", "id", "foreground_ratio")}
        known |= {"label_negative": -thresholds.negative, "label_positive": thresholds.positive}
        table = sweep(model, read_image(pair.real), read_mask(pair.mask))
        tables.append(table.assign(**known)[[*known, *table]])
    return pd.concat(tables, ignore_index=True)


def _objects(artefacts: Artefacts, limit: int) -> Iterator[tuple[Pair, dict]]:
    """Yield the pair and the row of composites.csv of each chosen object."""
    name = detector_run(artefacts).benchmark
    composites, pairs = artefacts.composites(name), artefacts.pairs(name)
    photos = composites[composites["foreground_ratio"] >= SMALLEST].drop_duplicates(["subset", "photo"])
    for row in evenly(photos.to_dict("records"), limit):
        yield pairs[row["subset"], row["id"]], row


def shift_errors(artefacts: Artefacts, limit: int) -> pd.DataFrame:
    """Return the MSE that 0.5 stops of more exposure make over the whole picture, for the objects of ``sweep_objects``.

    Columns: foreground_ratio, mse.
    """
    rows = []
    for pair, row in _objects(artefacts, limit):
        image = read_image(pair.real)
        difference = shift_exposure(image, read_mask(pair.mask), EXAMPLE_STOPS).astype(float) - image
        rows.append((row["foreground_ratio"], (difference**2).mean()))
    return pd.DataFrame(rows, columns=["foreground_ratio", "mse"])


def threshold_table(sweeps: pd.DataFrame) -> pd.DataFrame:
    """Return predicted against label thresholds by direction, in stops.

    Columns: direction, objects, never (share of them whose mean probability never reaches 0.5), predicted and label (means), distance
    (mean |predicted - label|) with low and high, n and published. Predicted thresholds and distances are over the n objects that reach it.
    """
    objects = sweeps.groupby(["subset", "id"], sort=False)
    found = pd.DataFrame([predicted_thresholds(part) for _, part in objects], columns=list(DIRECTIONS))
    labels = objects[["label_negative", "label_positive"]].first()
    rows = []
    for direction in DIRECTIONS:
        predicted, label = found[direction].to_numpy(), labels[f"label_{direction}"].to_numpy()
        distance = mean_interval(np.abs(predicted - label), photographs(labels.index.to_frame()))
        reached = predicted[~np.isnan(predicted)]
        mean = reached.mean() if len(reached) else np.nan
        never = 1 - distance.n / len(found)
        rows.append((direction, len(found), never, mean, label.mean(), distance.mean, distance.low, distance.high, distance.n))
    columns = ["direction", "objects", "never", "predicted", "label", "distance", "low", "high", "n"]
    return pd.DataFrame(rows, columns=columns).assign(published=PUBLISHED_DISTANCE)


def threshold_sentence(table: pd.DataFrame) -> str:
    """Return whether the distances of ``threshold_table`` mean anything."""
    words = [f"{row['direction']} {row['never']:.0%}" for row in table.to_dict("records")]
    line = f"Never reaching {DETECTED}: {', '.join(words)}"
    many = table["never"] >= MANY_MISSED
    return f"{line}; a distance over the others is no success." if many.any() else f"{line}."


def forced_choices(sweeps: pd.DataFrame) -> pd.DataFrame:
    """Return how often the detector would pick the shifted one of two objects, by the probability of the shift's direction inside.

    Every shifted object is compared with every unshifted one, as people were asked to choose between two pictures; 0.5 is chance. Columns:
    stops, direction, ours, low, high, n (objects). Needs no probability to reach anything, so it tells what a shy detector knows.
    """
    at_rest = sweeps[sweeps["stops"] == 0]
    rows = []
    for stops, part in sweeps[sweeps["stops"] != 0].groupby("stops"):
        direction = DIRECTIONS[int(part["stops"].iloc[0] > 0)]
        values = np.concatenate([part[direction], at_rest[direction]])
        found = auc_interval(values, np.arange(len(values)) < len(part), photographs(pd.concat([part, at_rest])))
        rows.append((stops, direction, found.mean, found.low, found.high, len(part)))
    return pd.DataFrame(rows, columns=["stops", "direction", "ours", "low", "high", "n"])


def choice_sentence(table: pd.DataFrame) -> str:
    """Return the smallest shift at which three of four choices are right, by direction; table: ``forced_choices``."""
    words = []
    for direction in DIRECTIONS:
        part = table[(table["direction"] == direction) & (table["ours"] >= RIGHT_CHOICES)]
        words.append(f"{direction} from {part['stops'].abs().min():g} stops on" if len(part) else f"{direction} at no shift up to one stop")
    return f"Three of four choices are right: {', '.join(words)}."


def balance_table(sweeps: pd.DataFrame) -> pd.DataFrame:
    """Return whether darkening is found as well as brightening: F1 at -s less F1 at +s over the same objects.

    Columns: shift (|s| in stops as text, last "0.3 and more", the mean of those), negative, positive (mean F1), ours (their difference),
    low, high, n, reading.
    """
    f1 = sweeps[sweeps["stops"] != 0].pivot_table(index=["subset", "id"], columns="stops", values="f1")
    sizes = [step for step in STOPS if step > 0]
    pairs = {f"{size:g}": ([-size], [size]) for size in sizes}
    large = [size for size in sizes if size >= BEYOND]
    pairs[f"{BEYOND:g} and more"] = ([-size for size in large], large)
    rows, intervals = [], []
    for shift, (darker, brighter) in pairs.items():
        negative, positive = f1[darker].mean(axis=1), f1[brighter].mean(axis=1)
        intervals.append(mean_interval(negative - positive, photographs(f1.index.to_frame())))
        rows.append((shift, negative.mean(), positive.mean(), *_numbers(intervals[-1])))
    table = pd.DataFrame(rows, columns=["shift", "negative", "positive", "ours", "low", "high", "n"])
    words = readings(intervals, lower_is_better=[False] * len(intervals))
    return table.assign(reading=[FAVORS.get(word, word) for word in words])


def learned_table(sweeps: pd.DataFrame) -> pd.DataFrame:
    """Return what a detector that has learned a direction must show, paired by object, at one stop and at 0.1.

    Columns: direction, quantity, ours, low, high, n, reading (better: learned). Quantities: the probability of the shift's direction less
    that of the other one inside an object shifted by a stop; less itself at the same object unshifted; F1 at one stop less that at 0.1.
    """
    wide = sweeps.pivot_table(index=["subset", "id"], columns="stops", values=[*DIRECTIONS, "f1"])
    rows, intervals = [], []
    for direction, other, sign in (("negative", "positive", -1.0), ("positive", "negative", 1.0)):
        far, near = sign, sign / 10
        quantities = {
            "own p - other p, one stop": wide[direction, far] - wide[other, far],
            "own p, one stop - unshifted": wide[direction, far] - wide[direction, 0.0],
            "F1, one stop - 0.1 stops": wide["f1", far] - wide["f1", near],
        }
        for quantity, values in quantities.items():
            intervals.append(mean_interval(values, photographs(wide.index.to_frame())))
            rows.append((direction, quantity, *_numbers(intervals[-1])))
    table = pd.DataFrame(rows, columns=["direction", "quantity", "ours", "low", "high", "n"])
    return table.assign(reading=readings(intervals, lower_is_better=[False] * len(intervals)))


def learned_sentence(learned: pd.DataFrame, balance: pd.DataFrame) -> str:
    """Return the verdict on darkening and brightening; tables: ``learned_table``, ``balance_table``."""
    parts = []
    for direction, rows in learned.groupby("direction", sort=False):
        held = rows["reading"].eq("better").sum()
        parts.append(f"{direction}: {held} of {len(rows)} signs of learning are clear")
    last = balance.iloc[-1]
    difference = f"F1 {last['ours']:+.3f}{bounds(last['low'], last['high'], '+.3f')}, n = {last['n']}"
    return f"{'; '.join(parts)}. Darkening less brightening at {last['shift']} stops: {difference}; {last['reading']}."


def _numbers(interval: Interval) -> tuple[float, float, float, int]:
    """Return an interval as the columns ours, low, high, n."""
    return interval.mean, interval.low, interval.high, interval.n
