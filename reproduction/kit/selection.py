"""Which composites an exhibit shows, always by rule: the first ones, the worst ones, evenly spaced ones, and real composites."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from harmlib.data.listed import inside
from harmlib.data.pairs import Pair, load_pair
from harmlib.errors import DataError
from harmlib.io.images import read_image
from harmlib.io.masks import read_mask
from harmlib.io.tables import TEXT, read_frame

# Characters that fit beside a wide picture in a row of six.
LABEL_LENGTH = 18
# Share of the picture from which on a foreground can be seen in a small picture.
VISIBLE = 0.05


@dataclass(frozen=True, eq=False)
class Sample:
    """One composite at the size of its file.

    composite, target: uint8 (H, W, 3); target is None for a real composite. mask: bool (H, W). rule: why it is shown.
    """

    id: str
    subset: str
    composite: np.ndarray
    target: np.ndarray | None
    mask: np.ndarray
    rule: str = ""

    @property
    def label(self) -> str:
        """What stands beside a row of pictures."""
        title = f"{self.subset}, {self.rule}" if self.rule else self.subset
        return row_label(textwrap.fill(title.replace("_", " "), LABEL_LENGTH), self.id)

    @property
    def real(self) -> np.ndarray:
        """The target; raises DataError for a real composite, which has none."""
        if self.target is None:
            raise DataError(f'"{self.id}" is a real composite, whose true colors nobody knows: choose a composite of a benchmark')
        return self.target


def row_label(title: str, name: str) -> str:
    """Return a title above a picture's id, which is broken at hyphens where a row of pictures would be too short for it."""
    return f"{title}\n{textwrap.fill(name, LABEL_LENGTH)}"


def read_sample(pair: Pair, rule: str = "") -> Sample:
    """Return a pair with its pixels."""
    return Sample(pair.id, pair.subset, **load_pair(pair), rule=rule)


def read_index(data: Path | None, pack: str, *more: str) -> pd.DataFrame | None:
    """Return the index of a pack of real composites below ``data``, with paths in composite and mask; None where the pack is not.

    more: columns that it must have besides id, composite and mask.
    """
    root = data / pack if data else None
    if root is None or not (root / "index.csv").exists():
        return None
    index = root / "index.csv"
    rows = read_frame(index, dict.fromkeys(("id", "composite", "mask", *more), TEXT), keys=("id",))
    paths = {name: [inside(root, entry, index) for entry in rows[name]] for name in ("composite", "mask")}
    return rows.assign(**{name: pd.Series(found, dtype=object) for name, found in paths.items()})


def read_real_composites(data: Path | None, pack: str, count: int) -> list[Sample]:
    """Return the first ``count`` composites of a pack of real composites below ``data``; none when the pack is not there."""
    index = read_index(data, pack)
    rows = [] if index is None else index.head(count).to_dict("records")
    return [Sample(row["id"], pack, read_image(row["composite"]), None, read_mask(row["mask"]), "first") for row in rows]


def first_photos(composites: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the first composite of the first ``count`` photographs, the sub-datasets taking turns.

    composites: rows of composites.csv in the order of the lists.
    """
    photos = composites.drop_duplicates(["subset", "photo"])
    turn = photos.groupby("subset").cumcount()
    return photos.assign(turn=turn).sort_values("turn", kind="stable").drop(columns="turn").head(count)


def first_visible(composites: pd.DataFrame) -> tuple[str, str]:
    """Return (sub-dataset, id) of the first composite whose foreground can be seen in a small picture; else of the first one."""
    visible = composites[composites["foreground_ratio"] >= VISIBLE]
    row = (visible if len(visible) else composites).iloc[0]
    return row["subset"], row["id"]


def first_and_worst(composites: pd.DataFrame, scores: pd.DataFrame, method: str, count: int) -> list[tuple[str, str, str]]:
    """Return (sub-dataset, id, rule) of the first ``count`` photographs and of the ``count`` others with the largest MSE of ``method``.

    composites, scores: of one benchmark and one protocol.
    """
    first = first_photos(composites, count)
    chosen = [(subset, name, "first") for subset, name in zip(first["subset"], first["id"], strict=True)]
    taken = {entry[:2] for entry in chosen}
    ranked = scores[scores["method"] == method].sort_values("mse", ascending=False, kind="stable")
    others = [(*key, "worst") for key in zip(ranked["subset"], ranked["id"], strict=True) if key not in taken]
    return chosen + others[:count]


def evenly(items: Sequence, limit: int) -> list:
    """Return at most ``limit`` items, evenly spaced, so that no part of the list is missed."""
    indices = np.linspace(0, len(items) - 1, min(limit, len(items))).round().astype(int)
    return [items[index] for index in indices]
