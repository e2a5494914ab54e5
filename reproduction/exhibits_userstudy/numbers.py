"""Harmonizer's table 5: Bradley-Terry scores of a study beside the printed ones, its win rates, and how far its raters agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from harmlib.errors import DataError
from harmlib.evaluation.intervals import Interval, widened
from reproduction.exhibits_userstudy.material import sample_words
from reproduction.kit.names import label_of
from reproduction.userstudy import StudyRecords, bootstrap_scores, count_pairs, count_rankings, stamped
from reproduction.userstudy.agreement import order_agreement, rater_agreement
from reproduction.userstudy.bradley_terry import printed_scores, win_rates
from reproduction.userstudy.comparisons import Comparisons
from reproduction.userstudy.intervals import CLUSTERS, NORMAL, Scores

# Row of table 5 that a kind of study is compared with.
ROWS = {"bt_image": "image", "bt_video": "video"}


@dataclass(frozen=True)
class Scored:
    """A study of rankings or pairs with its scores, centered log strengths.

    scores: with intervals that draw the participants again. wide: the same, items drawn again too.
    """

    records: StudyRecords
    comparisons: Comparisons
    scores: Scores
    wide: Scores

    @property
    def row(self) -> str:
        """The row of table 5 that the study is compared with."""
        return ROWS[self.records.info.kind]

    @property
    def people(self) -> int:
        """How many participants answered."""
        return len(self.comparisons.wins)

    @property
    def words(self) -> str:
        """Who answered about what."""
        return sample_words(self.records, self.people, self.comparisons.wins.shape[1])

    @cached_property
    def printed(self) -> pd.Series:
        """Method -> printed score, of the methods that the paper and the study share."""
        printed = printed_scores(self.row).set_index("method")["printed"]
        return printed[[method for method in printed.index if method in self.comparisons.methods]]

    def values(self) -> pd.Series:
        """Return method -> score."""
        return self.scores.table.set_index("method")["score"]

    def tau(self) -> float:
        """Return Kendall's tau between the scores and the printed ones, over the shared methods; NaN for fewer than two."""
        return order_agreement(self.values().to_dict(), self.printed.to_dict())


def score_study(records: StudyRecords, *, draws: int, seed: int) -> Scored:
    """Return the scores of a study; raises DataError for one without rankings or pairs."""
    if records.rankings is not None:
        comparisons = count_rankings(records.rankings, records.info.methods)
    elif records.pairs is not None:
        comparisons = count_pairs(records.pairs, records.info.methods)
    else:
        raise DataError(f'study "{records.info.name}" has neither rankings nor pairs to score')
    scores, wide = (bootstrap_scores(comparisons, cluster=cluster, draws=draws, seed=seed) for cluster in CLUSTERS)
    return Scored(records, comparisons, scores, wide)


def score_table(studies: Sequence[Scored]) -> pd.DataFrame:
    """Return table 5: one row per study and method, ours beside the paper's.

    paper: as printed. paper_centered: shifted so that the shared methods have the mean that they have here, the only comparison that an
    unknown scale allows; NaN where fewer than two are shared. ours, low, high, joint_low, joint_high, wins, comparisons: as in
    ``intervals.Scores``, over participants; wide_low, wide_high: over participants and items. n: participants.
    """
    parts = []
    for study in studies:
        names = printed_scores(study.row).set_index("method")["label"]
        table = study.scores.table.rename(columns={"score": "ours"})
        shift = study.values()[study.printed.index].mean() - study.printed.mean() if len(study.printed) > 1 else np.nan
        methods, paper = table["method"], table["method"].map(study.printed)
        rows = pd.DataFrame({"subset_or_bucket": study.row, "method": methods, "row": methods.map(names).fillna(methods.map(label_of))})
        numbers = table.drop(columns="method").assign(wide_low=study.wide.table["low"], wide_high=study.wide.table["high"])
        table = pd.concat([rows.assign(paper=paper, paper_centered=paper + shift), numbers], axis=1)
        more = {"order_agreement": study.tau(), "n": study.people, "items": study.comparisons.wins.shape[1]}
        parts.append(stamped(study.records.info, table.assign(**more, data=study.words, note=study.scores.footnote)))
    return pd.concat(parts, ignore_index=True)


