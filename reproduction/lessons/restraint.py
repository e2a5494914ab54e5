"""Can a method leave a picture alone? How much it changes untouched photographs and composites, and whether it tells them apart.

Changes are mean CIEDE2000 between a picture of 256x256 and what the method makes of it; about 1 is just noticeable side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from harmlib.color import rgb_to_lab
from harmlib.evaluation.intervals import auc_interval, mean_interval
from harmlib.evaluation.statistics import photograph_of, photographs
from harmlib.inference.pictures import harmonize
from harmlib.models.base import HarmonizationModel
from harmlib.progress import progress
from reproduction.kit.comparisons import BETTER, OPEN, TOO_FEW, WORSE, bounds, readings
from reproduction.kit.examples import Example
from reproduction.lessons.material import random_masks

PHOTOGRAPH, COMPOSITE = "photograph", "composite"
REGIONS = {"whole": "whole picture", "inside": "inside the mask", "outside": "outside"}
# Every second row and column: a mean over 16384 pixels is as good.
STEP = 2
CHANCE = 0.5
READINGS = {
    BETTER: "changes composites more",
    WORSE: "changes photographs more",
    OPEN: "does not tell them apart",
    TOO_FEW: TOO_FEW,
}


def changes_of(picture: np.ndarray, result: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Return the mean change of the whole picture, inside the mask and outside; NaN where no pixel that is looked at lies there.

    picture, result: uint8 (H, W, 3); mask: bool (H, W).
    """
    from skimage.color import deltaE_ciede2000

    one, other = (rgb_to_lab(np.ascontiguousarray(array[::STEP, ::STEP])) for array in (picture, result))
    change, region = deltaE_ciede2000(one, other), mask[::STEP, ::STEP]
    inside, outside = (float(change[part].mean()) if part.any() else np.nan for part in (region, ~region))
    return {"whole": float(change.mean()), "inside": inside, "outside": outside}


