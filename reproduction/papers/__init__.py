"""The four papers' printed numbers, exhibits, claims and method names, as data inside the package.

Every value was read from the papers' text and confirmed by a second pass; ``inconsistencies`` tells what does not add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from harmlib.errors import ParameterError
from harmlib.io.tables import read_frame

if TYPE_CHECKING:
    import pandas as pd

FOLDER = resources.files(__name__)
PAPERS = ("sgmmh", "frih", "harmonizer", "perceptual")
# What their tables call all images of a data set.
WHOLE = ("All", "all", "test")


def published(paper: str, table: str | int | None = None) -> pd.DataFrame:
    """Return a table's printed values, one row each.

    paper: one of PAPERS. table: its number as printed; "4" includes the halves "4-left" and "4-right"; None for all.
    Columns: paper, table, row, dataset, subset_or_bucket, metric, direction, value (the printed string), unit, is_own_method,
    note, then method (our id, empty for a row that is no method) and number (value as float).
    Raises ParameterError for an unknown paper or table.
    """
    _check_paper(paper)
    rows = _all_values()
    rows = rows[rows["paper"] == paper]
    if table is None:
        return rows.reset_index(drop=True)
    wanted = str(table)
    part = rows[(rows["table"] == wanted) | rows["table"].str.startswith(f"{wanted}-")]
    if part.empty:
        raise ParameterError(f'paper "{paper}" has no table "{wanted}" with numbers: choose one of {", ".join(rows["table"].unique())}')
    return part.reset_index(drop=True)


def later(paper: str, table: str | int) -> pd.DataFrame:
    """Return results of later methods for the data and protocol of a printed table, with the columns of ``published``.

    Their source stands in "note"; "row" says that they are later. Empty for a table that has none.
    """
    _check_paper(paper)
    rows = _read_csv("later.csv")
    rows = rows[(rows["paper"] == paper) & (rows["table"] == str(table))].reset_index(drop=True)
    return rows.assign(number=rows["value"].astype(float))


def published_value(paper: str, table: str | int, row: str, dataset: str, bucket: str, metric: str) -> float:
    """Return one printed number; row, dataset, bucket and metric as the paper names them, or row as our method id.

    Raises ParameterError when the table does not print exactly one such value.
    """
    rows = published(paper, table)
    wanted = ((rows["row"] == row) | (rows["method"] == row)) & (rows["dataset"] == dataset)
    part = rows[wanted & (rows["subset_or_bucket"] == bucket) & (rows["metric"] == metric)]
    if len(part) != 1:
        raise ParameterError(f'table {table} of "{paper}" prints {len(part)} values for {row}, {dataset}, {bucket}, {metric}; expected one')
    return float(part["number"].iloc[0])


def printed_mean(tables: Sequence[pd.DataFrame], method: str, metric: str, dataset: str) -> float:
    """Return what the first of some tables prints for a method over all images of a data set, NaN where none prints anything.

    tables: as ``published`` returns them. metric: in small letters, as we score it.
    """
    for rows in tables:
        part = rows[(rows["method"] == method) & (rows["dataset"] == dataset) & rows["subset_or_bucket"].isin(WHOLE)]
        part = part[part["metric"].str.lower() == metric]
        if len(part):
            return float(part["number"].iloc[0])
    return float("nan")


def printed_difference(tables: Sequence[pd.DataFrame], first: str, second: str, metric: str, dataset: str) -> float:
    """Return the difference of two means from the first table that prints both (``printed_mean``), NaN without one."""
    for table in tables:
        difference = printed_mean([table], first, metric, dataset) - printed_mean([table], second, metric, dataset)
        if difference == difference:  # both are printed
            return round(difference, 4)
    return float("nan")


def exhibits() -> pd.DataFrame:
    """Return every table and figure of the papers, one row each: id, paper, kind, number, title, what it needs and must show."""
    return _read_csv("exhibits.csv")


def claims() -> pd.DataFrame:
    """Return every quantitative claim of the papers' texts, one row each: id, paper, where, claim, value, kind, consistency."""
    return _read_csv("claims.csv")


def methods() -> pd.DataFrame:
    """Return the papers' row names and our method ids: method_id, paper, row, reference."""
    return _read_csv("methods.csv")


def method_colors() -> dict[str, int]:
    """Return method id -> place in the palette, for the methods that one figure compares: ours, not the papers'."""
    table = _read_csv("colors.csv")
    return dict(zip(table["method_id"], table["color"].astype(int), strict=True))


def inconsistencies() -> str:
    """Return what does not add up in the papers, as Markdown."""
    return (FOLDER / "inconsistencies.md").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _all_values() -> pd.DataFrame:
    """Read all tables once."""
    import pandas as pd

    tables = sorted(entry.name for entry in (FOLDER / "tables").iterdir() if entry.name.endswith(".csv"))
    values = pd.concat([_read_csv(f"tables/{name}") for name in tables], ignore_index=True)
    names = methods()[["paper", "row", "method_id"]].rename(columns={"method_id": "method"})
    values = values.merge(names, on=["paper", "row"], how="left", validate="many_to_one").fillna({"method": ""})
    return values.assign(number=values["value"].astype(float))


def _read_csv(name: str) -> pd.DataFrame:
    """Read a CSV of the package, every cell as text, as printed."""
    with resources.as_file(FOLDER / name) as path:
        return read_frame(path, {}, advice="check the repository out again")


def _check_paper(paper: str) -> None:
    """Raise ParameterError for an unknown paper."""
    if paper not in PAPERS:
        raise ParameterError(f'paper "{paper}" is unknown: choose one of {", ".join(PAPERS)}')