def as_printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a ``score_table`` for reading, in the paper's layout: methods across, what is known of them down."""
    texts = {
        "paper, as printed": _numbers(table["paper"], "{:.3f}"),
        "paper, centered": _numbers(table["paper_centered"], "{:+.3f}"),
        "ours": _numbers(table["ours"], "{:+.3f}"),
        "95 %, raters": _intervals(table["low"], table["high"]),
        "95 %, raters and items": _intervals(table["wide_low"], table["wide_high"]),
        "won": [f"{won:g} of {all_:g}" for won, all_ in zip(table["wins"], table["comparisons"], strict=True)],
    }
    rows = table.assign(**texts).melt(["subset_or_bucket", "row"], list(texts), var_name="number")
    view = rows.pivot_table(index=["subset_or_bucket", "number"], columns="row", values="value", aggfunc="first", sort=False)
    return (
        view.reindex([(part, name) for part in table["subset_or_bucket"].unique() for name in texts])
        .fillna("")
        .rename_axis(index=["", ""], columns="")
    )


def _numbers(values: pd.Series, form: str) -> list[str]:
    """Return numbers as text, empty where there is none."""
    return ["" if np.isnan(value) else form.format(value) for value in values]


def _intervals(low: pd.Series, high: pd.Series) -> list[str]:
    """Return intervals as text, empty where there is none."""
    return [f"[{a:+.2f}, {b:+.2f}]" if a < b else "" for a, b in zip(low, high, strict=True)]


def win_table(studies: Sequence[Scored]) -> pd.DataFrame:
    """Return how often every method was preferred to every other: subset_or_bucket, method, other, wins, comparisons, rate, above.

    A tie is half a win. above: the share of bootstrap draws in which the method's score is the higher one.
    """
    parts = []
    for study in studies:
        wins, methods = study.comparisons.pooled, list(study.comparisons.methods)
        grids = {"wins": wins, "comparisons": wins + wins.T, "rate": win_rates(wins), "above": study.scores.above.to_numpy()}
        cells = np.nonzero(~np.eye(len(methods), dtype=bool))
        names = {name: [methods[index] for index in indices] for name, indices in zip(("method", "other"), cells, strict=True)}
        table = pd.DataFrame({"subset_or_bucket": study.row, **names, **{name: grid[cells] for name, grid in grids.items()}})
        parts.append(stamped(study.records.info, table))
    return pd.concat(parts, ignore_index=True)


def difference(study: Scored, first: str, second: str) -> Interval:
    """Return score of first - score of second with its 95 % interval over participants and items, n participants.

    An order of methods is meant for pictures that nobody was shown too, so items are drawn again; widened as the interval of a score.
    """
    people, items = study.comparisons.wins.shape[:2]
    columns = [study.comparisons.methods.index(method) for method in (first, second)]
    moved = study.wide.draws[:, columns[0]] - study.wide.draws[:, columns[1]]
    values = study.values()
    mean, half = float(values[first] - values[second]), widened(NORMAL, min(people, items)) * float(moved.std())
    return Interval(mean, mean - half, mean + half, people)


def score_sentences(studies: Sequence[Scored]) -> list[str]:
    """Return one sentence per study: agreement with the printed order, pairs told apart, comparisons, and the footnote."""
    sentences = []
    for study in studies:
        size, total = len(study.comparisons.methods), study.scores.table["comparisons"].sum() / 2
        here, anywhere = (int(scores.better.to_numpy().sum()) for scores in (study.scores, study.wide))
        words = f"{study.row} ({study.words}, {total:,.0f} comparisons): Kendall's tau with the printed order {study.tau():.2f}; of "
        words += f"{size * (size - 1) // 2} pairs of methods {here} are told apart on these items, {anywhere} on items in general."
        sentences.append(f"{words} {study.scores.footnote}".rstrip())
    return sentences


def agreement_table(studies: Sequence[Scored]) -> pd.DataFrame:
    """Return how far the raters of each study of rankings agree, item by item: means over the items, and what chance gives.

    kendalls_w: 1 when all rank alike, 1 / R (column "chance") in the mean when R raters rank at random. mean_tau: 1, and 0 by chance.
    """
    parts = []
    for study in studies:
        if study.records.rankings is None:
            continue
        items = rater_agreement(study.records.rankings, study.comparisons.methods)
        means = {"kendalls_w": items["kendalls_w"].mean(), "chance": 1 / study.people, "mean_tau": items["mean_tau"].mean()}
        table = pd.DataFrame([{"subset_or_bucket": study.row, "data": study.words, **means, "items": len(items)}])
        parts.append(stamped(study.records.info, table))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
