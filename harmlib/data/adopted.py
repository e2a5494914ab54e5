"""Published benchmarks, such as iHarmony4 itself: used in place, next to the benchmarks that are built here.

<root>/<sub-dataset>    a link to the published folder
<root>/IHD_{train,val,test}.txt, composites.csv, manifest.json   as in ``harmlib.data.benchmarks``
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harmlib.data.benchmarks import BenchmarkPlan
from harmlib.data.built import COLUMNS
from harmlib.data.composers.base import PUBLISHED
from harmlib.data.pairs import Pair, list_splits, read_pairs
from harmlib.errors import DataError
from harmlib.io.files import fingerprint, is_finished, read_manifest, sha256, write_manifest, write_text
from harmlib.io.locks import alone


def adopt_benchmark(plan: BenchmarkPlan, tree: str | os.PathLike[str], root: str | os.PathLike[str]) -> dict[str, Any]:
    """Link a published iHarmony4 tree into ``root`` and list its pairs; return the manifest.

    plan: the benchmark; its splits are those of the tree that are used. tree: the published folder, with its lists.
    Nothing is decoded, so composites.csv leaves sizes, errors and recipes empty.
    Raises DataError for what ``read_pairs`` refuses, and for a tree whose sub-datasets were merged into one folder.
    """
    started, tree, root = time.time(), Path(tree).absolute(), Path(root)
    pairs = {split: read_pairs(tree, split) for split in list_splits(tree) if split in plan.splits}
    inputs = {tree.name: fingerprint(f"{split}/{pair.subset}/{pair.id}" for split, found in pairs.items() for pair in found)}
    # Nothing was drawn.
    expected = {"benchmark": plan.name, "composer": PUBLISHED, "seed": None, "draws": {}, "splits": list(plan.splits), "inputs": inputs}
    if not is_finished(root, expected):
        with alone(root, f'another process is building "{root}"'):
            _adopt(plan, pairs, tree, root, expected, started)
    return read_manifest(root)


def _adopt(plan: BenchmarkPlan, pairs: dict[str, list[Pair]], tree: Path, root: Path, expected: Mapping[str, Any], started: float) -> None:
    """Link the tree, and write its lists, its table and the manifest."""
    import pandas as pd

    for subset in {pair.subset for found in pairs.values() for pair in found}:
        _link(tree / subset, root / subset)
    rows = []
    for split, found in pairs.items():
        write_text(root / f"IHD_{split}.txt", "".join(f"{pair.composite.relative_to(tree).as_posix()}\n" for pair in found))
        for pair in found:
            paths = {"composite": pair.composite, "mask": pair.mask, "regions": pair.mask, "real": pair.real}  # the mask is the only region
            files = {name: path.relative_to(tree / pair.subset).as_posix() for name, path in paths.items()}
            rows.append({"id": pair.id, "subset": pair.subset, "split": split, "photo": pair.real.stem, **files, "recipe": "{}"})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    write_text(root / "composites.csv", table.to_csv(index=False, lineterminator="\n"))
    counts: dict[str, Any] = {}
    for _, part in table.groupby(["subset", "split"], sort=False):
        first, photos = part.iloc[0], part["photo"].nunique()
        made = {"photographs": photos, "used": photos, "composites": len(part), "skipped": {}}
        counts.setdefault(first["subset"], {})[first["split"]] = made
    hashes = {"composites.csv": sha256(root / "composites.csv")}
    write_manifest(root, started=started, **expected, title=plan.title, dataset=plan.dataset, counts=counts, files=hashes)


def _link(folder: Path, link: Path) -> None:
    """Make ``link`` lead to ``folder``, whatever an earlier call left there."""
    if not folder.is_dir():
        raise DataError(f'"{folder}" is missing: lay the tree out with one folder per sub-dataset (data/README.md)')
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(folder, target_is_directory=True)
