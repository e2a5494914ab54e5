"""The scoreboard: every exhibit of the papers with its state, every claim that was judged with its verdict.

What we built as printed, what was measured, and what cannot be tested here are counted apart.

A state is read from the files that are there, never from what was planned. Figures made from photographs that must not be published
stay where they were made, so a list of the figures that were made goes with the tables.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from harmlib.errors import DataError
from harmlib.io.files import write_text
from harmlib.io.tables import NUMBER_OR_INFINITE, TEXT, WHOLE, read_frame
from reproduction.kit.findings import AGREES, ALL_WORSE, CANNOT_SAY, DIFFERS
from reproduction.kit.style import shown_sentence
from reproduction.kit.verdicts import BUILT, MEASURED, UNTESTABLE
from reproduction.papers import PAPERS, claims, exhibits

MADE = "made"
PARTLY = "partly"
MISSING = "not made"
CLAIM_KINDS = dict.fromkeys(("claim_id", "kind", "verdict", "data", "note"), TEXT) | {"n": WHOLE}
CLAIM_KINDS |= dict.fromkeys(("ours", "low", "high"), NUMBER_OR_INFINITE)
MADE_FIGURES = "tables/figures.csv"
FILES = {"table": ("tables", ".csv"), "figure": ("figures", ".png")}
TITLES = {"sgmmh": "Sg-MMH", "frih": "FRIH", "harmonizer": "Harmonizer", "perceptual": "No-reference perceptual"}


def exhibit_states(results: str | os.PathLike[str]) -> pd.DataFrame:
    """Return every exhibit of ``papers.exhibits`` in its order: id, paper, kind, number, title, state, file, data, note.

    results: a profile's folder, with ``tables/`` and ``figures/``. The state is "made", "partly" (a table in which cells of ours are
    missing; note says why) or "not made"; file is relative to ``results``. A figure that was made on another machine is made; one that
    only says why it shows no picture (``style.sentence_figure``) is not, and note says what it says.
    """
    root = Path(results)
    path = root / MADE_FIGURES
    listed = set(read_frame(path, {"figure": TEXT})["figure"]) if path.exists() else set()  # made here or on another machine
    rows = [{"id": row["id"], **_state(root, row["id"], row["kind"], listed)} for row in exhibits().to_dict("records")]
    known = exhibits()[["id", "paper", "kind", "number", "title"]]
    return known.merge(pd.DataFrame(rows), on="id", validate="one_to_one")


def _state(root: Path, exhibit: str, kind: str, listed: set[str]) -> dict[str, str]:
    """State of one exhibit, from its file, or for a figure from the list."""
    folder, suffix = FILES[kind]
    path, behind = root / folder / f"{exhibit}{suffix}", root / "tables" / f"{exhibit}.csv"
    if not path.exists() and not (kind == "figure" and exhibit in listed):
        return {"state": MISSING, "file": "", "data": "", "note": ""}
    file = f"{folder}/{path.name}"
    if kind == "figure" and path.exists() and (words := shown_sentence(path)):
        return {"state": MISSING, "file": file, "data": "", "note": words}
    table = read_frame(behind, {}) if behind.exists() else pd.DataFrame()
    reasons, data = [], []
    if kind == "table" and {"ours", "note", "data"} <= set(table):  # made by ``tables.beside_paper``
        reasons, data = table.loc[table["ours"] == "", "note"].unique().tolist(), table["data"].unique().tolist()
    # Whose answers an exhibit of a user study shows.
    raters = [f"raters: {', '.join(table['raters'].unique())}"] if "raters" in table else []
    return {"state": PARTLY if reasons else MADE, "file": file, "data": ", ".join(data), "note": "; ".join([*reasons, *raters])}


def claim_verdicts(results: str | os.PathLike[str]) -> pd.DataFrame:
    """Return every judged claim with its text and the paper's value: the columns of ``ClaimResult`` and paper, claim, value, unit.

    Raises DataError for a claims table with another first line, and for a claim that two tables judge.
    """
    columns = ["claim_id", "kind", "verdict", "ours", "low", "high", "n", "data", "note"]
    parts = [pd.DataFrame(columns=columns)]
    tables = Path(results) / "tables"
    # Of each paper first those of its own notebook, then those of others, such as its user studies.
    for path in (path for paper in PAPERS for path in sorted(tables.glob(f"claims-{paper}*.csv"), key=lambda path: path.stem)):
        part = read_frame(path, CLAIM_KINDS)
        if list(part) != columns:
            raise DataError(f'"{path}" is no table of claims: run the notebook that makes it again')
        parts.append(part)
    tested = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    twice = tested["claim_id"].duplicated()
    if twice.any():
        raise DataError(f'claim "{tested.loc[twice, "claim_id"].iloc[0]}" is judged in two tables: remove the one that no notebook writes')
    texts = claims()[["id", "paper", "claim", "value", "unit"]].rename(columns={"id": "claim_id"})
    return tested.merge(texts, on="claim_id", how="left", validate="one_to_one")


def write_scoreboard(results: str | os.PathLike[str], profile: str) -> str:
    """Write ``<results>/scoreboard.md`` and the list of figures by rename; return the scoreboard's text."""
    states, verdicts = exhibit_states(results), claim_verdicts(results)
    made = states.loc[(states["kind"] == "figure") & (states["state"] != MISSING), "id"]
    write_text(Path(results) / MADE_FIGURES, made.to_frame("figure").to_csv(index=False, lineterminator="\n"))
    lines = [
        f"# Scoreboard, profile {profile}",
        "",
        f"Exhibits: {_counts(states['state'], (MADE, PARTLY, MISSING))}.",
        "",
        *_headline(verdicts),
        "",
        "Intervals are 95 % intervals over photographs, never over composites of one photograph as if independent, in user studies over "
        "participants; fewer than ten photographs have none. A claim agrees or differs only when the interval says so; one of several "
        "comparisons differs only after Holm's correction. The pictures are not kept in git: `make reproduce` draws them.",
    ]
    for paper in PAPERS:
        lines += ["", f"## {TITLES[paper]}", "", *_exhibit_lines(states[states["paper"] == paper])]
        tested = verdicts[verdicts["paper"] == paper].sort_values("claim_id")
        lines += ["", *(_claim_lines(tested) if len(tested) else ["No claim judged."])]
    text = "\n".join(lines) + "\n"
    write_text(Path(results) / "scoreboard.md", text)
    return text


