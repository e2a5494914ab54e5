"""What happens when a method harmonizes its own results: errors and changes, pass after pass.

Every pass sees what a file would hold, 8-bit pictures of 256x256, with the same mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from harmlib.evaluation.intervals import Interval, mean_interval, ratio_of_means
from harmlib.evaluation.statistics import photograph_of, photographs, summarize
from harmlib.inference.pictures import harmonize
from harmlib.models.base import HarmonizationModel
from harmlib.progress import progress
from reproduction.kit.comparisons import BETTER, OPEN, TOO_FEW, WORSE, bounds, reading
from reproduction.kit.examples import Example
from reproduction.kit.findings import NOTHING

# A method settles when its last pass changes less than a tenth of what the first did, and goes on when it changes more than half.
SETTLED, GOING_ON = 0.1, 0.5
SETTLES, SLOWS, GOES_ON, OPEN_PACE, STILL = "settles", "slows down", "goes on", "cannot say", "changes nothing"
DRIFTS = {WORSE: "drifts away", BETTER: "comes closer", OPEN: OPEN, TOO_FEW: TOO_FEW}


def harmonize_again(model: HarmonizationModel, picture: np.ndarray, mask: np.ndarray, passes: int) -> list[np.ndarray]:
    """Return the picture and what ``passes`` passes make of it, each of the one before: passes + 1 pictures, uint8 (H, W, 3)."""
    pictures = [picture]
    for _ in range(passes):
        pictures.append(np.asarray(harmonize(model, pictures[-1], mask, background="keep")))
    return pictures


def measure_passes(models: Mapping[str, HarmonizationModel], examples: Sequence[Example], passes: int) -> pd.DataFrame:
    """Return one row per method, composite and pass: method, subset, id, photo, passes, error, change.

    error: MSE from the real photograph, NaN where there is none; pass 0 is the composite itself. change: root of the mean squared
    difference from the pass before, in 8-bit levels, so that equal steps add up to their number.
    """
    rows = []
    for name, model in models.items():
        for example in progress(examples, desc=f"{name}, {passes} passes", unit="image"):
            pictures = harmonize_again(model, example.composite, example.mask, passes)
            key = (name, example.subset, example.id, photograph_of(example.id))
            for count, picture in enumerate(pictures):
                error = np.nan if example.target is None else squared_error(picture, example.target)
                change = np.sqrt(squared_error(picture, pictures[count - 1])) if count else np.nan
                rows.append((*key, count, error, change))
    return pd.DataFrame(rows, columns=["method", "subset", "id", "photo", "passes", "error", "change"])


def squared_error(picture: np.ndarray, other: np.ndarray) -> float:
    """Return the mean squared difference of two uint8 pictures, 8-bit levels squared."""
    return float(np.square(picture.astype(np.float64) - other).mean())


def pass_table(records: pd.DataFrame) -> pd.DataFrame:
    """Return one row per method, pass and quantity (error, change): mean over composites with low, high and n, where it is known."""
    table = summarize(records, by=("method", "passes"), metrics=("error", "change")).rename(columns={"metric": "quantity"})
    return table[table["n"] > 0].drop(columns="photographs").reset_index(drop=True)


def pass_view(table: pd.DataFrame, shown: Sequence[int]) -> pd.DataFrame:
    """Return ``pass_table`` for reading: methods and quantities down, the passes of ``shown`` across."""
    part = table[table["passes"].isin(shown)]
    text = [f"{mean:.3g}{bounds(low, high, '.3g')}" for mean, low, high in part[["mean", "low", "high"]].to_numpy()]
    return part.assign(text=text).pivot_table(
        index=["quantity", "method", "n"], columns="passes", values="text", aggfunc="first", sort=False, fill_value=""
    )


def behavior_table(records: pd.DataFrame) -> pd.DataFrame:
    """Return how each method behaves from the first pass to the last.

    Columns: method, passes, remaining (the last pass's change over the first's, ratio of means) with its low and high, pace; drift (error
    after the last pass less that after the first, paired by composite) with drift_low and drift_high, way; best (the pass of least mean
    error, 0: the composite), n.
    """
    rows = []
    for method, part in records.groupby("method", sort=False):
        changes = part.pivot_table(index=["subset", "id"], columns="passes", values="change")
        errors = part.pivot_table(index=["subset", "id"], columns="passes", values="error", dropna=False)
        last = int(part["passes"].max())
        remaining = ratio_of_means(changes[last], changes[1], photographs(changes.index.to_frame()))
        drift = mean_interval(errors[last] - errors[1], photographs(errors.index.to_frame())) if last in errors else NOTHING
        means = errors.mean().to_numpy()
        row = {"method": method, "passes": last, "remaining": remaining.mean, "low": remaining.low, "high": remaining.high}
        row |= {"pace": pace(remaining), "drift": drift.mean, "drift_low": drift.low, "drift_high": drift.high}
        row["way"] = DRIFTS[reading(drift.low, drift.high, lower_is_better=True)] if drift.n else ""
        row["best"] = -1 if np.isnan(means).all() else int(np.nanargmin(means))
        rows.append(row | {"n": len(changes)})
    return pd.DataFrame(rows)


def pace(remaining: Interval) -> str:
    """Return what the share of change that remains says: settles, slows down, goes on; cannot say when the interval holds a border."""
    if np.isnan(remaining.mean):
        return STILL
    if remaining.high < SETTLED:
        return SETTLES
    if remaining.low > GOING_ON:
        return GOES_ON
    return SLOWS if remaining.low > SETTLED and remaining.high < GOING_ON else OPEN_PACE


def behavior_sentences(table: pd.DataFrame) -> list[str]:
    """Return one sentence per pace, then one per way, with the methods of each; table: ``behavior_table``."""
    words = {
        SETTLES: f"below {SETTLED:.0%} of the first pass's change is left",
        SLOWS: f"between {SETTLED:.0%} and {GOING_ON:.0%} is left",
        GOES_ON: f"more than {GOING_ON:.0%} is left",
        OPEN_PACE: "the interval holds a border",
        STILL: "the first pass changes no pixel",
    }
    groups = [("pace", name, f"{name} ({meaning})") for name, meaning in words.items()]
    groups += [("way", way, f"{way}, last pass against first") for way in DRIFTS.values()]
    found = [(opening, table.loc[table[column] == value, "method"]) for column, value, opening in groups]
    return [f"{opening}: {', '.join(methods)}." for opening, methods in found if len(methods)]
