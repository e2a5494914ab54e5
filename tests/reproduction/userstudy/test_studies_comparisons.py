"""Wins from rankings, pairs and choices: ties, gaps, and totals of the papers' designs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harmlib.errors import DataError
from reproduction.userstudy import count_choices, count_pairs, count_rankings
from reproduction.userstudy.simulated import ranking_study

METHODS = ("a", "b", "c")


def ranking(*ranks: int | None, participant: str = "p", item: str = "i") -> pd.DataFrame:
    columns = {"participant": participant, "item": item, "method": METHODS, "rank": pd.array(ranks, dtype="Int64")}
    return pd.DataFrame(columns)


def test_ranking_splits_into_all_pairs() -> None:
    wins = count_rankings(ranking(2, 1, 3), METHODS).pooled

    assert wins.tolist() == [[0, 0, 1], [1, 0, 1], [0, 0, 0]]


def test_equal_ranks_are_half_a_win_for_both() -> None:
    wins = count_rankings(ranking(1, 1, 2), METHODS).pooled

    assert wins.tolist() == [[0, 0.5, 1], [0.5, 0, 1], [0, 0, 0]]


def test_method_that_was_not_judged_gives_no_pair() -> None:
    wins = count_rankings(ranking(1, None, 2), METHODS).pooled

    assert wins.tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_row_order_does_not_matter() -> None:
    table = pd.concat([ranking(2, 1, 3), ranking(3, 1, 2, item="j"), ranking(1, 1, 1, participant="q")])

    shuffled = count_rankings(table.sample(frac=1, random_state=0), METHODS)

    assert (shuffled.pooled == count_rankings(table, METHODS).pooled).all()


@pytest.mark.parametrize(("row", "pairs"), [("image", 24_948), ("video", 3600)])
def test_the_papers_designs_give_the_pairs_of_the_specification(row: str, pairs: int) -> None:
    study = ranking_study(row)

    assert count_rankings(study.rankings, study.info.methods).pooled.sum() == pairs


def test_pairs_count_winners_and_ties_on_either_side() -> None:
    winners = ["left", "right", "tie", None]
    pairs = pd.DataFrame({"participant": "p", "item": list("ijkl"), "left": "a", "right": "b", "winner": winners})

    comparisons = count_pairs(pairs, METHODS)

    assert comparisons.wins.shape == (1, 3, 3, 3)
    assert comparisons.pooled.tolist() == [[0, 1.5, 0], [1.5, 0, 0], [0, 0, 0]]


def test_chosen_method_beats_what_else_was_offered() -> None:
    choices = pd.DataFrame({"participant": list("pqr"), "item": "i", "options": ["c|a|b", "a|b", "a|b"], "chosen": ["a", "b", None]})

    comparisons = count_choices(choices, METHODS)

    assert comparisons.wins.shape == (2, 1, 3, 3)
    assert comparisons.pooled.tolist() == [[0, 1, 1], [1, 0, 0], [0, 0, 0]]


def test_wins_are_kept_per_participant_and_item() -> None:
    table = pd.concat([ranking(1, 2, 3), ranking(3, 2, 1, participant="q", item="j")])

    wins = count_rankings(table, METHODS).wins

    assert wins.sum((2, 3)).tolist() == [[3, 0], [0, 3]]
    assert np.array_equal(wins[0, 0], wins[1, 1].T)


def test_rank_given_twice_is_named() -> None:
    with pytest.raises(DataError, match='participant "p" ranked "a" twice on item "i"'):
        count_rankings(pd.concat([ranking(1, 2, 3), ranking(1, 2, 3)]), METHODS)


def test_unknown_method_is_named() -> None:
    with pytest.raises(DataError, match='method "c" is not one of a, b'):
        count_rankings(ranking(1, 2, 3), ("a", "b"))


def test_no_answer_is_said() -> None:
    with pytest.raises(DataError, match="the rankings hold no answer yet"):
        count_rankings(ranking(None, None, None), METHODS)
