"""Benchmarks on disk: composites, masks, region maps and real photographs in iHarmony4's tree.

    <root>/<sub-dataset>/{composite_images,masks,regions,real_images}/
    <root>/<sub-dataset>/<sub-dataset>_{train,val,test}.txt   names of composites
    <root>/IHD_{train,val,test}.txt                           the same with their folders
    <root>/composites.csv                                     one row per composite, with the recipe that replays it
    <root>/manifest.json                                      counts (skipped ones too), seed, versions; written last

Names are iHarmony4's ``<photo>_<object>_<variant>``. A draw is an object here, because every draw changes other
regions; a degraded target is a photograph of its own, ``<photo>-degraded<draw>``, so that the name rule always holds.
Everything is written as PNG, because JPEG would touch the background.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harmlib.data.built import COLUMNS, is_whole, picture_sizes
from harmlib.data.composers.base import NO_REGION, Composite, Skipped, composes_online, get_composer
from harmlib.data.composers.regions import count_usable
from harmlib.data.photos import Source
from harmlib.errors import DataError
from harmlib.io import files
from harmlib.io.documents import read_json
from harmlib.io.images import write_png
from harmlib.io.locks import alone
from harmlib.progress import progress
from harmlib.threads import in_processes

logger = logging.getLogger(__name__)

RECORDS = ".records"  # one small file per finished item while a benchmark is being built
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class BenchmarkPlan:
    """One benchmark: how composites are made, from which sources (one sub-dataset each), and how many per photograph.

    composer: the rule, or "published" for a tree of composites that its one source's folder already holds.
    dataset: the data set of the paper that it stands for; title: what tables call it.
    splits: subset of train, val, test to put on disk; draws: composites per photograph of each split.
    models_of: another benchmark, whose models are tested on this one too; no model is trained here.
    scored: False for one that only trains parts of methods, whose pictures say nothing.
    """

    name: str
    composer: str
    title: str
    dataset: str
    sources: tuple[str, ...]
    splits: tuple[str, ...] = ("train", "val", "test")
    draws: Mapping[str, int] = field(default_factory=dict)
    models_of: str | None = None
    scored: bool = True


@dataclass(frozen=True)
class Item:
    """One composite to make."""

    subset: str
    split: str
    photo: str
    draw: int

    @property
    def stem(self) -> str:
        """The mask's name: photo and object, without underscores inside the photo's own id."""
        return f"{self.photo.replace('_', '-')}_{self.draw + 1}"


def build_benchmark(
    plan: BenchmarkPlan, sources: Mapping[str, Source], root: str | os.PathLike[str], *, seed: int, workers: int = 0
) -> dict[str, Any]:
    """Put a benchmark on disk, or finish one that was interrupted, or build one again that has lost a file; return its manifest.

    plan: what to build. sources: one per sub-dataset, by name. root: the benchmark's folder.
    workers: processes besides this one; the files do not depend on their number.
    Raises DiskSpaceError before it starts when the disk is too small, BusyError while another process builds it, and what the sources do.
    """
    started, root = time.time(), Path(root)
    inputs = {name: sources[name].fingerprint() for name in plan.sources}
    expected = {
        "benchmark": plan.name,
        "composer": plan.composer,
        "seed": seed,
        "draws": dict(plan.draws),
        "splits": list(plan.splits),
        "inputs": inputs,
    }
    if not (files.is_finished(root, expected) and is_whole(root)):
        with alone(root, f'another process is building "{root}"'):
            if not (files.is_finished(root, expected) and is_whole(root)):
                _build(plan, sources, root, expected, seed=seed, workers=workers, started=started)
    shutil.rmtree(root / RECORDS, ignore_errors=True)
    return files.read_manifest(root)


def _build(
    plan: BenchmarkPlan, sources: Mapping[str, Source], root: Path, expected: Mapping[str, Any], *, seed: int, workers: int, started: float
) -> None:
    """Build a benchmark, or what is left of it."""
    _start_over_if_changed(root, expected)
    items = list(_items(plan, sources))
    _announce(plan, sources, items, root)
    todo = [(item,) for item in items if not _record_path(root, item).exists()]
    done = in_processes(_build_item, todo, workers=workers, common=(sources, root, plan.composer, seed))
    for _ in progress(done, total=len(items), initial=len(items) - len(todo), desc=root.name, unit="composite"):
        pass
    rows, counts = _collect(items, root)
    _count_others(plan, sources, counts, workers)
    _write_lists(plan, rows, root)
    files.write_manifest(
        root,
        started=started,
        **expected,
        title=plan.title,
        dataset=plan.dataset,
        counts=counts,
        files={str(path.relative_to(root)): files.sha256(path) for path in (root / "composites.csv", *sorted(root.rglob("*.txt")))},
        pictures=picture_sizes(root, rows),
    )


def _start_over_if_changed(root: Path, expected: Mapping[str, Any]) -> None:
    """Remove a benchmark built from other inputs; keep the finished items of an interrupted one."""
    plan_file = root / RECORDS / "plan.json"
    ours = plan_file.exists() or (root / files.MANIFEST).exists()
    if root.exists() and not (ours or {path.name for path in root.iterdir()} <= {RECORDS}):
        raise DataError(f'"{root}" holds files that no benchmark made: move them away, or choose another folder of results')
    if root.exists() and not (plan_file.exists() and read_json(plan_file) == json.loads(json.dumps(expected))):
        shutil.rmtree(root)
    files.remove_partial(root)
    files.write_json(plan_file, expected)


def _items(plan: BenchmarkPlan, sources: Mapping[str, Source]) -> Iterator[Item]:
    """Yield every composite of a benchmark in the order of its lists."""
    for name in plan.sources:
        available = sources[name].splits()
        for split in (split for split in SPLITS if split in plan.splits and split in available):
            for photo in sources[name].ids(split):
                for draw in range(plan.draws.get(split, 1)):
                    yield Item(name, split, photo, draw)


def _announce(plan: BenchmarkPlan, sources: Mapping[str, Source], items: list[Item], root: Path) -> None:
    """Tell how much disk a benchmark will take, and stop when there is less."""
    first = sources[items[0].subset].load(items[0].photo).image
    # A photograph is written once, whatever is drawn from it. Measured on the packs: PNG at level 1 takes 1.9 bytes a pixel, plus the maps.
    pictures = len(items) + sum(item.draw == 0 for item in items)
    needed = int(pictures * first.shape[0] * first.shape[1] * 1.95)
    files.check_free_space(root, needed)
    logger.info("%s: %d composites, about %d MiB on disk", plan.title, len(items), needed // 2**20)


def _record_path(root: Path, item: Item) -> Path:
    """Return where an item's record stands while the benchmark is being built."""
    return root / RECORDS / item.subset / item.split / f"{item.stem}.json"


