"""Profiles: what to build, train and score for each paper, and how long (``config/*.yaml``).

A profile names its photograph sources, and for every paper its benchmarks, its runs with their budget and its protocol.
Unknown keys are refused, so that a typing mistake never runs silently with a default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from harmlib.data.benchmarks import BenchmarkPlan
from harmlib.errors import DataError, ParameterError
from harmlib.training.plan import RunPlan
from reproduction.checkout import CHECKOUT

if TYPE_CHECKING:
    from harmlib.data.photos import Source

CONFIG_FOLDER = CHECKOUT / "config"


@dataclass(frozen=True)
class SourcePlan:
    """One photograph source: its kind, its folder below DATA (None: it ships with a package), and its options."""

    name: str
    kind: str
    folder: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PaperPlan:
    """What one paper needs: benchmarks, runs, methods scored without training, protocols, and notebooks.

    protocols: protocol -> the methods scored under it, empty for all. ``<method>_pcm`` is a method whose small result goes to full size
    by polynomial color mapping.
    beside: papers whose runs and scores on the same benchmarks stand beside this one's in tables and figures, where they are finished.
    """

    paper: str
    benchmarks: tuple[BenchmarkPlan, ...]
    runs: tuple[RunPlan, ...]
    protocols: Mapping[str, tuple[str, ...]]
    notebooks: tuple[str, ...]
    weightless: tuple[str, ...] = ("composite",)
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Profile:
    """A whole profile; ``paper(name)`` gives one paper's plan for the device at hand.

    lessons: notebooks that belong to no paper; they look at whatever the papers have left.
    """

    name: str
    seed: int
    sources: Mapping[str, SourcePlan]
    papers: Mapping[str, Any]
    needs_data: bool
    lessons: tuple[str, ...] = ()

    def paper(self, name: str, device: str = "cpu") -> PaperPlan:
        """Return the plan of one paper with the budget of ``device`` (cpu or gpu); raises ParameterError for an unknown paper."""
        if name not in self.papers:
            raise ParameterError(f'profile "{self.name}" has no paper "{name}": choose one of {", ".join(self.papers)}')
        content = dict(self.papers[name])
        _check_keys(content, name)
        budgets = content.pop("budget")
        budget = budgets.get(device, budgets) if set(budgets) <= {"cpu", "gpu"} else budgets
        benchmarks = tuple(
            _build(BenchmarkPlan, {"name": key, **value}, f"{name}.benchmarks.{key}") for key, value in content["benchmarks"].items()
        )
        runs = tuple(_runs(content["runs"], benchmarks, budget, name))
        protocols = {protocol: tuple(methods or ()) for protocol, methods in content["protocols"].items()}
        optional = {key: tuple(content[key]) for key in OPTIONAL_KEYS if key in content}
        return PaperPlan(name, benchmarks, runs, protocols, tuple(content["notebooks"]), **optional)

    def open_source(self, name: str, data: str | os.PathLike[str] | None) -> Source:
        """Return the photograph source ``name`` under the root ``data``; raises DataError with what to fetch when it is absent."""
        from harmlib.data.sources import open_source

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
                f'profile "{self.name}" needs real photographs ("{plan.folder}", among others): give their root with DATA=folder; '
                "data/README.md says what to fetch from where"
            )
        root = Path(data) / plan.folder
        if not root.is_dir():
            raise DataError(
                f'DATA has no folder "{plan.folder}", which profile "{self.name}" needs: data/README.md says what to fetch from where'
            )
        return root


def load_profile(name: str | os.PathLike[str]) -> Profile:
    """Return a profile by name (smoke, small, paper) or by the path of a YAML file.

    Raises ParameterError for an unknown name, an unknown key or a missing one.
    """
    import yaml

    path = profile_path(name)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ParameterError(f'"{path.name}" is not valid YAML: {error}') from error
    sources = {key: _build(SourcePlan, {"name": key, **value}, f"sources.{key}") for key, value in content["sources"].items()}
    needs_data = any(plan.folder for plan in sources.values())
    return Profile(path.stem, content["seed"], sources, content["papers"], needs_data, tuple(content.get("lessons", ())))


def profile_path(name: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a profile's file; raises ParameterError for an unknown name."""
    path = Path(name) if str(name).endswith(".yaml") else CONFIG_FOLDER / f"{name}.yaml"
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in CONFIG_FOLDER.glob("*.yaml")))
        raise ParameterError(f'there is no profile "{name}": choose one of {known}, or give a .yaml file')
    return path.absolute()


