"""Tables of user studies: printed numbers come out exactly, orders and intervals say what was asked, and simulated raters are named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harmlib.errors import DataError
from reproduction.exhibits_userstudy import example, numbers, outputs, votes, widths
from reproduction.papers import published
from reproduction.userstudy import count_rankings, fit
from reproduction.userstudy.agreement import rater_agreement
from reproduction.userstudy.bradley_terry import printed_scores
from reproduction.userstudy.simulated import Behavior, choice_study, filter_study, ranking_study

PLAIN = Behavior(item_effect=0, careless=0, tie_width=0)


@pytest.fixture(scope="module")
def video() -> numbers.Scored:
    """Twelve simulated raters on twenty clips."""
    return numbers.score_study(ranking_study("video", behavior=PLAIN, seed=1), draws=200, seed=0)


@pytest.fixture(scope="module")
def choices():
    """Sixty simulated raters on eleven sets."""
    return choice_study(seed=1)


@pytest.fixture(scope="module")
def errors() -> pd.DataFrame:
    """Three methods on six composites; "ht" wins on five of them and fails badly on the last."""
    rows = []
    for item in range(12):
        distances = {"composite": 9.0, "ht": 100.0 if item == 5 else 3.0, "harmonizer": 6.0}
        rows += [(f"mini/{item}", name, value + item, (value + item) ** 2) for name, value in distances.items()]
    return pd.DataFrame(rows, columns=["item", "method", *outputs.METRICS])


def test_printed_votes_give_the_printed_percentages() -> None:
    table = votes.printed_table()

    assert table["votes"].tolist() == [136, 160, 122, 242]
    assert [f"{share:.1f}" for share in table["share"]] == table["printed"].tolist() == published("sgmmh", 3)["value"].tolist()


def test_intervals_of_the_printed_votes_are_those_of_the_specification() -> None:
    table = votes.printed_table()

    assert table["low"].round(1).tolist() == [17.7, 21.1, 15.7, 33.1]
    assert table["high"].round(1).tolist() == [23.9, 27.7, 21.6, 40.4]


def test_few_numbers_of_people_fit_the_printed_shares() -> None:
    assert votes.fitting(11 * number for number in range(1, 61)) == [11 * number for number in (30, 53, 56, 57, 59, 60)]


def test_whole_votes_that_do_not_add_up_do_not_fit() -> None:
    # Of 10 votes no share can be 20.6 %.
    assert votes.fitting([10]) == []


def test_lead_is_the_difference_of_two_shares_with_its_interval() -> None:
    found = votes.lead(pd.Series({"a": 60, "b": 30, "c": 10}))

    error = np.sqrt((0.6 + 0.3 - 0.3**2) / 100)
    assert (found.mean, found.n) == (pytest.approx(30), 100)
    assert found.high - found.mean == pytest.approx(100 * 1.959964 * error, rel=1e-5)


def test_table_3_has_the_paper_beside_all_sets_only(choices) -> None:
    table = votes.table3(choices, draws=50, seed=0)

    whole = table["subset_or_bucket"] == "all"
    assert table.loc[whole, "paper"].tolist() == ["20.6", "24.2", "18.5", "36.7"]
    assert table.loc[~whole, "paper"].eq("").all()
    assert table.groupby("subset_or_bucket")["votes"].sum().loc["all"] == 660
    assert table.loc[~whole, "votes"].sum() == 660


def test_table_3_says_that_its_raters_are_simulated(choices) -> None:
    table = votes.table3(choices, draws=50, seed=0)

    assert set(table["raters"]) == {"simulated"}
    assert set(table["data"]) == {"60 simulated raters, 11 sets"}


def test_position_bias_shows_in_the_votes_by_place(choices) -> None:
    table = votes.positions({"none": choices, "strong": choice_study(position_bias=1.0, seed=1)}).set_index(["study", "position"])

    assert table.loc[("none", 1), "p"] > 0.01
    assert table.loc[("strong", 1), "p"] < 1e-6
    assert table.loc[("strong", 1), "votes"] > 1.5 * table.loc[("strong", 1), "expected"]


def test_table_5_has_the_printed_numbers_on_both_scales(video) -> None:
    table = numbers.score_table([video]).set_index("method")

    assert table["paper"].tolist() == printed_scores("video")["printed"].tolist()
    np.testing.assert_allclose(table["paper_centered"], printed_scores("video")["centered"], atol=1e-12)
    assert table["row"].tolist() == ["Composite", "DOVE", "BARG", "IntrIH", "IHT", "Harmonizer"]


def test_printed_scores_are_shifted_to_the_shared_methods() -> None:
    records = ranking_study("image", participants=4, items=6, seed=1)
    rankings = records.rankings.replace({"method": {"human": "reinhard_lab"}})
    methods = ["reinhard_lab" if method == "human" else method for method in records.info.methods]
    other = type(records)(type(records.info)(**{**vars(records.info), "methods": methods}), records.participants, rankings)

    table = numbers.score_table([numbers.score_study(other, draws=50, seed=0)]).set_index("method")

    shared = table["paper"].notna()
    assert table.index[~shared].tolist() == ["reinhard_lab"]
    assert table.loc["reinhard_lab", "row"] == "Reinhard in Lab"
    assert table.loc[shared, "paper_centered"].mean() == pytest.approx(table.loc[shared, "ours"].mean())


def test_table_5_in_the_papers_layout_has_an_empty_cell_for_the_missing_human(video) -> None:
    image = numbers.score_study(ranking_study("image", participants=3, items=4, seed=1), draws=50, seed=0)

    view = numbers.as_printed(numbers.score_table([image, video]))

    assert list(view.columns) == ["Composite", "DOVE", "BARG", "IntrIH", "IHT", "Harmonizer", "Human"]
    assert view.loc[("image", "paper, as printed"), "Human"] == "1.393"
    assert view.loc["video", "Human"].eq("").all()


def test_win_rates_of_a_pair_add_up_to_one(video) -> None:
    rates = numbers.win_table([video]).set_index(["method", "other"])["rate"]

    assert rates["ht", "iih"] + rates["iih", "ht"] == pytest.approx(1)
    assert rates["harmonizer", "bargainnet"] > 0.6


def test_difference_of_two_scores_is_that_of_the_table_and_its_interval_turns_around(video) -> None:
    there, back = numbers.difference(video, "harmonizer", "ht"), numbers.difference(video, "ht", "harmonizer")

    values = video.values()
    assert there.mean == pytest.approx(values["harmonizer"] - values["ht"])
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.low > 0


def test_study_of_votes_has_no_scores(choices) -> None:
    with pytest.raises(DataError, match="has neither rankings nor pairs"):
        numbers.score_study(choices, draws=10, seed=0)
    with pytest.raises(DataError, match="has neither rankings nor pairs"):
        numbers.score_study(filter_study(participants=2), draws=10, seed=0)


def test_agreement_stands_beside_chance(video) -> None:
    row = numbers.agreement_table([video]).iloc[0]

    assert row["chance"] == pytest.approx(1 / 12)
    assert row["kendalls_w"] > row["chance"]


def test_scores_of_the_exact_example_are_logarithms_of_two() -> None:
    fitted = fit(np.array(example.EXACT, dtype=float), ["A", "B", "C"])

    np.testing.assert_allclose(fitted.scores, np.log(2) * np.array([1, 0, -1]), atol=1e-8)


def test_awkward_example_is_solved_as_the_notebook_does_by_hand() -> None:
    comparisons = count_rankings(example.rankings(example.AWKWARD), ["A", "B", "C"])

    table = example.fit_table(fit(comparisons.pooled, comparisons.methods))

    assert example.win_matrix(comparisons).to_numpy().tolist() == [[0, 1.5, 2], [1.5, 0, 2], [0, 0, 0]]
    np.testing.assert_allclose(table["score"], np.log(5) * np.array([1, 1, -2]) / 3, atol=1e-8)
    assert set(table["virtual wins"]) == {"yes"}


def test_example_of_agreement_is_solved_as_the_notebook_does_by_hand() -> None:
    row = rater_agreement(example.rankings(example.RANKINGS), ["A", "B", "C"]).iloc[0]

    assert (row["kendalls_w"], row["mean_tau"]) == (pytest.approx(96 / 216), pytest.approx(1 / 9))


def test_written_answers_become_ranks() -> None:
    table = example.rankings({"Ada": "A = B > C"})

    assert dict(zip(table["method"], table["rank"], strict=True)) == {"A": 1, "B": 1, "C": 3}


def test_raters_with_tastes_give_wider_intervals_and_more_of_them_narrower_ones() -> None:
    table = widths.width_table(seed=0, raters=(4, 16), repetitions=1, draws=100)

    width = table.pivot_table(index=["subset_or_bucket", "taste"], columns="people", values="width")
    assert (width[16] < width[4]).all()
    same, own = widths.TASTES
    assert (width.xs(own, level="taste") > width.xs(same, level="taste")).all(axis=None)
    assert set(table["raters"]) == {"simulated"}


def test_raters_without_taste_follow_the_printed_scores() -> None:
    strengths = printed_scores("image").set_index("method")["centered"]

    found = fit(widths.simulate(strengths, 40, 99, 0.0, np.random.default_rng(0)).pooled, list(strengths.index))

    # The standard error of a score from 40 x 99 rankings is about 0.015.
    np.testing.assert_allclose(found.scores, strengths, atol=0.06)


def test_preferences_follow_the_distances_on_most_composites(errors) -> None:
    study = numbers.score_study(outputs.preferences(errors, raters=12, seed=0), draws=50, seed=0)

    assert study.values().idxmax() == "ht"
    assert study.records.info.items.keys() == set(errors["item"])


def test_one_bad_failure_makes_the_order_of_means_another(errors) -> None:
    study = numbers.score_study(outputs.preferences(errors, raters=12, seed=0), draws=50, seed=0)

    table = outputs.error_table(errors, study, {"ht": "ten updates"})
    taus = outputs.order_table(table).set_index("order")["tau"]

    assert table["method"].iloc[0] == "ht"
    assert table.set_index("method")["budget"].to_dict() == {"ht": "ten updates", "harmonizer": "", "composite": ""}
    assert taus["mean color difference (CIEDE2000)"] < 1
    assert taus["mean place by color difference"] == 1


def test_pairs_have_the_better_liked_method_first(errors) -> None:
    study = numbers.score_study(outputs.preferences(errors, raters=12, seed=0), draws=50, seed=0)

    table = outputs.pair_table(errors, study)

    assert (table["score_difference"] >= 0).all()
    assert table[["first", "second"]].to_numpy().tolist() == [["ht", "harmonizer"], ["ht", "composite"], ["harmonizer", "composite"]]
    assert table["color_difference_reading"].tolist() == ["no clear difference", "no clear difference", "better"]
    assert "Scores tell" in outputs.pair_sentences(table)[0]


def test_methods_of_one_budget_share_a_line(errors) -> None:
    study = numbers.score_study(outputs.preferences(errors, raters=3, seed=0), draws=50, seed=0)

    table = outputs.error_table(errors, study, {"ht": "ten updates", "harmonizer": "ten updates"})

    assert outputs.budget_words(table) in (["ten updates: HT, Harmonizer"], ["ten updates: Harmonizer, HT"])
