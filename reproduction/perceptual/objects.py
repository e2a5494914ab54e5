"""COCO-Exp's objects: how many, of which categories and sizes, and how far from the truth each transfer puts them.

Everything comes from composites.csv of benchmarks by the composers "coco_exp" and "coco_exp_histogram": ``read_objects`` reads one of
them, several are joined by ``pd.concat``.
"""

from __future__ import annotations

import json
import os

import numpy as np
import pandas as pd

from harmlib.data.built import read_composites
from harmlib.errors import DataError
from harmlib.evaluation.statistics import SIZE_BUCKETS, bucket, summarize
from reproduction.kit.tables import beside_paper
from reproduction.papers import claims, published

BEYOND = "80% or more"
# A bucket with fewer does not tell how close a transfer comes.
ENOUGH = 10


def read_objects(root: str | os.PathLike[str]) -> pd.DataFrame:
    """Return composites.csv of a finished benchmark with the columns transfer, category and size of ``with_recipes``."""
    return with_recipes(read_composites(root))


def with_recipes(composites: pd.DataFrame) -> pd.DataFrame:
    """Return rows of composites.csv with the columns transfer, category and size: the bucket of the object's share of the picture.

    Raises DataError for recipes of another composer.
    """
    recipes = composites["recipe"].map(json.loads)
    if not recipes.map(lambda recipe: "category" in recipe).all():
        raise DataError('these composites have no categories: build the benchmark with the composer "coco_exp" or "coco_exp_histogram"')
    read = {key: recipes.map(lambda recipe, key=key: recipe[key]) for key in ("transfer", "category")}
    return composites.assign(**read, size=bucket(composites["foreground_ratio"], SIZE_BUCKETS).fillna(BEYOND))


def count_table(objects: pd.DataFrame) -> pd.DataFrame:
    """Return one row per transfer: composites beside the paper's, photographs, categories, the commonest one and its share."""
    paper = int(claims().set_index("id")["value"]["perceptual-C01"])
    rows = []
    for transfer, part in objects.groupby("transfer", sort=False):
        categories = part["category"].value_counts()
        photographs = len(part.drop_duplicates(["subset", "photo"]))
        rows.append((transfer, len(part), paper, photographs, len(categories), categories.index[0], categories.iloc[0] / len(part)))
    return pd.DataFrame(rows, columns=["transfer", "composites", "paper", "photographs", "categories", "commonest", "its share"])


def category_table(objects: pd.DataFrame) -> pd.DataFrame:
    """Return how many composites each transfer has of each category, and their share, the commonest first."""
    counts = objects.value_counts(["transfer", "category"])
    return _shares(counts.reindex(objects["transfer"].unique(), level="transfer"))


def size_table(objects: pd.DataFrame) -> pd.DataFrame:
    """Return how many composites each transfer has in each size bucket, empty ones too, and beyond them, with their share."""
    every = pd.MultiIndex.from_product([objects["transfer"].unique(), [*SIZE_BUCKETS, BEYOND]], names=["transfer", "size"])
    return _shares(objects.value_counts(["transfer", "size"]).reindex(every, fill_value=0))


def _shares(counts: pd.Series) -> pd.DataFrame:
    """Return counts by transfer and something else as a table with the columns composites and share, the latter within a transfer."""
    table = counts.rename("composites").reset_index()
    return table.assign(share=table["composites"] / table.groupby("transfer")["composites"].transform("sum"))


def error_table(objects: pd.DataFrame, *, data: str) -> pd.DataFrame:
    """Return the mean squared error of the composites by size beside the row "MSE orig." of table 3, a block per transfer.

    data: what they were made from, by its real name. Columns: transfer, then those of ``tables.beside_paper``.
    Ours is over pictures of their own size, as in composites.csv.
    """
    printed = published("perceptual", 3)
    printed = printed[(printed["row"] == "MSE orig.") & (printed["dataset"] == "COCO-Exp")]
    within = objects[objects["size"] != BEYOND].assign(method=printed["method"].iloc[0], subset_or_bucket=objects["size"])
    blocks = []
    for transfer, part in within.groupby("transfer", sort=False):
        summary = summarize(part, by=("method", "subset_or_bucket"), metrics=["mse"])
        blocks.append(beside_paper(summary, printed, data=data, reasons={"mse": "no object of this size"}).assign(transfer=transfer))
    return pd.concat(blocks, ignore_index=True).set_index("transfer").reset_index()


def distance_table(errors: pd.DataFrame) -> pd.DataFrame:
    """Return how far each transfer is from the paper: transfer, distance = mean |ln(ours / paper)| over sizes, how many sizes.

    errors: ``error_table``. Only the sizes of which every transfer has ten images or more count; without one the distance is NaN.
    A whole distribution takes at least as much change as its mean and deviation do, so that away from COCO the photographs decide, by
    being above or below the paper's errors, rather than the transfer.
    """
    enough = errors.groupby("subset_or_bucket")["n"].transform("min") >= ENOUGH
    ratios = np.log(errors["ours"] / errors["paper"].astype(float)).abs().where(enough)
    table = ratios.groupby(errors["transfer"], sort=False).agg(["mean", "count"]).reset_index()
    return table.set_axis(["transfer", "distance", "sizes"], axis="columns")


def closer_transfer(distances: pd.DataFrame) -> str:
    """Return one sentence: which of two transfers is closer to the paper's errors, or why that cannot be told; ``distance_table``."""
    if len(distances) < 2:
        return f"Cannot say which transfer is closer to the paper: only {distances['transfer'].iloc[0]} was built."
    if not distances["sizes"].all():
        return f"Cannot say which transfer is closer to the paper: no size has {ENOUGH} images of each."
    near, far = distances.sort_values("distance").to_dict("records")
    words = f"mean |ln(ours / paper)| {near['distance']:.2f} against {far['distance']:.2f} of {far['transfer']}"
    sizes = f"sizes with {ENOUGH} images or more: {near['sizes']}"
    return f"{near['transfer']} is closer to the paper's unharmonized errors: {words} ({sizes})."
