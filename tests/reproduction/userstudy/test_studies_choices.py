"""One choice among several: Sg-MMH's table 3 rebuilt, intervals over people, and the position on the screen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harmlib.errors import DataError
from reproduction.papers import published
from reproduction.userstudy.choices import equal_votes, position_table, printed_votes, scenario_table, share_table, vote_table
from reproduction.userstudy.simulated import choice_study

METHODS = ("a", "b", "c")


def choices(*chosen: str | None, options: str = "a|b|c") -> pd.DataFrame:
    people = [f"p{number}" for number in range(len(chosen))]
    return pd.DataFrame({"participant": people, "item": "i", "scenario": "s", "options": options, "chosen": chosen})


def test_printed_votes_are_the_only_whole_ones() -> None:
    assert printed_votes()["votes"].tolist() == [136, 160, 122, 242]
    assert printed_votes()["votes"].sum() == 660


def test_printed_percentages_are_rebuilt_from_votes() -> None:
    votes = printed_votes()
    table = share_table(votes["method"], votes["votes"])

    assert [f"{100 * share:.1f}" for share in table["share"]] == published("sgmmh", 3)["value"].tolist()


def test_wilson_intervals_of_the_printed_votes_are_those_of_the_specification() -> None:
    table = share_table((*METHODS, "d"), [136, 160, 122, 242])

    ends = (100 * table[["wilson_low", "wilson_high"]]).round(1)
    assert ends.to_numpy().tolist() == [[17.7, 23.9], [21.1, 27.7], [15.7, 21.6], [33.1, 40.4]]


def test_printed_votes_are_not_equal() -> None:
    statistic, freedom, p = equal_votes([136, 160, 122, 242])

    assert (round(statistic, 1), freedom) == (52.4, 3)
    assert p == pytest.approx(2.5e-11, rel=0.02)


def test_shares_add_up_and_unchosen_methods_stay() -> None:
    table = vote_table(choices("a", "a", "b", None), METHODS)

    assert table["votes"].tolist() == [2, 1, 0]
    assert table["share"].tolist() == pytest.approx([2 / 3, 1 / 3, 0])


def test_interval_over_people_has_the_width_of_theory_when_votes_are_independent() -> None:
    study = choice_study(participants=400, items=1)
    table = vote_table(study.choices, study.info.methods)

    assert (table["high"] - table["low"]).to_numpy() == pytest.approx((table["wilson_high"] - table["wilson_low"]).to_numpy(), rel=0.1)


def test_interval_over_people_is_wider_when_everybody_has_one_favorite() -> None:
    votes = pd.concat([choices(*"abcabcabcabc").assign(item=f"i{number}") for number in range(10)])
    table = vote_table(votes, METHODS)

    assert ((table["high"] - table["low"]) > 2 * (table["wilson_high"] - table["wilson_low"])).all()


def test_single_person_has_no_interval_over_people() -> None:
    table = vote_table(choices("a"), METHODS)

    assert table[["low", "high"]].isna().all(axis=None)
    assert table["wilson_low"].notna().all()


def test_scenarios_add_up_to_all_votes() -> None:
    study = choice_study()
    table = scenario_table(study.choices, study.info.methods)

    assert table.groupby("scenario")["share"].sum().to_numpy() == pytest.approx(1)
    assert (
        table.groupby("method")["votes"].sum().to_dict()
        == vote_table(study.choices, study.info.methods).set_index("method")["votes"].to_dict()
    )


def test_places_on_the_screen_are_counted() -> None:
    table = position_table(pd.concat([choices("a", "b"), choices("a", options="b|a")]))

    assert table["votes"].tolist() == [1, 2, 0]
    assert table["expected"].tolist() == pytest.approx([2 / 3 + 1 / 2, 2 / 3 + 1 / 2, 2 / 3])


def test_position_bias_is_found_only_where_there_is_one() -> None:
    fair, biased = (position_table(choice_study(position_bias=bias).choices) for bias in (0, 1))

    assert equal_votes(fair["votes"], fair["expected"])[2] > 0.01
    assert equal_votes(biased["votes"], biased["expected"])[2] < 1e-6


def test_unknown_choice_is_named() -> None:
    with pytest.raises(DataError, match='"c" was chosen and is not one of a, b'):
        vote_table(choices("a", "c"), ("a", "b"))


@pytest.mark.parametrize("score", [lambda table: vote_table(table, METHODS), lambda table: scenario_table(table, METHODS), position_table])
def test_no_choice_is_said(score) -> None:
    with pytest.raises(DataError, match="the choices hold no answer yet"):
        score(choices(None, None))


def test_no_vote_cannot_be_tested() -> None:
    with pytest.raises(DataError, match="no vote to test"):
        equal_votes(np.zeros(3, dtype=int))