def measure_change(model: HarmonizationModel, picture: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Return ``changes_of`` what a method makes of a whole picture, nothing pasted; one that takes a mask gets this one."""
    return changes_of(picture, np.asarray(harmonize(model, picture, mask, background="keep")), mask)


def measure_restraint(models: Mapping[str, HarmonizationModel], examples: Sequence[Example]) -> pd.DataFrame:
    """Return one row per method and picture: method, kind (photograph or composite), subset, id, photo, whole, inside, outside.

    Photographs are the untouched targets, each once, with the mask of the first composite made of it.
    """
    rows = []
    for name, model in models.items():
        seen: set[tuple[str, str]] = set()
        for example in progress(examples, desc=f"{name}, photographs and composites", unit="image"):
            photo = (example.subset, photograph_of(example.id))
            pictures = {COMPOSITE: example.composite} if photo in seen else {PHOTOGRAPH: example.real, COMPOSITE: example.composite}
            seen.add(photo)
            for kind, picture in pictures.items():
                rows.append((name, kind, example.subset, example.id, photo[1], *measure_change(model, picture, example.mask).values()))
    return pd.DataFrame(rows, columns=["method", "kind", "subset", "id", "photo", *REGIONS])


def measure_control(models: Mapping[str, HarmonizationModel], photographs: Sequence[Example], *, seed: int) -> pd.DataFrame:
    """Return the changes of untouched photographs by methods that are told to change a random part: columns as ``measure_restraint``.

    The mask is that of another photograph's composite, so nothing at all is wrong inside it.
    """
    masks = random_masks(photographs, seed)
    rows = [
        (name, PHOTOGRAPH, example.subset, example.id, photograph_of(example.id), *measure_change(model, example.real, mask).values())
        for name, model in models.items()
        for example, mask in zip(progress(photographs, desc=f"{name}, random masks", unit="image"), masks, strict=True)
    ]
    return pd.DataFrame(rows, columns=["method", "kind", "subset", "id", "photo", *REGIONS])


def change_table(changes: pd.DataFrame, visible: float) -> pd.DataFrame:
    """Return one row per method, kind and region: mean change, low, high, the share of pictures above ``visible`` with its bounds, n.

    Intervals take photographs for independent.
    """
    rows = []
    for (method, kind), part in changes.groupby(["method", "kind"], sort=False):
        for region, words in REGIONS.items():
            values = part[region].dropna()
            units = photographs(part.loc[values.index])
            mean, share = mean_interval(values, units), mean_interval(values > visible, units)
            rows.append((method, kind, words, mean.mean, mean.low, mean.high, share.mean, share.low, share.high, mean.n))
    columns = ["method", "kind", "region", "change", "low", "high", "visible", "visible_low", "visible_high", "n"]
    return pd.DataFrame(rows, columns=columns)


def change_view(table: pd.DataFrame) -> pd.DataFrame:
    """Return ``change_table`` for reading: methods and kinds down, changes by region across, then the shares that change visibly."""
    views = {
        "{}": [_with_bounds(*row) for row in table[["change", "low", "high"]].to_numpy()],
        "{}, visibly": [_with_bounds(*row, form=".0%") for row in table[["visible", "visible_low", "visible_high"]].to_numpy()],
    }
    parts = [table.assign(region=table["region"].map(name.format), text=text) for name, text in views.items()]
    parts[1] = parts[1][parts[1]["region"] != f"{REGIONS['outside']}, visibly"]
    wide = pd.concat(parts).pivot_table(index=["method", "kind"], columns="region", values="text", aggfunc="first", sort=False)
    counts = table.groupby(["method", "kind"], sort=False)["n"].max()
    return wide.assign(n=counts).rename_axis(columns=None)


def _with_bounds(mean: float, low: float, high: float, *, form: str = ".2f") -> str:
    """Return "mean [low, high]", without bounds where there are none."""
    return f"{mean:{form}}{bounds(low, high, form)}"


def telling_apart(changes: pd.DataFrame, region: str = "whole") -> pd.DataFrame:
    """Return whether each method changes composites more than photographs.

    Columns: method, auc with low and high (how often a composite is changed more than a photograph, ties half; 0.5 is chance),
    difference with difference_low and difference_high (a composite less its own photograph), reading (of the AUC), composites,
    photographs. Intervals take photographs for independent, each with all its composites.
    """
    rows, areas = [], []
    for method, part in changes.dropna(subset=region).groupby("method", sort=False):
        composites, untouched = (part[part["kind"] == kind] for kind in (COMPOSITE, PHOTOGRAPH))
        areas.append(auc_interval(part[region].to_numpy(), (part["kind"] == COMPOSITE).to_numpy(), photographs(part)))
        real = untouched[["subset", "photo", region]].rename(columns={region: "real"})
        joined = composites.merge(real, on=["subset", "photo"], validate="many_to_one")
        difference = mean_interval(joined[region] - joined["real"], photographs(joined))
        numbers = (areas[-1].mean, areas[-1].low, areas[-1].high, difference.mean, difference.low, difference.high)
        rows.append((method, *numbers, len(composites), len(untouched)))
    columns = ["method", "auc", "low", "high", "difference", "difference_low", "difference_high", "composites", "photographs"]
    words = [READINGS[word] for word in readings(areas, lower_is_better=[False] * len(areas), against=CHANCE)]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(columns.index("composites"), "reading", words)
    return table


def restraint_sentences(table: pd.DataFrame, apart: pd.DataFrame, visible: float) -> list[str]:
    """Return what the tables say of each method in a sentence; tables: ``change_table`` and ``telling_apart``."""
    whole = table[(table["region"] == REGIONS["whole"]) & (table["kind"] == PHOTOGRAPH)].set_index("method")
    sentences = []
    for row in apart.to_dict("records"):
        change, share = whole["change"][row["method"]], whole["visible"][row["method"]]
        sentences.append(
            f"{row['method']}: moves an untouched photograph by {change:.2f} on average, visibly (above {visible:g}) in {share:.0%} of "
            f"{row['photographs']}; {row['reading']} (AUC {_with_bounds(row['auc'], row['low'], row['high'])})."
        )
    return sentences
