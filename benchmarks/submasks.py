"""How long one core takes to split a foreground into submasks, against NumPy alone and the quadratic definition, in one run.

    python benchmarks/submasks.py [--data FOLDER] [--count 20]

FOLDER is in harmlib's folder layout (such as bsds500), and its test photographs are used; without it the embedded photographs are.
Pictures are reduced to 256x256 beforehand; the foreground is the whole frame, or the labeled region whose share is nearest to 15 %.
All ways make the same labels and are compared as they go. Prints a table and writes ``benchmarks/results/submasks.json``.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from harmlib.data.composers.regions import object_labels
from harmlib.data.sources import open_source
from harmlib.io.files import package_versions, write_json
from harmlib.io.images import resize
from harmlib.submasks import extract_submasks, squared_cutoff

SIZE = (256, 256)
REGION_SHARE = 0.15
RESULTS = Path(__file__).parent / "results" / "submasks.json"
K_MAX, MIN_DENSITY, CUTOFF = 10, 10, squared_cutoff(0.1)
# Dense blocks below this many colors, prefix sums above; parents in shells up to NEAR.
DENSE_COLORS = 6000
NEAR = 48
BLOCK = 512
# The quadratic definition takes minutes on a frame: a square of this many pixels a side stands for it.
QUADRATIC_SIDE = 64
Sample = tuple[np.ndarray, np.ndarray]


def load_samples(data: str | None, count: int) -> dict[str, list[Sample]]:
    """Return up to ``count`` (picture, mask) for each kind of foreground."""
    source = open_source("folder", data) if data else open_source("embedded")
    splits = ("test",) if data else source.splits()
    ids = [photo_id for split in splits for photo_id in source.ids(split)][:count]
    return {"whole frame": list(_reduced(source, ids, whole=True)), "natural foreground": list(_reduced(source, ids, whole=False))}


def _reduced(source: Any, ids: list[str], *, whole: bool) -> Iterator[Sample]:
    """Yield photographs at 256x256, with the mask of the frame or of the region nearest to REGION_SHARE."""
    for photo_id in ids:
        photo = source.load(photo_id)
        labels = resize(object_labels(photo, source.no_object), SIZE, "nearest")
        regions = np.unique(labels[labels > 0])
        if whole or not len(regions):
            yield cv2.resize(photo.image, SIZE), np.ones(SIZE, dtype=bool)
            continue
        region = min(regions, key=lambda value: abs((labels == value).mean() - REGION_SHARE))
        yield cv2.resize(photo.image, SIZE), labels == region


def plain_labels(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the labels by NumPy alone, by dense blocks or prefix sums and by shells."""
    codes, inverse, counts = np.unique(image[mask].astype(np.int64) @ (1 << 16, 1 << 8, 1), return_inverse=True, return_counts=True)
    colors = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1)
    density = (_dense_density if len(codes) <= DENSE_COLORS else _prefix_density)(colors, counts)
    order = np.argsort(-density, kind="stable")
    parents, squared = _parents(colors[order])
    candidates = np.argsort(-squared, kind="stable")[:K_MAX]
    centers = np.sort(candidates[density[order][candidates] > MIN_DENSITY]) if density.max() > MIN_DENSITY else np.array([0])
    parents[centers] = centers
    while (parents != parents[parents]).any():
        parents = parents[parents]
    labels = np.zeros(mask.shape, dtype=np.uint8)
    labels[mask] = (np.searchsorted(centers, parents) + 1)[np.argsort(order)[inverse]]
    return labels


