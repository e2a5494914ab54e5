"""Our numbers beside the paper's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harmlib.errors import ParameterError
from harmlib.evaluation.statistics import SEEDS, summarize
from reproduction.kit.tables import COLUMNS, beside_paper, caption, decimals, styled, with_ranks
from reproduction.papers import published

DATA = "HScene-style, embedded"
METHODS = ("composite", "sgmmh_rgb", "sgmmh_om", "ours_only")


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    """Four methods on forty images; the two middle ones cannot be told apart, the last is clearly best."""
    generator = np.random.default_rng(3)
    base = generator.uniform(50, 400, 40)
    factors = dict(zip(METHODS, (1.0, 0.8, 0.8, 0.5), strict=True))
    parts = []
    for method, factor in factors.items():
        mse = base * factor + generator.normal(0, 2, 40)
        keys = {"dataset": "HScene", "method": method, "id": [f"i{k}" for k in range(40)]}
        parts.append(pd.DataFrame({**keys, "mse": mse, "psnr": 10 * np.log10(65025 / mse), "lpips": np.nan}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def table(scores: pd.DataFrame) -> pd.DataFrame:
    summary = summarize(scores, ["dataset", "method"], metrics=["mse", "psnr", "lpips"])
    return beside_paper(summary, published("sgmmh", 2), data=DATA, reasons={"lpips": "no VGG16 weights", "sgmmh_omgan": "not trained"})


def cell(table: pd.DataFrame, method: str, metric: str, dataset: str = "HScene") -> pd.Series:
    rows = table[(table["method"] == method) & (table["metric"] == metric) & (table["dataset"] == dataset)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_every_printed_cell_has_a_row(table: pd.DataFrame) -> None:
    assert tuple(table) == COLUMNS
    assert (table["paper"] != "").sum() == len(published("sgmmh", 2))


def test_our_mean_stands_beside_the_printed_value(table: pd.DataFrame, scores: pd.DataFrame) -> None:
    found = cell(table, "sgmmh_om", "MSE")

    assert found["paper"] == "99.84"
    assert found["ours"] == pytest.approx(scores.loc[scores["method"] == "sgmmh_om", "mse"].mean())
    assert found["low"] < found["ours"] < found["high"]


def test_missing_metric_says_why(table: pd.DataFrame) -> None:
    assert cell(table, "composite", "LPIPS")["note"] == "no VGG16 weights"


def test_missing_method_says_why(table: pd.DataFrame) -> None:
    assert cell(table, "sgmmh_omgan", "MSE")["note"] == "not trained"


def test_missing_data_set_says_that_it_was_not_scored(table: pd.DataFrame) -> None:
    assert cell(table, "composite", "MSE", "HLIP")["note"] == "not scored"


def test_method_that_the_paper_lacks_follows_below(table: pd.DataFrame) -> None:
    found = cell(table, "ours_only", "MSE")

    assert (found["paper"], found["direction"], found["subset_or_bucket"]) == ("", "down", "test")
    assert table.index[table["method"] == "ours_only"].min() == len(published("sgmmh", 2))


def test_data_is_named_by_its_real_name(table: pd.DataFrame) -> None:
    assert set(table["data"]) == {DATA}


def test_ambiguous_groups_are_refused(scores: pd.DataFrame) -> None:
    summary = summarize(scores, ["method"], metrics=["mse"])

    with pytest.raises(ParameterError, match="the paper prints several values for composite, mse"):
        beside_paper(summary, published("sgmmh", 2), data=DATA)


def test_clear_winner_is_best(table: pd.DataFrame, scores: pd.DataFrame) -> None:
    ranked = with_ranks(table, scores)

    assert cell(ranked, "ours_only", "MSE")["rank"] == cell(ranked, "ours_only", "PSNR")["rank"] == "best"


def test_methods_that_cannot_be_told_apart_are_not_ranked(table: pd.DataFrame, scores: pd.DataFrame) -> None:
    ranked = with_ranks(table, scores)

    assert "second" not in set(ranked["rank"])


def test_clear_second_is_marked(table: pd.DataFrame, scores: pd.DataFrame) -> None:
    without = scores["method"] != "sgmmh_rgb"
    summary = summarize(scores[without], ["dataset", "method"], metrics=["mse"])

    ranked = with_ranks(beside_paper(summary, published("sgmmh", 2), data=DATA), scores[without])

    assert cell(ranked, "sgmmh_om", "MSE")["rank"] == "second"


def test_grid_shows_ours_interval_and_paper(table: pd.DataFrame) -> None:
    text = styled(table).data.loc["Sg-MHH(OM)", ("HScene", "MSE ↓")]

    assert text.endswith("] (99.84)")
    assert text.count("[") == 1


def test_grid_shows_na_where_there_is_no_number(table: pd.DataFrame) -> None:
    assert styled(table).data.loc["Composite", ("HScene", "LPIPS ↓")] == "n/a (0.027)"


def test_grid_prints_the_best_in_bold(table: pd.DataFrame, scores: pd.DataFrame) -> None:
    assert "font-weight: bold" in styled(with_ranks(table, scores)).to_html()


@pytest.fixture(scope="module")
def repeated(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores with two more runs of the last method, one of which is far worse."""
    last = scores[scores["method"] == "ours_only"]
    more = [last.assign(mse=last["mse"] + worse, repeat=run) for run, worse in ((1, 0), (2, 150))]
    return pd.concat([scores.assign(repeat=0), *more], ignore_index=True)


def test_deviation_of_the_seeds_stands_beside_the_interval(repeated: pd.DataFrame) -> None:
    summary = summarize(repeated, ["dataset", "method"], metrics=["mse"])
    table = beside_paper(summary, published("sgmmh", 2), data=DATA)

    assert tuple(table) == (*COLUMNS, *SEEDS)
    assert cell(table, "ours_only", "MSE")[list(SEEDS)].tolist() == [3, pytest.approx(150 / 3**0.5)]
    assert cell(table, "sgmmh_om", "MSE")["seeds"] == 1
    assert "± 87" in styled(table).data.loc["ours_only", ("HScene", "MSE ↓")]
    assert "± standard deviation of training seeds" in caption(table)


def test_method_whose_seeds_differ_more_than_methods_do_is_not_ranked(table: pd.DataFrame, scores: pd.DataFrame, repeated) -> None:
    assert cell(with_ranks(table, scores), "ours_only", "MSE")["rank"] == "best"
    assert cell(with_ranks(table, repeated), "ours_only", "MSE")["rank"] == ""


def test_caption_names_data_n_and_reasons(table: pd.DataFrame) -> None:
    text = caption(table)

    assert f"data: {DATA}; n = 40 of 40 photographs; n/a: " in text
    assert set(text.rpartition("n/a: ")[2].split("; ")) == {"not scored", "no VGG16 weights", "not trained"}


@pytest.mark.parametrize(
    ("paper", "low", "high", "expected"), [("99.84", 90, 110, 0), ("99.84", 99.5, 100.5, 2), ("0.96", 0.9, 1.0, 2), ("12", 11.99, 12.01, 0)]
)
def test_digits_are_the_papers_and_never_more_than_the_interval_supports(paper: str, low: float, high: float, expected: int) -> None:
    assert decimals(paper, low, high) == expected
