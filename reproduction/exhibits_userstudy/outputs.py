"""Real outputs, simulated raters: does an order by Bradley-Terry scores follow the order by errors?

The raters prefer what differs less from the real photograph, in color, inside the foreground. So what they say about the methods is known
beforehand; what can be learned is how an order of preferences and an order of mean errors relate on the very same pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from harmlib.evaluation.intervals import Interval, mean_interval
from harmlib.evaluation.statistics import photograph_of
from harmlib.inference.pictures import harmonize
from harmlib.models.base import HarmonizationModel
from harmlib.progress import progress
from reproduction.exhibits_userstudy.numbers import Scored, difference
from reproduction.kit.artefacts import BASELINE
from reproduction.kit.comparisons import BETTER, WORSE, reading, readings
from reproduction.kit.names import label_of
from reproduction.kit.selection import Sample
from reproduction.userstudy import StudyRecords, stamped
from reproduction.userstudy.agreement import order_agreement
from reproduction.userstudy.bradley_terry import printed_scores
from reproduction.userstudy.simulated import color_difference, preference_study, utilities_from_distances

# Metric -> its name and unit; the raters look at the first.
METRICS = {"color_difference": "color difference (CIEDE2000)", "fmse": "fMSE (8-bit levels squared)"}
SEEN = "color_difference"


def compared() -> list[str]:
    """Return the trained methods that table 5 ranks, in its order."""
    return [method for method in printed_scores("video")["method"] if method != BASELINE]


def measure(samples: Sequence[Sample], methods: Mapping[str, HarmonizationModel]) -> pd.DataFrame:
    """Return the errors of the composite and of every method's result at full size: item, method, and the names of METRICS."""
    rows = []
    for sample in progress(samples, desc="composites that raters would see", unit="image"):
        results = {name: np.asarray(harmonize(model, sample.composite, sample.mask)) for name, model in methods.items()}
        for name, result in {BASELINE: sample.composite, **results}.items():
            seen = color_difference(result, sample.real, sample.mask)
            # In float64, so that the number of threads cannot change the last digit.
            squared = np.square(result.astype(float) - sample.real)[sample.mask].mean()
            rows.append((f"{sample.subset}/{sample.id}", name, seen, squared))
    return pd.DataFrame(rows, columns=["item", "method", *METRICS])


def preferences(errors: pd.DataFrame, *, raters: int, seed: int) -> StudyRecords:
    """Return simulated rankings of the results that ``measure`` has measured: the smaller the color difference, the better liked."""
    distances = errors.pivot_table(index="item", columns="method", values=SEEN)[list(errors["method"].unique())]
    distances = distances.loc[errors["item"].unique()]
    return preference_study(utilities_from_distances(distances), participants=raters, seed=seed)


def error_table(errors: pd.DataFrame, study: Scored, budgets: Mapping[str, str]) -> pd.DataFrame:
    """Return one row per method, the best score first: score and mean errors with 95 % intervals, and how it was trained.

    Columns: raters, method, score, low, high (over raters), then for every metric its mean, <metric>_low, <metric>_high (over photographs),
    mean_place (by color difference, 1 = smallest), n (items), budget.
    """
    ranks = errors.groupby("item")[SEEN].rank().groupby(errors["method"]).mean()
    rows = []
    for row in study.scores.table.to_dict("records"):
        part, entry = errors[errors["method"] == row["method"]], {name: row[name] for name in ("method", "score", "low", "high")}
        for metric in METRICS:
            found = mean_interval(part[metric], part["item"].map(photograph_of))
            entry |= {metric: found.mean, f"{metric}_low": found.low, f"{metric}_high": found.high}
        rows.append(entry | {"mean_place": ranks[row["method"]], "n": len(part), "budget": budgets.get(row["method"], "")})
    return stamped(study.records.info, pd.DataFrame(rows).sort_values("score", ascending=False, kind="stable", ignore_index=True))


def order_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return Kendall's tau between the order by scores and other orders of the same methods: raters, order, tau, n (methods).

    table: ``error_table``. Errors count downwards: tau is 1 when the best liked method has the smallest error.
    """
    rows = table.set_index("method")
    scores = rows["score"].to_dict()
    others = {f"mean {METRICS[metric]}": -rows[metric] for metric in METRICS} | {"mean place by color difference": -rows["mean_place"]}
    printed = printed_scores("image").set_index("method")["printed"]
    others["scores that the paper prints (from people, other pictures)"] = printed[printed.index.isin(list(scores))]
    taus = {name: order_agreement(scores, other.to_dict()) for name, other in others.items()}
    return pd.DataFrame({"raters": table["raters"].iloc[0], "order": list(taus), "tau": list(taus.values()), "n": len(scores)})


def pair_table(errors: pd.DataFrame, study: Scored) -> pd.DataFrame:
    """Return every pair of methods, the better liked first: what scores and what mean errors say about it.

    Columns: raters, first, second, score_difference, score_low, score_high, score_reading, then for every metric the mean of first -
    second over the same items as <metric>, <metric>_low, <metric>_high, <metric>_reading; n: items. Intervals
    of scores draw the items again, those of errors take photographs for independent. A reading (better, worse, no clear difference) is
    about the first method; those of errors are corrected over all pairs and metrics.
    """
    order = study.values().sort_values(ascending=False, kind="stable").index
    wide = errors.pivot_table(index="item", columns="method", values=list(METRICS))
    rows, intervals, photos = [], [], wide.index.map(photograph_of)
    for index, first in enumerate(order):
        for second in order[index + 1 :]:
            liked = difference(study, first, second)
            entry: dict[str, object] = {"first": first, "second": second, **_parts("score", liked, "score_difference")}
            entry["score_reading"] = reading(liked.low, liked.high, lower_is_better=False)
            for metric in METRICS:
                intervals.append(mean_interval(wide[metric][first] - wide[metric][second], photos))
                entry |= {**_parts(metric, intervals[-1], metric), f"{metric}_reading": ""}
            rows.append(entry | {"n": len(wide)})
    words = np.reshape(readings(intervals, lower_is_better=[True] * len(intervals)), (len(rows), len(METRICS)))
    table = pd.DataFrame(rows).assign(**{f"{metric}_reading": words[:, k] for k, metric in enumerate(METRICS)})
    return stamped(study.records.info, table)


def _parts(name: str, interval: Interval, mean: str) -> dict[str, float]:
    """Return an interval as columns."""
    return {mean: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}


def pair_sentences(pairs: pd.DataFrame) -> list[str]:
    """Return how many pairs the scores and the mean errors tell apart, and how often they do so in the same order."""
    clear = pairs["score_reading"] == BETTER
    sentences = [f"Scores tell {clear.sum()} of {len(pairs)} pairs apart (n = {pairs['n'].iloc[0]} composites)."]
    for metric, name in METRICS.items():
        found = pairs[f"{metric}_reading"]
        same, other = (int((clear & (found == words)).sum()) for words in (BETTER, WORSE))
        sentences.append(
            f"Mean {name} tells {found.isin([BETTER, WORSE]).sum()} apart; of those clear in both, {same} in the same order, {other} not."
        )
    return sentences


def budget_words(table: pd.DataFrame) -> list[str]:
    """Return one line per budget with the methods that were trained so; table: ``error_table``."""
    groups = table[table["budget"] != ""].groupby("budget", sort=False)["method"]
    return [f"{budget}: {', '.join(map(label_of, methods))}" for budget, methods in groups]
