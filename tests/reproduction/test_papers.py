"""The papers' numbers inside the package."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harmlib.errors import ParameterError
from reproduction import papers

# Rows that are counts or filter settings, not methods.
NO_METHOD = {"Training set", "Testing set", "shadow filter, first pass", "shadow filter, second pass"}


def test_every_printed_value_is_there() -> None:
    assert sum(len(papers.published(paper)) for paper in papers.PAPERS) == 759


def test_every_row_that_is_a_method_has_our_id() -> None:
    for paper in papers.PAPERS:
        values = papers.published(paper)
        assert set(values.loc[values["method"] == "", "row"]) <= NO_METHOD


def test_values_keep_the_printed_zeros() -> None:
    table = papers.published("sgmmh", 2)

    assert "94.00" in set(table["value"])


def test_a_table_in_two_halves_can_be_taken_whole() -> None:
    assert set(papers.published("harmonizer", 4)["table"]) == {"4-left", "4-right"}


def test_one_value_by_row_name_or_method_id() -> None:
    by_name = papers.published_value("frih", 1, "Input composite", "iHarmony4", "HCOCO", "MSE")
    by_id = papers.published_value("frih", 1, "composite", "iHarmony4", "HCOCO", "MSE")

    assert by_name == by_id == 69.37


def test_value_that_is_not_printed_is_refused() -> None:
    with pytest.raises(ParameterError, match="prints 0 values for adfm"):
        papers.published_value("frih", 1, "adfm", "iHarmony4", "All", "MSE")


def test_unknown_paper_is_refused_with_the_choices() -> None:
    with pytest.raises(ParameterError, match='paper "ssh" is unknown: choose one of sgmmh, frih'):
        papers.published("ssh")


def test_unknown_table_is_refused_with_the_choices() -> None:
    with pytest.raises(ParameterError, match=r'no table "9" with numbers: choose one of 1, 2, 3'):
        papers.published("sgmmh", 9)


def test_exhibits_point_to_their_values() -> None:
    files = {name for name in papers.exhibits()["paper_values"] if name}

    assert files == {f"tables/{path.name}" for path in (papers.FOLDER / "tables").iterdir()}


def test_ids_are_unique() -> None:
    assert papers.exhibits()["id"].is_unique
    assert papers.claims()["id"].is_unique


def test_inconsistencies_are_readable() -> None:
    assert papers.inconsistencies().startswith("# What does not add up")


def test_copies_are_the_originals(shared) -> None:
    for path in [*(shared / "papers").glob("*.csv"), *(shared / "papers" / "tables").glob("*.csv")]:
        copy = papers.FOLDER / str(path.relative_to(shared / "papers"))
        assert copy.read_bytes() == path.read_bytes()


def test_import_loads_no_pandas() -> None:
    code = "import reproduction.papers, sys; print('pandas' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
