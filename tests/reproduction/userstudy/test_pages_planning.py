from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harmlib.errors import ParameterError
from reproduction.userstudy.pages.planning import CATCH, COMMON, RANDOM, Design, Trial, is_spoiled, plan_study, rater_names, williams_square


def design(kind: str = "rankings", items: int = 24, methods: int = 3, raters: int = 12, seed: int = 2021, **options) -> Design:
    return Design(kind, tuple(f"i{n}" for n in range(items)), tuple(f"m{n}" for n in range(methods)), raters, seed, **options)


def positions(trials: Iterable[Trial]) -> Counter[tuple[str, int]]:
    """Count how often each version stands in each position."""
    return Counter((version, position) for trial in trials for position, version in enumerate(trial.versions))


def spread(counts: Iterable[int]) -> int:
    """Return the difference of the largest and the smallest count."""
    values = list(counts)
    return max(values) - min(values)


sizes = st.fixed_dictionaries({"items": st.integers(1, 14), "methods": st.integers(2, 6), "raters": st.integers(1, 14)})


@given(sizes=sizes, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_every_rater_ranks_every_item_with_every_method_once(sizes, seed):
    made = design(**sizes, seed=seed)

    for trials in plan_study(made).values():
        assert sorted(trial.item for trial in trials) == sorted(made.items)
        assert all(sorted(trial.versions) == sorted(made.methods) for trial in trials)


@given(sizes=sizes, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_a_rater_sees_every_method_in_every_position_equally_often(sizes, seed):
    methods = sizes["methods"]

    for trials in plan_study(design(**sizes, seed=seed)).values():
        counts = positions(trials)
        assert spread(counts[f"m{method}", index] for method in range(methods) for index in range(methods)) <= 2


@pytest.mark.parametrize(("items", "methods"), [(24, 3), (24, 4), (6, 4), (24, 7), (99, 7), (5, 2), (11, 4)])
def test_a_rater_of_whole_rounds_is_balanced_within_one(items, methods):
    for trials in plan_study(design(items=items, methods=methods, raters=methods)).values():
        counts = positions(trials)
        assert spread(counts[f"m{method}", index] for method in range(methods) for index in range(methods)) <= 1


@given(sizes=sizes, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_an_item_shows_every_method_in_every_position_equally_often_over_raters(sizes, seed):
    plan = plan_study(design(**sizes, seed=seed))
    methods = sizes["methods"]

    for item in range(sizes["items"]):
        counts = positions(trial for trials in plan.values() for trial in trials if trial.item == f"i{item}")
        assert spread(counts[f"m{method}", index] for method in range(methods) for index in range(methods)) <= 1


@given(items=st.integers(1, 13), raters=st.integers(1, 13))
@settings(max_examples=40, deadline=None)
def test_no_item_comes_early_more_often_than_another(items, raters):
    plan = plan_study(design(items=items, raters=raters))

    whole = raters // items * items
    counts = Counter((trial.item, index) for trials in list(plan.values())[:whole] for index, trial in enumerate(trials))
    assert set(counts.values()) <= {raters // items}
    rest = Counter((trial.item, index) for trials in list(plan.values())[whole:] for index, trial in enumerate(trials))
    assert set(rest.values()) <= {1}


@given(sizes=sizes, share=st.floats(0.05, 1), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_with_fewer_trials_items_are_dealt_equally(sizes, share, seed):
    plan = plan_study(design(**sizes, seed=seed, trials=max(1, int(share * sizes["items"]))))

    counts = Counter(trial.item for trials in plan.values() for trial in trials)
    assert spread(counts[f"i{item}"] for item in range(sizes["items"])) <= 1
    assert all(len({trial.item for trial in trials}) == len(trials) for trials in plan.values())


@given(sizes=sizes, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_pairs_are_dealt_equally_and_change_sides(sizes, seed):
    plan = plan_study(design("pairs", **sizes, seed=seed))

    for trials in plan.values():
        asked = [(trial.item, frozenset(trial.versions)) for trial in trials]
        assert len(set(asked)) == len(asked)
    every = [trial for trials in plan.values() for trial in trials]
    counts = Counter((trial.item, frozenset(trial.versions)) for trial in every)
    all_pairs = sizes["items"] * math.comb(sizes["methods"], 2)
    assert spread([*counts.values(), *[0] * (all_pairs - len(counts))]) <= 1
    sides = Counter((trial.item, *trial.versions) for trial in every)
    assert all(abs(sides[item, left, right] - sides[item, right, left]) <= 1 for item, left, right in sides)


def test_a_rater_of_pairs_gets_every_pair_and_every_side_about_equally_often():
    for trials in plan_study(design("pairs", items=24, methods=5, raters=12)).values():
        pairs = Counter(frozenset(trial.versions) for trial in trials)
        counts = positions(trials)
        assert len(trials) == 60
        assert len(pairs) == 10
        assert spread(pairs.values()) <= 2
        assert all(abs(counts[f"m{method}", 0] - counts[f"m{method}", 1]) <= 2 for method in range(5))


def test_a_seed_repeats_and_another_differs():
    assert plan_study(design()) == plan_study(design())
    assert plan_study(design()) != plan_study(design(seed=7))


def test_raters_see_different_orders():
    orders = {tuple(trial.item for trial in trials) for trials in plan_study(design()).values()}

    assert len(orders) == 12


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 10])
def test_in_a_williams_square_everything_follows_everything_equally_often(n):
    square = williams_square(n)

    assert all(set(np.bincount(column, minlength=n)) == {len(square) // n} for column in square.T)
    follows = Counter((row[index], row[index + 1]) for row in square for index in range(n - 1))
    assert len(follows) == n * (n - 1)
    assert len(set(follows.values())) <= 1


@pytest.mark.parametrize(("kind", "shown", "bad"), [("rankings", 4, 1), ("pairs", 2, 1), ("choices", 4, 3), ("filters", 1, 1)])
def test_catch_trials_are_there_once_each_and_never_first(kind, shown, bad):
    caught = ("i3", "i5")

    for trials in plan_study(design(kind, methods=0 if kind == "filters" else 4, catch_items=caught)).values():
        found = [trial for trial in trials if trial.role == CATCH]
        assert sorted(trial.item for trial in found) == list(caught)
        assert trials[0].role != CATCH
        assert all(len(trial.versions) == shown and sum(map(is_spoiled, trial.versions)) == bad for trial in found)


def test_catch_trials_are_not_beside_their_own_item():
    for trials in plan_study(design(catch_items=("i3", "i5"))).values():
        assert all(first.item != second.item for first, second in itertools.pairwise(trials))


def test_a_filter_study_shares_five_images_and_deals_five_others():
    plan = plan_study(design("filters", items=24, methods=0, raters=26))

    common = [{trial.item for trial in trials if trial.role == COMMON} for trials in plan.values()]
    others = Counter(trial.item for trials in plan.values() for trial in trials if trial.role == RANDOM)
    assert len(common[0]) == 5
    assert all(items == common[0] for items in common)
    assert all(len(trials) == 10 for trials in plan.values())
    assert len(others) == 19
    assert spread(others.values()) <= 1


def test_names_of_raters_sort_as_they_count():
    assert rater_names(2) == ["rater-01", "rater-02"]
    assert rater_names(100)[-1] == "rater-100"
    assert sorted(rater_names(100)) == rater_names(100)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"kind": "votes"}, 'there is no kind "votes"'),
        ({"raters": 0}, "needs at least one"),
        ({"items": 0}, "at least one item"),
        ({"methods": 1}, "name at least two"),
        ({"trials": 25}, "choose from 1 to 24"),
        ({"kind": "pairs", "trials": 73}, "choose from 1 to 72"),
        ({"kind": "filters", "trials": 3}, "leave the number of trials out"),
    ],
)
def test_impossible_designs_are_refused_with_a_sentence(options, sentence):
    with pytest.raises(ParameterError, match=sentence):
        plan_study(design(**options))
