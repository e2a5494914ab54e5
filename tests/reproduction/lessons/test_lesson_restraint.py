"""Leaving photographs alone: changes, shares and AUCs of methods whose restraint is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harmlib import models
from harmlib.errors import CheckpointError, ParameterError
from reproduction.lessons import figures, judged, protocols, restraint
from reproduction.lessons.material import embedded_samples

VISIBLE = 2.0


def test_doing_nothing_is_no_change(examples):
    found = restraint.measure_change(models.create("composite"), examples[0].composite, examples[0].mask)

    assert found == {"whole": 0, "inside": 0, "outside": 0}


def test_a_change_inside_the_mask_is_counted_inside(affine, examples):
    found = restraint.measure_change(affine(1.0, needs_mask=True), examples[0].composite, examples[0].mask)

    assert found["inside"] > 10
    assert found["outside"] == 0
    assert found["whole"] == pytest.approx(found["inside"] / 4)


def test_photographs_count_once_and_composites_each(finder, examples):
    changes = restraint.measure_restraint({"finder": finder}, examples)

    assert changes["kind"].value_counts().to_dict() == {restraint.COMPOSITE: 24, restraint.PHOTOGRAPH: 12}


def test_a_method_that_finds_the_composite_leaves_photographs_alone(finder, examples):
    changes = restraint.measure_restraint({"finder": finder}, examples)

    table = restraint.change_table(changes, VISIBLE).set_index(["kind", "region"])
    apart = restraint.telling_apart(changes).iloc[0]

    assert table.loc[(restraint.PHOTOGRAPH, "whole picture"), "change"] == 0
    assert table.loc[(restraint.COMPOSITE, "inside the mask"), "visible"] == 1
    assert table.loc[(restraint.COMPOSITE, "outside"), "change"] == 0
    assert (apart["auc"], apart["low"], apart["high"]) == (1, 1, 1)
    assert apart["reading"] == "changes composites more"
    assert (apart["composites"], apart["photographs"]) == (24, 12)


def test_a_method_that_does_the_same_to_all_tells_nothing_apart(examples):
    changes = restraint.measure_restraint({"composite": models.create("composite")}, examples)

    apart = restraint.telling_apart(changes).iloc[0]

    assert (apart["auc"], apart["difference"]) == (0.5, 0)
    assert apart["reading"] == "does not tell them apart"


def test_the_auc_is_that_of_all_pairs(affine, examples):
    changes = restraint.measure_restraint({"gray": affine(0.3)}, examples)
    ours, theirs = (changes.loc[changes["kind"] == kind, "whole"].to_numpy() for kind in (restraint.COMPOSITE, restraint.PHOTOGRAPH))

    expected = ((ours[:, None] > theirs) + 0.5 * (ours[:, None] == theirs)).mean()

    assert restraint.telling_apart(changes)["auc"].iloc[0] == pytest.approx(expected)


def test_one_photograph_has_no_interval(affine, examples):
    apart = restraint.telling_apart(restraint.measure_restraint({"gray": affine(0.3)}, examples[:2])).iloc[0]

    assert np.isnan(apart["low"])
    assert apart["reading"] == "too few"


def test_the_control_changes_photographs_inside_random_masks(affine, examples):
    changes = restraint.measure_control({"gray": affine(1.0, needs_mask=True)}, examples[::2], seed=0)

    assert (changes["kind"] == restraint.PHOTOGRAPH).all()
    assert (changes["inside"] > 1).all()
    assert (changes["outside"] == 0).all()


def test_sentences_hold_the_share_and_the_reading(finder, examples):
    changes = restraint.measure_restraint({"finder": finder}, examples)

    sentences = restraint.restraint_sentences(restraint.change_table(changes, VISIBLE), restraint.telling_apart(changes), VISIBLE)

    assert sentences == [
        "finder: moves an untouched photograph by 0.00 on average, visibly (above 2) in 0% of 12; changes composites more "
        "(AUC 1.00 [1.00, 1.00])."
    ]


def test_the_view_has_the_counts_and_the_visible_shares(finder, examples):
    view = restraint.change_view(restraint.change_table(restraint.measure_restraint({"finder": finder}, examples), VISIBLE))

    assert list(view) == ["whole picture", "inside the mask", "outside", "whole picture, visibly", "inside the mask, visibly", "n"]
    assert view.loc[("finder", restraint.PHOTOGRAPH), "n"] == 12


def test_figures_name_what_they_show(finder, examples):
    changes = restraint.measure_restraint({"finder": finder}, examples)

    figure = figures.restraint_figure(restraint.change_table(changes, VISIBLE), restraint.telling_apart(changes), VISIBLE, "mini")
    alone = figures.alone_figure({"ptc_dih_twostage": finder, "dovenet": finder, "sgmmh_om": finder}, examples[:1])

    assert figure.get_suptitle() == "mini; 24 composites of 12 photographs"
    assert [axis.get_title() for axis in alone.axes] == ["photograph", "PTC+DIH", "DoveNet", "Sg-MMH,\nOM"]


def test_people_judge_and_the_change_is_ranked():
    import pandas as pd

    changes = pd.DataFrame({"method": "m", "label": ["unrealistic", "realistic"] * 10, "whole": [5.0, 1.0] * 10, "inside": [1.0] * 20})

    found = judged.judged_table(changes).set_index("change")

    assert found.loc["of the whole picture", "auc"] == 1
    assert found.loc["of the whole picture", "reading"] == "above chance"
    assert found.loc["inside the object", "auc"] == 0.5


def test_judged_composites_are_measured(shared, finder):
    from reproduction.kit import labelme

    found = judged.measure_judged({"finder": finder}, labelme.read_pack(shared / "data").head(2))

    assert found["method"].tolist() == ["finder", judged.GRAY] * 2
    assert found["label"].isin(["realistic", "unrealistic"]).all()
    assert found[["whole", "inside", "outside"]].notna().all(axis=None)


@pytest.mark.slow
def test_the_same_picture_gets_other_numbers_under_other_protocols():
    scores = protocols.score_under(embedded_samples(2, seed=2021), ["composite", "reinhard_lab"], ["harmlib", "iih"])

    orders = protocols.protocol_orders(scores)
    counts = protocols.order_counts(orders).iloc[0]

    means = scores.groupby(["protocol", "method"])["psnr"].mean()
    assert means["harmlib", "composite"] != means["iih", "composite"]
    assert counts["first_better"] + counts["second_better"] == len(orders) == 8
    assert len(protocols.protocol_table(scores)) == 16


def test_one_method_is_not_compared():
    scores = pd.DataFrame({"method": ["reinhard_lab"], "protocol": ["harmlib"], "id": ["a"], "mse": [1.0]})

    with pytest.raises(ParameterError, match="only reinhard_lab was scored: name two methods or more"):
        protocols.protocol_orders(scores)


def test_a_method_without_weights_is_not_shown_untrained():
    with pytest.raises(CheckpointError, match='no released weights of "dovenet"'):
        protocols.score_under([], ["dovenet"], ["harmlib"])
