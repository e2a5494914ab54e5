"""The genuine results on iHarmony4: what can be decided from them, on a pack whose numbers are known and on the real one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from miniature_frih import FMSE, make_artefacts, score_rows

from harmlib.errors import DataError
from reproduction.kit import genuine
from reproduction.kit.artefacts import Artefacts
from reproduction.kit.findings import AGREES, DIFFERS, NOT_TESTABLE
from reproduction.papers import published


@pytest.fixture
def pack(tmp_path):
    """A folder with a pack of twelve photographs of either sub-dataset, 400x400 and 3000x3000."""
    names = [
        (f"{letter}{number}_1_1", subset, side)
        for letter, subset, side in (("c", "HCOCO", 400), ("a", "HAdobe5k", 3000))
        for number in range(12)
    ]
    (tmp_path / genuine.PACK).mkdir()
    for shift, file in enumerate(genuine.METHODS):
        rows = [
            {
                "name": name,
                "subset": subset,
                "mse": 30.0 - shift,
                "fmse": 300.0,
                "psnr": 33.0,
                "height": side,
                "width": side,
                "foreground_ratio": 0.1,
            }
            for name, subset, side in names
        ]
        pd.DataFrame(rows).to_csv(tmp_path / genuine.PACK / f"{file}.csv", index=False)
    return tmp_path


def artefacts_beside(data: Path) -> Artefacts:
    """Artefacts without iHarmony4 itself, in a workspace with a folder of data."""
    found = make_artefacts(data, score_rows(FMSE))
    return replace(found, workspace=replace(found.workspace, data=data))


def test_without_the_pack_there_is_nothing_to_read_and_nothing_to_say(tmp_path):
    assert genuine.read_pack(None) is None
    assert genuine.read_pack(tmp_path) is None
    assert genuine.count_images(artefacts_beside(tmp_path), paper=7407, note="").verdict == NOT_TESTABLE
    assert genuine.mean_side(artefacts_beside(tmp_path), "HCOCO", paper=500, tolerance=50).verdict == NOT_TESTABLE


def test_a_pack_with_a_missing_file_is_named(tmp_path):
    (tmp_path / genuine.PACK).mkdir()

    with pytest.raises(DataError, match=r"composite\.csv.*does not exist"):
        genuine.read_pack(tmp_path)


def test_counts_and_sizes_are_judged_on_every_test_file_once(pack):
    found = artefacts_beside(pack)

    small, large = (genuine.mean_side(found, name, paper=side, tolerance=side / 10) for name, side in (("HCOCO", 500), ("HAdobe5k", 3000)))

    assert genuine.count_images(found, paper=24, note="").verdict == AGREES
    assert genuine.count_images(found, paper=7407, note="").verdict == DIFFERS
    assert (small.verdict, small.ours.mean, large.verdict, large.ours.mean) == (DIFFERS, 400, AGREES, 3000)


def test_table_sets_genuine_means_beside_those_of_the_paper_and_of_later_ones(pack):
    table = genuine.full_size_table(genuine.read_pack(pack)).query("subset_or_bucket == 'All' and metric == 'MSE'").set_index("method")

    assert table["paper"].to_dict() == {"composite": "", "harmonizer": "27.62", "pctnet": "24.02"}
    assert table["ours"].to_dict() == {"composite": 30, "harmonizer": 29, "pctnet": 28}
    assert table.loc["pctnet", "row"] == "PCT-Net CNN, later"
    assert (table["rank"] == "").all()


def test_overall_of_a_printed_table_weights_its_columns_with_their_images(pack):
    records = genuine.read_pack(pack)
    cells = {("a", "HCOCO"): 10.0, ("a", "HAdobe5k"): 20.0, ("a", "All"): 16.5, ("b", "HCOCO"): 10.0, ("b", "All"): 1.0}
    rows = [{"table": "1", "row": row, "metric": "MSE", "subset_or_bucket": name, "number": cell} for (row, name), cell in cells.items()]

    found = genuine.overall_from_parts(records, pd.DataFrame(rows))

    assert found["row"].tolist() == ["a"]
    assert found[["paper", "ours", "percent"]].to_numpy().tolist() == [[16.5, 15, pytest.approx(10)]]


def test_the_real_sizes_fit_frihs_composites_and_not_its_baseline(shared):
    records = genuine.read_pack(shared / "data")

    by_subset, by_size = (genuine.overall_from_parts(records, published("frih", table)).set_index(["row", "metric"]) for table in (3, 4))

    assert by_size["images"].unique().tolist() == ["3831 + 1955 + 1618"]
    assert by_subset.loc[("Input composite", "MSE"), "percent"] == pytest.approx(0, abs=0.02)
    assert by_size.loc[("Input composite", "fMSE"), "percent"] == pytest.approx(0, abs=0.02)
    assert by_subset.loc[("Baseline", "MSE"), "ours"] == pytest.approx(34.18, abs=0.005)
    assert by_size.loc[("Baseline", "MSE"), "ours"] == pytest.approx(36.99, abs=0.005)


def test_the_real_pack_holds_three_methods_on_the_same_images(shared):
    found = genuine.read_pack(shared / "data")

    assert found.groupby("method")["id"].nunique().to_dict() == {"composite": 7404, "harmonizer": 7404, "pctnet": 7404}
    assert found.groupby("id")["foreground_ratio"].nunique().eq(1).all()


def test_the_real_pack_agrees_with_harmonizers_table(shared):
    table = genuine.full_size_table(genuine.read_pack(shared / "data")).query("method != 'composite'")

    assert table["ours"].to_numpy() == pytest.approx(table["paper"].astype(float).to_numpy(), rel=6e-4)
    assert table.loc[table["subset_or_bucket"] == "All", "photographs"].unique().tolist() == [4317]
