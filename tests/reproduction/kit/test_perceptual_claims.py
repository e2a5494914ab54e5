"""The claims of the no-reference paper, and its summary, on scores whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from miniature_perceptual import ERRORS, IMAGES, make_artefacts, score_rows

from harmlib.evaluation.intervals import Interval
from reproduction.kit.findings import AGREES, ALL_WORSE, CANNOT_SAY, DIFFERS, NOT_TESTABLE, Finding
from reproduction.kit.verdicts import ClaimResult, Construction, Evidence, Setting, judge
from reproduction.papers import claims as printed_claims
from reproduction.perceptual import artefacts, claims, numbers, summary
from reproduction.perceptual.artefacts import COCO_EXP

# Errors of 0.5 stops that grow with the object, for ten objects: as few as an interval takes.
SHIFT_ERRORS = pd.DataFrame({"foreground_ratio": np.arange(1, 11) / 40, "mse": 500 * np.arange(1, 11) / 40})
BELOW, ABOVE, OPEN = Interval(-2, -3, -1, 12, 12, 0.01), Interval(2, 1, 3, 12, 12, 0.01), Interval(-1, -3, 1, 12, 12, 0.4)
NONE = Interval(np.nan, np.nan, np.nan, 0)


@pytest.fixture(scope="module")
def good_artefacts(tmp_path_factory) -> artefacts.Artefacts:
    """Artefacts in the paper's order."""
    return make_artefacts(tmp_path_factory.mktemp("good"), score_rows(ERRORS))


@pytest.fixture(scope="module")
def orders(good_artefacts) -> pd.DataFrame:
    return numbers.orders(good_artefacts)


@pytest.fixture(scope="module")
def small(good_artefacts) -> pd.DataFrame:
    return numbers.small_objects(good_artefacts)


@pytest.fixture(scope="module")
def judged(good_artefacts) -> list[ClaimResult]:
    return claims.judge_claims(good_artefacts, SHIFT_ERRORS)


def seen(tested: artefacts.Artefacts, number: int) -> Finding:
    """What becomes of one claim."""
    return claims.CLAIMS[f"perceptual-C{number}"](Evidence(tested, {"errors": SHIFT_ERRORS}), np.nan)


def verdicts_of(results) -> dict[str, str]:
    return {result.claim_id: result.verdict for result in results}


@pytest.mark.slow
def test_every_claim_is_judged_once(judged):
    assert sorted(result.claim_id for result in judged) == printed_claims().query("paper == 'perceptual'")["id"].tolist()


def test_networks_and_training_are_the_papers():
    settings = {claim_id: claim for claim_id, claim in claims.CLAIMS.items() if isinstance(claim, (Setting, Construction))}

    assert len(settings) == 12
    assert verdicts_of(judge(settings)) == dict.fromkeys(settings, AGREES)


def test_sizes_of_data_sets_need_these_data_sets(judged):
    results = {result.claim_id: result for result in judged}

    assert {results[f"perceptual-C{number}"].verdict for number in ("01", "11", "12", "21")} == {NOT_TESTABLE}
    assert results["perceptual-C01"].ours == IMAGES


def test_paper_s_order_agrees_where_every_size_has_images(judged):
    results = verdicts_of(judged)

    assert results["perceptual-C18"] == AGREES
    # The sizes above 30 % are empty here, so that "every size" cannot be said.
    assert results["perceptual-C17"] == CANNOT_SAY


def test_true_mask_that_wins_at_middle_sizes_differs(good_artefacts):
    result = seen(good_artefacts, 16)

    assert (result.verdict, result.ours.n) == (DIFFERS, 12)
    assert "1 without images" in result.note


def test_sequential_method_that_wins_at_middle_sizes_agrees(tmp_path):
    scores = score_rows({**ERRORS, "ptc_dih": 40})
    scores.loc[scores["foreground_ratio"] == 0.15, "foreground_ratio"] = 0.35

    assert seen(make_artefacts(tmp_path, scores), 16).verdict == AGREES


def test_one_size_at_which_a_rival_wins_is_enough_to_differ(tmp_path):
    scores = score_rows(ERRORS)
    worse = (scores["method"] == "ptc_dih") & (scores["foreground_ratio"] == 0.25) & (scores["benchmark"] == "coco-exp-style")
    scores.loc[worse, "mse"] = 90.0

    result = seen(make_artefacts(tmp_path, scores), 17)

    assert result.verdict == DIFFERS
    assert f"shown: {COCO_EXP} 20-30% against PTC-att-DIH" in result.note


def test_removed_share_that_grows_with_the_object_agrees(tmp_path):
    scores = score_rows(ERRORS)
    own = scores["method"] == "ptc_dih"
    scores.loc[own, "mse"] = 90 - 200 * scores["foreground_ratio"]

    assert seen(make_artefacts(tmp_path, scores), 19).verdict == AGREES


def test_order_of_methods_that_all_harm_is_no_agreement(tmp_path):
    harmful = make_artefacts(tmp_path, score_rows({**ERRORS, "composite": 9.0}))

    assert seen(harmful, 18).verdict == ALL_WORSE


def test_larger_objects_have_larger_errors_at_the_same_shift(good_artefacts):
    assert seen(good_artefacts, 20).verdict == AGREES


def tables_of_detector(never: float, distance: Interval) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Threshold and learning tables with one row each."""
    found = {"ours": distance.mean, "low": distance.low, "high": distance.high, "n": distance.n}
    thresholds = pd.DataFrame([{"direction": "negative", "objects": 10, "never": never, **found, "distance": distance.mean}])
    learned = pd.DataFrame([{"direction": "negative", "quantity": "F1", **found, "reading": "better"}])
    return thresholds, learned


@pytest.mark.slow
@pytest.mark.parametrize(
    ("never", "distance", "verdict"),
    [
        (0.0, Interval(0.05, 0.04, 0.06, 10), AGREES),
        (0.0, Interval(0.12, 0.11, 0.13, 10), AGREES),
        (0.0, Interval(0.3, 0.2, 0.4, 10), DIFFERS),
        (0.5, Interval(0.05, 0.04, 0.06, 5), CANNOT_SAY),
        (1.0, NONE, CANNOT_SAY),
    ],
)
def test_predicted_thresholds_may_be_nearer_than_the_papers(good_artefacts, orders, small, never, distance, verdict):
    table = summary.summary_table(good_artefacts, orders, small, *tables_of_detector(never, distance), None, [])

    assert table[table["quantity"].str.startswith("distance")]["verdict"].tolist() == [verdict]


def test_summary_gives_a_reason_for_every_verdict_but_agreement(good_artefacts, orders, small, judged):
    realism = pd.DataFrame([{"score": "inside", "meaning": "m", "ours": 0.6, "low": 0.45, "high": 0.7, "n": 40}])

    table = summary.summary_table(good_artefacts, orders, small, *tables_of_detector(0.5, BELOW), realism, judged)

    assert (table.loc[table["verdict"] != AGREES, "likely reason"] != "").all()
    assert set(table.loc[table["quantity"].str.startswith("AUC"), "verdict"]) == {CANNOT_SAY}


def test_no_mask_methods_that_help_small_objects_differ_from_the_paper(good_artefacts, orders, small):
    table = summary.summary_table(good_artefacts, orders, small, *tables_of_detector(0.0, BELOW), None, []).set_index("quantity")

    assert table.loc["MSE below 10 %, DIH-NM - composite, for COCO-Exp", "verdict"] == DIFFERS
    assert table.loc["MSE below 10 %, PTC-DIH - composite, for COCO-Exp", "verdict"] == AGREES
