"""The simulations of benchmarks/interval_coverage.py: a few cells again, and what the committed figures promise."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harmlib.evaluation.intervals import FEWEST, mean_interval

ROOT = Path(__file__).parents[2]
REPETITIONS = 400


@pytest.fixture(scope="module")
def simulation():
    """The benchmark's script as a module."""
    spec = importlib.util.spec_from_file_location("coverage_benchmark", ROOT / "benchmarks" / "interval_coverage.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def figures() -> pd.DataFrame:
    """The committed figures."""
    return pd.read_csv(ROOT / "results" / "coverage.csv")


def covered(simulation, distribution: str, interval) -> float:
    """How often an interval of ten photographs with four composites each holds the truth, in %."""
    codes, generator = np.repeat(np.arange(FEWEST), 4), np.random.default_rng(1)
    draw = simulation.draw_scores
    return simulation.measured(
        simulation.TRUTHS[distribution], REPETITIONS, lambda: interval(draw(distribution, codes, 0.7, generator), codes)
    )


@pytest.mark.parametrize("distribution", ["normal", "difference"])
def test_differences_of_ten_photographs_are_held(simulation, distribution: str):
    assert 92 <= covered(simulation, distribution, mean_interval) <= 99


def test_composites_taken_for_independent_are_not_held(simulation):
    assert covered(simulation, "normal", lambda values, _: mean_interval(values, None)) < 85


def test_photographs_of_unequal_size_are_counted(simulation):
    assert simulation.cluster_sizes(10, simulation.UNEQUAL).tolist() == [1] * 5 + [2] * 2 + [10] * 3


def test_corrected_tables_are_seldom_wrong(simulation):
    shares = {row[0]: row[-1] for row in simulation.many_rows(400, comparisons=16)}

    assert shares["16 comparisons, one by one"] < 70
    assert shares["16 comparisons, Holm"] > 88


def test_the_figures_have_the_columns_that_the_script_writes_and_every_kind(simulation, figures):
    assert list(figures.columns) == list(simulation.COLUMNS)
    assert {"mean", "ratio of means", "rank correlation", "area under the ROC curve", "32 comparisons, Holm"} <= {*figures["kind"]}
    assert figures["distribution"].str.startswith("genuine").sum() == 40
    empty = figures["measured"].isna()
    assert (empty == ((figures["kind"] == "mean") & (figures["n"] < FEWEST))).all()


def test_figures_of_differences_hold_and_the_old_ones_did_not(figures):
    symmetric = figures[figures["distribution"].isin(["normal", "difference"]) & (figures["n"] >= FEWEST)]

    assert symmetric.loc[symmetric["kind"] == "mean", "measured"].min() > 90
    assert symmetric.loc[symmetric["kind"] == "mean, percentile over composites", "measured"].max() < 85


def test_figures_of_genuine_errors_are_better_than_the_old_ones(figures):
    genuine = figures[figures["distribution"].str.startswith("genuine MSE, comp")].pivot_table(index="n", columns="kind", values="measured")

    assert (genuine["mean"] > genuine["mean, percentile"]).all()
    assert genuine.loc[100, "mean"] > 90


def test_seeds_are_held_and_single_runs_are_not(figures):
    several = figures[figures["kind"].isin(["difference, 3 runs", "difference, 5 runs"])]
    single = figures[(figures["kind"] == "difference, one run of each") & figures["distribution"].str.endswith("1 and 1")]

    assert several["measured"].min() > 90
    assert single["measured"].max() < 30


def test_user_studies_stand_in_the_figures(figures):
    studies = figures[figures["kind"] == "user study, scores"]

    assert len(studies) == 6
    assert studies["measured"].min() > 88
