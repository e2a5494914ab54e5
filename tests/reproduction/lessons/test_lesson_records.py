"""Where the lesson on rankings gets its records: the pack, finished papers, printed tables."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from harmlib.evaluation.table import COLUMNS as SCORE_COLUMNS
from harmlib.io.files import write_manifest
from harmlib.metrics.protocols import METRICS
from reproduction.lessons import records
from reproduction.lessons.definitions import COLUMNS
from reproduction.stages import Results


def write_scores(results: Results, paper: str, methods: tuple[str, ...]) -> None:
    """Write the finished scores of three images under one protocol; the last image has no foreground."""
    rows = []
    for method in methods:
        for image in range(3):
            values = {**dict.fromkeys(METRICS, 1.0), "fmse": 1.0 if image < 2 else np.nan}
            keys = {"benchmark": "b", "subset": "s", "split": "test", "method": method, "id": f"i{image}", "protocol": "harmlib"}
            rows.append({**keys, "height": 4, "width": 4, "foreground_ratio": 0.5, **values})
    folder = results.scores(paper)
    folder.mkdir(parents=True)
    pd.DataFrame(rows, columns=list(SCORE_COLUMNS)).to_csv(folder / "scores.csv", index=False)
    write_manifest(folder, started=time.time())


def test_finished_scores_are_read_without_images_that_lack_a_foreground(tmp_path):
    results = Results(tmp_path, "mini")
    write_scores(results, "frih", ("composite", "frih"))

    found = records.read_finished(results)

    assert list(found) == ["frih: b, protocol harmlib"]
    assert found["frih: b, protocol harmlib"]["id"].unique().tolist() == ["i0", "i1"]
    assert tuple(found["frih: b, protocol harmlib"]) == COLUMNS


def test_scores_of_a_single_method_have_no_order(tmp_path):
    results = Results(tmp_path, "mini")
    write_scores(results, "frih", ("composite",))

    assert records.read_finished(results) == {}


def test_unfinished_scores_are_left_out(tmp_path):
    results = Results(tmp_path, "mini")
    write_scores(results, "frih", ("composite", "frih"))
    (results.scores("frih") / "manifest.json").unlink()

    assert records.read_finished(results) == {}


def test_harmonizer_beats_frih_in_one_printed_column_only():
    found = records.printed_flips()
    rows = found[(found["paper"] == "frih") & (found["first"] == "Harmonizer") & (found["second"] == "FRIH") & (found["table"] == "1")]

    assert rows["group"].tolist() == ["iHarmony4, HAdobe5k", "iHarmony4, Hday2night"]
    assert (rows["first_one"] < rows["second_one"]).all()  # MSE
    assert (rows["first_other"] < rows["second_other"]).all()  # PSNR


@pytest.mark.slow
def test_rates_of_printed_tables_count_the_flips():
    rates, found = records.printed_rates(), records.printed_flips()

    assert rates["flipped"].sum() == len(found)
    row = rates[(rates["paper"] == "frih") & (rates["table"] == "1")].iloc[0]
    assert (row["flipped"], row["pairs"]) == (25, 453)
