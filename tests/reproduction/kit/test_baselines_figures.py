"""The charts and pictures of the baselines on small inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from miniature_baselines import ranked_artefacts

from harmlib import models
from harmlib.training.plan import RunPlan
from reproduction.baselines import figures, ranking, training
from reproduction.baselines.artefacts import LABELS, Artefacts
from reproduction.kit.comparisons import OPEN
from reproduction.kit.examples import Example


@pytest.fixture(scope="module")
def ranks(tmp_path_factory) -> pd.DataFrame:
    """The ranks of all systems."""
    return ranking.ranking_table(ranked_artefacts(tmp_path_factory.mktemp("ranked")))


@pytest.fixture
def example(generator: np.random.Generator) -> Example:
    """A smooth picture whose middle is too dark."""
    target = np.kron(generator.uniform(60, 200, (8, 8, 3)), np.ones((32, 32, 1))).astype(np.uint8)
    mask = np.zeros((256, 256), bool)
    mask[96:160, 64:192] = True
    composite = np.where(mask[..., None], target // 2, target)
    return Example("p_1_1", "mini", composite, target, mask, "", (256, 512))


@pytest.mark.slow
def test_systems_stand_in_the_printed_order_and_the_unprinted_below(ranks):
    figure = figures.ranking_figure(ranks)

    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names[:3] == ["FRIH", "Harmonizer", "D-HT"]
    assert names.index("Zhu") == 15
    assert set(names[16:]) == {
        "iSSAM",
        "ADFM",
        "PCT-Net",
        "S2CRNet-VGG16",
        "Reinhard in Lab",
        "Reinhard in lαβ",
        "Xiao-Ma",
        "Histogram",
        "IDT",
    }


def test_both_panels_mark_the_composite_and_number_the_printed_systems(ranks):
    table = ranks

    papers, ours = figures.ranking_figure(table, "psnr").axes

    assert papers.lines[-2].get_xdata()[0] == 31.63
    assert [text.get_text() for text in papers.texts] == [str(index) for index in range(1, 18)]
    assert len(ours.texts) == 17


def test_pictures_are_cut_out_around_the_foreground():
    mask = np.zeros((256, 300), bool)
    mask[100:120, 110:150] = True

    assert figures.window(mask) == (92, 94, 128, 166)


def test_a_tall_foreground_at_the_border_is_shown_no_taller_than_wide():
    mask = np.zeros((256, 300), bool)
    mask[0:200, 10:20] = True

    assert figures.window(mask) == (0, 0, 256, 256)


def test_narrow_pictures_are_shown_in_their_whole_width():
    mask = np.zeros((200, 50), bool)
    mask[10:190, 20:30] = True

    top, left, bottom, right = figures.window(mask)

    assert (left, right) == (0, 50)
    assert bottom - top > 180


def test_every_system_is_measured_and_the_best_are_marked(example):
    systems = {"idt": models.create("idt"), "reinhard_lab": models.create("reinhard_lab"), "dih": models.create("dih", width=1 / 32).eval()}

    figure = figures.every_system([example], systems)

    axes = [axis for axis in figure.subfigs[0].axes if axis.get_title()]
    assert [axis.get_title() for axis in axes] == ["composite", "real", "mask", "IDT", "Reinhard in Lab", "DIH"]
    captions = [axis.get_xlabel() for axis in axes]
    wrong = (example.composite.astype(float) - example.real)[example.mask]
    assert captions[0].startswith(f"fMSE {(wrong**2).mean():.0f}")
    assert captions[1:3] == ["", ""]
    assert sum("★" in caption for caption in captions) == 3


def test_results_are_shown_on_the_composites_background(example):
    torch.manual_seed(0)

    figure = figures.every_system([example], {"dih": models.create("dih", width=1 / 32).eval()})

    composite, painted = (figure.subfigs[0].axes[index].images[0].get_array() for index in (0, 3))
    assert (composite != painted).any()
    np.testing.assert_array_equal(composite[0], painted[0])  # the first row is background


def only(artefacts: Artefacts, *methods: str) -> Artefacts:
    """Artefacts of some runs only, narrow ones."""
    options = {"harmonizer": {"width": 0.25, "size": 64}}
    runs = tuple(RunPlan(name, "iharmony4-style", 4, 2, options=options.get(name, {"width": 1 / 32})) for name in methods)
    return replace(artefacts, plan=replace(artefacts.plan, runs=runs))


@pytest.mark.slow
def test_filters_begin_at_the_composite_and_painters_do_not(tmp_path, example):
    artefacts = only(ranked_artefacts(tmp_path), "harmonizer", "dih")
    fresh = {run.scored_as: models.create(run.method, **run.options).eval() for run in artefacts.plan.runs}

    table = training.starts(artefacts, [example], fresh)

    assert table["method"].tolist() == ["harmonizer", "dih"]
    assert table["begins"].tolist() == ["begins at the composite", "has to draw it first"]
    assert table["n"].tolist() == [12, 12]


def test_systems_without_a_finished_run_are_left_out_of_the_starts(tmp_path, example):
    artefacts = only(ranked_artefacts(tmp_path), "harmonizer", "dih")

    table = training.starts(artefacts, [example], {"dih": models.create("dih", width=1 / 32).eval()})

    assert table["method"].tolist() == ["dih"]


def test_systems_that_draw_nothing_have_no_start(tmp_path):
    drawn = training.drawing_runs(ranked_artefacts(tmp_path))

    assert not {"zhu", "lalonde"} & set(drawn)
    assert list(drawn) == [method for method in LABELS if method in drawn]


def test_start_figure_shows_before_and_after():
    row = {"system": "A", "kept_before": 0.1, "kept_after": 0.7, "begins": "has to draw it first"}
    table = pd.DataFrame([{**row, "mse": 120.0, "difference": 20.0, "low": -200.0, "high": 50.0, "reading": OPEN}])

    kept, errors = figures.start_figure(table, nothing=100.0).axes

    assert [line.get_xdata().tolist() for line in kept.lines] == [[0.1, 0.7], [0.1], [0.7]]
    assert errors.lines[0].get_xdata().tolist() == [1.0, 150.0]


def write_history(artefacts: Artefacts, name: str, **columns: list[float]) -> None:
    path = artefacts.workspace.results.run(name) / "history.csv"
    pd.DataFrame(columns).assign(seconds=1.0, learning_rate=1e-3).to_csv(path, index=False)


def test_curves_are_validation_errors_where_there_are_some(tmp_path):
    artefacts = only(ranked_artefacts(tmp_path), "dih", "dovenet")
    errors, untouched = [np.nan, 300.0, 200.0], [np.nan, 250.0, 250.0]
    write_history(artefacts, "dih-iharmony4-style", step=[1, 2, 3], model_total=[4.0, 2.0, 1.0], val_error=errors, val_composite=untouched)
    write_history(artefacts, "dovenet-iharmony4-style", step=[1, 2], generator_total=[8.0, 2.0], discriminator_total=[1.0, 1.0])

    curves = training.curves(artefacts)

    rows = {method: part[["step", "value", "what"]].to_numpy().tolist() for method, part in curves.groupby("method")}
    assert rows["dih"] == [[2, 300.0, "validation MSE"], [3, 200.0, "validation MSE"]]
    assert rows["composite"] == [[0, 250.0, "validation MSE"]]
    assert rows["dovenet"] == [[1, 1.0, "loss, share of the first"], [2, 0.25, "loss, share of the first"]]


def test_training_figure_has_a_panel_per_system_and_the_composite_in_each():
    systems = {"dih": "DIH", "ht": "HT", "composite": "composite"}
    rows = [(method, name, step, 300.0 - step, "validation MSE") for method, name in systems.items() for step in (1, 2)]
    curves = pd.DataFrame(rows[:-1], columns=["method", "system", "step", "value", "what"])

    figure = figures.training_figure(curves)

    shown = [axis for axis in figure.axes if axis.get_visible()]
    assert [axis.get_title() for axis in shown] == ["DIH", "HT"]
    assert [len(axis.lines) for axis in shown] == [2, 2]


@pytest.mark.slow
def test_budgets_stand_beside_those_of_the_authors(tmp_path):
    table = training.budget_table(ranked_artefacts(tmp_path)).set_index("system")

    assert table.loc["DIH", ["pictures seen", "trained by its authors"]].tolist() == [8, "the paper 2,054,000 of 32, width 1"]
