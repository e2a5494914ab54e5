"""The score table: repair after a kill, final order, refusal of foreign files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harmlib.errors import BusyError, DataError
from harmlib.evaluation.table import COLUMNS, ScoreFile, read_scores
from harmlib.metrics.protocols import METRICS


def row(image: str, method: str = "composite") -> dict[str, Any]:
    scores = {metric: 1 / 3 + len(image) for metric in METRICS} | {"lpips": float("nan")}
    keys = {"benchmark": "b", "subset": "s", "split": "test", "method": method, "id": image, "protocol": "harmlib"}
    return {**keys, "height": 4, "width": 5, "foreground_ratio": 0.25, **scores}


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    table = ScoreFile(tmp_path / "scores.csv")
    table.append([row("one")])

    scores = table.finish()

    assert tuple(scores.columns) == COLUMNS
    assert scores.loc[0, "mse"] == pytest.approx(3 + 1 / 3, rel=1e-7)


def test_missing_score_is_an_empty_cell(tmp_path: Path) -> None:
    table = ScoreFile(tmp_path / "scores.csv")
    table.append([row("one")])

    assert (tmp_path / "scores.csv").read_text().endswith(",\n")
    assert np.isnan(table.finish().loc[0, "lpips"])


def test_numeric_looking_ids_stay_text(tmp_path: Path) -> None:
    table = ScoreFile(tmp_path / "scores.csv")
    table.append([row("0012")])

    assert table.finish().loc[0, "id"] == "0012"


def test_row_that_is_there_is_not_added_again(tmp_path: Path) -> None:
    table = ScoreFile(tmp_path / "scores.csv")
    table.append([row("one")])
    table.append([row("one"), row("two")])

    assert len(table.finish()) == 2


def test_final_bytes_do_not_depend_on_the_order_of_work(tmp_path: Path) -> None:
    rows = [row(image, method) for method in ("b", "a") for image in ("3", "1", "2")]
    for name, order in (("first", rows), ("second", rows[::-1])):
        table = ScoreFile(tmp_path / name)
        table.append(order)
        table.finish()

    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


@pytest.mark.parametrize("lost", [1, 20, 75, 90, 10_000])
def test_half_written_file_is_repaired_and_completed(tmp_path: Path, lost: int) -> None:
    whole, broken = tmp_path / "whole.csv", tmp_path / "broken.csv"
    table = ScoreFile(whole)
    table.append([row("one"), row("two")])
    broken.write_bytes(whole.read_bytes()[:-lost])

    again = ScoreFile(broken)
    again.append([row("one"), row("two")])
    again.finish()
    table.finish()

    assert broken.read_bytes() == whole.read_bytes()


def test_foreign_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_text("a,b\n1,2\n")

    with pytest.raises(DataError, match="is no score table"):
        ScoreFile(path)
    assert path.read_text() == "a,b\n1,2\n"


def test_a_second_writer_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    with ScoreFile(path) as table:
        table.append([row("one")])
        with pytest.raises(BusyError, match=r'another process is scoring into ".*scores\.csv": wait for it to end'):
            ScoreFile(path)

    with ScoreFile(path) as again:
        again.append([row("one"), row("two")])
        assert len(again.finish()) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["scores.csv"]


def test_damaged_row_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    ScoreFile(path).append([row("one")])
    with path.open("a") as stream:
        stream.write("b,s,test\n")

    with pytest.raises(DataError, match="line 3 has 3 fields, expected 16"):
        ScoreFile(path)


def test_reading_a_missing_table_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist: score some methods first"):
        read_scores(tmp_path / "scores.csv")
