"""What people answered: tables and a figure of their own, never mixed with simulated raters or with the exhibits of the papers."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reproduction.exhibits_userstudy import figures, filters, numbers, votes
from reproduction.exhibits_userstudy.material import ITEMS
from reproduction.userstudy import StudyRecords


def study_sentences(records: StudyRecords) -> list[str]:
    """Return who took part, and what a reader should know before the numbers."""
    people, info = records.participants, records.info
    groups = ", ".join(f"{count} {group}" for group, count in people["group"].value_counts().items())
    lines = [f'"{info.name}", {info.date}: {len(people)} participants ({groups}), {len(info.items)} {ITEMS[info.kind]}. {info.question}']
    if records.dropped:
        lines.append(f"{records.dropped} rankings of fewer than two methods were left out")
    if "attentive" in people:
        failed = int((pd.to_numeric(people["attentive"], errors="coerce") == 0).sum())
        lines.append(f"{failed} of {len(people)} failed a catch trial; their answers count here like all others")
    return lines


def tables_of(records: StudyRecords, *, draws: int, seed: int) -> dict[str, pd.DataFrame]:
    """Return what a study's answers give, by the endings of its files: scores, wins, agreement; or votes, positions; or ranges.

    No table names a participant.
    """
    if records.choices is not None:
        return {"votes": votes.table3(records, draws=draws, seed=seed), "positions": votes.positions({records.info.name: records})}
    if records.filters is not None:
        return {"ranges": filters.range_table(records, draws=draws, seed=seed)}
    scored = [numbers.score_study(records, draws=draws, seed=seed)]
    tables = {"scores": numbers.score_table(scored), "wins": numbers.win_table(scored), "agreement": numbers.agreement_table(scored)}
    return {name: table for name, table in tables.items() if len(table)}


def figure_of(records: StudyRecords, tables: dict[str, pd.DataFrame]) -> Figure:
    """Return the figure of a study: shares, importance and arguments, or scores; tables: ``tables_of``."""
    if records.choices is not None:
        return figures.share_figure(tables["votes"])
    if records.filters is not None:
        return filters.range_figure(records, tables["ranges"])
    return figures.score_figure(tables["scores"])


def is_ranked(records: StudyRecords) -> bool:
    """Tell whether a study has rankings or pairs, and so scores."""
    return records.rankings is not None or records.pairs is not None


def view(part: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return one of ``tables_of`` for reading: scores in the layout of table 5, the others as they are."""
    return numbers.as_printed(table) if part == "scores" else table