def _distances(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return squared distances of two sets of colors (len(some), len(others)); float32 is exact below 2 ** 24."""
    some, others = some.astype(np.float32), others.astype(np.float32)
    return (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * some @ others.T


def _dense_density(colors: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return rho of each color, by distances between all of them."""
    blocks = range(0, len(colors), BLOCK)
    weights = counts.astype(np.float32)
    return np.concatenate([(_distances(colors[start : start + BLOCK], colors) <= CUTOFF) @ weights for start in blocks]).astype(np.int64)


def _prefix_density(colors: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return rho of each color, by prefix sums along blue in a padded box of counts."""
    radius = math.isqrt(CUTOFF)
    shifted = colors - colors.min(axis=0) + radius + 1
    box = np.zeros(shifted.max(axis=0) + radius + 1, dtype=np.int32)
    box[tuple(shifted.T)] = counts
    sums = box.cumsum(axis=2, dtype=np.int32).ravel()
    flat = np.ravel_multi_index(tuple(shifted.T), box.shape)
    lowest, density = flat.min(), np.zeros(len(colors), dtype=np.int64)
    positions = flat - lowest  # shifting the array instead of the positions halves the time
    for red, green in itertools.product(range(-radius, radius + 1), repeat=2):
        if (rest := CUTOFF - red**2 - green**2) >= 0:
            start = lowest + (red * box.shape[1] + green) * box.shape[2]
            width = math.isqrt(rest)
            density += sums[start + width :][positions]
            density -= sums[start - width - 1 :][positions]
    return density


def _parents(ordered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the parent and squared delta of colors that are ordered by density, in shells and then by all distances."""
    margin, total = math.isqrt(NEAR), len(ordered)
    shifted = ordered - ordered.min(axis=0) + margin
    box = np.full(shifted.max(axis=0) + margin + 1, total)
    box[tuple(shifted.T)] = np.arange(total)
    offsets = np.array(list(itertools.product(range(-margin, margin + 1), repeat=3)))
    reach = (offsets**2).sum(axis=1)
    parents, squared, left = np.zeros(total, dtype=np.int64), np.zeros(total, dtype=np.int64), np.arange(1, total)
    for distance in np.unique(reach[(reach > 0) & (reach <= NEAR)]):
        nearest = np.full(len(left), total)
        for offset in offsets[reach == distance]:
            np.minimum(nearest, box[tuple((shifted[left] + offset).T)], out=nearest)
        found = nearest < left
        parents[left[found]], squared[left[found]] = nearest[found], distance
        left = left[~found]
    for index in left:
        row = _distances(ordered[index : index + 1], ordered[:index])[0]
        parents[index], squared[index] = row.argmin(), row.min()
    squared[0] = _distances(ordered[:1], ordered).max()
    return parents, squared


def quadratic_labels(pixels: np.ndarray) -> np.ndarray:
    """Return the labels of pixels (N, 3) by the definition, pixel against pixel."""
    colors, codes = pixels.astype(np.int64), pixels.astype(np.int64) @ (1 << 16, 1 << 8, 1)
    density = np.array([(((colors - color) ** 2).sum(axis=1) <= CUTOFF).sum() for color in colors])
    order = np.lexsort((codes, -density))
    colors, codes, density = colors[order], codes[order], density[order]
    first = np.flatnonzero(np.diff(codes, prepend=-1))[np.cumsum(np.diff(codes, prepend=-1) != 0) - 1]  # of each pixel's color
    squared, parents = np.zeros(len(colors), dtype=np.int64), np.zeros(len(colors), dtype=np.int64)
    for index, color in enumerate(colors):
        row = ((colors - color) ** 2).sum(axis=1)
        denser = row[: first[index]]
        squared[index], parents[index] = (denser.min(), denser.argmin()) if len(denser) else (row.max(), 0)
    firsts = np.unique(first)
    candidates = firsts[np.argsort(-squared[firsts], kind="stable")][:K_MAX]
    centers = np.sort(candidates[density[candidates] > MIN_DENSITY]) if density.max() > MIN_DENSITY else np.array([0])
    labels = np.zeros(len(colors), dtype=np.uint8)
    for index in range(len(colors)):
        own = np.searchsorted(centers, first[index])
        labels[index] = own + 1 if own < len(centers) and centers[own] == first[index] else labels[parents[index]]
    return labels[np.argsort(order)]


def milliseconds(work: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """Return how long a call took, and its result."""
    start = time.perf_counter()
    result = work()
    return 1000 * (time.perf_counter() - start), result


def measure(samples: list[Sample], plain: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> dict[str, float]:
    """Return the median milliseconds of a plain way and of harmlib on the same pictures in turn."""
    spent: dict[str, list[float]] = {"plain_ms": [], "ours_ms": []}
    for image, mask in samples:
        plain_time, expected = milliseconds(lambda: plain(image, mask))  # noqa: B023 (called at once)
        our_time, labels = milliseconds(lambda: extract_submasks(image, mask).labels)  # noqa: B023
        if not np.array_equal(expected, labels):
            raise SystemExit("the labels of a photograph differ: harmlib.submasks has a bug")
        spent["plain_ms"].append(plain_time)
        spent["ours_ms"].append(our_time)
    share = statistics.median(mask.mean() for _, mask in samples)
    return {"share": share, **{name: statistics.median(times) for name, times in spent.items()}, "worst_ms": max(spent["ours_ms"])}


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description="Speed of FRIH's submask extraction at 256x256 on one core.")
    parser.add_argument("--data", help="a data set in the folder layout; default: the embedded photographs")
    parser.add_argument("--count", type=int, default=20, help="how many photographs at most")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    samples = load_samples(arguments.data, arguments.count)
    corner = np.s_[:QUADRATIC_SIDE, :QUADRATIC_SIDE]
    small = [(image[corner], mask[corner]) for image, mask in samples["whole frame"][:3]]
    extract_submasks(*small[0])  # compiles
    rows = {kind: measure(pairs, plain_labels) for kind, pairs in samples.items()}
    square = f"{QUADRATIC_SIDE}x{QUADRATIC_SIDE}, quadratic"
    rows[square] = measure(small, lambda image, mask: quadratic_labels(image[mask]).reshape(mask.shape))

    count = len(samples["whole frame"])
    print(f"submasks of {count} photographs at 256x256: share of the frame, median ms plain, ms ours, ratio, worst ms ours")
    for kind, row in rows.items():
        ratio = row["plain_ms"] / row["ours_ms"]
        print(f"  {kind:20}{row['share']:6.0%}{row['plain_ms']:10.1f}{row['ours_ms']:8.1f}   x{ratio:<8.1f}{row['worst_ms']:8.1f}")
    data = Path(arguments.data).name if arguments.data else "embedded"
    write_json(RESULTS, {"data": data, "photographs": count, "foregrounds": rows, "versions": package_versions()})


if __name__ == "__main__":
    main()
