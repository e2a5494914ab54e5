"""Does the detected area tell composites that people called realistic from those that they called unrealistic (``kit.labelme``)?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from harmlib.color import rgb_to_lab
from harmlib.evaluation.intervals import auc_interval, rank_correlation
from harmlib.inference.detection import detect
from harmlib.io.images import read_image
from harmlib.io.masks import read_mask
from harmlib.models.base import HarmonizationModel
from reproduction.kit.comparisons import bounds
from reproduction.kit.grids import GridRow, picture_grid
from reproduction.kit.labelme import REALISTIC, UNREALISTIC, chance_readings
from reproduction.kit.selection import row_label
from reproduction.kit.style import COLUMN_WIDTH
from reproduction.perceptual.detection import DETECTED, DIRECTIONS
from reproduction.perceptual.pictures import colored_detection

# Score -> what it is. The first two are the question; CONTROLS need no detector, and tell what the labels follow without one.
SCORES = {
    "inside": "mean detection inside the object",
    "whole": "mean detection over the whole picture",
    "contrast": "mean detection inside less outside",
    "area": f"share of the picture detected ({DETECTED} or more)",
    "lightness": "no detector: |mean lightness inside less outside|",
    "share": "no detector: share of the picture that is object",
    "chroma": "no detector: mean chroma of the whole picture",
    "darkness": "no detector: 100 less mean lightness of the whole picture",
}
ASKED = ("inside", "whole")
CONTROLS = ("lightness", "share", "chroma", "darkness")


def score_pack(model: HarmonizationModel, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of SCORES for every composite of ``labelme.read_pack``: id, label, then a column per score."""
    found = [score(model, read_image(composite), read_mask(mask)) for composite, mask in zip(rows["composite"], rows["mask"], strict=True)]
    return pd.DataFrame({"id": rows["id"], "label": rows["human_label"]}).join(pd.DataFrame(found))


def score(model: HarmonizationModel, image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Return the scores of one composite; image: uint8 (H, W, 3), mask: bool (H, W), of which some pixels are set and some are not."""
    detected = detect(model, image)[..., : len(DIRECTIONS)].max(-1)
    lab = rgb_to_lab(image)
    lightness = lab[..., 0]
    inside, outside = detected[mask].mean(), detected[~mask].mean()
    return {
        "inside": float(inside),
        "whole": float(detected.mean()),
        "contrast": float(inside - outside),
        "area": float((detected >= DETECTED).mean()),
        "lightness": float(abs(lightness[mask].mean() - lightness[~mask].mean())),
        "share": float(mask.mean()),
        "chroma": float(np.hypot(lab[..., 1], lab[..., 2]).mean()),
        "darkness": float(100 - lightness.mean()),
    }


def auc_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return how well each score tells the labels apart: score, meaning, ours (AUC), low, high, n, reading; scores: ``score_pack``.

    AUC: how often an unrealistic composite scores higher than a realistic one, ties half; 0.5 is chance.
    """
    positive = (scores["label"] == UNREALISTIC).to_numpy()
    areas = [auc_interval(scores[name].to_numpy(), positive, None) for name in SCORES]
    rows = [
        (name, meaning, area.mean, area.low, area.high, area.n, reading)
        for (name, meaning), area, reading in zip(SCORES.items(), areas, chance_readings(areas), strict=True)
    ]
    return pd.DataFrame(rows, columns=["score", "meaning", "ours", "low", "high", "n", "reading"])


def held_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return whether the detection still follows the labels among pictures alike in what needs no detector; scores: ``score_pack``.

    Columns: score, held, ours (partial rank correlation with the label, above 0: more where unrealistic), low, high, n, reading.
    """
    label = (scores["label"] == UNREALISTIC).astype(float)
    pairs = [(name, control) for name in ASKED for control in CONTROLS]
    values = [np.stack([label, scores[name], scores[control]], axis=1) for name, control in pairs]
    intervals = [rank_correlation(columns, None) for columns in values]
    rows = [
        (SCORES[name], SCORES[control].removeprefix("no detector: "), found.mean, found.low, found.high, found.n, reading)
        for (name, control), found, reading in zip(pairs, intervals, chance_readings(intervals, chance=0), strict=True)
    ]
    return pd.DataFrame(rows, columns=["score", "held", "ours", "low", "high", "n", "reading"])


def sentence(table: pd.DataFrame, scores: pd.DataFrame) -> str:
    """Return the answer to the question; tables: ``auc_table`` and ``score_pack``."""
    counts = scores["label"].value_counts()
    words = [
        f"{row['meaning']} {row['ours']:.3f}{bounds(row['low'], row['high'], '.3f')}, {row['reading']}"
        for row in table.to_dict("records")
        if row["score"] in ASKED
    ]
    labels = f"{counts.get(UNREALISTIC, 0)} {UNREALISTIC} and {counts.get(REALISTIC, 0)} {REALISTIC} composites"
    return f"AUC on {labels}: {'; '.join(words)}."


def extremes(scores: pd.DataFrame) -> list[tuple[int, str]]:
    """Return (row, why it is shown): of each label the composite with the most and the one with the least detection inside."""
    chosen, inside = [], scores["inside"].to_numpy()
    for label in (UNREALISTIC, REALISTIC):
        indices = np.flatnonzero(scores["label"] == label)
        if len(indices):
            order = indices[inside[indices].argsort(kind="stable")]
            chosen += [(int(order[-1]), f"{label},\nmost detected"), (int(order[0]), f"{label},\nleast detected")]
    return chosen


def example_figure(model: HarmonizationModel, rows: pd.DataFrame, scores: pd.DataFrame) -> Figure:
    """Return ``extremes`` with their objects, and what the detector says: red for negative, green for positive, by probability."""
    shown = []
    for index, rule in extremes(scores):
        row, found = rows.iloc[index], scores.iloc[index]
        image = read_image(row["composite"])
        pictures = {"composite": image, "object": read_mask(row["mask"]), "detection": colored_detection(detect(model, image))}
        captions = {"detection": f"{found['inside']:.2f} inside, {found['whole']:.2f} in all"}
        shown.append(GridRow(pictures, row_label(rule, row["id"]), captions))
    return picture_grid(shown, width=1.4 * COLUMN_WIDTH)
