"""How far along a profile is: what is done, what is left, and how long it took or is planned to take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from harmlib.io.documents import check_shape, read_json
from harmlib.io.files import MANIFEST, read_manifest
from harmlib.training.plan import RunPlan
from reproduction.profiles import load_profile, unique_benchmarks, unique_runs
from reproduction.stages import Results, trained_plans
from reproduction.workflow import MANIFEST_SUFFIX

# What a run's manifest tells of its pace.
PACE = ("method", "options", "iterations", "batch_size", "training_seconds")
DONE, STARTED, LEFT = "done", "started", "left"


def status_table(profile: str, *, results: str = "results", papers: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row per benchmark, run, score table and exhibit in planned order: what, name, state, seconds, budget.

    papers: only these; none means all. seconds: as measured for what is done, but for scores; for other runs, what their updates would take
    at the pace of a finished run of the same method and options; NaN where that is unknown. budget: a run's updates, and pictures in each.
    """
    loaded = load_profile(profile)
    folder = Results(results, loaded.name)
    plans = trained_plans(loaded, papers or loaded.papers, folder)
    runs = unique_runs(plans)
    finished = {name: read_manifest(folder.run(name), *PACE) for name in runs if (folder.run(name) / MANIFEST).exists()}
    rows = [_row("benchmark", name, folder.benchmark(name) / MANIFEST) for name in unique_benchmarks(plans)]
    for name, run in runs.items():
        row = _row("run", name, folder.run(name) / MANIFEST)
        seconds = finished[name]["training_seconds"] if name in finished else _expected_seconds(run, finished.values())
        rows.append(row | {"seconds": seconds, "budget": f"{run.iterations:,} updates of {run.batch_size}"})
    # Papers share most of their scoring, so none has a time of its own.
    rows += [_row("scores", plan.paper, folder.scores(plan.paper) / MANIFEST) | {"seconds": math.nan} for plan in plans]
    for notebook in (notebook for plan in plans for notebook in plan.notebooks):
        rows.append(_row("exhibits", notebook, folder.root / "notebooks" / f"{notebook}{MANIFEST_SUFFIX}"))
    return pd.DataFrame(rows, columns=["what", "name", "state", "seconds", "budget"]).fillna({"budget": ""})


def _row(what: str, name: str, manifest: Path) -> dict[str, Any]:
    """Return the row of what a manifest would finish. A folder without one was begun, and perhaps interrupted."""
    if manifest.exists():
        content = read_json(manifest)
        check_shape(content, {"seconds": float}, f'"{manifest}"')
        return {"what": what, "name": name, "state": DONE, "seconds": content["seconds"]}
    started = manifest.name == MANIFEST and manifest.parent.exists()
    return {"what": what, "name": name, "state": STARTED if started else LEFT, "seconds": math.nan}


def _expected_seconds(run: RunPlan, finished: Iterable[Mapping[str, Any]]) -> float:
    """Return how long a run takes at the pace of a finished one that differs in its updates or its seed alone, else NaN."""
    if not run.iterations:
        return 0.0
    alike = (
        manifest
        for manifest in finished
        if (manifest["method"], manifest["options"]) == (run.method, dict(run.options)) and manifest["iterations"]
    )
    known = next(alike, None)
    if known is None:
        return math.nan
    return known["training_seconds"] * run.iterations * run.batch_size / (known["iterations"] * known["batch_size"])


def status_text(profile: str, *, results: str = "results", papers: Sequence[str] = ()) -> str:
    """Return the status as text, its sums below."""
    table = status_table(profile, results=results, papers=papers)
    times = [_time(seconds) for seconds in table["seconds"]]
    lines = [table.assign(seconds=times).rename(columns={"seconds": "time"}).to_string(index=False, justify="left")]
    done = table["state"] == DONE
    trained = table.loc[done & (table["what"] == "run"), "seconds"].sum()
    lines.append(f"\n{done.sum()} of {len(table)} done; trained for {_time(trained)}.")
    left = table[~done & (table["what"] == "run")]
    if len(left):
        unknown = int(left["seconds"].isna().sum())
        lines.append(f"Left to train: {len(left)} runs, {_time(left['seconds'].sum())} without the {unknown} whose pace is not known yet.")
    return "\n".join(lines)


def _time(seconds: float) -> str:
    """Return hours, minutes and seconds; "?" where they are not known."""
    return "?" if math.isnan(seconds) else str(timedelta(seconds=round(seconds)))
