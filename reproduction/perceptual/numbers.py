"""Tables 1 to 3 of the no-reference paper, the orders that it reads from them, and what they say about small objects."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from harmlib.evaluation.statistics import SIZE_BUCKETS, bucket, paired_difference, paired_ratio, paired_scores
from reproduction.kit import comparisons
from reproduction.kit import orders as kit_orders
from reproduction.kit.findings import AGREES, CANNOT_SAY, DIFFERS
from reproduction.kit.tables import beside_paper
from reproduction.papers import published
from reproduction.perceptual.artefacts import (
    BASELINE,
    COCO_EXP,
    IHARMONY4,
    LABELS,
    LPIPS_MISSING,
    NO_MASK,
    PAPER,
    TRUE_MASK,
    TWO_STAGE,
    Artefacts,
)
from reproduction.perceptual.objects import BEYOND

DATASETS = (IHARMONY4, COCO_EXP)
EVERY = "all"  # the paper's name for all images
NO_IMAGE = "no image of this size"
SMALL = "0-10%"
RELATIVE = "MSE / MSE orig."
# Test images by size; the paper does not print them, so they are counted on the public test set.
IHARMONY4_COUNTS = dict(zip(SIZE_BUCKETS, (5134, 1105, 593, 246, 159, 106, 37, 24), strict=True))
# The order of table 2, best first, and each of its ends against doing nothing; then table 1.
ORDERS = (
    (TRUE_MASK, "ptc_dih"),
    ("ptc_dih", "ptc_att_dih"),
    ("ptc_att_dih", "dih_nm"),
    ("ptc_dih", "dih_nm"),
    (TWO_STAGE, TRUE_MASK),
    (TRUE_MASK, BASELINE),
    ("ptc_dih", BASELINE),
    ("ptc_att_dih", BASELINE),
    ("dih_nm", BASELINE),
    (TWO_STAGE, BASELINE),
)
# Printed means over all images; table 1's harmonizer with true masks is the authors' release, trained here it is DIH-M.
TABLES = (published(PAPER, 2), published(PAPER, 1).replace({"method": {"dih": TRUE_MASK}}))
# What the paper expects of table 2's MSE, in steps.
LADDER = ORDERS[:3]


def two_stage_table(artefacts: Artefacts) -> pd.DataFrame:
    """Return table 1: MSE, PSNR and LPIPS on COCO-Exp with true masks (our DIH-M) and with detected ones, beside the paper's."""
    printed = TABLES[1]
    scores = _on(artefacts, COCO_EXP, {*printed["method"]}).assign(subset_or_bucket=EVERY)
    table = comparisons.printed_table(scores, printed, ("mse", "psnr", "lpips"), labels=LABELS, reasons={"lpips": LPIPS_MISSING})
    return artefacts.stamped(table)


def quality_table(artefacts: Artefacts) -> pd.DataFrame:
    """Return table 2: MSE and PSNR on both data sets beside the paper's, and below them doing nothing and the two-stage system.

    Ranks are among the three methods that see no mask, as in the paper.
    """
    printed = published(PAPER, 2)
    parts = []
    for dataset in DATASETS:
        scores = _on(artefacts, dataset, LABELS).assign(subset_or_bucket=EVERY)
        block = printed[printed["dataset"] == dataset]
        parts.append(comparisons.printed_table(scores, block, ("mse", "psnr"), labels=LABELS, reasons={}, ranked=NO_MASK))
    return artefacts.stamped(pd.concat(parts, ignore_index=True))


def size_table(artefacts: Artefacts) -> pd.DataFrame:
    """Return table 3: MSE by size of the object on both data sets beside the paper's; ranks as in ``quality_table``."""
    printed = published(PAPER, 3)
    parts = []
    for dataset in DATASETS:
        block = printed[printed["dataset"] == dataset]
        scores = sized(_on(artefacts, dataset, {*printed["method"]}))
        reasons = dict.fromkeys(LABELS, NO_IMAGE)
        parts.append(comparisons.printed_table(scores, block, ("mse",), labels=LABELS, reasons=reasons, ranked=NO_MASK))
    return artefacts.stamped(pd.concat(parts, ignore_index=True))


def relative_table(artefacts: Artefacts) -> pd.DataFrame:
    """Return table 3 relative to its row "MSE orig.": the share of the composites' error that is left, below 1 better than nothing.

    A ratio of means over the same images, with an interval over photographs; the paper's is that of its printed means.
    """
    printed = _printed_ratios()
    parts = []
    for dataset in DATASETS:
        scores, rows = sized(_on(artefacts, dataset, LABELS)), []
        for size, part in scores.groupby("subset_or_bucket", sort=False):
            for method in (name for name in LABELS if name != BASELINE and name in set(part["method"])):
                ratio = paired_ratio(part, method, BASELINE, "mse")
                rows.append((size, method, RELATIVE.lower(), ratio.mean, ratio.low, ratio.high, ratio.n, ratio.units))
        summary = pd.DataFrame(rows, columns=["subset_or_bucket", "method", "metric", "mean", "low", "high", "n", "photographs"])
        block = printed[printed["dataset"] == dataset]
        table = beside_paper(summary, block, data=comparisons.data_of(scores), reasons=dict.fromkeys(LABELS, NO_IMAGE))
        parts.append(table.assign(row=table["method"].map(LABELS), metric=RELATIVE, direction="down"))
    return artefacts.stamped(pd.concat(parts, ignore_index=True))


