"""Per-image results to compare definitions on, beside the genuine ones of ``kit.genuine``: finished papers and printed tables."""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from harmlib.evaluation.table import read_scores
from harmlib.io.files import MANIFEST, read_manifest
from reproduction.kit.artefacts import of_first_runs
from reproduction.kit.tables import LOWER_IS_BETTER
from reproduction.lessons.definitions import COLUMNS
from reproduction.papers import PAPERS, published
from reproduction.stages import Results

# What figures call the methods of ``kit.genuine``.
LABELS = {"composite": "composite", "harmonizer": "Harmonizer", "pctnet": "PCT-Net"}
METRICS = ("MSE", "fMSE", "PSNR")


def read_finished(results: Results) -> dict[str, pd.DataFrame]:
    """Return the records of every finished paper by what they were measured on: "paper: benchmark, protocol".

    Images whose foreground vanishes at the evaluated size are left out, for all methods; so are tables with a single method.
    """
    found = {}
    for folder in sorted((results.root / "scores").glob("*")):
        if not (folder / MANIFEST).exists():
            continue
        scores = read_scores(folder / "scores.csv")
        scores = scores[of_first_runs(scores)]
        for benchmark, protocol in scores[["benchmark", "protocol"]].drop_duplicates().itertuples(index=False):
            part = scores[(scores["benchmark"] == benchmark) & (scores["protocol"] == protocol)]
            empty = part.loc[part["fmse"].isna(), "id"]
            kept = part.loc[~part["id"].isin(empty), list(COLUMNS)]
            if len(kept["method"].unique()) > 1:
                built = results.benchmark(benchmark)
                title = read_manifest(built, "title")["title"] if (built / MANIFEST).exists() else benchmark
                found[f"{folder.name}: {title}, protocol {protocol}"] = kept.reset_index(drop=True)
    return found


def printed_flips() -> pd.DataFrame:
    """Return every two rows of a printed table that two of its metrics put in opposite orders.

    Columns: paper, table, group (data set and sub-dataset or bucket), metrics, first, second, and the printed values: first_one and
    second_one of the first metric, first_other and second_other of the second.
    """
    pairs = _printed_pairs()
    return pairs[pairs["flips"]].drop(columns="flips").reset_index(drop=True)


def printed_rates() -> pd.DataFrame:
    """Return how many pairs of rows two metrics of a printed table order differently: paper, table, metrics, flipped, pairs, rate."""
    grouped = _printed_pairs().groupby(["paper", "table", "metrics"], sort=False)["flips"]
    return grouped.agg(flipped="sum", pairs="size", rate="mean").reset_index()


def _printed_pairs() -> pd.DataFrame:
    """Return every two rows of a printed table that differ in both of two metrics; columns as ``printed_flips``, and flips."""
    rows = []
    for paper in PAPERS:
        values = published(paper)
        values = values[values["metric"].isin(METRICS)]
        groups = values[["table", "dataset", "subset_or_bucket"]].drop_duplicates()
        for table, dataset, bucket in groups.itertuples(index=False):
            part = values[(values["table"] == table) & (values["dataset"] == dataset) & (values["subset_or_bucket"] == bucket)]
            wide = part.pivot_table(index="row", columns="metric", values="number", sort=False)
            for one, other in combinations([metric for metric in METRICS if metric in wide], 2):
                key = (paper, table, ", ".join(name for name in (dataset, bucket) if name), f"{one} and {other}")
                rows += [(*key, *row) for row in _compared(wide[[one, other]].dropna())]
    columns = ["paper", "table", "group", "metrics", "first", "second", "first_one", "second_one", "first_other", "second_other", "flips"]
    return pd.DataFrame(rows, columns=columns)


def _compared(wide: pd.DataFrame) -> list[tuple]:
    """Return every two rows of two metrics with their values and whether the metrics order them differently; ties are left out."""
    one, other = (-1 if str(metric).lower() in LOWER_IS_BETTER else 1 for metric in wide)
    found = []
    for (first, a, c), (second, b, d) in combinations(wide.itertuples(), 2):
        orders = one * (a - b), other * (c - d)
        if all(orders):
            found.append((first, second, a, b, c, d, orders[0] * orders[1] < 0))
    return found
