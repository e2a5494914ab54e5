"""The page of a profile's results: how every finished network was trained, and what every method scores beside the composite."""

from __future__ import annotations

import gzip

import pandas as pd

from harmlib.data.benchmarks import BenchmarkPlan
from harmlib.evaluation.statistics import paired_difference, paired_scores, summarize
from harmlib.evaluation.table import KEYS, read_scores
from harmlib.io.files import MANIFEST, read_manifest, replacing, write_text
from harmlib.training.plan import read_history
from reproduction.kit.artefacts import BASELINE, with_repeats
from reproduction.kit.comparisons import bounds
from reproduction.kit.names import label_of
from reproduction.kit.rounding import rounded
from reproduction.kit.scoreboard import markdown
from reproduction.profiles import PCM
from reproduction.stages import device_kind, finished_runs
from reproduction.workspace import Workspace

PAGE, PER_IMAGE = "README.md", "per-image.csv.gz"
SHOWN = {"fmse": "fMSE", "mse": "MSE", "psnr": "PSNR, dB"}
DECIMALS = {"fmse": 0, "mse": 1, "psnr": 2}


def write_overview(workspace: Workspace) -> str:
    """Write a profile's README.md and per-image.csv.gz by rename; return the page's text.

    The page holds what is finished: trainings, and for each benchmark and protocol the mean scores of all methods that any paper scored.
    """
    root, profile, scores = workspace.results.root, workspace.profile, profile_scores(workspace)
    table = rounded(scores[[*KEYS, *SHOWN]])
    with replacing(root / PER_IMAGE) as partial:
        partial.write_bytes(gzip.compress(table.to_csv(index=False, lineterminator="\n").encode(), mtime=0))
    plans = {plan.name: plan for paper in profile.papers for plan in profile.paper(paper, device_kind()).benchmarks}
    lines = [
        f"# Results, profile {profile.name}",
        "",
        "What every method scores here beside doing nothing (the composite), the lowest MSE first. Photographs stand in for the papers' "
        "data sets, and budgets are ours. In brackets are 95 % intervals of the paired difference to the composite, over photographs; "
        "fewer than ten photographs have none. Better: the share of composites whose MSE falls.",
        "",
        f"[Scoreboard](scoreboard.md) of all exhibits and claims; [scores of every image]({PER_IMAGE}); all [tables](tables).",
        "",
        "## Trained networks",
        "",
        *_trainings(workspace),
    ]
    for (name, protocol), rows in with_repeats(scores).groupby(["benchmark", "protocol"], sort=False):
        lines += ["", *_scores(plans[str(name)], str(protocol), rows)]
    text = "\n".join(lines) + "\n"
    write_text(root / PAGE, text)
    return text


def profile_scores(workspace: Workspace) -> pd.DataFrame:
    """Return the finished scores of all papers of a profile, every row once, in the order of the papers."""
    folders = [workspace.results.scores(paper) for paper in workspace.profile.papers]
    parts = [read_scores(folder / "scores.csv") for folder in folders if (folder / MANIFEST).exists()]
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*KEYS, *SHOWN])
    return rows.drop_duplicates(list(KEYS), ignore_index=True)


def _trainings(workspace: Workspace) -> list[str]:
    """Lines of the table of finished runs; without times, which differ on every machine, where a profile trains for seconds."""
    rows = []
    for name, run in finished_runs(workspace.profile, workspace.results).items():
        folder = workspace.results.run(run.name)
        manifest = read_manifest(folder, "options", "iterations", "batch_size", "data")
        options = ", ".join(f"{key}: {value}" for key, value in manifest["options"].items())
        history, course = read_history(folder), ""
        if {"val_error", "val_composite"} <= set(history):
            seen = history.dropna(subset=["val_error"])
            course = f"{seen['val_composite'].iloc[0]:.0f}: " + ", ".join(f"{error:.0f}" for error in seen["val_error"])
        rows.append((label_of(name), f"{manifest['iterations']:,} of {manifest['batch_size']}", options, manifest["data"], course))
    return markdown(("run", "updates of pictures", "options", "photographs", "MSE of the val composites: after each validation"), rows)


def _scores(plan: BenchmarkPlan, protocol: str, scores: pd.DataFrame) -> list[str]:
    """Lines of one benchmark's scores under one protocol."""
    shown = [metric for metric in SHOWN if scores[metric].notna().any()]
    summary = summarize(scores, by=("method",), metrics=shown)
    means, rows = summary.pivot_table(index="method", columns="metric", values="mean", sort=False), []
    for method in means.sort_values("mse").index:
        cells = []
        for metric in shown:
            cell = f"{means.loc[method, metric]:.{DECIMALS[metric]}f}"
            if method != BASELINE:
                found, form = paired_difference(scores, method, BASELINE, metric), f".{DECIMALS[metric]}f"
                cell += f", {found.mean:+{form}}{bounds(found.low, found.high, form)}"
            cells.append(cell)
        pairs = paired_scores(scores, method, BASELINE, "mse")
        better = "" if method == BASELINE else f"{(pairs['a'] < pairs['b']).mean():.0%}"
        rows.append((label_of(method.removesuffix(PCM)) + (", polynomial" if method.endswith(PCM) else ""), *cells, better))
    head = ("method", *(f"{SHOWN[metric]}, minus the composite's" for metric in shown), "better")
    size = f"Composites: {summary['n'].max()}, of photographs: {summary['photographs'].max()}; protocol {protocol}."
    return [f"## {plan.title}", "", size, "", *markdown(head, rows)]
