"""Tables 1, 2 and 4 of Harmonizer, and the orders that the paper reads from them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from harmlib.evaluation.intervals import Interval
from harmlib.evaluation.statistics import paired_ratio, paired_scores, summarize
from reproduction.harmonizer.artefacts import (
    AT_256,
    AT_FULL_SIZE,
    AVERAGED,
    BASELINE,
    COMPARED,
    LABELS,
    MAPPED,
    PAPER,
    PRINTED,
    Artefacts,
    with_averaged_runs,
)
from reproduction.kit import comparisons
from reproduction.kit import orders as kit_orders
from reproduction.kit.names import NOT_SCORED, with_budgets
from reproduction.kit.tables import beside_paper
from reproduction.papers import later, printed_mean, published
from reproduction.profiles import PCM

METRICS = ("mse", "fmse", "psnr")
PROTOCOLS = {1: AT_256, 2: AT_FULL_SIZE}
OTHER_DATA = "our data have other sub-datasets"
HALVES = ("4-left", "4-right")
# Protocol -> the printed tables of means under it.
TABLES = {
    AT_256: tuple(published(PAPER, table) for table in (1, *HALVES)),
    AT_FULL_SIZE: (published(PAPER, 2),),
}
# Table 4: a technique or more filters against the row before it, and the whole against nothing of it.
ABLATIONS = (
    ("harmonizer_cascade", "harmonizer_plain"),
    ("harmonizer", "harmonizer_cascade"),
    ("harmonizer", "harmonizer_plain"),
    ("harmonizer_4f", "harmonizer_2f"),
    ("harmonizer", "harmonizer_4f"),
    ("harmonizer_8f", "harmonizer"),
)
# Harmonizer against every other system, each of these against doing nothing, and what color mapping adds to resizing.
AGAINST_OTHERS = (
    *((PAPER, other) for other in COMPARED if other != PAPER),
    *((method, BASELINE) for method in PRINTED),
    *((method + PCM, method) for method in MAPPED),
)
# Methods of table 2, and the composite, whose own change tells what the size alone does.
SIZED = (BASELINE, *(name for method in MAPPED for name in (method, method + PCM)), PAPER)
# Longer sides below this are no high resolution: the paper's HAdobe5k has about 3000 pixels.
HIGH_RESOLUTION = 1920


def under(artefacts: Artefacts, protocol: str) -> pd.DataFrame:
    """Return the scores under one protocol, three runs of 2 and of 4 filters averaged into one method each."""
    return with_averaged_runs(artefacts.scores[artefacts.scores["protocol"] == protocol])


def comparison_table(artefacts: Artefacts, table: int) -> pd.DataFrame:
    """Return table 1 (at 256x256) or 2 (at the files' size): our means with intervals beside the paper's, by sub-dataset.

    Methods later than the paper stand in table 2 with what their authors published, and say so in their names. Systems that neither
    prints stand below where they were scored; the ablations of table 4 are left out. "budget" says how each was trained.
    """
    printed = pd.concat([published(PAPER, table), later(PAPER, table)], ignore_index=True)
    scores = under(artefacts, PROTOCOLS[table])
    scores = scores[scores["method"].isin(COMPARED)]
    reasons = dict.fromkeys(set(printed["method"]) - set(scores["method"]), NOT_SCORED)
    reasons |= dict.fromkeys(scores["method"].unique(), OTHER_DATA)
    labels = {**LABELS, **dict(zip(printed["method"], printed["row"], strict=True))}
    filled = comparisons.printed_table(comparisons.in_subsets(scores), printed, METRICS, labels=labels, reasons=reasons)
    return artefacts.stamped(with_budgets(filled, artefacts))


def ablation_table(artefacts: Artefacts) -> pd.DataFrame:
    """Return both halves of table 4, the left one first: MSE and PSNR with intervals beside the paper's; its speeds are in table 3.

    The full method stands in both halves, as printed.
    """
    scores = under(artefacts, AT_256)
    parts = []
    for half in HALVES:
        printed = published(PAPER, half)
        printed = printed[printed["metric"] != "inference speed"]
        summary = summarize(scores[scores["method"].isin(printed["method"])], by=("method",), metrics=("mse", "psnr"))
        parts.append(beside_paper(summary, printed, data=comparisons.data_of(artefacts.scores)))
    return artefacts.stamped(pd.concat(parts, ignore_index=True))


def selections(artefacts: Artefacts) -> pd.DataFrame:
    """Return the selections of 2 and of 4 filters whose means stand in table 4: row, run, filters."""
    filters = {run.scored_as: run.options["filters"].replace("+", ", ") for run in artefacts.plan.runs if "filters" in run.options}
    rows = [(LABELS[name], run, filters[run]) for name, runs in AVERAGED.items() for run in runs]
    return pd.DataFrame(rows, columns=["row", "run", "filters"])


def orders(artefacts: Artefacts, pairs: Sequence[tuple[str, str]], protocol: str, metrics: Sequence[str] = ("mse", "psnr")) -> pd.DataFrame:
    """Return the paired differences of ``pairs`` under a protocol with the paper's own (``kit.orders``)."""
    table = kit_orders.orders(under(artefacts, protocol), pairs, metrics, tables=TABLES[protocol], labels=LABELS)
    return table.assign(protocol=protocol)


def all_orders(artefacts: Artefacts) -> pd.DataFrame:
    """Return ``orders`` of AGAINST_OTHERS at 256x256 and at the files' size, as far as they are scored."""
    tables = [orders(artefacts, AGAINST_OTHERS, protocol, METRICS) for protocol in PROTOCOLS.values()]
    return pd.concat(tables, ignore_index=True)


def order_sentences(table: pd.DataFrame) -> list[str]:
    """Return one sentence per protocol: how Harmonizer's MSE stands against every other method's; table: ``all_orders``."""
    sentences = []
    for protocol, part in table[(table["metric"] == "mse") & (table["first"] == PAPER)].groupby("protocol", sort=False):
        rows = zip(part["reading"], part["second"].map(LABELS), strict=True)
        words = [f"{comparisons.PHRASES[reading]} {name}" for reading, name in rows]
        sentences.append(f"{protocol} (n = {part['n'].iloc[0]}), MSE of Harmonizer: {'; '.join(words)}.")
    return sentences


def printed_value(protocol: str, method: str, metric: str) -> float:
    """Return what the paper prints for a method over all images of iHarmony4 under a protocol, NaN where it prints nothing."""
    return printed_mean(TABLES[protocol], method, metric, "iHarmony4")


def size_effect(artefacts: Artefacts) -> pd.DataFrame:
    """Return how many times larger each method's mean error is at the files' size than at 256x256, ours and the paper's (section 4.1).

    The ratio of means over the same images has a 95 % interval over photographs. At 256x256 the way up plays no part, so that
    DoveNet + PCM is compared with DoveNet. Methods that are not scored at both sizes are left out.
    """
    rows = []
    known = {protocol: set(part["method"]) for protocol, part in artefacts.scores.groupby("protocol")}
    sized = [method for method in SIZED if method in known[AT_FULL_SIZE] and method.removesuffix(PCM) in known[AT_256]]
    for method in sized:
        for metric in ("mse", "fmse"):
            at_256 = method.removesuffix(PCM)
            small, full = printed_value(AT_256, at_256, metric), printed_value(AT_FULL_SIZE, method, metric)
            scores = at_both_sizes(artefacts, at_256, method)
            values, ratio = paired_scores(scores, "a", "b", metric), paired_ratio(scores, "b", "a", metric)
            means = (values["a"].mean(), values["b"].mean())
            rows.append((LABELS[method], metric, *means, ratio.mean, ratio.low, ratio.high, ratio.n, round(full / small, 3)))
    columns = ["method", "metric", "at 256x256", "at full size", "ratio", "low", "high", "n", "ratio in the paper"]
    return artefacts.stamped(pd.DataFrame(rows, columns=columns))


def at_both_sizes(artefacts: Artefacts, at_256: str, at_full_size: str) -> pd.DataFrame:
    """Return the scores of one method at 256x256 as those of "a" and of another at the files' size as those of "b"."""
    chosen = [(AT_256, at_256, "a"), (AT_FULL_SIZE, at_full_size, "b")]
    parts = [under(artefacts, protocol).query("method == @method").assign(method=name) for protocol, method, name in chosen]
    return pd.concat(parts, ignore_index=True).assign(protocol="")


def reduction(artefacts: Artefacts, protocol: str, method: str) -> Interval:
    """Return by what share Harmonizer's mean MSE lies below a method's, with its interval."""
    ratio = paired_ratio(under(artefacts, protocol), PAPER, method, "mse")
    return Interval(1 - ratio.mean, 1 - ratio.high, 1 - ratio.low, ratio.n)


def size_sentence(artefacts: Artefacts) -> str:
    """Return how large the test pictures are, and whether that is what the paper calls high resolution."""
    scores = artefacts.scores
    longer = scores[["height", "width"]].max(axis=1)
    words = f"Test files: longer side {longer.min()} to {longer.max()} pixels, {longer.median():.0f} in the median"
    if longer.max() >= HIGH_RESOLUTION:
        return f"{words}."
    return f"{words}: not high resolution, which is about 3000 pixels in the paper's HAdobe5k."
