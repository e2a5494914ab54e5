"""Tables 1 to 6 of FRIH, and the orders that the paper reads from them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from harmlib.evaluation.statistics import ALL, summarize
from reproduction.frih.artefacts import BASELINE, COMPARED, LABELS, METHOD, PAPER, STAGE_ONE, Artefacts
from reproduction.kit import comparisons
from reproduction.kit import orders as kit_orders
from reproduction.kit.names import HARMONIZER, LEARNED, NOT_SCORED, parameters_of, with_budgets
from reproduction.kit.tables import beside_paper
from reproduction.papers import published

ABLATION = (BASELINE, STAGE_ONE, "frih_globalmask", "frih_submask", METHOD)
METRICS = {1: ("mse", "psnr"), 2: ("mse", "fmse"), 3: ("mse", "psnr"), 4: ("mse", "fmse"), 5: ("mse", "psnr")}
BY_SIZE = (2, 4)
AGAINST_OTHERS = (1, 2)
OTHER_DATA = {False: "our data have other sub-datasets", True: "no test image of this size"}
# What section "Ablation Study" orders.
ORDERS = (
    (STAGE_ONE, BASELINE),
    ("frih_globalmask", STAGE_ONE),
    ("frih_submask", STAGE_ONE),
    ("frih_submask", "frih_globalmask"),
    (METHOD, "frih_submask"),
    (METHOD, STAGE_ONE),
    (METHOD, BASELINE),
)
# Where the paper prints means over all images.
TABLES = tuple(published(PAPER, table) for table in (1, 2, 3, 4))
MILLION = 1e6


def quality_table(artefacts: Artefacts, table: int) -> pd.DataFrame:
    """Return table 1 to 5: our means with intervals beside the paper's, by sub-dataset or by size of the foreground.

    Tables 1 and 2 compare methods: those that the paper does not print stand below where they were scored, and "budget" says how each
    was trained. 3 and 4 are the ablation, 5 the cut-off distances.
    """
    printed = published(PAPER, table)
    wanted = {*printed["method"], *(COMPARED if table in AGAINST_OTHERS else ())}
    scores = artefacts.scores[artefacts.scores["method"].isin(wanted)]
    if table in BY_SIZE:
        grouped = comparisons.in_buckets(scores)
    else:
        grouped = comparisons.in_subsets(scores) if table in (1, 3) else scores.assign(subset_or_bucket=ALL)
    reasons = dict.fromkeys(wanted - set(scores["method"]), NOT_SCORED)
    reasons |= dict.fromkeys(scores["method"].unique(), OTHER_DATA[table in BY_SIZE])
    filled = comparisons.printed_table(grouped, printed, METRICS[table], labels=LABELS, reasons=reasons)
    return artefacts.stamped(with_budgets(filled, artefacts) if table in AGAINST_OTHERS else filled)


def size_table(artefacts: Artefacts) -> pd.DataFrame:
    """Return table 6: PSNR as trained in this profile, and the millions of parameters of the method at full width.

    The paper prints four methods; the other learned ones stand below where they were scored.
    """
    printed = published(PAPER, 6).assign(dataset="iHarmony4", subset_or_bucket=ALL)
    scores = artefacts.scores[artefacts.scores["method"].isin({*LEARNED, *HARMONIZER, METHOD})]
    methods = dict.fromkeys([*printed["method"], *scores["method"]])
    quality = summarize(scores, by=("method",), metrics=("psnr",))
    sizes = [(name, "params", parameters_of(name) / MILLION, 1) for name in methods]
    ours = pd.concat([quality, pd.DataFrame(sizes, columns=["method", "metric", "mean", "n"])])
    table = beside_paper(ours, printed, data=comparisons.data_of(artefacts.scores), reasons=dict.fromkeys(methods, NOT_SCORED))
    named = table.assign(
        row=table["row"].where(table["row"] != "", table["method"].map(LABELS)),
        direction=table["metric"].map({"PSNR": "up", "Params": "down"}),
        # A count has no images behind it.
        n=table["n"].mask(table["metric"] == "Params", 0),
    )
    return artefacts.stamped(named)


def orders(artefacts: Artefacts) -> pd.DataFrame:
    """Return the paired differences of ORDERS with the paper's own (``kit.orders``)."""
    return _orders(artefacts, ORDERS)


def against_others(artefacts: Artefacts) -> pd.DataFrame:
    """Return the paired differences of FRIH from every other system that was scored, as ``orders`` does."""
    return artefacts.stamped(_orders(artefacts, [(METHOD, other) for other in COMPARED if other != METHOD]))


def _orders(artefacts: Artefacts, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Return the paired differences of pairs of methods; of RainNet, table 1 prints no MSE, and table 2 does."""
    return kit_orders.orders(artefacts.scores, pairs, ("mse", "psnr", "fmse"), tables=TABLES, labels=LABELS)


def ladder_sentences(table: pd.DataFrame) -> list[str]:
    """Return one sentence per metric: what each step of the ablation changes, in the paper and here; table: ``orders``."""
    steps = list(zip(ABLATION[1:], ABLATION[:-1], strict=True))
    # The paper measures submasks from the baseline, not from the whole mask.
    steps[2] = ("frih_submask", STAGE_ONE)
    sentences = []
    for metric, part in table.groupby("metric", sort=False):
        name = str(metric).replace("mse", "MSE").replace("psnr", "PSNR")
        rows = [row for row in part.to_dict("records") if (row["first"], row["second"]) in steps]
        words = [f"{row['comparison']} {row['ours']:+.4g} (paper {row['paper']:+.4g}; {row['reading']})" for row in rows]
        sentences.append(f"{name}: {'; '.join(words)}.")
    return sentences
