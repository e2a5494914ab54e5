"""Which filters people need and how far they turn them (Harmonizer Fig. 2): importance scores and argument distributions.

The tables have one row per question: participant, image, role, filter, argument, touched, importance, as ``records`` reads them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from harmlib.evaluation.intervals import draw_weights, percentile_interval
from reproduction.userstudy.agreement import kendalls_w
from reproduction.userstudy.intervals import DRAWS
from reproduction.userstudy.tables import answered

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}


def importance_table(answers: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Return one row per filter, the most important first, ties by name: filter, importance, importance_low, importance_high.

    importance: 1..5, the mean over participants of their means over images; the interval is a 95 % bootstrap over participants.
    Raises DataError when nobody gave an importance.
    """
    means = _participant_means(answers)
    known = means.notna().to_numpy(dtype=float)  # (R, F)
    weights = draw_weights(len(means), draws, np.random.default_rng(seed))  # (draws, R)
    people = weights @ known
    sums = weights @ np.nan_to_num(means.to_numpy())
    drawn = np.divide(sums, people, out=np.full(sums.shape, np.nan), where=people > 0)
    low, high = percentile_interval(drawn, len(means))
    columns = {"filter": means.columns, "importance": means.mean().to_numpy(), "importance_low": low, "importance_high": high}
    return _most_important_first(pd.DataFrame(columns))


def argument_table(answers: pd.DataFrame) -> pd.DataFrame:
    """Return one row per filter, by name: filter, n, touched_share, mean, sd, variance (divisor n), q05, q25, q50, q75, q95.

    The Gaussian and the quantiles are of the arguments of touched filters only, NaN where nobody touched one; n counts those.
    """
    groups = answers[answers["touched"] == 1].groupby("filter")["argument"]
    table = pd.DataFrame({"n": groups.count(), "mean": groups.mean(), "sd": groups.std(ddof=0), "variance": groups.var(ddof=0)})
    quantiles = pd.DataFrame({name: groups.quantile(share) for name, share in QUANTILES.items()})
    shares = answers.groupby("filter")["touched"].mean().astype(float).rename("touched_share")
    table = pd.concat([shares, table, quantiles], axis=1).rename_axis("filter").reset_index()
    order = ["filter", "n", "touched_share", "mean", "sd", "variance", *QUANTILES]
    return table.assign(n=table["n"].fillna(0).astype(int))[order].sort_values("filter", ignore_index=True)


def filter_ranges(answers: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Return the content of filter_ranges.csv: ``argument_table`` and ``importance_table`` joined, the most important first."""
    importance = importance_table(answers, draws=draws, seed=seed)
    return _most_important_first(argument_table(answers).merge(importance, on="filter", how="left", validate="one_to_one"))


def argument_boxes(answers: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what matplotlib's ``Axes.bxp`` draws, one box per touched filter, the most important first.

    Boxes are quartiles, whiskers end at the last argument within 1.5 interquartile ranges, fliers are the arguments beyond.
    """
    from matplotlib.cbook import boxplot_stats

    arguments = answers[answers["touched"] == 1].groupby("filter")["argument"]
    importance = _participant_means(answers).mean().rename("importance").rename_axis("filter").reset_index()
    names = [name for name in _most_important_first(importance)["filter"] if name in arguments.groups]
    return boxplot_stats([arguments.get_group(name).to_numpy(dtype=float) for name in names], labels=names)


def importance_agreement(answers: pd.DataFrame) -> float:
    """Return Kendall's W of the participants' importance scores on the images common to all; those who skipped a filter do not count."""
    return kendalls_w(_participant_means(answers[answers["role"] == "common"]).dropna().to_numpy())


def _participant_means(answers: pd.DataFrame) -> pd.DataFrame:
    """Return every participant's mean importance of every filter, (R, F), NaN where there is none."""
    scored = answered(answers, "filters").astype({"importance": float})
    return scored.pivot_table(index="participant", columns="filter", values="importance", sort=False)


def _most_important_first(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows sorted by importance, ties by name."""
    return table.sort_values(["importance", "filter"], ascending=[False, True], ignore_index=True)
