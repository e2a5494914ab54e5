"""Can a method leave a picture alone? How much it changes untouched photographs and composites, and whether it tells them apart.

Changes are mean CIEDE2000 between a picture of 256x256 and what the method makes of it; about 1 is just noticeable side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from harmlib.color import rgb_to_lab
from harmlib.evaluation.statistics import DRAWS, LEVELS, Interval, mean_interval
from harmlib.inference.pictures import harmonize
from harmlib.progress import progress
from reproduction.kit.comparisons import reading
from reproduction.lessons.material import photo_of, random_masks

if TYPE_CHECKING:
    from harmlib.models.base import HarmonizationModel
    from reproduction.kit.examples import Example

PHOTOGRAPH, COMPOSITE = "photograph", "composite"
PLACES = {"whole": "whole picture", "inside": "inside the mask", "outside": "outside"}
# Every second row and column: a mean over 16384 pixels is as good.
STEP = 2
CHANCE = 0.5
READINGS = {"better": "changes composites more", "worse": "changes photographs more", "no clear difference": "does not tell them apart"}


def visible_change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return CIEDE2000 at every second row and column, float64 (H/2, W/2); before, after: uint8 RGB (H, W, 3)."""
    from skimage.color import deltaE_ciede2000

    one, other = (rgb_to_lab(np.ascontiguousarray(picture[::STEP, ::STEP])) for picture in (before, after))
    return deltaE_ciede2000(one, other)


