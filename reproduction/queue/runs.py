"""Which runs are queued, what each needs, and which comes next."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from harmlib.data.composers.base import PUBLISHED
from harmlib.errors import ParameterError
from harmlib.metrics.protocols import DEFAULT
from harmlib.training.plan import RunPlan
from reproduction.profiles import PaperPlan, Profile, ordered, repeat_of, taken_from, unique_benchmarks, unique_runs
from reproduction.queue.photographs import QUALITY, SIZE

# What a benchmark's title says of its photographs.
CARRIED = f"photographs at {SIZE} px as WebP {QUALITY}"


def queued_runs(profile: Profile, device: str) -> dict[str, RunPlan]:
    """Return name -> run in the order of the queue, but none before those whose weights it takes; repeats are left for longer machines.

    Raises ParameterError for a profile without a queue.
    """
    if not profile.queue:
        raise ParameterError(f'profile "{profile.name}" has no queue: give it the key queue, as config/gpu.yaml has')
    known = [run for run in unique_runs(profile.plans[device].values()).values() if not repeat_of(run)]
    return ordered(run for name in profile.queue for run in known if name in (run.name, run.scored_as))


def expected_seconds(profile: Profile, run: RunPlan) -> float:
    """Return how long a run takes, as the queue says."""
    return profile.queue[run.name if run.name in profile.queue else run.scored_as]


def queue_profile(profile: Profile, device: str) -> Profile:
    """Return the profile as a queue sees it: a paper for every queued run, called as the run, with what it is trained and scored on.

    Scores are under the repository's own protocol, beside the composite; titles say what the photographs are. Raises ParameterError for
    composites that somebody else made, which no photographs can replace.
    """
    benchmarks = [replace(plan, title=f"{plan.title}, {CARRIED}") for plan in unique_benchmarks(profile.plans[device].values()).values()]
    singles: dict[str, PaperPlan] = {}
    for run in queued_runs(profile, device).values():
        used = [plan for plan in benchmarks if run.benchmark == plan.name or (run.benchmark == plan.models_of and plan.scored)]
        for plan in used:
            if plan.composer == PUBLISHED:
                raise ParameterError(
                    f'"{plan.name}", which "{run.name}" needs, is published as composites: a queue carries photographs only'
                )
        singles[run.name] = PaperPlan(run.name, tuple(used), (run,), {DEFAULT: ()}, ())
    return replace(profile, plans=dict.fromkeys(profile.plans, singles))


def needed_splits(plans: Collection[PaperPlan]) -> dict[str, set[str]]:
    """Return source -> the splits whose photographs are needed to train and to score."""
    needed: dict[str, set[str]] = {}
    for plan in unique_benchmarks(plans).values():
        for source in plan.sources:
            needed.setdefault(source, set()).update(plan.splits, () if plan.models_of else ("train",))
    return needed


def lineage(run: RunPlan, runs: Mapping[str, RunPlan]) -> list[RunPlan]:
    """Return a run and all those whose weights it takes, directly or not."""
    found = {run.name: run}
    waiting = [run]
    while waiting:
        givers = [runs[name] for name in taken_from(waiting.pop()) if name not in found]
        found |= {giver.name: giver for giver in givers}
        waiting += givers
    return list(found.values())


def waiting_runs(runs: Mapping[str, RunPlan], *, finished: Collection[str], here: Collection[str]) -> dict[str, RunPlan]:
    """Return what is left to train: runs that are not finished, and finished ones whose weights others still take but are not here."""
    left = {name for name in runs if name not in finished}
    again = {giver.name for name in left for giver in lineage(runs[name], runs) if giver.name not in here}
    return {name: run for name, run in runs.items() if name in left | again}


def next_run(waiting: Mapping[str, RunPlan], profile: Profile, seconds: float) -> RunPlan | None:
    """Return the first run that should end within so many seconds, else the first of all, to be trained in part; None without any.

    One whose weights come from another that waits too does not come before it.
    """
    ready = [run for run in waiting.values() if not taken_from(run) & waiting.keys()]
    return next((run for run in ready if expected_seconds(profile, run) <= seconds), next(iter(ready), None))
