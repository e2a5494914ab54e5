"""How many Sg-MMH composites one core makes per second, against plain pilgram on whole pictures, in one run.

    python benchmarks/perturbations.py [--data FOLDER] [--count 100]

FOLDER is in harmlib's folder layout, every label being a region (such as bsds500); without it the embedded photographs are used.
Pictures and labels are reduced to 256x256 beforehand. Both ways make the same composites and are compared byte by byte as they go.
Prints a table and writes ``benchmarks/results/perturbations.json``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pilgram
from PIL import Image

from harmlib.data.composers.regions import object_labels
from harmlib.data.sources import open_source
from harmlib.io.files import package_versions, write_json
from harmlib.io.images import resize, write_png
from harmlib.perturbations import apply_step, apply_steps_to_region
from harmlib.perturbations.instagram import FILTERS
from harmlib.perturbations.sgmmh import apply_recipe, draw_recipe
from harmlib.seeds import item_generator

SIZE = (256, 256)
REPEATS = 5
RESULTS = Path(__file__).parent / "results" / "perturbations.json"
# The share of a picture that its perturbed regions cover (docs/methods/composites.md), in pieces.
REGION_SHARE = 0.222
Sample = tuple[str, np.ndarray, np.ndarray]


def load_samples(data: str | None, count: int) -> list[Sample]:
    """Return up to ``count`` (id, picture, labels) at 256x256."""
    source = open_source("folder", data) if data else open_source("embedded")
    ids = [photo_id for split in source.splits() for photo_id in source.ids(split)][:count]
    return list(_reduced(source, ids))


def _reduced(source: Any, ids: list[str]) -> Iterator[Sample]:
    """Yield photographs at 256x256 that have a region."""
    for photo_id in ids:
        photo = source.load(photo_id)
        labels = resize(object_labels(photo, source.no_object), SIZE, "nearest")
        if labels.any():
            yield photo_id, cv2.resize(photo.image, SIZE), labels


def plain_composite(image: np.ndarray, labels: np.ndarray, seed: int, photo_id: str) -> np.ndarray:
    """Return the composite made from whole pictures: every step on all pixels, one paste per region."""
    recipe = draw_recipe(labels, item_generator(seed, photo_id))
    composite = image
    for step in recipe["background"]:
        composite = apply_step(composite, step)
    for entry in recipe["regions"]:
        perturbed = image
        for step in entry["steps"]:
            perturbed = apply_step(perturbed, step)
        composite = np.where((labels == entry["region"])[..., None], perturbed, composite)
    return composite


def our_composite(image: np.ndarray, labels: np.ndarray, seed: int, photo_id: str) -> np.ndarray:
    """Return the composite as harmlib makes it."""
    return apply_recipe(image, labels, draw_recipe(labels, item_generator(seed, photo_id))).composite


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return how long a call took, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def measure_composites(samples: list[Sample]) -> dict[str, float]:
    """Return composites per second, plain, ours, and ours with one PNG each, on the same recipes in turn."""
    spent = {"plain": 0.0, "ours": 0.0, "ours_to_disk": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        for visit, (photo_id, image, labels) in enumerate(samples):
            plain_time, plain = seconds(lambda: plain_composite(image, labels, visit, photo_id))  # noqa: B023 (called at once)
            our_time, ours = seconds(lambda: our_composite(image, labels, visit, photo_id))  # noqa: B023
            disk_time, _ = seconds(lambda: write_png(Path(folder) / f"{photo_id}.png", ours))  # noqa: B023
            if not np.array_equal(plain, ours):
                raise SystemExit(f'the composites of "{photo_id}" differ: harmlib.perturbations has a bug')
            spent["plain"] += plain_time
            spent["ours"] += our_time
            spent["ours_to_disk"] += our_time + disk_time
    return {name: len(samples) / total for name, total in spent.items()}


def measure_filter(look: str, image: np.ndarray) -> dict[str, float]:
    """Return milliseconds of one look on the whole picture and on scattered pixels of a region's share, best of some."""
    height, width = SIZE
    index = np.arange(0, height * width, round(1 / REGION_SHARE))
    step = [{"name": "instagram", "filter": look}]
    plain = [seconds(lambda: np.asarray(getattr(pilgram, look)(Image.fromarray(image)))) for _ in range(REPEATS)]
    ours = [seconds(lambda: apply_steps_to_region(image, index, step)) for _ in range(REPEATS)]
    if not np.array_equal(plain[0][1].reshape(-1, 3)[index], ours[0][1]):
        raise SystemExit(f'the filter "{look}" differs from pilgram: harmlib.perturbations has a bug')
    return {name: 1000 * min(spent for spent, _ in runs) for name, runs in (("plain_ms", plain), ("ours_ms", ours))}


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description="Speed of Sg-MMH's perturbations at 256x256 on one core.")
    parser.add_argument("--data", help="a data set in the folder layout; default: the embedded photographs")
    parser.add_argument("--count", type=int, default=100, help="how many photographs at most")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    samples = load_samples(arguments.data, arguments.count)
    measure_composites(samples[:10])  # fills caches and loads libraries
    rates = measure_composites(samples)
    filters = {look: measure_filter(look, samples[0][1]) for look in FILTERS}

    print(f"composites per second and core, {len(samples)} photographs at 256x256")
    for name, rate in rates.items():
        print(f"  {name:14}{rate:8.1f}   x{rate / rates['plain']:.2f}")
    print(f"filters on {REGION_SHARE:.0%} of the pixels: ms plain, ms ours, ratio")
    for look, row in filters.items():
        print(f"  {look:14}{row['plain_ms']:8.2f}{row['ours_ms']:8.2f}   x{row['plain_ms'] / row['ours_ms']:.2f}")
    data = Path(arguments.data).name if arguments.data else "embedded"
    counts = {"data": data, "photographs": len(samples)}
    write_json(RESULTS, {**counts, "per_second": rates, "filters": filters, "versions": package_versions()})


if __name__ == "__main__":
    main()
