"""Sg-MMH's table 3: the printed shares as whole votes, votes of a study beside them, and whether the position on the screen mattered."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from harmlib.evaluation.intervals import Interval
from reproduction.exhibits_userstudy.material import sample_words
from reproduction.kit.names import label_of
from reproduction.papers import published
from reproduction.userstudy import StudyRecords, stamped
from reproduction.userstudy.choices import (
    SETS,
    SUBJECTS,
    equal_votes,
    position_table,
    printed_votes,
    scenario_table,
    share_table,
    vote_table,
)
from reproduction.userstudy.intervals import NORMAL

PAPER = "sgmmh"
ALL = "all"
# Half a unit of the last printed digit, percent, and what rounding adds to it.
HALF_DIGIT = 0.05 + 1e-9


def printed_table() -> pd.DataFrame:
    """Return table 3 as votes: method, row, printed (percent, as text), votes, share, low, high (percent, Wilson's interval)."""
    printed = printed_votes()
    shares = share_table(printed["method"].to_numpy(), printed["votes"].to_numpy())
    percent = 100 * shares[["share", "wilson_low", "wilson_high"]].set_axis(["share", "low", "high"], axis="columns")
    columns = {"method": printed["method"], "row": printed["label"], "printed": published(PAPER, 3)["value"], "votes": printed["votes"]}
    return pd.concat([pd.DataFrame(columns), percent], axis=1)


def fitting(totals: Iterable[int]) -> list[int]:
    """Return the totals for which whole votes exist that add up to them and round to the printed shares."""
    printed, found = published(PAPER, 3)["number"], []
    for total in totals:
        votes = np.arange(total + 1)
        near = [votes[np.abs(100 * votes / total - share) <= HALF_DIGIT].tolist() for share in printed]
        if any(sum(chosen) == total for chosen in itertools.product(*near)):
            found.append(total)
    return found


def arithmetic_sentences() -> list[str]:
    """Return what the printed shares say about the numbers of people and of sets."""
    people = [total // SETS for total in fitting(SETS * number for number in range(1, SUBJECTS + 1))]
    sets = [total // SUBJECTS for total in fitting(SUBJECTS * number for number in range(1, SETS + 1))]
    chi_square, freedom, p = equal_votes(printed_votes()["votes"].to_list())
    return [
        f"with {SETS} sets, of 1 to {SUBJECTS} people these fit: {', '.join(map(str, people))}",
        f"with {SUBJECTS} people, of 1 to {SETS} sets these fit: {', '.join(map(str, sets))}",
        f"against equal shares: chi-square {chi_square:.1f}, {freedom} degrees of freedom, p = {p:.1e}, votes taken for independent",
    ]


def lead(votes: pd.Series) -> Interval:
    """Return the lead of the first method of ``votes`` (method -> votes) over the best of the others, in percent of the votes.

    The interval is the normal one of a difference of two shares of the same votes, taken for independent; n: votes.
    """
    total, best = int(votes.sum()), votes.iloc[1:].max()
    first, second = votes.iloc[0] / total, best / total
    error = np.sqrt((first + second - (first - second) ** 2) / total)
    mean, half = 100 * (first - second), 100 * NORMAL * error
    return Interval(float(mean), float(mean - half), float(mean + half), total)


def table3(records: StudyRecords, *, draws: int, seed: int) -> pd.DataFrame:
    """Return the shares of a study of choices, percent, over all sets and by scenario if there are several, the paper's beside the former.

    Columns: raters, subset_or_bucket (all, or a scenario), method, row, paper (printed, as text), paper_votes, paper_low, paper_high
    (Wilson), ours, low, high (bootstrap over participants, over all sets only), wilson_low, wilson_high, votes, n (all votes), data, note.
    """
    assert records.choices is not None  # a study of choices
    methods = list(records.info.methods)
    parts = [vote_table(records.choices, methods, draws=draws, seed=seed).assign(scenario=ALL)]
    if len(records.choices["scenario"].unique()) > 1:
        parts.append(scenario_table(records.choices, methods))
    table = pd.concat(parts, ignore_index=True)
    shares = ["share", "low", "high", "wilson_low", "wilson_high"]
    table = table.assign(**(100 * table[shares])).rename(columns={"share": "ours", "scenario": "subset_or_bucket"})
    names = {"printed": "paper", "votes": "paper_votes", "low": "paper_low", "high": "paper_high"}
    printed = printed_table().rename(columns=names).drop(columns="share").assign(subset_or_bucket=ALL)
    table = table.merge(printed.drop(columns="row"), on=["subset_or_bucket", "method"], how="left", validate="one_to_one")
    rows = table["method"].map(dict(zip(printed["method"], printed["row"], strict=True))).fillna(table["method"].map(label_of))
    people, items = (records.choices.loc[records.choices["chosen"].notna(), name].nunique() for name in ("participant", "item"))
    counts = table.groupby("subset_or_bucket")["votes"].transform("sum")
    table = table.assign(row=rows, paper=table["paper"].fillna(""), n=counts, data=sample_words(records, people, items), note="")
    order = ["subset_or_bucket", "method", "row", "paper", "paper_votes", "paper_low", "paper_high", "ours", "low", "high"]
    table = table[[*order, "wilson_low", "wilson_high", "votes", "n", "data", "note"]]
    return stamped(records.info, table.astype({"paper_votes": "Int64"}))


def positions(studies: Mapping[str, StudyRecords]) -> pd.DataFrame:
    """Return the votes for every position on the screen: raters, study, position, votes, expected, share, wilson_low, wilson_high, p.

    p: of all positions alike, votes taken for independent.
    """
    parts = []
    for name, records in studies.items():
        assert records.choices is not None  # a study of choices
        table = position_table(records.choices)
        p = equal_votes(table["votes"].to_list(), table["expected"].to_list())[2]
        parts.append(stamped(records.info, table.assign(study=name, p=p)))
    order = ["raters", "study", "position", "votes", "expected", "share", "wilson_low", "wilson_high", "p"]
    return pd.concat(parts, ignore_index=True)[order]