def _headline(verdicts: pd.DataFrame) -> list[str]:
    """Return the counts of claims, what we built apart from what we measured."""
    kinds = {kind: verdicts.loc[verdicts["kind"] == kind, "verdict"] for kind in (BUILT, MEASURED, UNTESTABLE)}
    built, measured = kinds[BUILT], kinds[MEASURED]
    lost = int((measured == ALL_WORSE).sum())
    unsure = f"cannot say {int((measured == CANNOT_SAY).sum()) + lost}" + (f", {lost} of them all worse than the composite" if lost else "")
    return [
        f"Of {len(claims())} claims that the papers make, {len(verdicts)} were looked at:",
        "",
        f"- built as printed: {int((built == AGREES).sum())} of {len(built)} settings of our code and profiles",
        f"- measured: {_counts(measured, (AGREES, DIFFERS))}, {unsure}",
        f"- not testable here: {len(kinds[UNTESTABLE])}, for want of the data, the training or the answers that they are about",
    ]


def _counts(values: pd.Series, names: Sequence[str]) -> str:
    """Return "made 3, partly 1, not made 42"."""
    return ", ".join(f"{name} {int((values == name).sum())}" for name in names)


def _exhibit_lines(states: pd.DataFrame) -> list[str]:
    """Markdown table of one paper's exhibits."""
    rows = []
    for row in states.to_dict("records"):
        state = f"[{row['state']}]({row['file']})" if row["file"] else row["state"]
        rows.append((f"{row['kind']} {row['number']}", row["title"], state, row["data"], row["note"]))
    return markdown(("exhibit", "title", "state", "data", "note"), rows)


def _claim_lines(tested: pd.DataFrame) -> list[str]:
    """Markdown table of one paper's tested claims."""
    rows = []
    for row in tested.to_dict("records"):
        ours = "n/a" if math.isnan(row["ours"]) else f"{row['ours']:.5g}"
        interval = f"[{row['low']:.5g}, {row['high']:.5g}]" if row["low"] < row["high"] else ""  # none for an exact number
        numbers = (f"{row['value']} {row['unit']}", ours, interval, row["n"])
        rows.append((row["claim_id"], row["claim"], *numbers, row["kind"], row["verdict"], row["data"], row["note"]))
    return markdown(("claim", "text", "paper", "ours", "95 % interval", "n", "kind", "verdict", "data", "note"), rows)


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a Markdown table; a bar within a cell is escaped."""
    cells = [" | ".join(str(cell).replace("|", "\\|") for cell in row) for row in rows]
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {line} |" for line in cells)]
