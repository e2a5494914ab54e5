"""Our numbers beside the paper's: one tidy row per method, group and metric, and a styled grid for reading."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from harmlib.errors import ParameterError
from harmlib.evaluation.intervals import LEVEL, holm
from harmlib.evaluation.statistics import SEEDS, paired_difference
from harmlib.metrics.protocols import METRICS

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

ARROWS = {"down": " ↓", "up": " ↑", "none": ""}
LOWER_IS_BETTER = ("mse", "fmse", "lpips")
# What a table may be grouped by, named as in the papers' CSV files.
GROUPS = ("dataset", "subset_or_bucket")
COLUMNS = ("method", "row", *GROUPS, "metric", "direction", "paper", "ours", "low", "high", "n", "photographs", "data", "rank", "note")
NOT_AVAILABLE = "n/a"
MARKS = {"best": "font-weight: bold", "second": "text-decoration: underline", "": ""}


def beside_paper(summary: pd.DataFrame, published: pd.DataFrame, *, data: str, reasons: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return our means beside the printed ones, one row per method, group and metric: COLUMNS, and SEEDS where there are several.

    summary: as ``statistics.summarize`` returns it. Its columns "dataset" and "subset_or_bucket", where it has them, are matched with
    the paper's.
    published: rows of ``papers.published``. Every printed cell gets a row; what we scored and the paper does not print follows below.
    data: what was scored, by its real name ("HScene-style, camvid + bsds500").
    reasons: metric or method id -> why there is no number. A row without a number of ours says in "note" why.
    Raises ParameterError when two printed rows would meet the same scores.
    """
    keys = ["method", *(name for name in GROUPS if name in summary), "key"]
    printed = published.assign(paper=published["value"], key=published["metric"].str.lower())
    printed = printed[["method", "row", *GROUPS, "metric", "key", "direction", "paper"]]
    twice = printed[printed.duplicated(keys) & (printed["method"] != "")]
    if len(twice):
        names = ", ".join(twice.iloc[0][keys])
        raise ParameterError(f"the paper prints several values for {names}: give the summary the columns {' and '.join(GROUPS)}")
    # Speeds and sizes have no photographs behind them.
    ours = summary.rename(columns={"mean": "ours", "metric": "key"}).assign(photographs=summary.get("photographs", 0))
    table = printed.merge(ours, on=keys, how="left")
    table = pd.concat([table, _beyond(ours, printed, keys)], ignore_index=True)
    better = {metric: "down" if metric in LOWER_IS_BETTER else "up" for metric in METRICS}
    table["direction"] = table["direction"].fillna(table["key"].map(better)).fillna("none")
    counts = [name for name in ("n", "photographs", "seeds") if name in table]
    blank = {"row": "", "dataset": "", "subset_or_bucket": "", "paper": "", **dict.fromkeys(counts, 0)}
    table = table.fillna(blank).astype(dict.fromkeys(counts, int))
    known, rows = reasons or {}, zip(table["key"], table["method"], table["ours"].isna(), strict=True)
    notes = [known.get(key, known.get(method, "not scored")) if missing else "" for key, method, missing in rows]
    return table.assign(data=data, rank="", note=notes)[[*COLUMNS, *(name for name in SEEDS if name in table)]]