def changes_of(picture: np.ndarray, result: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Return the mean change of the whole picture, inside the mask and outside; NaN where no pixel that is looked at lies there.

    picture, result: uint8 (H, W, 3); mask: bool (H, W).
    """
    change, region = visible_change(picture, result), mask[::STEP, ::STEP]
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
            photo = (example.subset, photo_of(example.id))
            pictures = {COMPOSITE: example.composite} if photo in seen else {PHOTOGRAPH: example.real, COMPOSITE: example.composite}
            seen.add(photo)
            for kind, picture in pictures.items():
                rows.append((name, kind, example.subset, example.id, photo[1], *measure_change(model, picture, example.mask).values()))
    return pd.DataFrame(rows, columns=["method", "kind", "subset", "id", "photo", *PLACES])


def measure_control(models: Mapping[str, HarmonizationModel], photographs: Sequence[Example], *, seed: int) -> pd.DataFrame:
    """Return the changes of untouched photographs by methods that are told to change a random part: columns as ``measure_restraint``.

    The mask is that of another photograph's composite, so nothing at all is wrong inside it.
    """
    masks = random_masks(photographs, seed)
    rows = [
        (name, PHOTOGRAPH, example.subset, example.id, photo_of(example.id), *measure_change(model, example.real, mask).values())
        for name, model in models.items()
        for example, mask in zip(progress(photographs, desc=f"{name}, random masks", unit="image"), masks, strict=True)
    ]
    return pd.DataFrame(rows, columns=["method", "kind", "subset", "id", "photo", *PLACES])


def change_table(changes: pd.DataFrame, visible: float) -> pd.DataFrame:
    """Return one row per method, kind and place: mean change, low, high, the share of pictures above ``visible`` with its bounds, n."""
    rows = []
    for (method, kind), part in changes.groupby(["method", "kind"], sort=False):
        for place, words in PLACES.items():
            values = part[place].dropna().to_numpy()
            mean, share = mean_interval(values), mean_interval((values > visible).astype(float))
            rows.append((method, kind, words, mean.mean, mean.low, mean.high, share.mean, share.low, share.high, mean.n))
    columns = ["method", "kind", "place", "change", "low", "high", "visible", "visible_low", "visible_high", "n"]
    return pd.DataFrame(rows, columns=columns)


def change_view(table: pd.DataFrame) -> pd.DataFrame:
    """Return ``change_table`` for reading: methods and kinds down, changes by place across, then the shares that change visibly."""
    views = {
        "{}": [_with_bounds(*row) for row in table[["change", "low", "high"]].to_numpy()],
        "{}, visibly": [_with_bounds(*row, percent=True) for row in table[["visible", "visible_low", "visible_high"]].to_numpy()],
    }
    parts = [table.assign(place=table["place"].map(name.format), text=text) for name, text in views.items()]
    parts[1] = parts[1][parts[1]["place"] != f"{PLACES['outside']}, visibly"]
    wide = pd.concat(parts).pivot_table(index=["method", "kind"], columns="place", values="text", aggfunc="first", sort=False)
    counts = table.groupby(["method", "kind"], sort=False)["n"].max()
    return wide.assign(n=counts).rename_axis(columns=None)


def _with_bounds(mean: float, low: float, high: float, *, percent: bool = False) -> str:
    """Return "mean [low, high]", without bounds where there are none."""
    form = "{:.0%}" if percent else "{:.2f}"
    bounds = "" if np.isnan(low) else f" [{form.format(low)}, {form.format(high)}]"
    return form.format(mean) + bounds


def telling_apart(changes: pd.DataFrame, place: str = "whole") -> pd.DataFrame:
    """Return whether each method changes composites more than photographs.

    Columns: method, auc with low and high (how often a composite is changed more than a photograph, ties half; 0.5 is chance),
    difference with difference_low and difference_high (a composite less its own photograph), reading (of the AUC), composites,
    photographs. Intervals draw photographs, each with all its composites.
    """
    rows = []
    for method, part in changes.groupby("method", sort=False):
        composites, photographs = (part[part["kind"] == kind].dropna(subset=place) for kind in (COMPOSITE, PHOTOGRAPH))
        area = _auc(composites, photographs, place)
        difference = _paired(composites, photographs, place)
        words = READINGS[reading(area.low - CHANCE, area.high - CHANCE, lower_is_better=False)]
        numbers = (area.mean, area.low, area.high, difference.mean, difference.low, difference.high)
        rows.append((method, *numbers, words, len(composites), len(photographs)))
    columns = ["method", "auc", "low", "high", "difference", "difference_low", "difference_high", "reading", "composites", "photographs"]
    return pd.DataFrame(rows, columns=columns)


def _auc(composites: pd.DataFrame, photographs: pd.DataFrame, place: str) -> Interval:
    """Return how often a composite is changed more than a photograph; a draw takes a photograph with its composites."""
    keys = photographs[["subset", "photo"]].drop_duplicates().reset_index(drop=True).reset_index(names="cluster")
    of_composites, of_photographs = (_clusters(table, keys) for table in (composites, photographs))
    ours, theirs = composites[place].to_numpy()[:, None], photographs[place].to_numpy()
    wins = (ours > theirs) + 0.5 * (ours == theirs)  # (composites, photographs)
    totals = np.zeros((len(keys), len(keys)))
    np.add.at(totals, (of_composites[:, None], of_photographs), wins)
    sizes = [np.bincount(clusters, minlength=len(keys)) for clusters in (of_composites, of_photographs)]

    def area(counts: np.ndarray) -> np.ndarray:
        return np.einsum("dp,pq,dq->d", counts, totals, counts) / ((counts @ sizes[0]) * (counts @ sizes[1]))

    return _bootstrapped(area, len(keys), len(composites) + len(photographs))


def _paired(composites: pd.DataFrame, photographs: pd.DataFrame, place: str) -> Interval:
    """Return the mean change of a composite less that of its own photograph; a draw takes a photograph with its composites."""
    real = photographs[["subset", "photo", place]].rename(columns={place: "real"})
    joined = composites.merge(real, on=["subset", "photo"], validate="many_to_one")
    groups = joined.assign(difference=joined[place] - joined["real"]).groupby(["subset", "photo"])["difference"]
    sums, sizes = groups.sum().to_numpy(), groups.size().to_numpy()
    return _bootstrapped(lambda counts: (counts @ sums) / (counts @ sizes), len(sums), len(joined))


def _clusters(table: pd.DataFrame, keys: pd.DataFrame) -> np.ndarray:
    """Return the number of the photograph that each row belongs to."""
    return table.merge(keys, on=["subset", "photo"], how="left", validate="many_to_one")["cluster"].to_numpy(dtype=int)


def _bootstrapped(statistic: Callable[[np.ndarray], np.ndarray], clusters: int, n: int, seed: int = 0) -> Interval:
    """Return a statistic of how often each cluster counts, (D, clusters) -> (D,), with its interval; none for a single cluster."""
    value = float(statistic(np.ones((1, clusters)))[0])
    if clusters == 1:
        return Interval(value, np.nan, np.nan, n)
    drawn = statistic(np.random.default_rng(seed).multinomial(clusters, np.full(clusters, 1 / clusters), DRAWS).astype(float))
    low, high = np.percentile(drawn, LEVELS)
    return Interval(value, float(low), float(high), n)


def restraint_sentences(table: pd.DataFrame, apart: pd.DataFrame, visible: float) -> list[str]:
    """Return what the tables say of each method in a sentence; tables: ``change_table`` and ``telling_apart``."""
    whole = table[(table["place"] == PLACES["whole"]) & (table["kind"] == PHOTOGRAPH)].set_index("method")
    sentences = []
    for row in apart.to_dict("records"):
        change, share = whole["change"][row["method"]], whole["visible"][row["method"]]
        sentences.append(
            f"{row['method']}: moves an untouched photograph by {change:.2f} on average, visibly (above {visible:g}) in {share:.0%} of "
            f"{row['photographs']}; {row['reading']} (AUC {_with_bounds(row['auc'], row['low'], row['high'])})."
        )
    return sentences
