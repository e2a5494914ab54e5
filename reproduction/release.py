"""Released weights from a finished run: ``python -m reproduction release RUN --name NAME``.

The card says what manifests and scores tell: settings, budget, photographs with their licenses, and the errors on every benchmark, with
intervals, beside the composite's. What a reader has to look at, such as failures, stands in the notes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from harmlib import models
from harmlib.errors import CheckpointError, DataError
from harmlib.evaluation.statistics import paired_difference, summarize
from harmlib.evaluation.table import KEYS, read_scores
from harmlib.io.files import read_manifest
from harmlib.models.released import RELEASED, write_released

# As stated where each pack came from (data/README.md).
LICENSES = {
    "embedded": "one per photograph: harmlib/data/sources/labels/README.md",
    "ccp": "Apache-2.0; the people are identifiable",
    "camvid": "CC BY-NC 4.0",
    "bsds500": "none stated",
    "voc": "none stated; offered for research",
    "labelme": "MIT (repository); the database's sample program says: do not distribute",
    "nyuv2": "none stated; offered for research",
    "coco": "MIT, none and GPL-3.0 by part; annotations CC BY 4.0",
    "ADE20K": "photographs for non-commercial research and education only",
    "LIP": "non-commercial research only",
    "COCO": "the photographs' own, by photograph; annotations CC BY 4.0",
    "iHarmony4": "MIT (repository)",
}
UNKNOWN = "none on record here"
USE = "research use, wherever a license above does not allow more"
BUDGET = ("iterations", "batch_size", "learning_rate", "precision", "training_seconds", "device", "seed", "initialization")
METRICS = ("mse", "fmse", "psnr", "ssim")
BASELINE = "composite"
# Numbers in a card: more digits than an interval supports, fewer than differ between processors.
DIGITS = 5


def release(
    run: str | os.PathLike[str],
    name: str,
    *,
    scores: Sequence[str | os.PathLike[str]] = (),
    notes: str = "",
    released: str | os.PathLike[str] = RELEASED,
) -> Path:
    """Write the weights of a finished run in half precision, and their card; return the file of the weights.

    name: what ``load_released`` calls them. scores: score tables that have the run's method; by default those of the run's profile.
    notes: a sentence for the card. released: the folder, by default the package's own.
    Raises DataError for a run that is not finished, CheckpointError for weights that are damaged or not finite.
    """
    folder = Path(run).resolve()
    manifest, model = read_manifest(folder), models.load(folder)
    if manifest.get("method") != model.name:
        raise CheckpointError(f'"{folder}" holds "{model.name}", and its manifest tells of "{manifest.get("method")}": train it again')
    scored_as = f"{model.name}_{manifest['label']}" if manifest.get("label") else model.name
    about = {
        "run": folder.name,
        "profile": folder.parents[1].name,
        "data": manifest.get("data", ""),
        "photographs": _photographs(folder),
        "use": USE,
        "budget": {key: manifest[key] for key in BUDGET if key in manifest},
        "scores": _scores(scores or sorted(folder.parents[1].glob("scores/**/scores.csv")), scored_as),
        "notes": notes,
        "versions": manifest.get("versions", {}),
        "git": manifest.get("git", {}),
    }
    return write_released(model, name, about, released=released)


def _photographs(run: Path) -> dict[str, str]:
    """Return the packs that a run saw, with their licenses: its own, and those of the runs that gave it parts or its start."""
    packs: dict[str, str] = {}
    for manifest in _lineage(run):
        sources = read_manifest(run.parents[1] / "benchmarks" / manifest["benchmark"], "inputs")["inputs"]
        # A selection of a pack is called after it: "embedded-people".
        packs |= {name: LICENSES.get(name, LICENSES.get(name.partition("-")[0], UNKNOWN)) for name in sources}
    return packs


def _lineage(run: Path) -> Iterable[dict[str, Any]]:
    """Yield the manifest of a run, and those of the runs it came from."""
    manifest = read_manifest(run, "benchmark")
    yield manifest
    parents = {part.partition(":")[0] for part in (manifest.get("parts") or {}).values()}
    if manifest.get("start_from"):
        parents.add(manifest["start_from"].partition("@")[0])
    for parent in sorted(parents):
        yield from _lineage(run.parent / parent)


def _scores(tables: Sequence[str | os.PathLike[str]], method: str) -> list[dict[str, Any]]:
    """Return one entry per benchmark, split, protocol and metric: mean, low and high, n, and the composite's mean where it is known."""
    found = [table for table in (read_scores(path) for path in tables) if method in set(table["method"])]
    if not found:
        return []
    rows = pd.concat(found, ignore_index=True).drop_duplicates(list(KEYS))
    entries = []
    for keys, part in rows.groupby(["benchmark", "split", "protocol"], sort=True):
        own = part[part["method"] == method]
        for row in summarize(own, by=("method",), metrics=METRICS).to_dict("records"):
            entry: dict[str, Any] = {**dict(zip(("benchmark", "split", "protocol"), keys, strict=True)), "metric": row["metric"]}
            entry |= {key: _rounded(row[key]) for key in ("mean", "low", "high")} | {"n": row["n"]}
            entries.append(entry | _beside_composite(part, method, row["metric"]))
    return entries


def _beside_composite(part: pd.DataFrame, method: str, metric: str) -> dict[str, Any]:
    """Return the composite's mean over the same images, and the mean difference from it with its interval; nothing where it is unknown."""
    try:
        difference = paired_difference(part, method, BASELINE, metric)
    except DataError:
        return {}  # not scored beside this run
    composite = part.loc[part["method"] == BASELINE, metric].mean()
    interval = [_rounded(value) for value in (difference.mean, difference.low, difference.high)]
    return {"composite": _rounded(composite), "difference": interval}


def _rounded(value: float) -> float | None:
    """Return a number with DIGITS significant digits; None for NaN, which JSON does not have."""
    return None if pd.isna(value) else float(f"{value:.{DIGITS}g}")
