"""Tables 1 and 2 of Sg-MMH and what stands behind them: counts, means, paired differences, foreground sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from harmlib.metrics.lpips import why_unavailable
from harmlib.papers import published
from harmlib.reporting.sgmmh.study import BASELINE, LABELS, PAPER, Study
from harmlib.reporting.tables import LOWER_IS_BETTER, beside_paper, with_ranks
from harmlib.reporting.verdicts import AGREES, CANNOT_SAY, DIFFERS
from harmlib.statistics import RATIO_BUCKETS, bucket, paired_difference, summarize, with_all

METRICS = ("mse", "psnr", "ssim", "lpips")
# What the text of section 4.2 orders: each method against the one before it in table 2, and all against doing nothing.
COMPARISONS = (
    ("sgmmh_om", "sgmmh_rgb"),
    ("sgmmh_omgan", "sgmmh_om"),
    ("sgmmh_omgan", "sgmmh_rgb"),
    ("sgmmh_rgb", BASELINE),
    ("sgmmh_om", BASELINE),
    ("sgmmh_omgan", BASELINE),
)
BETTER, WORSE, OPEN = "better", "worse", "no clear difference"
VERDICTS = {BETTER: AGREES, WORSE: DIFFERS, OPEN: CANNOT_SAY}
# The row names of table 1.
SPLIT_ROWS = {"train": "Training set", "test": "Testing set"}


def counts_table(study: Study) -> pd.DataFrame:
    """Return table 1: photographs, those that were used and neglected, and composites, per benchmark, sub-dataset and split."""
    return pd.concat([_counts(manifest) for manifest in study.manifests.values()], ignore_index=True)


def _counts(manifest: Mapping[str, Any]) -> pd.DataFrame:
    """Count one benchmark, its sub-datasets together last where it has several."""
    rows = [
        {
            "dataset": manifest["dataset"],
            "subset": subset,
            "split": split,
            "source": count["photographs"],
            "ours": count["used"],
            "neglected": sum(count["neglected"].values()),
            "reason": ", ".join(count["neglected"]),
            "composites": count["composites"],
        }
        for subset, splits in manifest["counts"].items()
        for split, count in splits.items()
    ]
    table = pd.DataFrame(rows)
    several = len(manifest["counts"]) > 1
    if several:
        sums = table.groupby(["dataset", "split"], sort=False, as_index=False).sum(numeric_only=True)
        table = pd.concat([table, sums.assign(subset="All", reason="")], ignore_index=True)
    papers = {split: published_counts(manifest["dataset"], split) for split in table["split"].unique()}
    whole = table["subset"].eq("All") | (not several)
    for place, name in enumerate(("paper_source", "paper")):
        table[name] = [papers[split][place] if shown else "" for split, shown in zip(table["split"], whole, strict=True)]
    return table.assign(data=manifest["title"], note="")


def published_counts(dataset: str, split: str) -> tuple[str, str]:
    """Return what table 1 prints for a benchmark's source and for the benchmark, empty for a split it does not print."""
    printed = published(PAPER, 1)
    rows = printed[(printed["row"] == SPLIT_ROWS.get(split)) & printed["dataset"].isin([dataset, SOURCES[dataset]])]
    values = dict(zip(rows["dataset"], rows["value"], strict=True))
    return values.get(SOURCES[dataset], ""), values.get(dataset, "")


SOURCES = {"HScene": "ADE20K", "HLIP": "LIP"}


def quality_table(study: Study) -> pd.DataFrame:
    """Return table 2: our means with intervals beside the paper's, best and second best marked where the intervals allow."""
    reasons = {"lpips": why_unavailable() or "LPIPS was not computed when the scores were made"}
    parts = []
    for dataset, scores in study.scores.groupby("dataset", sort=False):
        printed = published(PAPER, 2)
        printed = printed[printed["dataset"] == dataset]
        summary = summarize(scores, by=("dataset", "method"), metrics=METRICS)
        parts.append(beside_paper(summary, printed, data=scores["data"].iloc[0], reasons=reasons))
    table = with_ranks(pd.concat(parts, ignore_index=True), study.scores.drop(columns="data"))
    return table.assign(profile=study.workspace.profile.name, device=study.device)


def subset_table(study: Study) -> pd.DataFrame:
    """Return the means of table 2 per sub-dataset and over all images of a benchmark, with intervals and n."""
    known = [metric for metric in METRICS if study.scores[metric].notna().any()]
    table = summarize(with_all(study.scores), by=("data", "subset", "method"), metrics=known)
    single = table.groupby("data")["subset"].transform("nunique") == 2  # one sub-dataset and "All" are the same images
    return table[~(single & (table["subset"] == "All"))].reset_index(drop=True)


