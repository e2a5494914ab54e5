"""Profiles: what to build, train and score for each paper, and how long (``config/*.yaml``).

``papers.yaml`` holds the benchmarks, runs and papers; a profile extends it by photographs and budgets. A file is checked whole before
anything is made from it, so that a typing mistake never runs silently with a default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harmlib.data.benchmarks import BenchmarkPlan
from harmlib.data.photos import Source
from harmlib.data.sources import open_source
from harmlib.errors import DataError, ParameterError
from harmlib.training.plan import RunPlan

# Ends the name of a method whose small result goes to full size by polynomial color mapping.
PCM = "_pcm"
# The folder of the parts that papers' scores are put together from; it stands beside the papers' own.
PARTS = "parts"


@dataclass(frozen=True)
class SourcePlan:
    """One photograph source: its kind, its folder below DATA (None: it ships with a package), and its options."""

    name: str
    kind: str
    folder: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RepeatedRun(RunPlan):
    """A run trained once more, from the seed of the profile plus ``repeat``; its benchmark stays the same."""

    repeat: int = 1

    @property
    def scored_as(self) -> str:
        """The run's name in scores: that of the first one, and which repeat it is."""
        return f"{super().scored_as}-s{self.repeat}"

    @property
    def name(self) -> str:
        """The run's folder."""
        return f"{super().scored_as}-{self.benchmark}-s{self.repeat}"


def repeat_of(run: RunPlan) -> int:
    """Which repeat of its settings a run is, 0 for the first."""
    return run.repeat if isinstance(run, RepeatedRun) else 0


def without_repeat(method: str) -> str:
    """The name in scores of the first run of a method's settings."""
    return re.sub(r"-s\d+$", "", method)


@dataclass(frozen=True)
class PaperPlan:
    """What one paper needs: benchmarks, runs, methods scored without training, protocols, and notebooks.

    protocols: protocol -> the methods scored under it, empty for all. ``<method>_pcm`` is a method whose small result goes to full size
    by polynomial color mapping.
    """

    paper: str
    benchmarks: tuple[BenchmarkPlan, ...]
    runs: tuple[RunPlan, ...]
    protocols: Mapping[str, tuple[str, ...]]
    notebooks: tuple[str, ...]
    weightless: tuple[str, ...] = ("composite",)

    def methods(self, benchmark: BenchmarkPlan, protocol: str) -> dict[str, RunPlan | None]:
        """Name in scores -> its run, or None, for whatever is scored on a benchmark under a protocol; repeats follow their first run."""
        runs = [run for run in self.runs if run.benchmark == (benchmark.models_of or benchmark.name)]
        known: dict[str, RunPlan | None] = {**dict.fromkeys(self.weightless), **{run.scored_as: run for run in runs if not repeat_of(run)}}
        found: dict[str, RunPlan | None] = {}
        for name in self.protocols[protocol] or known:
            if name.removesuffix(PCM) not in known:
                continue  # a method of another benchmark
            first = known[name.removesuffix(PCM)]
            found[name] = first
            if first:
                repeats = (run for run in runs if repeat_of(run) and (run.method, run.label) == (first.method, first.label))
                found |= {f"{name}-s{repeat_of(run)}": run for run in repeats}
        return found


@dataclass(frozen=True)
class Profile:
    """A whole profile; ``paper(name)`` gives one paper's plan for the device at hand.

    plans: device ("cpu" or "gpu") -> paper -> plan.
    lessons: notebooks that belong to no paper; they look at whatever the papers have left.
    queue: runs for a machine that is lent for minutes, what decides most first: name in tables, or of the folder -> the seconds that each
    takes there, its scores included.
    threads: torch's, whatever the number of cores, because results depend on it; None: torch's own choice.
    """

    name: str
    seed: int
    sources: Mapping[str, SourcePlan]
    plans: Mapping[str, Mapping[str, PaperPlan]]
    lessons: tuple[str, ...] = ()
    queue: Mapping[str, float] = field(default_factory=dict)
    threads: int | None = None

    @property
    def papers(self) -> tuple[str, ...]:
        """The names of the papers, in their order."""
        return tuple(next(iter(self.plans.values()), ()))

    def paper(self, name: str, device: str = "cpu") -> PaperPlan:
        """Return the plan of one paper with the budget of ``device`` (cpu or gpu); raises ParameterError for an unknown paper."""
        if name not in self.papers:
            raise ParameterError(f'profile "{self.name}" has no paper "{name}": choose one of {", ".join(self.papers)}')
        return self.plans[device][name]

    def set_threads(self) -> None:
        """Give torch in this process the profile's threads, if it names them."""
        if self.threads:
            import torch

            torch.set_num_threads(self.threads)

    def reseeded(self, run: RunPlan) -> Profile:
        """Return the profile with the seed that a run is trained from."""
        return replace(self, seed=self.seed + repeat_of(run))

    def open_source(self, name: str, data: str | os.PathLike[str] | None) -> Source:
        """Return the photograph source ``name`` under the root ``data``; raises DataError with what to fetch when it is absent."""
        plan = self.sources[name]
        root = self.source_folder(name, data) if plan.folder else None
        source = open_source(plan.kind, root, **plan.options)
        source.name = name
        return source

    def source_folder(self, name: str, data: str | os.PathLike[str] | None) -> Path:
        """Return the folder of a source that lies under the root ``data``; raises DataError with what to fetch when it is absent."""
        plan = self.sources[name]
        assert plan.folder is not None  # a source that ships with a package has no folder
        if not data:
            raise DataError(
                f'profile "{self.name}" needs real photographs ("{plan.folder}", among others): give their root, '
                "DATA=folder for make, --data folder otherwise; "
                "data/README.md says what to fetch from where"
            )
        root = Path(data) / plan.folder
        if not root.is_dir():
            raise DataError(
                f'"{data}" has no folder "{plan.folder}", which profile "{self.name}" needs: data/README.md says what to fetch from where'
            )
        return root


def unique_runs(plans: Iterable[PaperPlan]) -> dict[str, RunPlan]:
    """Return name -> run for the runs of some papers, each once, none before those whose weights it takes."""
    return ordered(run for plan in plans for run in plan.runs)


def unique_benchmarks(plans: Iterable[PaperPlan]) -> dict[str, BenchmarkPlan]:
    """Return name -> benchmark for the benchmarks of some papers, each once."""
    return {benchmark.name: benchmark for plan in plans for benchmark in plan.benchmarks}


def ordered(runs: Iterable[RunPlan]) -> dict[str, RunPlan]:
    """Return name -> run in their order, but none before those whose weights it takes."""
    waiting, found = {run.name: run for run in runs}, dict[str, RunPlan]()
    while waiting:
        ready = (run for run in waiting.values() if not waiting.keys() & (taken_from(run) - {run.name}))
        run = next(ready, next(iter(waiting.values())))  # of runs that take each other's weights, none can be first
        found[run.name] = waiting.pop(run.name)
    return found


def taken_from(run: RunPlan) -> set[str]:
    """Return the names of the runs whose weights a run takes, as its parts or to go on with."""
    return run.part_sources | ({run.start_from.partition("@")[0]} if run.start_from else set())


def load_profile(name: str | os.PathLike[str]) -> Profile:
    """Return a profile by name (smoke, small, paper) or by the path of a YAML file.

    Raises ParameterError for an unknown name, and with the file and the path of the key for whatever is wrong in it.
    """
    from reproduction.planning import make_plans  # only now: it asks every registry
    from reproduction.reading import profile_path, read_profile

    path = profile_path(name)
    return read_profile(path, lambda entry, gone: make_plans(path.stem, entry, gone))
