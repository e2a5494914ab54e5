"""The measured order of all systems beside the printed one: ranks, agreement of the orders, and the pairs that contradict print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from harmlib import models
from harmlib.evaluation.intervals import Interval, bootstrap_interval
from harmlib.evaluation.statistics import paired_difference, paired_scores, photographs, summarize
from reproduction.baselines.artefacts import BASELINE, LABELS, Artefacts
from reproduction.kit import comparisons
from reproduction.kit.comparisons import BETTER, OPEN, TOO_FEW, WORSE, readings
from reproduction.kit.findings import ALL_WORSE
from reproduction.kit.names import CLASSICAL, VARIANTS, budget_of
from reproduction.kit.orders import all_worse
from reproduction.kit.tables import LOWER_IS_BETTER
from reproduction.papers import printed_mean, published

METRICS = ("mse", "fmse", "psnr")
# Those of which FRIH's table 1 prints a mean over all images.
RANKED = ("mse", "psnr")
# FRIH's table 1 leaves out the plain transformer, which Harmonizer's has, and RainNet's MSE, which FRIH's table 2 has.
TABLES = tuple(published(paper, table) for paper, table in (("frih", 1), ("frih", 2), ("harmonizer", 1)))
# Printed system -> the run that stands for it, where there is one at the budget of all others.
EQUAL_BUDGET = {"harmonizer": "harmonizer_equal"}
# No network draws their pictures; that of Zhu et al. only judges.
WITHOUT_DRAWING = (*CLASSICAL, "zhu")
AGREE, CONTRADICT = "as printed", "against print"
LOST = "of two that lose to the composite"


@cache
def printed_value(method: str, metric: str) -> float:
    """Return what the papers print for a system over all test images of iHarmony4, NaN where they print nothing."""
    if metric not in RANKED:
        return float("nan")
    return printed_mean(TABLES, method, metric, "iHarmony4")


def stand_ins(artefacts: Artefacts, metric: str) -> dict[str, float]:
    """Return the scored run that stands for each printed system -> the printed value, in the order of LABELS."""
    scored = set(artefacts.scores["method"])
    printed = {name: value for name in LABELS if not np.isnan(value := printed_value(name, metric))}
    runs = {(EQUAL_BUDGET[name] if EQUAL_BUDGET.get(name) in scored else name): value for name, value in printed.items()}
    return {run: value for run, value in runs.items() if run in scored}


def ranking_table(artefacts: Artefacts) -> pd.DataFrame:
    """Return one row per system and metric, the best first: who, how trained, our mean with interval, and both ranks.

    artefacts: of ``ranked``. rank: ours among all that were scored. paper, paper_rank: the printed mean and its rank among the printed
    ones that were scored; rank_of_printed: ours among the same. reading: against the composite, over the same images.
    """
    methods = [method for method in LABELS if method in set(artefacts.scores["method"])]
    table = summarize(artefacts.scores[artefacts.scores["method"].isin(methods)], by=("method",), metrics=METRICS)
    table = table.rename(columns={"mean": "ours"})
    own = comparisons.differences(artefacts.scores, [(method, BASELINE) for method in methods if method != BASELINE], METRICS)
    table = table.merge(own[["first", "metric", "reading"]], how="left", left_on=["method", "metric"], right_on=["first", "metric"])
    parts = []
    for metric, part in table.groupby("metric", sort=False):
        paper, rising = part["method"].map(stand_ins(artefacts, str(metric))), metric in LOWER_IS_BETTER
        both = {"rank_of_printed": part["ours"].where(paper.notna()), "paper_rank": paper}
        ranks = {name: values.rank(ascending=rising, method="min").astype("Int64") for name, values in both.items()}
        rank = part["ours"].rank(ascending=rising, method="min").astype(int)
        parts.append(part.assign(rank=rank, paper=paper, **ranks).sort_values("rank", kind="stable"))
    ranked = pd.concat(parts, ignore_index=True)
    known = {}
    for method in methods:
        kind = "" if method == BASELINE else "classical" if method in WITHOUT_DRAWING else "learned"
        reference = models.describe(VARIANTS.get(method, (method,))[0]).reference
        known[method] = (LABELS[method], reference, kind, budget_of(artefacts, method))
    who = pd.DataFrame([known[method] for method in ranked["method"]], columns=["system", "reference", "kind", "budget"])
    columns = [*who, "metric", "ours", "low", "high", "n", "rank", "paper", "rank_of_printed", "paper_rank", "reading"]
    table = pd.concat([ranked, who], axis=1).fillna({"reading": ""})[["method", *columns]]
    return artefacts.stamped(table.assign(data=comparisons.data_of(artefacts.scores)))


def ranking_view(table: pd.DataFrame) -> pd.DataFrame:
    """Return ``ranking_table`` for reading: one row per system in the order of its MSE."""
    text = [f"{ours:.4g}{comparisons.bounds(low, high)}" for ours, low, high in table[["ours", "low", "high"]].to_numpy()]
    cells = table.assign(text=text, paper=[f"{value:g}" if value == value else "" for value in table["paper"]])
    wide = cells.pivot_table(index="method", columns="metric", values=["text", "paper"], aggfunc="first")
    rows = cells[cells["metric"] == "mse"].set_index("method")
    view = rows[["system", "reference", "kind", "budget"]].copy()
    for name in ("rank", "rank_of_printed", "paper_rank"):
        view[name.replace("_", " ")] = ["" if pd.isna(value) else str(value) for value in rows[name]]
    for metric in METRICS:
        view[metric.upper().replace("FMSE", "fMSE")] = wide["text", metric]
    view["paper's MSE"], view["paper's PSNR"] = wide["paper", "mse"], wide["paper", "psnr"]
    return view.assign(**{"against doing nothing": rows["reading"]}).reset_index(drop=True)


def order_agreement(artefacts: Artefacts) -> pd.DataFrame:
    """Return Kendall's and Spearman's correlation of the measured with the printed order: metric, statistic, ours, low, high, ...

    artefacts: of ``ranked``. The intervals draw the photographs of the test images, all systems together.
    """
    rows = []
    for metric in RANKED:
        printed = stand_ins(artefacts, metric)
        values, units = score_matrix(artefacts.scores, list(printed), metric)
        paper = np.array(list(printed.values()))
        for name, statistic in (("Kendall's τ", kendall), ("Spearman's ρ", spearman)):
            found = _agreement(values, units, paper, statistic)
            rows.append((metric, name, found.mean, found.low, found.high, len(printed), found.n))
    table = pd.DataFrame(rows, columns=["metric", "statistic", "ours", "low", "high", "systems", "n"])
    return artefacts.stamped(table.assign(data=comparisons.data_of(artefacts.scores)))


def _agreement(
    values: np.ndarray, units: pd.Series, paper: np.ndarray, statistic: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> Interval:
    """Return how far the order of the means of rows, (M, N), agrees with the printed one; units: (N,), the photographs."""
    codes, names = pd.factorize(units)
    sums, sizes = np.stack([np.bincount(codes, row) for row in values], axis=1), np.bincount(codes)  # (P, M) and (P,)
    return bootstrap_interval(lambda counts: statistic(counts @ sums / (counts @ sizes)[:, None], paper), len(names), len(units))


def score_matrix(scores: pd.DataFrame, methods: Sequence[str], metric: str) -> tuple[np.ndarray, pd.Series]:
    """Return one row per method and one column per image, float64 (M, N), all methods on the same images, and the photograph of each.

    Raises DataError when a method lacks an image that another has.
    """
    for method in methods[1:]:
        paired_scores(scores, methods[0], method, metric)
    wide = scores[scores["method"].isin(methods)].pivot_table(index=["benchmark", "subset", "id"], columns="method", values=metric)
    return wide[list(methods)].to_numpy(dtype=float).T, photographs(wide.index.to_frame())


def kendall(means: np.ndarray, paper: np.ndarray) -> np.ndarray:
    """Return Kendall's τ of each row of means (D, M) with the printed values (M,): pairs of one order less those of the other, (D,)."""
    first, second = np.triu_indices(len(paper), 1)
    return (np.sign(means[:, first] - means[:, second]) * np.sign(paper[first] - paper[second])).mean(1)


