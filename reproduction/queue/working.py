"""Working on a queue on a lent machine: run by run through the stages, until the time is over."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

from harmlib.errors import DiskSpaceError, HarmlibError
from harmlib.io.files import MANIFEST, remove_partial, write_json
from harmlib.training.plan import RunPlan
from harmlib.training.state import RESUME
from reproduction.pretrained import check_pretrained
from reproduction.profiles import Profile, load_profile, taken_from
from reproduction.queue.packing import NOTE, PHOTOGRAPHS, RUN, STATE, STATES, read_note
from reproduction.queue.photographs import unpack_photographs
from reproduction.queue.pieces import MIB, Outbox, unpack
from reproduction.queue.runs import expected_seconds, lineage, next_run, queue_profile, queued_runs, waiting_runs
from reproduction.release import release
from reproduction.stages import Results, build_benchmarks, device_kind, score_papers, train_runs

logger = logging.getLogger(__name__)

KEPT_FOR_WRITING = 1 / 20  # of the time


class OutOfTime(BaseException):
    """The time of a call is over."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise OutOfTime in the main thread after so many seconds, and again every second until the ``with`` block is left."""

    def ring(_: int, __: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3), 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@dataclass
class _Work:
    """A call's work: what there is to do, where it stands, and what became of it."""

    profile: Profile
    runs: dict[str, RunPlan]
    results: Results
    outbox: Outbox
    report: dict[str, Any]
    finished: set[str] = field(default_factory=set)  # by earlier calls too

    @property
    def photographs(self) -> Path:
        """Where the photographs are unpacked."""
        return self.results.root / PHOTOGRAPHS

    def waiting(self) -> dict[str, RunPlan]:
        """Return the runs that are left, but for those that failed in this call."""
        here = {name for name in self.runs if (self.results.run(name) / MANIFEST).exists()}
        return waiting_runs(self.runs, finished=self.finished | self.report["failed"].keys(), here=here)


def work(folder: str | os.PathLike[str], out: str | os.PathLike[str], *, results: str = "results") -> dict[str, Any]:
    """Work on a packed queue for as long as it allows; return the report, which stands in ``out`` too.

    out: gets an archive of every finished run as it ends (weights in half precision with their card, manifest, history, scores), what
    unfinished runs go on from, and the report, last.
    A run that fails is reported, and the next one begins. Raises DataError for a folder that holds no queue or an ``out`` that is not
    empty, CheckpointError for ImageNet weights that are not there.
    """
    started, note, folder = time.monotonic(), read_note(folder), Path(folder)
    profile = load_profile(folder / note["profile"])
    end = started + note["minutes"] * 60 * (1 - KEPT_FOR_WRITING)
    report = {"profile": note["profile"], "finished": {}, "failed": {}, "left": [], "left_out": []}
    here = Results(results, profile.name)
    given = _Work(profile, queued_runs(profile, device_kind()), here, Outbox(Path(out), room=int(note["limit"] * MIB)), report)
    given.finished |= set(note["finished"])
    with suppress(OutOfTime), time_limit(end - time.monotonic()):
        sources = unpack_photographs(folder / PHOTOGRAPHS, note["photographs"], given.photographs)
        given.profile = queue_profile(replace(profile, sources=sources), device_kind())
        for path in (folder / STATES).glob("*.zip"):
            if not given.results.run(path.stem).exists():
                unpack(path.read_bytes(), given.results.root)
        check_pretrained(given.waiting().values(), given.results)
        # The last file is for what an unfinished run goes on from.
        while given.outbox.files > 1 and (run := next_run(given.waiting(), profile, end - time.monotonic())):
            _work_on(run, given)
    _bring_states(given)
    report |= {"left": list(given.waiting()), "seconds": round(time.monotonic() - started, 1)}
    write_json(given.outbox.folder / NOTE, report)
    return report


def _work_on(run: RunPlan, given: _Work) -> None:
    """Build, train, score and bring one run; what goes wrong with it is reported."""
    started, data = time.monotonic(), given.photographs
    logger.info("%s, expected to take %.0f seconds", run.name, expected_seconds(given.profile, run))
    try:
        # A card tells of the photographs of every run that gave weights.
        for giver in lineage(run, given.runs)[1:]:
            build_benchmarks(given.profile, [giver.name], data=data, results=given.results, only=[giver.benchmark])
        build_benchmarks(given.profile, [run.name], data=data, results=given.results)
        train_runs(given.profile, [run.name], data=data, results=given.results)
        if any(plan.scored for plan in given.profile.paper(run.name).benchmarks):
            score_papers(given.profile, [run.name], results=given.results)
        if run.name not in given.finished:
            _bring(run, given)
    except Exception as error:  # whatever it is, a full memory for one: the minutes that are left are for the next run
        known = isinstance(error, HarmlibError)
        given.report["failed"][run.name] = said = str(error) if known else f"{type(error).__name__}: {error}"
        logger.warning("%s failed: %s", run.name, said, exc_info=None if known else error)
        return
    if run.name not in given.finished:
        given.finished.add(run.name)
        given.report["finished"][run.name] = round(time.monotonic() - started, 1)
        write_json(given.outbox.folder / NOTE, given.report)


def _bring(run: RunPlan, given: _Work) -> None:
    """Put a finished run into the outbox, without weights where these do not fit."""
    folder, scores = given.results.run(run.name), given.results.scores(run.name) / "scores.csv"
    tables = [scores] if scores.exists() else []
    weights = release(folder, run.name.replace(".", "_"), scores=tables, released=given.results.root / "weights")
    members = {path.name: path for path in (folder / MANIFEST, folder / "history.csv", *tables, weights.with_suffix(".json"))}
    try:
        given.outbox.put(f"{RUN}{run.name}", {**members, weights.name: weights})
    except DiskSpaceError as error:
        given.outbox.put(f"{RUN}{run.name}", members)
        given.report["left_out"].append(f"{run.name}: its weights, because {error}")


def _bring_states(given: _Work) -> None:
    """Put into the outbox what unfinished runs go on from: their own state, and the weights that they take from finished ones.

    One that is trained, but not scored yet, leaves at least its weights.
    """
    waiting = given.waiting()
    begun = [name for name in waiting if any((given.results.run(name) / file).exists() for file in (RESUME, MANIFEST))]
    givers = {giver for run in waiting.values() for giver in taken_from(run) if (given.results.run(giver) / MANIFEST).exists()}
    for name in dict.fromkeys([*begun, *sorted(givers)]):
        folder = given.results.run(name)
        remove_partial(folder)
        try:
            given.outbox.put(f"{STATE}{name}", {f"runs/{name}/{path.name}": path for path in sorted(folder.glob("[!.]*"))})
        except DiskSpaceError as error:
            given.report["left_out"].append(f"{name}: its state, because {error}")
            if name not in given.finished and (folder / MANIFEST).exists():
                with suppress(DiskSpaceError):
                    _bring(given.runs[name], given)


def report_text(report: Mapping[str, Any]) -> str:
    """Return what a call on a lent machine did."""
    return "\n".join(
        [
            *(f"{name}: finished in {seconds:.0f} seconds" for name, seconds in report["finished"].items()),
            *(f"{name}: failed: {sentence}" for name, sentence in report["failed"].items()),
            *(f"left out: {sentence}" for sentence in report["left_out"]),
            f"left: {', '.join(report['left']) or 'nothing'}; the call took {report['seconds']:.0f} seconds.",
        ]
    )
