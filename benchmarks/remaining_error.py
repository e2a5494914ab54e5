"""Where the released Harmonizer's error remains: by source, by transfer, by how far off the composite is, and by argument.

    python benchmarks/remaining_error.py [--results results] [--pictures 96]

Reads the per-image scores and the test composites of profile night, and writes ``<results>/night/tables/harmonizer-remaining.csv``:
foreground MSE of the composites and of the results, means over pictures, and the share of pictures that came closer. By argument: test
pictures drawn by seed, at 128 pixels; "best <argument>" has that argument of the predicted six replaced by the one with the least error,
"best six" all of them, found by gradient descent on the real photograph.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from harmlib import models
from harmlib.data.built import read_composites
from harmlib.data.pairs import Pair, read_pairs
from harmlib.filters import SIX, restore
from harmlib.io.images import read_image, resize, to_tensor
from harmlib.io.masks import read_mask
from reproduction.kit.style import save_csv

BENCHMARK, METHOD, BASELINE = "iharmony4-wide", "harmonizer", "composite"
SIDE, STEPS, RATE, SEED = 128, 80, 0.05, 0


def by_group(scores: pd.DataFrame, composites: pd.DataFrame) -> list[dict[str, object]]:
    """Return rows by source, transfer, and quarter of the composites' foreground MSE."""
    transfers = composites[["subset", "id"]].assign(transfer=[json.loads(recipe)["transfer"] for recipe in composites["recipe"]])
    wide = scores.pivot_table(index=["subset", "id"], columns="method", values="fmse").reset_index().merge(transfers, on=["subset", "id"])
    wide["quarter"] = pd.qcut(wide[BASELINE], 4, labels=["nearest", "second", "third", "furthest"]).astype(str)
    rows = [row_of("all", "all", wide[BASELINE], wide[METHOD])]
    for name, column in (("source", "subset"), ("transfer", "transfer"), ("quarter", "quarter")):
        rows += [row_of(name, str(group), part[BASELINE], part[METHOD]) for group, part in wide.groupby(column, sort=False)]
    return rows


def by_argument(pairs: Sequence[Pair]) -> list[dict[str, object]]:
    """Return rows for the predicted arguments, each of them at its best, and all at their best."""
    batch = [stack(pair) for pair in pairs]
    composite, mask, target = (torch.stack(part) for part in zip(*batch, strict=True))
    with torch.inference_mode():
        predicted = models.load_released(METHOD).predict_arguments(composite, mask).clamp(-1, 1)
    predicted, before = predicted.clone(), fmse(composite, mask, target)
    rows = [row_of("argument", "as predicted", before, error(predicted, composite, mask, target))]
    for index, name in enumerate(SIX):
        free = torch.zeros(len(SIX)).index_fill(0, torch.tensor([index]), 1)
        best = best_arguments(predicted, free, composite, mask, target)
        rows.append(row_of("argument", f"best {name}", before, error(best, composite, mask, target)))
    best = best_arguments(predicted, torch.ones(len(SIX)), composite, mask, target)
    return [*rows, row_of("argument", "best six", before, error(best, composite, mask, target))]


def stack(pair: Pair) -> tuple[Tensor, Tensor, Tensor]:
    """Return composite, mask and target of a pair at SIDE pixels."""
    composite, target = (to_tensor(resize(read_image(path), (SIDE, SIDE), "bilinear")) for path in (pair.composite, pair.real))
    return composite, to_tensor(resize(read_mask(pair.mask), (SIDE, SIDE), "nearest")), target


def fmse(pictures: Tensor, mask: Tensor, target: Tensor) -> Tensor:
    """Return the foreground MSE of every picture, squared 8-bit levels, (B,)."""
    squared = ((255 * (pictures - target)) ** 2).mean(1, keepdim=True) * mask
    return squared.sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp_min(1)


def error(arguments: Tensor, composite: Tensor, mask: Tensor, target: Tensor) -> Tensor:
    """Return the foreground MSE of the composites after the filters, (B,)."""
    return fmse(restore(composite, mask, arguments, SIX, contrast_grad="straight_through")[-1], mask, target)


def best_arguments(start: Tensor, free: Tensor, composite: Tensor, mask: Tensor, target: Tensor) -> Tensor:
    """Return the arguments (B, 6) of least error, of those that are free (6,); a picture that got worse keeps its start."""
    values = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([values], lr=RATE)
    best, least = start, error(start, composite, mask, target)
    scale = fmse(composite, mask, target).clamp_min(1)
    for _ in range(STEPS):
        optimizer.zero_grad()
        found = error(values.clamp(-1, 1), composite, mask, target)
        (found / scale).sum().backward()
        better = found.detach() < least
        best = torch.where(better[:, None], values.detach().clamp(-1, 1), best)
        least = torch.minimum(least, found.detach())
        values.grad *= free
        optimizer.step()
    return best


def row_of(by: str, group: str, before: pd.Series | Tensor, after: pd.Series | Tensor) -> dict[str, object]:
    """Return one row of the table."""
    before, after = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    means = {"n": len(before), "composite": before.mean(), "harmonized": after.mean(), "left": after.mean() / before.mean()}
    return {"by": by, "group": group, **means, "better": (after < before).mean()}


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description="Where the released Harmonizer's error remains.")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--pictures", type=int, default=96)
    options = parser.parse_args()
    root = options.results / "night"
    scores = pd.read_csv(root / "tables" / "released-scores.csv", dtype={"id": str})
    composites = read_composites(root / "benchmarks" / BENCHMARK)
    pairs = read_pairs(root / "benchmarks" / BENCHMARK, "test")
    drawn = np.random.default_rng(SEED).choice(len(pairs), options.pictures, replace=False)
    rows = by_group(scores[scores["benchmark"] == BENCHMARK], composites[composites["split"] == "test"])
    table = pd.DataFrame([*rows, *by_argument([pairs[index] for index in drawn])])
    print(table.to_string(index=False, float_format="%.3g"))
    save_csv(table, root / "tables" / "harmonizer-remaining.csv")


if __name__ == "__main__":
    main()