def _printed_ratios() -> pd.DataFrame:
    """Return table 3 with every value divided by "MSE orig." of its size, and without that row."""
    printed = published(PAPER, 3)
    keys = ["dataset", "subset_or_bucket"]
    nothing = printed[printed["method"] == BASELINE].set_index(keys)["number"]
    methods = printed[printed["method"] != BASELINE].join(nothing.rename("nothing"), on=keys)
    return methods.assign(value=(methods["number"] / methods["nothing"]).map("{:.3f}".format), metric=RELATIVE)


def size_counts(artefacts: Artefacts) -> pd.DataFrame:
    """Return how many test images have an object of each size: data, the eight sizes, those beyond, and iHarmony4's own counts."""
    rows = [{"data": "iHarmony4, public test set", **IHARMONY4_COUNTS, BEYOND: 0}]
    for dataset in DATASETS:
        scores = _on(artefacts, dataset, {BASELINE})
        counts = bucket(scores["foreground_ratio"], SIZE_BUCKETS).fillna(BEYOND).value_counts()
        rows.append({"data": comparisons.data_of(scores), **{size: int(counts.get(size, 0)) for size in (*SIZE_BUCKETS, BEYOND)}})
    return pd.DataFrame(rows)


def with_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Return one block of table 3 for reading: every size with its number of images."""
    counts = table.groupby("subset_or_bucket", sort=False)["n"].max()
    heads = {size: f"{size}, n = {counts[size]}" for size in counts.index}
    return table.assign(subset_or_bucket=table["subset_or_bucket"].map(heads))


def orders(artefacts: Artefacts) -> pd.DataFrame:
    """Return the paired differences of ORDERS on both data sets with the paper's own (``kit.orders``), from table 2, else from table 1."""
    return kit_orders.orders(artefacts.scores, ORDERS, ("mse", "psnr"), tables=TABLES, labels=LABELS)


def order_sentences(table: pd.DataFrame) -> list[str]:
    """Return one sentence per benchmark: which steps of the paper's order in MSE hold, and whether all do; table: ``orders``."""
    sentences = []
    for data, part in table[table["metric"] == "mse"].groupby("data", sort=False):
        steps = {(row["first"], row["second"]): row for row in part.to_dict("records")}
        rows = [steps[step] for step in LADDER if step in steps]
        words = [f"{row['comparison']} {row['ours']:+.4g} (paper {row['paper']:+.4g}; {row['verdict']})" for row in rows]
        verdicts = [row["verdict"] for row in rows]
        # One hypothesis: it holds where every step does, and fails where one does.
        whole = DIFFERS if DIFFERS in verdicts else next((words for words in verdicts if words != AGREES), AGREES) if rows else CANNOT_SAY
        sentences.append(f"{data}, n = {part['n'].iloc[0]}, MSE: {'; '.join(words)}. The order as a whole: {whole}.")
    return sentences


def small_objects(artefacts: Artefacts) -> pd.DataFrame:
    """Return whether methods without mask are worse than doing nothing on objects below 10 %: their MSE less the composite's.

    Columns: data, dataset, method, paper, ours, low, high, n, worse (share of the images on which the method is), reading. One row per
    method of NO_MASK and the two-stage system; the paper's is the difference of two means of table 3.
    """
    rows = []
    for dataset in DATASETS:
        everything = _on(artefacts, dataset, LABELS)
        scores = sized(everything).query("subset_or_bucket == @SMALL")
        printed = published(PAPER, 3).query("dataset == @dataset and subset_or_bucket == @SMALL").set_index("method")["number"]
        for method in (*NO_MASK, TWO_STAGE):
            paper = round(float(printed[method] - printed[BASELINE]), 4) if method in printed else np.nan
            rows.append((comparisons.data_of(everything), dataset, LABELS[method], paper, *_against_nothing(scores, method)))
    return pd.DataFrame(rows, columns=["data", "dataset", "method", "paper", "ours", "low", "high", "n", "worse", "reading"])


def _against_nothing(scores: pd.DataFrame, method: str) -> tuple[float, float, float, int, float, str]:
    """Return the last six columns of ``small_objects`` for the images of some scores."""
    if scores.empty:
        return np.nan, np.nan, np.nan, 0, np.nan, NO_IMAGE
    values = paired_scores(scores, method, BASELINE, "mse")
    difference = paired_difference(scores, method, BASELINE, "mse")
    words = comparisons.reading(difference.low, difference.high, lower_is_better=True)
    return difference.mean, difference.low, difference.high, difference.n, float((values["a"] > values["b"]).mean()), words


def small_sentences(table: pd.DataFrame) -> list[str]:
    """Return one sentence per data set: which methods are worse than doing nothing below 10 %, there and here; ``small_objects``."""
    sentences = []
    for data, part in table.groupby("data", sort=False):
        printed = part.loc[part["paper"] > 0, "method"].tolist()
        words = [f"{row['method']} {row['ours']:+.4g} ({row['reading']})" for row in part.to_dict("records") if row["n"]]
        here = "; ".join(words) or NO_IMAGE
        sentences.append(f"{data}, objects below 10 %: in the paper {' and '.join(printed)} are worse than doing nothing; here {here}.")
    return sentences


def _on(artefacts: Artefacts, dataset: str, methods: Collection[str]) -> pd.DataFrame:
    """Return the scores of some methods on the benchmark that stands for a data set."""
    return artefacts.scores[(artefacts.scores["dataset"] == dataset) & artefacts.scores["method"].isin(methods)]


def sized(scores: pd.DataFrame) -> pd.DataFrame:
    """Return scores with the size of their object as "subset_or_bucket", those beyond all sizes left out, small ones first."""
    sizes = pd.Categorical(bucket(scores["foreground_ratio"], SIZE_BUCKETS), list(SIZE_BUCKETS), ordered=True)
    return scores.assign(subset_or_bucket=sizes).dropna(subset="subset_or_bucket").sort_values("subset_or_bucket", kind="stable")