def spearman(means: np.ndarray, paper: np.ndarray) -> np.ndarray:
    """Return Spearman's ρ of each row of means (D, M) with the printed values (M,), (D,)."""
    ours, theirs = rankdata(means, axis=1), rankdata(paper)
    ours, theirs = ours - ours.mean(1, keepdims=True), theirs - theirs.mean()
    return ours @ theirs / np.sqrt((ours**2).sum(1) * (theirs**2).sum())


def printed_pairs(artefacts: Artefacts) -> pd.DataFrame:
    """Return every pair of systems whose order the papers print: metric, better (in print), worse, paper, ours, low, high, n, reading.

    artefacts: of ``ranked``. paper, ours: better - worse. Paired intervals are over photographs and seeds. The reading is "as printed" or
    "against print" where a difference is clear after the correction over all pairs and metrics (``comparisons.readings``), and ALL_WORSE
    where both systems lose to the composite.
    """
    rows, intervals, lost = [], [], []
    for metric in RANKED:
        printed, lower = stand_ins(artefacts, metric), metric in LOWER_IS_BETTER
        methods = sorted(printed, key=printed.__getitem__, reverse=not lower)
        means = artefacts.scores.groupby("method")[metric].mean()
        for better, worse in combinations(methods, 2):
            paper = round(printed[better] - printed[worse], 3)
            if paper == 0:
                continue
            intervals.append(paired_difference(artefacts.scores, better, worse, metric))
            rows.append((metric, better, worse, paper, intervals[-1].mean, intervals[-1].low, intervals[-1].high, intervals[-1].n))
            lost.append(all_worse(means, (better, worse), metric))
    table = pd.DataFrame(rows, columns=["metric", "better", "worse", "paper", "ours", "low", "high", "n"])
    words = pd.Series(readings(intervals, lower_is_better=table["metric"].isin(LOWER_IS_BETTER)), dtype=object)
    return table.assign(reading=words.replace({BETTER: AGREE, WORSE: CONTRADICT}).mask(pd.Series(lost, dtype=bool), ALL_WORSE))


