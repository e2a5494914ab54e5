"""The reader of CSV files: what it gives, and the one sentence about what is wrong."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from harmlib.errors import DataError
from harmlib.io.tables import FINITE, NUMBER_OR_INFINITE, SWITCH, TEXT, WHOLE, Kind, read_frame, read_rows

KINDS = {"id": TEXT, "count": WHOLE, "share": FINITE}


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_cells_are_what_their_columns_are(tmp_path):
    path = written(tmp_path, 'id,note,share,count\na,"x, y",0.5,3\n\nNA,,.5e-1,-2\n')

    rows = read_rows(path, KINDS)

    assert [row.line for row in rows] == [2, 4]
    assert rows[0].cells == {"id": "a", "note": "x, y", "share": 0.5, "count": 3}
    assert rows[1].cells == {"id": "NA", "note": "", "share": 0.05, "count": -2}


def test_a_byte_order_mark_windows_ends_and_missing_numbers_are_read(tmp_path):
    path = written(tmp_path, b"\xef\xbb\xbfid,count,share\r\na,,\r\n")

    assert read_rows(path, KINDS)[0].cells == {"id": "a", "count": None, "share": None}


def test_a_frame_has_the_types_of_its_columns(tmp_path):
    path = written(tmp_path, "id,count,share,seen,psnr\na,1,0.5,True,inf\nb,2,,False,30\n")

    frame = read_frame(path, {**KINDS, "seen": SWITCH, "psnr": NUMBER_OR_INFINITE})

    assert frame["count"].tolist() == [1, 2]
    assert frame["seen"].dtype == bool
    assert math.isnan(frame["share"][1])
    assert frame["psnr"].tolist() == [math.inf, 30]


def test_numbers_come_back_as_they_were_written(tmp_path, generator):
    numbers = pd.DataFrame({"id": [str(number) for number in range(200)], "value": generator.lognormal(0, 20, 200)})
    path = written(tmp_path, numbers.to_csv(index=False))

    assert read_frame(path, {"id": TEXT, "value": FINITE})["value"].tolist() == numbers["value"].tolist()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "line 1 lacks the column id, count, share"),
        (b"id,count\na,1\n", "line 1 lacks the column share"),
        (b"id,count,share,id\n", "line 1 names the column 'id' twice"),
        (b"id,count,share\na,1\n", "line 2 has 2 fields, expected 3"),
        (b"id,count,share\na,1,2,3\n", "line 2 has 4 fields, expected 3"),
        (b"id,count,share\na,1,0.5\nb,two,0.5\n", "line 3: count is 'two', expected a whole number"),
        (b"id,count,share\na,1.5,0.5\n", "line 2: count is '1.5', expected a whole number"),
        (b"id,count,share\na,1_0,0.5\n", "line 2: count is '1_0', expected a whole number"),
        (b"id,count,share\na,1,nan\n", "line 2: share is 'nan', expected a finite number"),
        (b"id,count,share\na,1,inf\n", "line 2: share is 'inf', expected a finite number"),
        (b"id,count,share\na,1,1e999\n", "line 2: share is '1e999', expected a finite number"),
        (b"id,count,share\n,1,1\n", "line 2: id is empty, expected a text"),
        (b"id,count,share\na,1,1\nb,2,2\na,3,3\n", r"line 4 says again what line 2 says \(id 'a'\)"),
        (b"id,count,share\na,1,\x00\n", "line 2 holds a zero byte"),
        (b"id,count,share\na,1,1\n\xff,1,1\n", "line 3 is not UTF-8 text"),
        (b"id,count,share\n" + b"a" * 200_000 + b",1,1\n", "line 2 is no line of a table .field larger than field limit"),
        (b'id,count,share\n"a,1,1\n', "is no line of a table .unexpected end of data"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_line(tmp_path, content, sentence):
    path = written(tmp_path, content)

    with pytest.raises(DataError, match=rf'table\.csv".* {sentence}') as caught:
        read_rows(path, KINDS, filled=("id",), keys=("id",), advice="mend it")

    assert "\n" not in str(caught.value)


def test_missing_files_and_folders_are_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r'table\.csv" does not exist: mend it'):
        read_rows(tmp_path / "table.csv", KINDS, advice="mend it")
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)"):
        read_rows(tmp_path, KINDS)


def test_a_kind_of_its_own_says_what_it_wants(tmp_path):
    path = written(tmp_path, "side\nup\n")

    with pytest.raises(DataError, match="line 2: side is 'up', expected left or right"):
        read_rows(path, {"side": Kind("left or right", {"left": 0, "right": 1}.__getitem__)})
