"""Why rankings flip: which orders of methods and of sub-datasets change when the definition of a table's number does.

Records are those of ``definitions``, every method on the same images; intervals draw photographs within each sub-dataset.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from harmlib.errors import DataError
from harmlib.evaluation.intervals import DRAWS, draw_weights, percentile_interval
from harmlib.evaluation.statistics import ALL, photographs
from reproduction.lessons.definitions import COLUMNS, DEFINITIONS, REFERENCE, Definition, to_psnr, with_quantities

# Draws of all images are multiplied in blocks, so that those of 7404 images stay within 16 MiB.
BLOCK = 2_000_000


@dataclass(frozen=True, eq=False)
class Replicates:
    """Every definition's number for every group and method, on the images as they are and on bootstrap draws of their photographs.

    groups: the sub-datasets, then "All" where there are several. counts, photographs: images and photographs of each group.
    numbers: dB, (1 + D, groups, methods, DEFINITIONS); the first is that of the images as they are.
    """

    groups: tuple[str, ...]
    counts: tuple[int, ...]
    photographs: tuple[int, ...]
    methods: tuple[str, ...]
    numbers: np.ndarray


def replicate(records: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0) -> Replicates:
    """Return the numbers of all definitions with their bootstrap draws, which draw photographs within each sub-dataset.

    All methods share a draw, so that differences are paired. Raises DataError for a missing column, or when methods differ in images.
    """
    tables = aligned(records)
    methods, images = tuple(tables), next(iter(tables.values()))
    codes, units = pd.factorize(photographs(images))
    # A photograph's images stand together, as one row of sums.
    subsets = images["subset"].to_numpy()[np.unique(codes, return_index=True)[1]]
    names = tuple(dict.fromkeys(subsets))
    members = np.stack([subsets == name for name in names])  # (S, P)
    columns = [
        (table[definition.weight], table[definition.weight] * table[definition.value])
        for table in map(with_quantities, tables.values())
        for definition in DEFINITIONS
    ]
    stacked = np.stack([np.bincount(codes, column) for pair in columns for column in pair], axis=1)  # (P, M K 2)
    blocks = [np.stack([counts[:, member] @ stacked[member] for member in members], axis=1) for counts in _draws(members, draws, seed)]
    sums = np.concatenate(blocks)  # (1 + D, S, M K 2)
    sums = sums.reshape(len(sums), len(names), len(methods), len(DEFINITIONS), 2)
    groups = (*names, ALL) if len(names) > 1 else names
    numbers = np.stack([_finish(sums, index, definition, len(groups)) for index, definition in enumerate(DEFINITIONS)], axis=-1)
    counts = [int((images["subset"] == name).sum()) for name in names]
    drawn = [int(member.sum()) for member in members]
    if len(names) > 1:
        counts, drawn = [*counts, len(images)], [*drawn, len(units)]
    return Replicates(groups, tuple(counts), tuple(drawn), methods, numbers)


def aligned(records: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return method -> its rows, in the same order of images for all."""
    missing = [name for name in COLUMNS if name not in records]
    if missing:
        raise DataError(f"the records lack the column {', '.join(missing)}")
    tables: dict[str, pd.DataFrame] = {}
    for method in records["method"].unique():
        tables[method] = records[records["method"] == method].sort_values(["subset", "id"], ignore_index=True)
    first, *others = tables
    keys = tables[first][["subset", "id"]]
    for method in others:
        if not tables[method][["subset", "id"]].equals(keys):
            raise DataError(f'"{method}" and "{first}" are not scored on the same images: compare them on those that both have')
    return tables


