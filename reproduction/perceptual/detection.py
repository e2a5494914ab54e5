"""How well a detector finds exposure shifts, and how large they must be: scores of its probabilities.

Class 0 is negative (darker than the threshold), class 1 positive (brighter), class 2 none. Probabilities are (3, H, W) in [0, 1], labels
(H, W) with a class per pixel; a sweep is a table with a row per shift of one object.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from harmlib.errors import DataError, EmptyMaskError
from harmlib.evaluation.statistics import SIZE_BUCKETS, bucket
from harmlib.io import images
from harmlib.models.base import HarmonizationModel
from harmlib.perturbations.exposure import shift_exposure

DIRECTIONS = ("negative", "positive")
STOPS = tuple(step / 10 for step in range(-10, 11))
# Mean probability inside an object at which it counts as detected.
DETECTED = 0.5
SAMPLES = 200_000
BATCH_SIZE = 7


def soft_f1(probability: np.ndarray, truth: np.ndarray) -> float:
    """Return 2 Σ p t / (Σ p + Σ t), the F1 score of probabilities (H, W) without a threshold; NaN where there is nothing to find.

    probability: in [0, 1]; truth: bool or {0, 1}, same shape.
    """
    if not truth.any():
        return np.nan
    return float(2 * (probability * truth).sum(dtype=float) / (probability.sum(dtype=float) + truth.sum(dtype=float)))


def iou(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the intersection of two bool masks over their union, NaN where both are empty."""
    union = (found | truth).sum()
    return float((found & truth).sum() / union) if union else np.nan


def roc(probabilities: np.ndarray, labels: np.ndarray, direction: str, *, samples: int = SAMPLES) -> pd.DataFrame:
    """Return the ROC curve of one direction against all other pixels; columns false_positive_rate, true_positive_rate, threshold.

    probabilities: (N, 3, H, W); labels: (N, H, W). Of more than ``samples`` pixels that many are drawn, always the same ones.
    Raises DataError unless there are pixels of that class and others.
    """
    from sklearn.metrics import roc_curve

    label = DIRECTIONS.index(direction)
    scores, truth = probabilities[:, label].ravel(), labels.ravel() == label
    if len(scores) > samples:
        drawn = np.random.default_rng(0).choice(len(scores), samples, replace=False)
        scores, truth = scores[drawn], truth[drawn]
    if truth.all() or not truth.any():
        raise DataError(f"an ROC curve needs {direction} pixels and others, and these are all alike: take more pictures")
    rates = roc_curve(truth, scores)
    return pd.DataFrame(dict(zip(("false_positive_rate", "true_positive_rate", "threshold"), rates, strict=True)))


def area_under(curve: pd.DataFrame) -> float:
    """Return the area under an ROC curve: 0.5 for chance, 1 for a perfect order."""
    return float(np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"]))


def sweep(model: HarmonizationModel, image: np.ndarray, mask: np.ndarray, stops: Sequence[float] = STOPS) -> pd.DataFrame:
    """Return how a detector sees one object at every shift: columns stops, negative, positive, f1.

    negative, positive: mean probabilities inside the object. f1: soft F1 of the shift's own direction; NaN for a shift of 0.
    image: uint8 RGB (H, W, 3); mask: bool (H, W); both are resized to the model's working size first. The model is put in evaluation mode.
    Raises EmptyMaskError for an object that is not there at that size, else as ``shift_exposure`` does.
    """
    images.check_same_size("the picture", mask, image)
    size = (model.working_size, model.working_size) if model.working_size else image.shape[:2]
    image, mask = images.resize(image, size, "bilinear"), images.resize(mask, size, "nearest")
    if not mask.any():
        raise EmptyMaskError(f"the object has no pixel at {size[0]}x{size[1]}: choose a larger one")
    shifted = torch.stack([images.to_tensor(shift_exposure(image, mask, step)) for step in stops])
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    with torch.inference_mode():
        probabilities = torch.cat([model.eval()(batch.to(device))["probabilities"].cpu() for batch in shifted.split(BATCH_SIZE)])
    rows = []
    for step, found in zip(stops, probabilities.numpy(), strict=True):
        rows.append((step, *found[:2, mask].mean(1), soft_f1(found[int(step > 0)], mask) if step else np.nan))
    return pd.DataFrame(rows, columns=["stops", *DIRECTIONS, "f1"])


def predicted_threshold(stops: Sequence[float] | pd.Series, mean_probability: Sequence[float] | pd.Series) -> float:
    """Return the smallest |s| at which the mean probability inside an object reaches 0.5, interpolated linearly; NaN if it never does.

    stops: shifts in one direction, in any order, 0 allowed; mean_probability: of that direction, one value per shift.
    """
    sizes = np.abs(np.asarray(stops, dtype=float))
    order = np.argsort(sizes)
    sizes, probability = sizes[order], np.asarray(mean_probability, dtype=float)[order]
    reached = np.flatnonzero(probability >= DETECTED)
    if not len(reached):
        return np.nan
    last = reached[0]
    first = max(last - 1, 0)
    return float(np.interp(DETECTED, probability[[first, last]], sizes[[first, last]]))


def predicted_thresholds(table: pd.DataFrame) -> dict[str, float]:
    """Return the predicted threshold of either direction, in stops above 0, for the sweep of one object."""
    sides = {"negative": table[table["stops"] <= 0], "positive": table[table["stops"] >= 0]}
    return {direction: predicted_threshold(side["stops"], side[direction]) for direction, side in sides.items()}


def psychometric_table(sweeps: pd.DataFrame) -> pd.DataFrame:
    """Return how objects of each size are seen at each shift: columns size, stops, n, negative, positive, detected.

    sweeps: those of many objects, with a column foreground_ratio. negative, positive: means over objects; detected: share of objects whose
    mean probability reaches 0.5 in the direction of the shift, in either one for a shift of 0. Sizes without an object are left out.
    """
    own = np.select([sweeps["stops"] < 0, sweeps["stops"] > 0], [sweeps["negative"], sweeps["positive"]], sweeps[[*DIRECTIONS]].max(axis=1))
    sizes = pd.Categorical(bucket(sweeps["foreground_ratio"], SIZE_BUCKETS), list(SIZE_BUCKETS))
    sized = sweeps.assign(size=sizes, detected=own >= DETECTED)
    groups = sized.groupby(["size", "stops"], observed=True)
    return groups.agg(
        n=("stops", "size"), negative=("negative", "mean"), positive=("positive", "mean"), detected=("detected", "mean")
    ).reset_index()