Plan = TypeVar("Plan", SourcePlan, BenchmarkPlan, RunPlan)


PAPER_KEYS = {"benchmarks", "runs", "budget", "protocols", "notebooks"}
OPTIONAL_KEYS = ("weightless", "beside")


def _check_keys(content: Mapping[str, Any], paper: str) -> None:
    """Raise ParameterError that names a key of a paper that is unknown or missing."""
    unknown, missing = sorted(set(content) - PAPER_KEYS - set(OPTIONAL_KEYS)), sorted(PAPER_KEYS - set(content))
    if unknown:
        known = ", ".join((*sorted(PAPER_KEYS), *OPTIONAL_KEYS))
        raise ParameterError(f"{paper} has the unknown key {unknown[0]!r}: choose among {known}")
    if missing:
        raise ParameterError(f"{paper} is incomplete: it lacks {', '.join(missing)}")


def _build(plan: type[Plan], values: Mapping[str, Any], where: str) -> Plan:
    """Return a plan from YAML values; raises ParameterError that names an unknown key and the known ones."""
    known = {entry.name for entry in fields(plan)}
    unknown = set(values) - known
    if unknown:
        raise ParameterError(f"{where} has the unknown key {sorted(unknown)[0]!r}: choose among {', '.join(sorted(known))}")
    converted: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    try:
        return plan(**converted)
    except TypeError as error:
        raise ParameterError(f"{where} is incomplete: {error}") from error


def _runs(entries: list[Mapping[str, Any]], benchmarks: tuple[BenchmarkPlan, ...], budget: Mapping[str, Any], paper: str) -> list[RunPlan]:
    """Return one run per entry and benchmark on which models are trained, or on the entry's own one.

    Budget values hold for all; those that it gives a method win, then those of a labelled run, then those of run and benchmark. An
    entry's options are added to the budget's.
    """
    budget = dict(budget)
    own_budgets = budget.pop("methods", {})
    runs = []
    names = [benchmark.name for benchmark in benchmarks if benchmark.models_of is None]
    for entry in entries:
        if entry.get("benchmark") not in {None, *names}:
            raise ParameterError(f'{paper}.runs names the benchmark "{entry["benchmark"]}": choose one of {", ".join(names)}')
    for benchmark in names:
        for entry in (entry for entry in entries if entry.get("benchmark", benchmark) == benchmark):
            key = f"{entry['method']}_{entry['label']}" if entry.get("label") else entry["method"]
            owners = dict.fromkeys((entry["method"], key, f"{key}-{benchmark}"))
            own = {name: value for owner in owners for name, value in own_budgets.get(owner, {}).items()}
            values = {**budget, **entry, **own}
            values["options"] = {**own.get("options", budget.get("options", {})), **entry.get("options", {})}
            start = values.get("start_from")
            if start:
                method, _, step = start.partition("@")
                values["start_from"] = f"{method}-{benchmark}@{step}"
            runs.append(_build(RunPlan, {**values, "benchmark": benchmark}, f"{paper}.runs.{key}"))
    return _givers_first(runs)


def _givers_first(runs: list[RunPlan]) -> list[RunPlan]:
    """Return runs in their order, but none before those that give its parts."""
    ordered: list[RunPlan] = []
    waiting = list(runs)
    while waiting:
        names = {run.name for run in waiting}
        ready = (run for run in waiting if not names & (run.givers - {run.name}))
        run = next(ready, waiting[0])  # of runs that give each other their parts, none can be first
        waiting.remove(run)
        ordered.append(run)
    return ordered
