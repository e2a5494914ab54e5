"""What one training run is: a method, its data, and its budget; and whether a folder holds it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harmlib.errors import CheckpointError, ParameterError
from harmlib.io.files import CHECKPOINT, MANIFEST, read_manifest
from harmlib.io.tables import FINITE, NUMBER_OR_INFINITE, WHOLE, read_frame

if TYPE_CHECKING:
    import pandas as pd

    from harmlib.models.base import HarmonizationModel, TrainingRecipe

logger = logging.getLogger(__name__)

HISTORY = "history.csv"


@dataclass(frozen=True)
class RunPlan:
    """One training run: a method with its options, a benchmark, and a budget; without iterations it only puts parts together.

    label: tells runs of one method with different options apart.
    learning_rate, milestones: in place of the paper's, which a short run of a narrow model may need to learn anything.
    rates: module of the method -> factor on the rate of its parameters, where they differ.
    start_from: the run whose weights it continues, with the step of that run's kept weights (``name@step``), or None.
    parts: module of the method -> the finished run that gives its weights (``run``), or a module of that run's method (``run:module``).
    batch_size: pictures of one update, over all devices and all parts of it, so that rates hold for any number of them.
    accumulate: parts of an update over all devices, each of which takes its share of them one after the other: batch norms see
    ``batch_size / accumulate`` pictures on one device as on many. With more devices than parts every device has one.
    workers, save_seconds: loader processes, and how often a run's state is saved; neither changes the result.
    online: composites are made anew at every visit; otherwise the benchmark's own are read from disk.
    packed: those are resized once and kept in one file, also for a method that crops, which then crops what is small already; for the
    others that changes nothing and is always done.
    longest_side: a method that crops does so on copies of at most that many pixels, as the authors of most do; 0: on the files.
    keep: steps whose weights are kept for such a start.
    draws: composites of every photograph that are made at training size and kept (``data.pool``), in place of the benchmark's own.
    augmentations: names of ``data.augmentations`` in place of the method's own.
    selection: how many val pairs are looked at ``validations`` times (0: none); select: "best" keeps the weights with the least
    validation error, "last" those at the end, whatever their error.
    hold_out: share of the training photographs that this run validates on instead of learning from them, where the benchmark has no val
    split; for pairs that are read from disk.
    average: decay of a moving average of the weights that is kept in their place, or None.
    norm_batches: training batches over which the statistics of batch norms are computed anew before a validation and at the end.
    """

    method: str
    benchmark: str
    iterations: int
    batch_size: int
    options: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    learning_rate: float | None = None
    milestones: tuple[int, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    start_from: str | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    keep: tuple[int, ...] = ()
    selection: int = 0
    validations: int = 10
    select: str = "best"
    hold_out: float = 0.0
    average: float | None = None
    norm_batches: int = 0
    draws: int = 0
    augmentations: tuple[str, ...] | None = None
    precision: str = "32-true"
    accumulate: int = 1
    online: bool = True
    packed: bool = False
    longest_side: int = 0
    perturb_at: str = "256"
    workers: int = 0
    save_seconds: float = 60

    def parts_on_each(self, devices: int) -> int:
        """Return how many parts of an update each device takes one after the other; raises ParameterError where they cannot share them."""
        if self.accumulate % devices and devices % self.accumulate:
            raise ParameterError(f"{devices} devices cannot share the {self.accumulate} parts of an update alike: give a multiple")
        return max(1, self.accumulate // devices)

    @property
    def scored_as(self) -> str:
        """The run's name in scores and tables: method, and its label where it has one (the ids of papers/methods.csv)."""
        return f"{self.method}_{self.label}" if self.label else self.method

    @property
    def part_sources(self) -> set[str]:
        """The runs that give it its parts."""
        return {source.partition(":")[0] for source in self.parts.values()}

    @property
    def name(self) -> str:
        """The run's folder: its name in tables, and the benchmark."""
        return f"{self.scored_as}-{self.benchmark}"


def recipe_of(model: HarmonizationModel, plan: RunPlan) -> TrainingRecipe:
    """Return the paper's recipe with the plan's rate and milestones, else its own rate for the plan's batch.

    A shorter run keeps the shape of the paper's schedule, because the rate depends on progress, not on iterations.
    Raises ParameterError where nothing is trained.
    """
    recipe = model.training_recipe
    if recipe is None:
        raise ParameterError(f'"{model.name}" has no parameters to train: score it directly')
    recipe = replace(recipe, learning_rate=plan.learning_rate or recipe.rate_for(plan.batch_size))
    return replace(recipe, iterations=plan.iterations, milestones=plan.milestones) if plan.milestones else recipe


def is_trained(folder: str | os.PathLike[str], plan: RunPlan, *, seed: int, **inputs: Any) -> bool:
    """Tell whether a folder holds the finished run of a plan, with its weights; one that has lost them is trained again.

    inputs: fields of the manifest that must agree too. Raises CheckpointError when the run there had other settings: it may have
    taken days, so nothing replaces it silently.
    """
    if not (Path(folder) / MANIFEST).exists():
        return False
    if not (Path(folder) / CHECKPOINT).exists():
        logger.warning('"%s" has lost its %s, so it is trained again', folder, CHECKPOINT)
        return False
    changed = changed_settings(folder, plan, seed=seed, **inputs)
    if changed:
        raise CheckpointError(f'"{folder}" was trained with another {", ".join(changed)}: remove the folder to train it again')
    return True


def changed_settings(folder: str | os.PathLike[str], plan: RunPlan, *, seed: int, **inputs: Any) -> list[str]:
    """Return the names of the settings in which a finished run differs from a plan; raises DataError for an unfinished one.

    A setting newer than the run had its default then.
    """
    found = {**settings(RunPlan("", "", 0, 0)), **read_manifest(folder)}
    return sorted(key for key, value in {"seed": seed, **settings(plan), **inputs}.items() if found.get(key) != value)


def read_history(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """Return ``history.csv`` of a run, all columns numbers; raises DataError with line and column when it is missing or damaged."""
    known = dict.fromkeys(("step", "seconds", "learning_rate"), FINITE)
    return read_frame(Path(folder) / HISTORY, {**known, "step": WHOLE}, others=NUMBER_OR_INFINITE, filled=known, keys=("step",))


def settings(plan: RunPlan) -> dict[str, Any]:
    """Return the settings that change a run's result, as JSON-able values."""
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(plan).items()}
    return {key: value for key, value in values.items() if key not in ("workers", "save_seconds")}
