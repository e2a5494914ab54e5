"""How many submasks a foreground gets and how large they are, by cut-off distance and by rule (FRIH, Submask Extraction, table 5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from harmlib.evaluation.statistics import mean_score
from harmlib.progress import progress
from reproduction.frih.artefacts import PAPER
from reproduction.frih.pictures import LITERAL, MERGED, Example, split, spread
from reproduction.papers import published

RULES = {LITERAL: "as printed", MERGED: f"min_area = {MERGED}"}
DEFAULT_CUTOFF = 0.1
FEW_PIXELS = (10, 100)


def cutoffs() -> tuple[float, ...]:
    """Return the cut-off distances of table 5."""
    rows = published(PAPER, 5)["row"].unique()
    return tuple(float(row.partition("d_c=")[2]) for row in rows)


def measure(examples: Sequence[Example], distances: Sequence[float]) -> pd.DataFrame:
    """Return one row per example, cut-off distance, rule and submask: subset, id, d_c, min_area, submask, pixels, center.

    Submasks are numbered from 1, the densest center first; examples without foreground give no row.
    """
    rows = []
    for example in progress(examples, desc="submasks", unit="image"):
        for d_c in distances:
            for min_area in RULES:
                found = split(example, d_c=d_c, min_area=min_area)
                key = (example.subset, example.id, d_c, min_area)
                parts = zip(found.sizes, found.centers, strict=True)
                rows += [(*key, number, int(size), bytes(center).hex()) for number, (size, center) in enumerate(parts, 1)]
    return pd.DataFrame(rows, columns=["subset", "id", "d_c", "min_area", "submask", "pixels", "center"])


def per_image(submasks: pd.DataFrame) -> pd.DataFrame:
    """Return one row per example, cut-off distance and rule: K, pixels of the foreground, share of it in the largest submask."""
    grouped = submasks.groupby(["subset", "id", "d_c", "min_area"], sort=False)["pixels"]
    table = grouped.agg(K="size", foreground="sum", largest="max").reset_index()
    return table.assign(largest=table["largest"] / table["foreground"])


def sweep(submasks: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cut-off distance and rule: what table 5 does not print about the submasks.

    K, low, high: mean number of submasks with its interval over photographs; n images. pixels: median size; tenth, ninetieth: its 10 % and
    90 % quantile; below_10, below_100: share of the submasks with fewer pixels; largest: median share of the foreground in the largest.
    """
    images, rows = per_image(submasks), []
    for (d_c, min_area), part in submasks.groupby(["d_c", "min_area"], sort=False):
        own = images[(images["d_c"] == d_c) & (images["min_area"] == min_area)]
        count, pixels = mean_score(own, "K"), part["pixels"].to_numpy()
        tenth, middle, ninetieth = np.quantile(pixels, [0.1, 0.5, 0.9])
        few = [float((pixels < limit).mean()) for limit in FEW_PIXELS]
        largest = float(own["largest"].median())
        rows.append((d_c, min_area, count.mean, count.low, count.high, count.n, middle, tenth, ninetieth, *few, largest))
    names = [f"below_{limit}" for limit in FEW_PIXELS]
    columns = ["d_c", "min_area", "K", "low", "high", "n", "pixels", "tenth", "ninetieth", *names, "largest"]
    return pd.DataFrame(rows, columns=columns)


def sweep_sentences(table: pd.DataFrame) -> list[str]:
    """Return one sentence per rule on the paper's cut-off distance and the ends of the sweep; table: ``sweep``."""
    sentences = []
    for min_area, words in RULES.items():
        rows = table[table["min_area"] == min_area].to_dict("records")
        first, chosen, last = rows[0], next(row for row in rows if row["d_c"] == DEFAULT_CUTOFF), rows[-1]
        sentences.append(
            f"{words}, d_c = {DEFAULT_CUTOFF}: {chosen['K']:.1f} submasks on average, {chosen['below_10']:.0%} of them below 10 pixels, "
            f"the largest holds {chosen['largest']:.1%} of the foreground in the median; {first['K']:.1f} submasks at {first['d_c']:g}, "
            f"{last['K']:.1f} at {last['d_c']:g} (n = {chosen['n']})."
        )
    return sentences


def regions(examples: Sequence[Example], submasks: pd.DataFrame) -> pd.DataFrame:
    """Return one row per example: K by either rule at the paper's cut-off distance, and the spread of the foreground's colors."""
    images = per_image(submasks[submasks["d_c"] == DEFAULT_CUTOFF])
    table = images.pivot_table(index=["subset", "id"], columns="min_area", values="K", sort=False).reset_index()
    names = {LITERAL: "K_printed", MERGED: "K_merged"}
    spreads = pd.DataFrame([(example.subset, example.id, spread(example)) for example in examples], columns=["subset", "id", "spread"])
    return table.rename(columns=names).rename_axis(columns=None).merge(spreads, on=["subset", "id"], validate="one_to_one")


def flattest(table: pd.DataFrame) -> pd.DataFrame:
    """Return the quarter of ``regions`` whose foregrounds have the least spread of colors, at least one row."""
    return table.nsmallest(max(1, round(len(table) / 4)), "spread")