def _beyond(ours: pd.DataFrame, printed: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """What we scored and the paper does not print, under the paper's names of metrics and of groups that do not vary."""
    joined = ours.merge(printed[keys], on=keys, how="left", indicator=True)
    rows = joined[(joined["_merge"] == "left_only") & (joined["n"] > 0)].drop(columns="_merge")
    names = dict(zip(printed["key"], printed["metric"], strict=True))
    constant = {name: printed[name].iloc[0] for name in GROUPS if name not in ours and len(printed[name].unique()) == 1}
    return rows.assign(metric=rows["key"].replace(names), **constant)


def with_ranks(table: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Return the table with "best" and "second" in the column "rank", only where the intervals allow.

    scores: one row per image and method; their columns "dataset" and "subset_or_bucket", where they have them, mean what the table's
    do. A method is ranked when its paired difference from the next one is clear after Holm's correction over all neighbors of the table
    that a rank depends on.
    Raises DataError when two neighbors were not scored on the same images.
    """
    ranked, marked, differences = table.copy(), [], []
    groups = [name for name in GROUPS if name in scores]
    for _, part in table.dropna(subset="ours").groupby([*groups, "metric"], sort=False):
        chosen = scores
        for name in groups:
            chosen = chosen[chosen[name] == part[name].iloc[0]]
        ordered = part.sort_values("ours", ascending=part["direction"].iloc[0] == "down")
        methods, metric = ordered["method"].tolist(), part["metric"].iloc[0].lower()
        for mark, row, method, following in zip(("best", "second"), ordered.index, methods, methods[1:], strict=False):
            marked.append((mark, row, ordered.index[0]))
            differences.append(paired_difference(chosen, method, following, metric))
    clear = holm([difference.p for difference in differences]) < 1 - LEVEL
    for (mark, row, first), sure in zip(marked, clear, strict=True):
        # A second needs a best.
        if sure and (mark == "best" or ranked.loc[first, "rank"] == "best"):
            ranked.loc[row, "rank"] = mark
    return ranked


def styled(table: pd.DataFrame) -> Styler:
    """Return the table as a grid for a notebook: methods down, groups and metrics across, "ours [low, high] (paper)" in the cells.

    Best is bold, second best underlined, where ``with_ranks`` found them; the caption holds the data, n, and why a cell is n/a.
    """
    cells = table.assign(
        head=[f"{metric}{ARROWS[direction]}" for metric, direction in zip(table["metric"], table["direction"], strict=True)],
        text=[_cell(row) for row in table.to_dict("records")],
        style=table["rank"].map(MARKS),
        name=table["row"].where(table["row"] != "", table["method"]),
    )
    across = [*(name for name in GROUPS if len(cells[name].unique()) > 1), "head"]

    def spread(values: str) -> pd.DataFrame:
        return cells.pivot_table(values=values, index="name", columns=across, aggfunc="first", sort=False).fillna("")

    styles = spread("style")
    return spread("text").style.apply(lambda _: styles, axis=None).set_caption(caption(table))


def caption(table: pd.DataFrame) -> str:
    """Return one line with the data, n, what the interval is, and why cells are n/a."""
    images, units = (_counts(table[name]) for name in ("n", "photographs"))
    reasons = "; ".join(dict.fromkeys(note for note in table["note"] if note))
    cell = "ours [95 % interval over photographs]" + (" ± standard deviation of training seeds" if SEEDS[0] in table else "")
    line = f"{cell} (paper); data: {', '.join(table['data'].unique())}; n = {images} of {units} photographs"
    return f"{line}; {NOT_AVAILABLE}: {reasons}" if reasons else line


def _counts(values: pd.Series) -> str:
    """Return the smallest and the largest count above 0 as text."""
    known = sorted({count for count in values if count > 0})
    return f"{known[0]} to {known[-1]}" if len(known) > 1 else "".join(map(str, known)) or "0"


def _cell(row: Mapping[Hashable, Any]) -> str:
    """Text of one cell."""
    paper = f" ({row['paper']})" if row["paper"] else ""
    ours, low, high = row["ours"], row["low"], row["high"]
    if math.isnan(ours):
        return NOT_AVAILABLE + paper
    digits = decimals(row["paper"], low, high)
    interval = "" if math.isnan(low) else f" [{low:.{digits}f}, {high:.{digits}f}]"
    spread = f" ± {row['seed_sd']:.{digits}f}" if row.get("seeds", 0) > 1 else ""
    return f"{ours:.{digits}f}{interval}{spread}{paper}"


def decimals(paper: str, low: float, high: float) -> int:
    """Return how many decimals to show: the paper's, never more than two significant digits of the interval's half width."""
    printed = len(paper.partition(".")[2]) if paper else 2
    half = (high - low) / 2
    if math.isnan(half) or half <= 0:
        return printed
    return max(0, min(printed, 1 - math.floor(math.log10(half))))
