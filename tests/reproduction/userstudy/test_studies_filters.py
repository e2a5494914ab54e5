"""The filter study: importance over people, arguments of touched filters only, and the table for the data generator."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harmlib.errors import DataError
from harmlib.filters import RANGES
from reproduction.userstudy.filters import argument_boxes, argument_table, filter_ranges, importance_agreement, importance_table
from reproduction.userstudy.simulated import IMPORTANCE, filter_study


@pytest.fixture(scope="module")
def simulated() -> pd.DataFrame:
    """Answers of 26 simulated participants."""
    return filter_study().filters


def answer(participant: str, image: str, name: str, argument: float, importance: float | None, *, touched: int = 1) -> dict[str, object]:
    base = {"participant": participant, "image": image, "role": "common", "filter": name}
    return {**base, "argument": argument, "touched": touched, "importance": importance}


@pytest.fixture
def answers() -> pd.DataFrame:
    """Two people; one judged two images, the other one."""
    rows = [
        answer("p", "i", "contrast", 0.2, 5),
        answer("p", "j", "contrast", 0.4, 3),
        answer("q", "i", "contrast", 0.9, 2, touched=0),
        answer("p", "i", "brightness", -0.5, 3),
        answer("q", "i", "brightness", 0.5, None),
    ]
    return pd.DataFrame(rows)


def test_people_count_alike_however_many_images_they_judged(answers: pd.DataFrame) -> None:
    table = importance_table(answers).set_index("filter")

    assert table.loc["contrast", "importance"] == (4 + 2) / 2


def test_missing_importance_is_left_out(answers: pd.DataFrame) -> None:
    assert importance_table(answers).set_index("filter").loc["brightness", "importance"] == 3


def test_ties_are_sorted_by_name(answers: pd.DataFrame) -> None:
    assert importance_table(answers)["filter"].tolist() == ["brightness", "contrast"]


def test_arguments_of_untouched_filters_do_not_count(answers: pd.DataFrame) -> None:
    contrast = argument_table(answers).set_index("filter").loc["contrast"]

    assert (contrast["n"], contrast["mean"], contrast["q50"]) == pytest.approx((2, 0.3, 0.3))
    assert contrast["touched_share"] == pytest.approx(2 / 3)


def test_deviation_divides_by_n(answers: pd.DataFrame) -> None:
    contrast = argument_table(answers).set_index("filter").loc["contrast"]

    assert (contrast["sd"], contrast["variance"]) == pytest.approx((0.1, 0.01))


def test_filter_that_nobody_touched_keeps_its_row(answers: pd.DataFrame) -> None:
    table = filter_ranges(answers.assign(touched=(answers["filter"] == "contrast").astype(int))).set_index("filter")

    assert table.loc["brightness", "n"] == 0
    assert np.isnan(table.loc["brightness", "mean"])
    assert table.loc["brightness", "importance"] == 3


def test_filter_ranges_have_the_columns_of_the_specification(simulated: pd.DataFrame) -> None:
    quantiles = ["q05", "q25", "q50", "q75", "q95"]
    importance = ["importance", "importance_low", "importance_high"]

    table = filter_ranges(simulated)

    assert table.columns.tolist() == ["filter", "n", "touched_share", "mean", "sd", "variance", *quantiles, *importance]


def test_simulated_importance_is_found_again(simulated: pd.DataFrame) -> None:
    table = importance_table(simulated)

    assert table["filter"].tolist() == list(IMPORTANCE)
    assert (table["importance"] - table["filter"].map(IMPORTANCE)).abs().max() < 0.2
    assert ((table["importance_low"] < table["importance"]) & (table["importance"] < table["importance_high"])).all()


def test_simulated_arguments_have_half_the_released_range(simulated: pd.DataFrame) -> None:
    table = argument_table(simulated).set_index("filter")

    assert (table["sd"] / (pd.Series(RANGES) / 2)).to_numpy() == pytest.approx(1, abs=0.2)
    assert table["mean"].abs().max() < 0.1


def test_boxes_stop_at_the_last_argument_within_the_whiskers(answers: pd.DataFrame) -> None:
    many = [answer(f"r{number}", "i", "contrast", number / 100, 4) for number in range(21)]
    table = pd.DataFrame([*many, answer("far", "i", "contrast", 0.9, 4)])

    (box,) = argument_boxes(table)

    assert (box["label"], box["whislo"], box["whishi"], box["fliers"].tolist()) == ("contrast", 0, 0.2, [0.9])


def test_boxes_are_sorted_by_importance(simulated: pd.DataFrame) -> None:
    assert [box["label"] for box in argument_boxes(simulated)] == list(IMPORTANCE)


def test_people_who_score_alike_agree_fully(simulated: pd.DataFrame) -> None:
    first = simulated[simulated["participant"] == "simulated-01"]
    copies = pd.concat([first.assign(participant=name) for name in "abc"])

    assert importance_agreement(copies) == pytest.approx(1)
    assert 0.3 < importance_agreement(simulated) < 1


def test_agreement_is_over_the_common_images_only(simulated: pd.DataFrame) -> None:
    random = simulated["role"] == "random"

    assert importance_agreement(simulated[~random]) == importance_agreement(simulated)


def test_no_importance_is_said(answers: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="the filters hold no answer yet"):
        importance_table(answers.assign(importance=pd.NA))
