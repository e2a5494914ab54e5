"""Tables 1 and 2 of Sg-MMH and what stands behind them: counts, means, paired differences, foreground sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from harmlib.evaluation.statistics import RATIO_BUCKETS, bucket, paired_difference, summarize
from harmlib.metrics.lpips import why_unavailable
from reproduction.kit import comparisons
from reproduction.kit.comparisons import reading
from reproduction.kit.orders import orders
from reproduction.kit.tables import beside_paper, with_ranks
from reproduction.papers import published
from reproduction.sgmmh.artefacts import BASELINE, LABELS, PAPER, Artefacts

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
TABLES = (published(PAPER, 2),)
# The row names of table 1.
SPLIT_ROWS = {"train": "Training set", "test": "Testing set"}


def counts_table(artefacts: Artefacts) -> pd.DataFrame:
    """Return table 1: photographs, those that were used and skipped, and composites, per benchmark, sub-dataset and split."""
    return pd.concat([_counts(manifest) for manifest in artefacts.manifests.values()], ignore_index=True)


def _counts(manifest: Mapping[str, Any]) -> pd.DataFrame:
    """Count one benchmark, its sub-datasets together last where it has several."""
    rows = []
    for subset, splits in manifest["counts"].items():
        for split, count in splits.items():
            skipped = (count["photographs"] - count["used"], ", ".join(count["skipped"]))
            rows.append((manifest["dataset"], subset, split, count["photographs"], count["used"], *skipped, count["composites"]))
    table = pd.DataFrame(rows, columns=["dataset", "subset", "split", "source", "ours", "skipped", "reason", "composites"])
    several = len(manifest["counts"]) > 1
    if several:
        sums = table.groupby(["dataset", "split"], sort=False, as_index=False).sum(numeric_only=True)
        table = pd.concat([table, sums.assign(subset="All", reason="")], ignore_index=True)
    papers = {split: published_counts(manifest["dataset"], split) for split in table["split"].unique()}
    whole = table["subset"].eq("All") | (not several)
    for index, name in enumerate(("paper_source", "paper")):
        table[name] = [papers[split][index] if shown else "" for split, shown in zip(table["split"], whole, strict=True)]
    return table.assign(data=manifest["title"], note="")


def published_counts(dataset: str, split: str) -> tuple[str, str]:
    """Return what table 1 prints for a benchmark's source and for the benchmark, empty for a split it does not print."""
    printed = published(PAPER, 1)
    rows = printed[(printed["row"] == SPLIT_ROWS.get(split)) & printed["dataset"].isin([dataset, SOURCES[dataset]])]
    values = dict(zip(rows["dataset"], rows["value"], strict=True))
    return values.get(SOURCES[dataset], ""), values.get(dataset, "")


SOURCES = {"HScene": "ADE20K", "HLIP": "LIP"}


def quality_table(artefacts: Artefacts) -> pd.DataFrame:
    """Return table 2: our means with intervals beside the paper's, best and second best marked where the intervals allow."""
    reasons = {"lpips": why_unavailable() or "LPIPS was not computed when the scores were made"}
    parts = []
    for dataset, scores in artefacts.scores.groupby("dataset", sort=False):
        printed = published(PAPER, 2)
        printed = printed[printed["dataset"] == dataset]
        summary = summarize(scores, by=("dataset", "method"), metrics=METRICS)
        parts.append(beside_paper(summary, printed, data=scores["data"].iloc[0], reasons=reasons))
    table = with_ranks(pd.concat(parts, ignore_index=True), artefacts.scores.drop(columns="data"))
    return artefacts.stamped(table)


def differences(artefacts: Artefacts, metrics: Sequence[str] = ("mse", "psnr", "ssim")) -> pd.DataFrame:
    """Return the paired differences of COMPARISONS per benchmark and metric with the paper's own (``kit.orders``)."""
    return orders(artefacts.scores, COMPARISONS, metrics, tables=TABLES, labels=LABELS)


def against_nothing(table: pd.DataFrame) -> list[str]:
    """Return one sentence per benchmark that says which methods beat doing nothing in MSE; table: ``differences``."""
    sentences = []
    chosen = table[(table["metric"] == "mse") & (table["second"] == BASELINE)]
    for data, part in chosen.groupby("data", sort=False):
        words = []
        for outcome, rows in part.groupby("reading", sort=False):
            names = ", ".join(rows["first"].map(LABELS))
            words.append(f"{names}: {comparisons.PHRASES[str(outcome)]} doing nothing")
        sentences.append(f"{data} (n = {part['n'].iloc[0]}), MSE: {'; '.join(words)}.")
    return sentences


def skip_sentences(table: pd.DataFrame) -> list[str]:
    """Return one sentence per benchmark that says how many photographs were skipped and why; table: ``counts_table``."""
    parts = table[table["subset"] != "All"].groupby("data", sort=False)
    return [
        f"{data}: {part['skipped'].sum()} of {part['source'].sum()} photographs skipped"
        + (f" ({', '.join(sorted(set(part['reason']) - {''}))})." if part["skipped"].any() else ", every one has a labeled region.")
        for data, part in parts
    ]


def foreground_sentences(artefacts: Artefacts) -> list[str]:
    """Return one sentence per benchmark that says for which sizes of the foreground OMGAN beats doing nothing in MSE."""
    scores = artefacts.scores.assign(bucket=bucket(artefacts.scores["foreground_ratio"]))
    sentences = []
    for data, part in scores.groupby("data", sort=False):
        words = []
        for name in [name for name in RATIO_BUCKETS if name in set(part["bucket"])]:
            interval = paired_difference(part[part["bucket"] == name], "sgmmh_omgan", BASELINE, "mse")
            words.append(f"{name} (n = {interval.n}): {reading(interval.low, interval.high, lower_is_better=True)}")
        sentences.append(f"{data}, OMGAN against doing nothing: {'; '.join(words)}.")
    return sentences
