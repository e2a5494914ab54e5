"""Time from a moved slider to a refreshed picture in the editor, at 512 pixels, in one run.

    python benchmarks/editor.py [--size 512] [--moves 20] [--out results/editor.csv]

For operator masks and for filter arguments, edited everywhere and in one of two regions: "render" is the edited picture alone, "refresh"
all that the kernel does when a slider moves (the edit as a step of undo, the picture, its JPEG for the browser, the other widgets). The
plain way does the same to float tensors: operator masks resized at every move, filters step by step, and the picture as PNG. All take
turns in one process; "share" is of the plain way's time. On two threads, the networks left out: no move asks them.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from harmlib.editor.state import EditorState
from harmlib.editor.whitebox import FilterArguments, OperatorMasks, WhiteBox
from harmlib.editor.widgets import edit_state, encode
from harmlib.filters import SIX, restore
from harmlib.io.images import to_array, to_tensor
from harmlib.models.base import resize_to
from harmlib.models.layers.retoucher import edit
from reproduction.kit.style import save_csv

WORKING_SIZE = 256
ARGUMENTS = (0.1, -0.2, 0.2, 0.3, -0.2, 0.2)
THREADS = 2
LIMIT = 150  # milliseconds; issue 7
OUT = Path(__file__).parent / "results" / "editor.csv"
Call = Callable[[float], object]


def picture(size: int) -> np.ndarray:
    """Return a smooth uint8 picture with some grain, (size, size, 3): JPEG and PNG take as long as for a photograph."""
    rows, columns = np.mgrid[:size, :size] * 255 // size
    grain = np.random.default_rng(1).normal(0, 4, (size, size, 3))
    return (np.dstack([rows, columns, (rows + columns) // 2]) + grain).clip(0, 255).astype(np.uint8)


def boxes() -> dict[str, WhiteBox]:
    """Return a prediction of each kind; random masks cost what trained ones do."""
    masks = np.random.default_rng(2).uniform(-0.1, 0.1, (6, WORKING_SIZE, WORKING_SIZE)).astype(np.float32)
    masks[1::2] += 1
    return {OperatorMasks.kind: OperatorMasks("sgmmh_om", masks), FilterArguments.kind: FilterArguments("harmonizer", ARGUMENTS, SIX)}


def plain_picture(state: EditorState, region: int, shift: float) -> np.ndarray:
    """Return the edited picture by the float tensors that training uses."""
    composite = to_tensor(state.composite)[None]
    area = torch.from_numpy(state.regions.area(region).astype(np.float32))[None, None]
    if isinstance(state.box, OperatorMasks):
        masks = resize_to(torch.from_numpy(state.box.masks)[None], composite)
        return to_array(edit(composite, masks, shift={state.names[0]: shift}, region=area)[0])
    arguments = torch.tensor([ARGUMENTS])
    edited = arguments.clone()
    edited[0, 0] += shift
    whole = torch.ones_like(area)
    inside, outside = (restore(composite, whole, values, SIX)[-1] for values in (edited, arguments))
    return to_array((area * inside + (1 - area) * outside)[0])


def png(image: np.ndarray) -> bytes:
    """Return a picture as PNG, with fast compression."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="PNG", compress_level=1)
    return stream.getvalue()


def calls(box: WhiteBox, size: int, region: int) -> dict[str, Call]:
    """Return what is timed of one kind, each called with the shift that the slider has moved to."""
    mask = np.ones((size, size), np.float32)
    regions = np.ones((size, size), np.uint8)
    regions[:, size // 2 :] = 2
    state = EditorState(picture(size), box, mask, regions)
    editor = edit_state(state)
    editor.region.value = region
    slider, shown = editor.sliders[state.names[0], "shift"], picture(size)

    def render(shift: float) -> np.ndarray:
        state.set(state.names[0], shift=shift, region=region)
        return state.preview()

    def refresh(shift: float) -> None:
        slider.value = shift

    return {
        "refresh": refresh,
        "render": render,
        "JPEG": lambda _: encode(shown),
        "PNG": lambda _: png(shown),
        "plain way": lambda shift: png(plain_picture(state, region, shift)),
    }


def timed(parts: dict[str, Call], moves: int) -> dict[str, list[float]]:
    """Return the milliseconds of every move; the parts take turns, after three rounds that warm up."""
    times: dict[str, list[float]] = {part: [] for part in parts}
    for move in range(-3, moves):
        for part, call in parts.items():
            start = time.perf_counter()
            call((move + 4) / 1000 + (part == "render") / 2000)  # never what was set before
            if move >= 0:
                times[part].append(1000 * (time.perf_counter() - start))
    return times


def measure(size: int, moves: int) -> pd.DataFrame:
    """Return one row per kind, extent of the edit, and part."""
    rows = []
    for kind, box in boxes().items():
        for region, extent in ((0, "everywhere"), (1, "one of two regions")):
            times = timed(calls(box, size, region), moves)
            plain = statistics.median(times["plain way"])
            for part, values in times.items():
                middle = statistics.median(values)
                row = {
                    "kind": kind,
                    "edited": extent,
                    "part": part,
                    "milliseconds": middle,
                    "slowest": max(values),
                    "share": middle / plain,
                }
                rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description="Time from a moved slider to a refreshed picture.")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--moves", type=int, default=20)
    parser.add_argument("--out", default=str(OUT))
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    table = measure(options.size, options.moves).assign(size=options.size, device=f"CPU, {THREADS} threads")
    print(table.to_string(index=False, float_format="%.3g"))
    refreshes = table[table["part"] == "refresh"]
    print(f"a refresh takes {refreshes['milliseconds'].max():.1f} ms at the most (median), {LIMIT} are allowed; share: of the plain way")
    save_csv(table, options.out)


if __name__ == "__main__":
    main()
