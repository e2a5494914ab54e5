"""What a target of the fuzz job is: a folder as it should be, the files to damage, how, and the reader."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzz.mutations import mutate_bytes, mutate_json, mutate_text
from harmlib.errors import HarmlibError
from harmlib.training.plan import RunPlan

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "helpers"))

# A run as manifests and resume files tell of it.
PLAN = RunPlan("dovenet", "a", iterations=4, batch_size=2, options={"width": 1 / 64})

Mutate = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Target:
    """write: makes the folder. read: reads it. patterns: of the files to damage; change: how, given the file."""

    write: Callable[[Path], object]
    read: Callable[[Path], object]
    patterns: tuple[str, ...]
    mutation: Mutate | None = None
    change: Callable[[Path, random.Random], None] | None = None

    def mutated(self, folder: Path) -> list[Path]:
        """Return the files to damage."""
        return sorted(path for pattern in self.patterns for path in folder.glob(pattern) if path.is_file())

    def mutate(self, path: Path, draw: random.Random) -> None:
        """Damage a file."""
        if self.change:
            self.change(path, draw)
        else:
            mutation = self.mutation or {".json": mutate_json, ".csv": mutate_text, ".txt": mutate_text, ".yaml": mutate_text}.get(
                path.suffix, mutate_bytes
            )
            path.write_bytes(mutation(path.read_bytes(), draw))


def picture(seed: int = 0, height: int = 40, width: int = 56) -> np.ndarray:
    """Return a smooth random picture."""
    coarse = np.random.default_rng(seed).uniform(0, 255, (height // 8, width // 8, 3))
    return np.kron(coarse, np.ones((8, 8, 1))).astype(np.uint8)


def each(folder: Path, read: Callable[[Path], Any], check: Callable[[Any], bool], patterns: Iterable[str] = ("*",)) -> None:
    """Read every file, and check what comes back; the first sentence is raised at the end."""
    said = None
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern) if path.is_file()):
        try:
            found = read(path)
            assert check(found), f"{path.name} gave something else than promised"
        except HarmlibError as error:
            said = error
    if said:
        raise said


def is_picture(array: np.ndarray) -> bool:
    """Tell whether an array is what a reader of pictures promises."""
    return array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] == 3 and array.size > 0


def is_map(array: np.ndarray) -> bool:
    """Tell whether an array is a map or a mask."""
    return array.dtype in (np.uint8, np.bool_) and array.ndim == 2 and array.size > 0
