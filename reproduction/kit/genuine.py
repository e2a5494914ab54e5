"""Genuine per-image results on the whole test split of iHarmony4, as the authors of PCT-Net published them for three methods."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from harmlib.data.composers.base import PUBLISHED
from harmlib.evaluation.intervals import mean_interval
from harmlib.evaluation.statistics import ALL, bucket, photographs
from harmlib.io.tables import NUMBER_OR_INFINITE, TEXT, WHOLE, read_frame
from reproduction.kit import comparisons
from reproduction.kit.artefacts import Artefacts
from reproduction.kit.findings import Finding, judge_exact, judge_value, not_testable
from reproduction.papers import later, published

PACK = "iharmony4_eval"
# File of the pack -> what we call the method.
METHODS = {"composite": "composite", "harmonizer": "harmonizer", "PCTNet_CNN": "pctnet"}
COLUMNS = ("method", "subset", "id", "mse", "fmse", "psnr", "height", "width", "foreground_ratio")
METRICS = ("mse", "fmse", "psnr")
KINDS = {"name": TEXT, "subset": TEXT, "height": WHOLE, "width": WHOLE} | dict.fromkeys((*METRICS, "foreground_ratio"), NUMBER_OR_INFINITE)
DATA = "iHarmony4"
NEEDS_PACK = f"needs iHarmony4, or its genuine results (the pack {PACK})"


def read_pack(data: Path | None) -> pd.DataFrame | None:
    """Return the records of three methods on the 7404 test composites of iHarmony4; None where the pack is not below ``data``.

    Columns: COLUMNS. The area of a foreground is that of composite.csv for all three: the files count it differently, by up to 0.8 %.
    Raises DataError when a file of the pack is missing or damaged.
    """
    root = data / PACK if data else None
    if root is None or not root.is_dir():
        return None
    tables = []
    for file, method in METHODS.items():
        path = root / f"{file}.csv"
        table = read_frame(path, KINDS, others=NUMBER_OR_INFINITE, keys=("name",), advice=f"fetch the pack {PACK} again")
        tables.append(table.rename(columns={"name": "id"}).assign(method=method)[list(COLUMNS)])
    shares = tables[0].set_index("id")["foreground_ratio"]
    records = pd.concat(tables, ignore_index=True)
    return records.assign(foreground_ratio=records["id"].map(shares))


def full_size_table(records: pd.DataFrame) -> pd.DataFrame:
    """Return Harmonizer's table 2 from genuine results: means with intervals over photographs beside the printed ones, by sub-dataset.

    records: as ``read_pack`` returns them. The files do not share one definition of fMSE and PSNR (notebook 91): nothing is ranked.
    """
    printed = pd.concat([published("harmonizer", 2), later("harmonizer", 2)], ignore_index=True)
    printed = printed[printed["method"].isin(records["method"].unique())]
    grouped = comparisons.in_subsets(records.assign(data=DATA))
    return comparisons.printed_table(grouped, printed, METRICS, labels={}, reasons={}, ranked=())


def overall_from_parts(records: pd.DataFrame, printed: pd.DataFrame) -> pd.DataFrame:
    """Return what a printed table's own columns give for all images of iHarmony4, weighted with how many there are of each kind.

    records: as ``read_pack`` returns them. printed: ``papers.published`` by sub-dataset, or by size of the foreground; rows with a cell
    missing are left out. Columns: table, row, metric, paper ("All" as printed), ours (of its columns), percent (how far the printed one
    is off), images (of each column, in their order).
    """
    images = records.drop_duplicates("id")
    sizes = pd.concat([images["subset"], bucket(images["foreground_ratio"])]).value_counts()
    rows = []
    wide = printed.pivot_table(values="number", index=["table", "row", "metric"], columns="subset_or_bucket", sort=False).dropna()
    parts = [name for name in wide if name != ALL]
    weights, images_of = sizes[parts].to_numpy(), " + ".join(map(str, sizes[parts]))
    for cells in wide.reset_index().to_dict("records"):
        ours = float(np.average([cells[name] for name in parts], weights=weights))
        rows.append((cells["table"], cells["row"], cells["metric"], cells[ALL], ours, 100 * (cells[ALL] / ours - 1), images_of))
    return pd.DataFrame(rows, columns=["table", "row", "metric", "paper", "ours", "percent", "images"])


def count_images(artefacts: Artefacts, *, paper: float, note: str) -> Finding:
    """Judge how many test composites a paper counts in iHarmony4: in the benchmark itself, else in its genuine results."""
    genuine = next((plan for plan in artefacts.plan.benchmarks if plan.composer == PUBLISHED), None)
    if genuine is not None:
        return judge_exact(len(artefacts.pairs(genuine.name)), paper=paper, data=genuine.title, note=note)
    records = read_pack(artefacts.workspace.data)
    if records is None:
        return not_testable(NEEDS_PACK)
    return judge_exact(records["id"].nunique(), paper=paper, data=DATA, note=note)


def mean_side(artefacts: Artefacts, subset: str, *, paper: float, tolerance: float) -> Finding:
    """Judge how large the pictures of a sub-dataset are: "about 500x500" by the side of a square of their mean area, test split.

    Of the files of iHarmony4 that the scores are about, else of those of the genuine results.
    """
    own = artefacts.scores[artefacts.scores["data"] == DATA]
    files = read_pack(artefacts.workspace.data) if own.empty else own
    if files is None:
        return not_testable(NEEDS_PACK)
    part = files[files["subset"] == subset].drop_duplicates("id")
    sides = mean_interval(np.sqrt((part["height"] * part["width"]).to_numpy(dtype=float)), photographs(part))
    return judge_value(sides, paper=paper, tolerance=tolerance, data=subset, note="side of a square of the mean area, test split")
