"""From a profile's checked content to its plans: the settings of every run on every device, and what each paper uses of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from harmlib import models
from harmlib.data.benchmarks import BenchmarkPlan
from harmlib.data.composers.base import PUBLISHED
from harmlib.errors import ParameterError
from harmlib.training.plan import RunPlan
from reproduction.profiles import PCM, PaperPlan, Profile, RepeatedRun, SourcePlan, ordered, repeat_of, taken_from, unique_runs
from reproduction.schema import DEVICES, Device, PaperEntry, ProfileEntry, RunEntry, Settings, Slip, check_options, suggest


def make_plans(name: str, entry: ProfileEntry, gone: set[str]) -> Profile:
    """Return the profile of a checked content; raises Slip for a name in it that stands for nothing.

    gone: benchmarks and runs that the profile leaves out, which lists may still name.
    """
    sources = {key: SourcePlan(key, **source.given()) for key, source in entry.sources.items()}
    benchmarks = _benchmarks(entry)
    _check_runs(entry, gone)
    papers = {key: _kept(paper, gone) for key, paper in entry.papers.items()}
    papers = {key: paper for key, paper in papers.items() if paper.benchmarks}
    for key, paper in papers.items():
        _check_paper(("papers", key), paper, entry)
    plans: dict[str, dict[str, PaperPlan]] = {}
    for device in DEVICES:
        runs = _Runs(entry, benchmarks, papers.values(), device)
        plans[device] = {key: _paper(key, paper, runs) for key, paper in papers.items()}
    profile = Profile(name, entry.seed, sources, plans, tuple(entry.lessons), entry.queue, entry.threads)
    _check_queue(profile)
    return profile


def _check_known(path: tuple[Any, ...], names: Iterable[str], known: Iterable[str]) -> None:
    """Raise Slip for the first name that is not among the known ones."""
    known = list(known)
    for index, name in enumerate(names):
        if name not in known:
            raise Slip((*path, index), f'is "{name}": {suggest(name, known)}')


def _kept(paper: PaperEntry, gone: set[str]) -> PaperEntry:
    """Return a paper without what the profile leaves out, and without the protocols that have no other method."""
    lists = {part: [name for name in getattr(paper, part) if name not in gone] for part in ("benchmarks", "runs")}
    protocols = {
        protocol: methods and [name for name in methods if name.removesuffix(PCM) not in gone]
        for protocol, methods in paper.protocols.items()
    }
    return paper.model_copy(update={**lists, "protocols": {name: methods for name, methods in protocols.items() if methods != []}})


def _check_paper(path: tuple[str, str], paper: PaperEntry, entry: ProfileEntry) -> None:
    """Raise Slip for a benchmark, a run or a method of a paper that is not there."""
    _check_known((*path, "benchmarks"), paper.benchmarks, entry.benchmarks)
    _check_known((*path, "runs"), paper.runs, entry.runs)
    weightless = [name for name in models.list_models() if not models.describe(name).trainable]
    _check_known((*path, "weightless"), paper.weightless, weightless)
    for protocol, methods in paper.protocols.items():
        names = [name.removesuffix(PCM) for name in methods or ()]
        _check_known((*path, "protocols", protocol), names, [*paper.weightless, *paper.runs])


def _check_queue(profile: Profile) -> None:
    """Raise Slip for a name in the queue that is no run, and for a run that is queued without one whose weights it takes."""
    for device in DEVICES:
        runs = {name: run for name, run in unique_runs(profile.plans[device].values()).items() if not repeat_of(run)}
        for name in profile.queue:
            found = [run for run in runs.values() if name in (run.name, run.scored_as)]
            if not found:
                known = dict.fromkeys(run.scored_as for run in runs.values())
                raise Slip(("queue", name), f"is no run: {suggest(name, known)}")
            for giver in (runs[giver] for run in found for giver in sorted(taken_from(run))):
                if not {giver.name, giver.scored_as} & profile.queue.keys():
                    raise Slip(("queue", name), f'takes weights from "{giver.scored_as}", which is not queued: add that one')


def _benchmarks(entry: ProfileEntry) -> dict[str, BenchmarkPlan]:
    """Return key -> plan of every benchmark; raises Slip for a source or a benchmark that is not there."""
    names = {key: benchmark.name or key for key, benchmark in entry.benchmarks.items()}
    found = {}
    for key, benchmark in entry.benchmarks.items():
        path = ("benchmarks", key)
        _check_known((*path, "sources"), benchmark.sources, entry.sources)
        if list(names.values()).count(names[key]) > 1:
            raise Slip(path, f'has the name "{names[key]}" of another benchmark: give it its own')
        if benchmark.composer == PUBLISHED and (len(benchmark.sources) > 1 or not entry.sources[benchmark.sources[0]].folder):
            raise Slip((*path, "sources"), "is no single source with a folder, which a published benchmark needs")
        values = benchmark.given() | {"name": names[key]}
        if benchmark.models_of:
            _check_known((*path, "models_of"), [benchmark.models_of], [other for other in names if other != key])
            values["models_of"] = names[benchmark.models_of]
        found[key] = BenchmarkPlan(**values)
    return found


def _check_runs(entry: ProfileEntry, gone: set[str]) -> None:
    """Raise Slip for a run with an unknown method, option, budget or benchmark, and for settings of a run that does not exist."""
    trained = [key for key, benchmark in entry.benchmarks.items() if not benchmark.models_of]
    for key, run in entry.runs.items():
        method, _ = _method_of(key, run)
        check_options(("runs", key, "options"), method, run.options)
        _check_known(("runs", key, "budget"), [run.budget], entry.budgets)
        _check_known(("runs", key, "benchmarks"), run.benchmarks, [*trained, *gone])
    for name, devices in entry.budgets.items():
        lacking = next((device for device in DEVICES if device not in devices), None)
        if lacking:
            raise Slip(("budgets", name), f'lacks the key "{lacking}": give settings for {" and ".join(DEVICES)}, or leave both out')
        known = {owner for key, run in entry.runs.items() if run.budget == name for owner in _owners(entry, key, trained)}
        for device, budget in devices.items():
            for owner in budget.runs:
                if owner not in known and owner.partition("-")[0] not in gone:
                    raise Slip(("budgets", name, device, "runs", owner), f'is no run with the budget "{name}": {suggest(owner, known)}')


def _method_of(key: str, run: RunEntry) -> tuple[str, str]:
    """The method and the label of a run; raises Slip for an unknown method and for a key that is not made of both."""
    method, path = run.method or key, ("runs", key, *(["method"] if run.method else []))
    try:
        models.describe(method)
    except ParameterError as error:
        raise Slip(path, f"is not valid: {error}") from error
    if key != method and not key.startswith(f"{method}_"):
        raise Slip(path, f'is "{method}", whose runs are called "{method}" or "{method}_<label>"')
    if re.search(r"-s\d+$", key):
        raise Slip(path, "has a name that ends like that of a repeat: give it another one")
    return method, key[len(method) + 1 :]


def _owners(entry: ProfileEntry, key: str, benchmarks: Iterable[str]) -> list[str]:
    """Return whose settings in a budget hold for a run on some benchmarks, what counts more behind."""
    return list(dict.fromkeys([entry.runs[key].method or key, key, *(f"{key}-{benchmark}" for benchmark in benchmarks)]))


class _Runs:
    """The runs that papers name, by key and benchmark, with their settings on one kind of device."""

    def __init__(self, entry: ProfileEntry, benchmarks: dict[str, BenchmarkPlan], papers: Iterable[PaperEntry], device: Device) -> None:
        self.entry, self.benchmarks, self.device = entry, benchmarks, device
        planned = dict.fromkeys(pair for paper in papers for pair in self.of_paper(paper))
        self.settings = {pair: self._settings(*pair) for pair in planned}
        self.plans = {pair: self._plan(*pair) for pair in planned}

    def of_paper(self, paper: PaperEntry) -> Iterator[tuple[str, str]]:
        """Yield a paper's runs and the benchmarks on which they are trained, benchmark by benchmark."""
        for benchmark in paper.benchmarks:
            if benchmark in self.benchmarks and not self.benchmarks[benchmark].models_of:
                yield from ((key, benchmark) for key in paper.runs if benchmark in (self.entry.runs[key].benchmarks or [benchmark]))

    def _settings(self, key: str, benchmark: str) -> Settings:
        """Return what budget and run say: the budget's own words about the run win, then the run's, then those for all its runs.

        The run's options are added to those of the budget, of which the words about the run replace the others.
        """
        run = self.entry.runs[key]
        budget = self.entry.budgets[run.budget][self.device]
        path, method = ("budgets", run.budget, self.device), run.method or key
        own: dict[str, Any] = {}
        for owner in _owners(self.entry, key, [benchmark]):
            if owner in budget.runs:
                check_options((*path, "runs", owner, "options"), method, budget.runs[owner].options)
                own |= budget.runs[owner].given()
        if "options" not in own:
            check_options((*path, "options"), method, budget.options)
        options = {**own.get("options", budget.options), **run.options}
        shared = {name: value for name, value in budget.given().items() if name != "runs"}
        ofrun = {name: value for name, value in run.given().items() if name in Settings.model_fields}
        values = {**shared, **ofrun, **own, "options": options}
        for name in ("iterations", "batch_size"):
            if values.get(name) is None:
                raise Slip(path, f'lacks the key "{name}", which the run "{key}" needs')
        if values["batch_size"] % values.get("accumulate", 1):
            raise Slip(path, f'gives the run "{key}" batches of {values["batch_size"]} in {values["accumulate"]} parts: give a multiple')
        settings = Settings.model_construct(set(values), **values)
        if settings.hold_out and (settings.online or settings.draws or not settings.selection):
            raise Slip(path, f'gives "{key}" hold_out, which is for pairs from disk: it needs online: false, no draws, and selection')
        return settings

    def _plan(self, key: str, benchmark: str) -> list[RunPlan]:
        """Return a run and its repeats."""
        settings, (method, label) = self.settings[key, benchmark], _method_of(key, self.entry.runs[key])
        values = {name: value for name, value in settings.given().items() if name != "repeats"}
        values |= {"method": method, "label": label, "benchmark": self.benchmarks[benchmark].name}
        plans = []
        for repeat in range(settings.repeats):
            taken = dict(values)
            if settings.parts:
                taken["parts"] = {
                    module: ":".join([self._source_run(key, benchmark, "parts", source.partition(":")[0], repeat), *source.split(":")[1:]])
                    for module, source in settings.parts.items()
                }
            if settings.start_from:
                taken["start_from"] = self._start(key, benchmark, settings.start_from, repeat)
            plans.append(RepeatedRun(**taken, repeat=repeat) if repeat else RunPlan(**taken))
        return plans

    def _source_run(self, key: str, benchmark: str, setting: str, name: str, repeat: int) -> str:
        """Return the name of the run of which another takes weights: its same repeat, or the first where it has no such repeat."""
        found = self._found(key, benchmark, setting, name)
        suffix = f"-s{repeat}" if 0 < repeat < self.settings[found].repeats else ""
        return f"{name}-{self.benchmarks[found[1]].name}{suffix}"

    def _found(self, key: str, benchmark: str, setting: str, name: str) -> tuple[str, str]:
        """Return the run of which another takes weights, on this benchmark or on its only one; raises Slip where there is none."""
        found = [pair for pair in self.settings if pair[0] == name]
        if (name, benchmark) in found:
            return name, benchmark
        if not found:
            raise Slip(("runs", key, setting), f'names "{name}", which is no run: {suggest(name, [pair[0] for pair in self.settings])}')
        if len(found) > 1:
            raise Slip(("runs", key, setting), f'names "{name}", which is trained on several benchmarks, but not on "{benchmark}"')
        return found[0]

    def _start(self, key: str, benchmark: str, source: str, repeat: int) -> str:
        """Return run and step (``name@step``) of which a run goes on; without a step, the last that is kept."""
        name, _, step = source.partition("@")
        kept = [str(number) for number in self.settings[self._found(key, benchmark, "start_from", name)].keep]
        if not kept or (step and step not in kept):
            raise Slip(("runs", key, "start_from"), f'is "{source}", but "{name}" keeps only the steps {kept}: give it the key keep')
        return f"{self._source_run(key, benchmark, 'start_from', name, repeat)}@{step or kept[-1]}"


def _paper(key: str, paper: PaperEntry, runs: _Runs) -> PaperPlan:
    """Return the plan of a paper; raises Slip for a run whose weights come from a run that the paper does not train."""
    # All first runs before the repeats, so that a comparison is whole early.
    planned = ordered(sorted((run for pair in runs.of_paper(paper) for run in runs.plans[pair]), key=repeat_of))
    for run in planned.values():
        missing = taken_from(run) - planned.keys()
        if missing:
            raise Slip(("papers", key, "runs"), f'has the run "{run.name}" without "{min(missing)}", whose weights it takes: add that one')
    return PaperPlan(
        key,
        tuple(runs.benchmarks[name] for name in paper.benchmarks),
        tuple(planned.values()),
        {protocol: tuple(methods or ()) for protocol, methods in paper.protocols.items()},
        tuple(paper.notebooks),
        tuple(paper.weightless),
    )