def subset_view(table: pd.DataFrame) -> pd.DataFrame:
    """Return ``subset_table`` for reading: sub-datasets and methods down, metrics across."""
    text = [f"{row.mean:.4g} [{row.low:.4g}, {row.high:.4g}]" for row in table.itertuples(index=False)]
    cells = table.assign(text=text, method=table["method"].map(LABELS))
    return cells.pivot_table(index=["data", "subset", "n", "method"], columns="metric", values="text", aggfunc="first", sort=False)


def differences(study: Study, metrics: Sequence[str] = ("mse", "psnr", "ssim")) -> pd.DataFrame:
    """Return the paired differences of COMPARISONS per benchmark and metric, with the paper's and a reading in words.

    The reading is about the first method: better or worse only when the whole 95 % interval lies on one side of zero.
    """
    rows = []
    for dataset, scores in study.scores.groupby("dataset", sort=False):
        for first, second in COMPARISONS:
            for metric in metrics:
                interval = paired_difference(scores, first, second, metric)
                rows.append(
                    {
                        "dataset": dataset,
                        "data": scores["data"].iloc[0],
                        "method": first,
                        "comparison": f"{LABELS[first]} - {LABELS[second]}",
                        "metric": metric.upper(),
                        "paper": round(printed_mean(str(dataset), first, metric) - printed_mean(str(dataset), second, metric), 3),
                        "ours": interval.mean,
                        "low": interval.low,
                        "high": interval.high,
                        "n": interval.n,
                        "reading": reading(interval.low, interval.high, lower_is_better=metric in LOWER_IS_BETTER),
                    }
                )
    return pd.DataFrame(rows)


def printed_mean(dataset: str, method: str, metric: str) -> float:
    """Return a cell of the paper's table 2."""
    rows = published(PAPER, 2)
    chosen = rows[(rows["dataset"] == dataset) & (rows["method"] == method) & (rows["metric"] == metric.upper())]
    return float(chosen["number"].iloc[0])


def reading(low: float, high: float, *, lower_is_better: bool) -> str:
    """Return what an interval of a difference says about the first method; without an interval nothing is clear."""
    if high < 0:
        return BETTER if lower_is_better else WORSE
    if low > 0:
        return WORSE if lower_is_better else BETTER
    return OPEN


def against_nothing(table: pd.DataFrame, metric: str = "MSE") -> list[str]:
    """Return one sentence per benchmark that says which methods beat doing nothing; table: ``differences``."""
    sentences = []
    chosen = table[(table["metric"] == metric) & table["comparison"].str.endswith(f"- {LABELS[BASELINE]}")]
    for data, part in chosen.groupby("data", sort=False):
        words = []
        for outcome, rows in part.groupby("reading", sort=False):
            names = ", ".join(rows["method"].map(LABELS))
            words.append(f"{names}: {outcome}{' than' if outcome != OPEN else ' from'} doing nothing")
        sentences.append(f"{data} (n = {part['n'].iloc[0]}), {metric}: {'; '.join(words)}.")
    return sentences


def neglect_sentences(table: pd.DataFrame) -> list[str]:
    """Return one sentence per benchmark that says how many photographs were neglected and why; table: ``counts_table``."""
    parts = table[table["subset"] != "All"].groupby("data", sort=False)
    return [
        f"{data}: {part['neglected'].sum()} of {part['source'].sum()} photographs neglected"
        + (f" ({', '.join(sorted(set(part['reason']) - {''}))})." if part["neglected"].any() else ", every one has a labeled region.")
        for data, part in parts
    ]


def by_foreground(study: Study, metric: str = "mse") -> pd.DataFrame:
    """Return the mean of a metric per benchmark, method and share of the picture that was perturbed, with intervals and n."""
    scores = study.scores.assign(bucket=bucket(study.scores["foreground_ratio"]))
    table = summarize(scores, by=("data", "method", "bucket"), metrics=[metric])
    order = table["bucket"].map(list(RATIO_BUCKETS).index)
    return table.assign(order=order).sort_values("order", kind="stable", ignore_index=True).drop(columns="order")


def foreground_sentences(study: Study, method: str = "sgmmh_omgan") -> list[str]:
    """Return one sentence per benchmark that says for which sizes of the foreground a method beats doing nothing in MSE."""
    scores = study.scores.assign(bucket=bucket(study.scores["foreground_ratio"]))
    sentences = []
    for data, part in scores.groupby("data", sort=False):
        words = []
        for name in [name for name in RATIO_BUCKETS if name in set(part["bucket"])]:
            interval = paired_difference(part[part["bucket"] == name], method, BASELINE, "mse")
            words.append(f"{name} (n = {interval.n}): {reading(interval.low, interval.high, lower_is_better=True)}")
        sentences.append(f"{data}, {LABELS[method]} against doing nothing: {'; '.join(words)}.")
    return sentences
