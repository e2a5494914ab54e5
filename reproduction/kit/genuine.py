"""Genuine per-image results on the whole test split of iHarmony4, as the authors of PCT-Net published them for three methods."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from harmlib.errors import DataError
from harmlib.evaluation.intervals import mean_interval
from harmlib.evaluation.statistics import photographs
from reproduction.kit import comparisons
from reproduction.kit.verdicts import ClaimResult, cannot_say, judge_exact, judge_value
from reproduction.papers import later, published

PACK = "iharmony4_eval"
# File of the pack -> what we call the method.
METHODS = {"composite": "composite", "harmonizer": "harmonizer", "PCTNet_CNN": "pctnet"}
COLUMNS = ("method", "subset", "id", "mse", "fmse", "psnr", "height", "width", "foreground_ratio")
METRICS = ("mse", "fmse", "psnr")
DATA = "iHarmony4"
NEEDS_PACK = f"needs iHarmony4, or its genuine results (the pack {PACK})"
# "About 500x500": how far a mean may lie off and still be about that, in pixels of the side.
SIDES = {"HCOCO": ("harmonizer-C25", 500, 50), "HAdobe5k": ("harmonizer-C26", 3000, 300)}


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
        if not path.exists():
            raise DataError(f'"{path}" does not exist: fetch the pack {PACK} again')
        table = pd.read_csv(path, dtype={"name": str}).rename(columns={"name": "id"}).assign(method=method)
        missing = [name for name in COLUMNS if name not in table]
        if missing:
            raise DataError(f'"{path}" lacks the column {", ".join(missing)}: fetch the pack {PACK} again')
        tables.append(table[list(COLUMNS)])
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


def count_claim(claim_id: str, data: Path | None, *, paper: int, note: str) -> ClaimResult:
    """Judge how many test composites a paper counts in iHarmony4."""
    records = read_pack(data)
    if records is None:
        return cannot_say(claim_id, NEEDS_PACK)
    return judge_exact(claim_id, records["id"].nunique(), paper=paper, data=DATA, note=note)


def size_claims(files: pd.DataFrame | None) -> Iterator[ClaimResult]:
    """Judge how large the pictures of two sub-datasets are; files: one row per test file with subset, id, height and width."""
    for subset, (claim_id, paper, tolerance) in SIDES.items():
        if files is None:
            yield cannot_say(claim_id, NEEDS_PACK)
            continue
        part = files[files["subset"] == subset].drop_duplicates("id")
        sides = mean_interval(np.sqrt((part["height"] * part["width"]).to_numpy(dtype=float)), photographs(part))
        note = "side of a square of the mean area, test split"
        yield judge_value(claim_id, sides, paper=paper, tolerance=tolerance, data=subset, note=note)
