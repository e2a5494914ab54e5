"""Reading a finished benchmark: its table, its counts, its identity, and composites replayed from their recipes."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harmlib.data.composers.base import Composite, get_composer
from harmlib.data.photos import Source
from harmlib.errors import ParameterError
from harmlib.io.documents import check_shape, parse_json
from harmlib.io.files import MANIFEST, fingerprint, read_manifest, sha256
from harmlib.io.tables import FINITE, SWITCH, TEXT, WHOLE, Kind, read_frame

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

KEYS = ("subset", "split", "id")
PICTURES = ("composite", "mask", "regions", "real")
# Of composites.csv, in this order.
COLUMNS = {
    **dict.fromkeys(("id", "subset", "split", "photo"), TEXT),
    **dict.fromkeys(("draw", "height", "width"), WHOLE),
    **dict.fromkeys(("foreground_ratio", "mse"), FINITE),
    "degraded": SWITCH,
    **dict.fromkeys(PICTURES, TEXT),
    "recipe": Kind("a recipe, a mapping in JSON", lambda cell: json.dumps(_recipe(cell))),
}


def _recipe(cell: str) -> dict[str, Any]:
    """Return the recipe in a cell; raises DataError."""
    recipe = parse_json(cell, "the recipe")
    check_shape(recipe, dict, "the recipe")
    return recipe


def read_composites(root: str | os.PathLike[str]) -> pd.DataFrame:
    """Return composites.csv, ids and recipes as text; raises DataError when the benchmark is unfinished or the table is damaged."""
    read_manifest(root)
    return read_frame(Path(root) / "composites.csv", COLUMNS, filled=(*KEYS, "photo", "recipe"), keys=KEYS)


def picture_sizes(root: str | os.PathLike[str], rows: Iterable[Mapping[Any, Any]]) -> str:
    """Return one name for the pictures that rows of composites.csv name, which changes when one of them is lost or has another size."""
    names = sorted({f"{row['subset']}/{row[part]}" for row in rows for part in PICTURES})
    paths = [Path(root) / name for name in names]
    return fingerprint(f"{name} {path.stat().st_size if path.exists() else 'lost'}" for name, path in zip(names, paths, strict=True))


def is_whole(root: str | os.PathLike[str]) -> bool:
    """Tell whether a finished benchmark has the table, lists and pictures that it was finished with, else say what is not the same.

    Benchmarks of earlier versions name the table alone.
    """
    manifest = read_manifest(root, "files")
    paths = {name: Path(root) / name for name in manifest["files"]}
    changed = [name for name, path in paths.items() if not path.is_file() or sha256(path) != manifest["files"][name]]
    if not changed and "pictures" in manifest and manifest["pictures"] != picture_sizes(root, read_composites(root).to_dict("records")):
        changed = ["pictures"]
    if changed:
        logger.warning('"%s" has not the %s that it was built with, so it is built again', root, ", ".join(changed))
    return not changed


def counts_table(manifests: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return one row per benchmark (name -> manifest), sub-dataset and split: photographs, used ones, composites, and what was skipped."""
    import pandas as pd

    rows = []
    for name, manifest in manifests.items():
        for subset, splits in manifest["counts"].items():
            for split, counts in splits.items():
                reasons = ", ".join(f"{reason}: {count}" for reason, count in counts["skipped"].items())
                rows.append({"benchmark": name, "subset": subset, "split": split, **counts, "skipped": reasons or "none"})
    return pd.DataFrame(rows)


def inputs_fingerprint(root: str | os.PathLike[str]) -> str:
    """Return one name for a finished benchmark's content, for the manifests of what is made from it."""
    manifest = read_manifest(root, "benchmark", "files")
    check_shape(manifest["files"], {"composites.csv": str}, f'"{Path(root) / MANIFEST}": files')
    return fingerprint([manifest["benchmark"], manifest["files"]["composites.csv"]])


def replay(root: str | os.PathLike[str], composite_id: str, source: Source) -> Composite:
    """Return a composite of a finished benchmark, made again from its photograph and its recipe.

    Raises DataError when the benchmark is unfinished and ParameterError when it has no such composite.
    """
    manifest, table = read_manifest(root, "benchmark", "composer", "seed"), read_composites(root)
    rows = table[(table["id"] == composite_id) & (table["subset"] == source.name)]
    if rows.empty:
        raise ParameterError(f'benchmark "{manifest["benchmark"]}" has no composite "{composite_id}" in "{source.name}"')
    row = rows.iloc[0]
    return get_composer(manifest["composer"])(source, row["photo"], int(row["draw"]), manifest["seed"], _recipe(row["recipe"]))