def _draws(members: np.ndarray, draws: int, seed: int) -> list[np.ndarray]:
    """Return how often each photograph is drawn, blocks of (d, P): first all as they are, then draws within each sub-dataset."""
    generator, count = np.random.default_rng(seed), members.shape[1]
    rows = max(1, BLOCK // count)
    blocks = [np.ones((1, count))]
    for start in range(0, draws, rows):
        block = np.zeros((min(rows, draws - start), count))
        for member in members:
            block[:, member] = draw_weights(int(member.sum()), len(block), generator)
        blocks.append(block)
    return blocks


def _finish(sums: np.ndarray, number: int, definition: Definition, groups: int) -> np.ndarray:
    """Return one definition's numbers, (1 + D, G, M); sums: (1 + D, S, M, K, 2), of weights and of weighted values."""
    weights, weighted = sums[:, :, :, number, 0], sums[:, :, :, number, 1]
    means = weighted / weights
    if groups > means.shape[1]:
        overall = means.mean(1) if definition.by_subset else weighted.sum(1) / weights.sum(1)
        means = np.concatenate([means, overall[:, None]], axis=1)
    return to_psnr(means) if definition.of_error else means


def definition_table(replicates: Replicates) -> pd.DataFrame:
    """Return one row per group, definition and method: dB, low, high (95 % interval over photographs), n."""
    ends = [percentile_interval(replicates.numbers[1:, g], count) for g, count in enumerate(replicates.photographs)]
    low, high = (np.stack(end) for end in zip(*ends, strict=True))
    rows = [
        (group, definition.name, method, replicates.numbers[0, g, m, k], low[g, m, k], high[g, m, k], replicates.counts[g])
        for g, group in enumerate(replicates.groups)
        for k, definition in enumerate(DEFINITIONS)
        for m, method in enumerate(replicates.methods)
    ]
    return pd.DataFrame(rows, columns=["group", "definition", "method", "dB", "low", "high", "n"])


def method_differences(replicates: Replicates) -> pd.DataFrame:
    """Return one row per group, pair of methods and definition: first - second in dB with low and high, flips, clear, share, drawn, n.

    flips: the sign is not that of the reference definition. clear: both intervals leave zero out, on opposite sides. share: in how many
    of the draws it flips; drawn: in which, bool (D,).
    """
    rows = []
    for g, group in enumerate(replicates.groups):
        for a, b in combinations(range(len(replicates.methods)), 2):
            differences = replicates.numbers[:, g, a] - replicates.numbers[:, g, b]  # (1 + D, K)
            key = (group, replicates.methods[a], replicates.methods[b])
            rows += [(*key, *row, replicates.counts[g]) for row in _compared(differences, replicates.photographs[g])]
    return pd.DataFrame(rows, columns=["group", "first", "second", *_COMPARED, "n"])


def subset_differences(replicates: Replicates) -> pd.DataFrame:
    """Return one row per method, pair of sub-datasets and definition: which of the two is easier; columns as ``method_differences``."""
    rows, subsets = [], [group for group in replicates.groups if group != ALL]
    for m, method in enumerate(replicates.methods):
        for a, b in combinations(range(len(subsets)), 2):
            differences = replicates.numbers[:, a, m] - replicates.numbers[:, b, m]
            key = (method, subsets[a], subsets[b])
            count = replicates.counts[a] + replicates.counts[b]
            fewer = min(replicates.photographs[a], replicates.photographs[b])
            rows += [(*key, *row, count) for row in _compared(differences, fewer)]
    return pd.DataFrame(rows, columns=["method", "first", "second", *_COMPARED, "n"])


_COMPARED = ("definition", "dB", "low", "high", "flips", "clear", "share", "drawn")


def _compared(differences: np.ndarray, photographs: int) -> list[tuple]:
    """Return the columns of _COMPARED for every definition; differences: (1 + D, K). drawn: whether it flips, draw by draw."""
    low, high = percentile_interval(differences[1:], photographs)
    signs = np.sign(differences)
    flips = signs != signs[:, :1]
    side = np.where(low > 0, 1, np.where(high < 0, -1, 0))
    names = [definition.name for definition in DEFINITIONS]
    drawn = flips[1:].T
    return list(zip(names, differences[0], low, high, flips[0], side * side[0] < 0, drawn.mean(1), drawn, strict=True))


def flip_rates(replicates: Replicates) -> pd.DataFrame:
    """Return per definition the share of orders that are not those of the reference: of methods in every group, of sub-datasets.

    Columns: definition, orders, rate, low, high (95 % interval over photographs), flipped, clear, pairs. In a draw both
    definitions see the same images, so what flips there flips by definition.
    """
    tables = {"of methods": method_differences(replicates), "of sub-datasets": subset_differences(replicates)}
    rows = []
    for kind, table in tables.items():
        for definition, part in table.groupby("definition", sort=False):
            if definition == REFERENCE.name:
                continue
            low, high = percentile_interval(np.stack(part["drawn"].to_list()).mean(0), replicates.photographs[-1])
            rows.append((definition, kind, part["flips"].mean(), low, high, part["flips"].sum(), part["clear"].sum(), len(part)))
    return pd.DataFrame(rows, columns=["definition", "orders", "rate", "low", "high", "flipped", "clear", "pairs"])


def flip_sentence(rates: pd.DataFrame) -> str:
    """Return the extremes of ``flip_rates`` in words."""
    parts = []
    for kind, part in rates.groupby("orders", sort=False):
        most = part.iloc[int(part["rate"].to_numpy().argmax())]
        words = f'{most["flipped"]} of {most["pairs"]} under "{most["definition"]}"' if most["flipped"] else "none"
        parts.append(f"orders {kind} that differ from those of mean PSNR: at most {words}, {most['clear']} of them clearly")
    return "; ".join(parts) + "."


def spans(replicates: Replicates) -> pd.DataFrame:
    """Return one row per pair of methods and group: the smallest and the largest difference in dB over definitions, and whose they are."""
    table = method_differences(replicates)
    rows = []
    for key, part in table.groupby(["group", "first", "second"], sort=False):
        least, most = (part.iloc[int(row)] for row in (part["dB"].to_numpy().argmin(), part["dB"].to_numpy().argmax()))
        rows.append((*key, least["dB"], least["definition"], most["dB"], most["definition"], part["n"].iloc[0]))
    return pd.DataFrame(rows, columns=["group", "first", "second", "least", "least_under", "most", "most_under", "n"])