def disagreements(artefacts: Artefacts, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs that contradict print, with both budgets, the clearest first by the interval's distance from zero."""
    rows = pairs[pairs["reading"] == CONTRADICT]
    budgets = {f"budget_of_{side}": [budget_of(artefacts, method) for method in rows[side]] for side in ("better", "worse")}
    names = {f"{side}_system": rows[side].map(LABELS) for side in ("better", "worse")}
    distance = np.minimum(rows["low"].abs(), rows["high"].abs()) / rows.groupby("metric")["ours"].transform(lambda part: part.abs().max())
    table = rows.assign(**names, **budgets, distance=distance).sort_values(["metric", "distance"], ascending=[True, False], kind="stable")
    return artefacts.stamped(table.drop(columns="distance").reset_index(drop=True).assign(data=comparisons.data_of(artefacts.scores)))


def pair_counts(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return how many printed pairs hold here: metric, pairs, as printed, against print, no clear difference, all worse, images."""
    rows = []
    for metric, part in pairs.groupby("metric", sort=False):
        kept, turned, lost = (int((part["reading"] == words).sum()) for words in (AGREE, CONTRADICT, ALL_WORSE))
        rows.append((metric, len(part), kept, turned, len(part) - kept - turned - lost, lost, part["n"].iloc[0]))
    return pd.DataFrame(rows, columns=["metric", "pairs", AGREE, CONTRADICT, OPEN, LOST, "n"])


def agreement_sentences(agreement: pd.DataFrame, counts: pd.DataFrame) -> list[str]:
    """Return one sentence per metric: how far both orders agree; agreement: ``order_agreement``, counts: ``pair_counts``."""
    sentences = []
    for row in counts.to_dict("records"):
        part = agreement[agreement["metric"] == row["metric"]].to_dict("records")
        words = [f"{entry['statistic']} {entry['ours']:+.2f}{comparisons.bounds(entry['low'], entry['high'], '+.2f')}" for entry in part]
        decided = f"of {row['pairs']} printed pairs {row[AGREE]} hold, {row[CONTRADICT]} are turned around, {row[OPEN]} stay open"
        decided += f", {row[LOST]} are {LOST}" if row[LOST] else ""
        sentences.append(f"{row['metric'].upper()} (n = {row['n']}): {', '.join(words)}; {decided} after Holm's correction.")
    return sentences


def against_nothing(table: pd.DataFrame) -> list[str]:
    """Return one sentence per reading: which systems differ clearly from the composite in MSE; table: ``ranking_table``."""
    part = table[(table["metric"] == "mse") & (table["method"] != BASELINE)]
    shown = (BETTER, OPEN, WORSE, TOO_FEW) if TOO_FEW in set(part["reading"]) else (BETTER, OPEN, WORSE)
    names = {words: part.loc[part["reading"] == words, "system"].tolist() for words in shown}
    return [f"{words} (against doing nothing): {', '.join(found) or 'none'}." for words, found in names.items()]
