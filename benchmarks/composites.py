"""How many iHarmony4-style composites one core makes per second, by transfer, against only reading the photographs, in one run.

    python benchmarks/composites.py [--data FOLDER] [--count 40]

FOLDER is in harmlib's folder layout, every label being a region (such as bsds500); without it the embedded photographs are used.
Photographs keep their size. A composite that the rules drop took its time too and is counted. To disk: with its four PNGs, where it is
kept. Prints a table and writes ``benchmarks/results/composites.json``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from harmlib.data.composers.base import Composite, Skipped
from harmlib.data.composers.iharmony4 import compose_iharmony4, draw_recipe
from harmlib.data.photos import Source
from harmlib.data.sources import open_source
from harmlib.io.files import package_versions, write_json
from harmlib.io.images import write_png
from harmlib.transfers import TRANSFERS

SEED = 2021
RESULTS = Path(__file__).parent / "results" / "composites.json"


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return how long a call took, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def find_draws(source: Source, photo_id: str) -> dict[str, int]:
    """Return transfer -> draw of a photograph, empty where it has no foreground or reference: the search for regions, without composing."""
    try:
        return {draw_recipe(source, photo_id, draw, SEED)["transfer"]: draw for draw in range(len(TRANSFERS))}
    except Skipped:
        return {}


def compose(source: Source, photo_id: str, draw: int) -> Composite | None:
    """Return a composite, or None where the rules drop it."""
    try:
        return compose_iharmony4(source, photo_id, draw, SEED)
    except Skipped:
        return None


def write(composite: Composite | None, folder: Path) -> None:
    """Write what a benchmark writes of a composite."""
    if composite is not None:
        pictures = (composite.image, composite.mask.astype(np.uint8) * 255, composite.regions, composite.target)
        for number, array in enumerate(pictures):
            write_png(folder / f"{number}.png", array)


def measure(source: Source, ids: list[str]) -> dict[str, Any]:
    """Return how often per second a photograph is read, regions are drawn for one composite, and a composite is tried by each transfer.

    Everything is measured in turn, photograph by photograph, as a build goes.
    """
    reading = drawing = 0.0
    spent = {name: {"tried": 0, "kept": 0, "memory": 0.0, "disk": 0.0} for name in TRANSFERS}
    with tempfile.TemporaryDirectory() as folder:
        for photo_id in ids:
            reading += seconds(lambda: source.load(photo_id))[0]  # noqa: B023 (called at once)
            searching, draws = seconds(lambda: find_draws(source, photo_id))  # noqa: B023
            drawing += searching
            for name, draw in draws.items():
                making, composite = seconds(lambda: compose(source, photo_id, draw))  # noqa: B023
                writing, _ = seconds(lambda: write(composite, Path(folder)))  # noqa: B023
                row = spent[name]
                row["tried"] += 1
                row["kept"] += composite is not None
                row["memory"] += making
                row["disk"] += making + writing
    rates = {
        name: {"memory": row["tried"] / row["memory"], "disk": row["tried"] / row["disk"], "kept": row["kept"] / row["tried"]}
        for name, row in spent.items()
    }
    return {"photographs_read": len(ids) / reading, "regions_drawn": len(ids) * len(TRANSFERS) / drawing, "composites": rates}


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description="Speed of iHarmony4-style composites on one core.")
    parser.add_argument("--data", help="a data set in the folder layout; default: the embedded photographs")
    parser.add_argument("--count", type=int, default=40, help="how many photographs at most")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    source = open_source("folder", arguments.data) if arguments.data else open_source("embedded")
    ids = [photo_id for split in source.splits() for photo_id in source.ids(split)][: arguments.count]
    measure(open_source(source.kind, arguments.data), ids[:2])  # loads libraries
    rates = measure(source, ids)

    reading = rates["photographs_read"]
    print(f"per second and core, {len(ids)} photographs; x: of the {reading:.1f} photographs read")
    print(f"  {'regions':12}{rates['regions_drawn']:9.1f}   x{rates['regions_drawn'] / reading:.2f}")
    for name, row in rates["composites"].items():
        memory, disk = (f"{row[place]:9.1f}   x{row[place] / reading:.2f}" for place in ("memory", "disk"))
        print(f"  {name:12}{memory}   to disk{disk}   kept {row['kept']:4.0%}")
    write_json(RESULTS, {"data": source.name, "photographs": len(ids), "per_second": rates, "versions": package_versions()})


if __name__ == "__main__":
    main()