def _build_item(sources: Mapping[str, Source], root: Path, composer: str, seed: int, item: Item) -> None:
    """Make and write one composite; its record comes last and tells that it is finished."""
    try:
        composite = get_composer(composer)(sources[item.subset], item.photo, item.draw, seed, None)
        record = _write_composite(item, composite, root)
    except Skipped as reason:
        record = {"skipped": str(reason)}
    files.write_json(_record_path(root, item), record)


def _write_composite(item: Item, composite: Composite, root: Path) -> dict[str, Any]:
    """Write a composite's four pictures and return its row of composites.csv."""
    folder = root / item.subset
    photo = item.photo.replace("_", "-")
    real = f"{photo}-degraded{item.draw + 1}" if composite.degraded else photo
    stem = f"{real}_{item.draw + 1}"
    pictures = {
        "composite": f"composite_images/{stem}_1.png",
        "mask": f"masks/{stem}.png",
        "regions": f"regions/{stem}.png",
        "real": f"real_images/{real}.png",
    }
    write_png(folder / pictures["composite"], composite.image)
    write_png(folder / pictures["mask"], composite.mask.astype(np.uint8) * 255)
    write_png(folder / pictures["regions"], composite.regions)
    if not (folder / pictures["real"]).exists():
        write_png(folder / pictures["real"], composite.target)
    height, width = composite.mask.shape
    error = float(np.mean((composite.image.astype(np.float32) - composite.target) ** 2, dtype=np.float64))
    return {
        "id": f"{stem}_1",
        "subset": item.subset,
        "split": item.split,
        "photo": item.photo,
        "draw": item.draw,
        "height": height,
        "width": width,
        "foreground_ratio": round(float(composite.mask.mean()), 6),
        "mse": round(error, 4),
        "degraded": composite.degraded,
        **pictures,
        "recipe": json.dumps(composite.recipe),
    }


def _collect(items: list[Item], root: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the rows of composites.csv in order, and what was counted per sub-dataset and split.

    used: photographs with at least one composite; skipped: composites that were not made, by reason.
    """
    rows: list[dict[str, Any]] = []
    counts: dict[str, Any] = {}
    used: set[tuple[str, str, str]] = set()
    for item in items:
        record = read_json(_record_path(root, item))
        entry = counts.setdefault(item.subset, {}).setdefault(item.split, {"photographs": 0, "used": 0, "composites": 0, "skipped": {}})
        entry["photographs"] += item.draw == 0
        if "skipped" in record:
            entry["skipped"][record["skipped"]] = entry["skipped"].get(record["skipped"], 0) + 1
            continue
        used.add((item.subset, item.split, item.photo))
        entry["composites"] += 1
        rows.append(record)
    for subset, split, _ in used:
        counts[subset][split]["used"] += 1
    return rows, counts


def _count_others(plan: BenchmarkPlan, sources: Mapping[str, Source], counts: dict[str, Any], workers: int) -> None:
    """Count the usable photographs of the splits that are not put on disk, because they are only perturbed online."""
    if not composes_online(plan.composer):
        return
    for name in plan.sources:
        for split in (split for split in sources[name].splits() if split not in plan.splits):
            photos = sources[name].ids(split)
            used = count_usable(sources[name], photos, workers=workers)
            skipped = {NO_REGION: len(photos) - used} if used < len(photos) else {}
            counts.setdefault(name, {})[split] = {"photographs": len(photos), "used": used, "composites": 0, "skipped": skipped}


def _write_lists(plan: BenchmarkPlan, rows: list[dict[str, Any]], root: Path) -> None:
    """Write the list files and composites.csv."""
    import pandas as pd

    for split in plan.splits:
        chosen = [row for row in rows if row["split"] == split]
        for subset in {row["subset"] for row in chosen}:
            names = [f"{row['id']}.png\n" for row in chosen if row["subset"] == subset]
            files.write_text(root / subset / f"{subset}_{split}.txt", "".join(names))
        if chosen:
            files.write_text(root / f"IHD_{split}.txt", "".join(f"{row['subset']}/{row['composite']}\n" for row in chosen))
    files.write_text(root / "composites.csv", pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(index=False, lineterminator="\n"))
