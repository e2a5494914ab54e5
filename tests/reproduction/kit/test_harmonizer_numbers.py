"""Tables, claims and summary of Harmonizer on scores and times whose answers are known."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harmlib.evaluation.table import COLUMNS
from harmlib.io.files import write_manifest
from harmlib.metrics.protocols import METRICS
from harmlib.training.plan import RunPlan
from reproduction.harmonizer import artefacts, claims, numbers, speed, summary
from reproduction.kit import measurements
from reproduction.kit.artefacts import named_scores, paper_budget
from reproduction.kit.findings import AGREES, ALL_WORSE, CANNOT_SAY, DIFFERS, NOT_COMPARABLE, NOT_TESTABLE
from reproduction.kit.names import NOT_SCORED
from reproduction.kit.verdicts import Setting, judge
from reproduction.profiles import load_profile
from reproduction.stages import Results
from reproduction.workspace import Workspace

# A dozen in each sub-dataset, because fewer than ten photographs have no interval.
IMAGES = 24
# MSE at 256x256 in the order of table 4, runs of 2 and of 4 filters three times.
ERRORS = {
    "composite": 200.0,
    "reinhard_lab": 150.0,
    "dovenet": 120.0,
    "harmonizer": 50.0,
    "harmonizer_plain": 80.0,
    "harmonizer_cascade": 60.0,
    **{f"harmonizer_2f_{run}": 100.0 + step for run, step in zip("abc", (-9, 0, 9), strict=True)},
    **{f"harmonizer_4f_{run}": 70.0 for run in "abc"},
    "harmonizer_8f": 45.0,
}
AT_FULL_SIZE = {"composite": 200.0, "reinhard_lab": 150.0, "dovenet": 240.0, "dovenet_pcm": 180.0, "harmonizer": 55.0}
LATER = {"pctnet", "pctnet_vit"}
# What the baselines add.
RIVALS = {"dih": 160.0, "s2am": 140.0, "bargainnet": 110.0, "iih": 105.0, "ht": 100.0}
RIVALS_FULL = {"bargainnet": 220.0, "bargainnet_pcm": 215.0, "ht": 180.0, "ht_pcm": 150.0}


def score_rows(protocol: str, errors: dict[str, float], *, noise: float = 1.0) -> pd.DataFrame:
    """Scores of IMAGES composites, half of them in each of two sub-datasets."""
    generator = np.random.default_rng(0)
    rows = []
    for method, error in errors.items():
        for image in range(IMAGES):
            values = dict.fromkeys(METRICS, float("nan"))
            values["mse"] = error + noise * generator.normal()
            values["fmse"], values["psnr"] = 10 * values["mse"], 48 - 10 * np.log10(values["mse"])
            row = {"benchmark": "iharmony4-style", "subset": "ab"[image % 2], "split": "test", "method": method, "id": f"p{image}_1_1"}
            rows.append({**row, "protocol": protocol, "height": 40, "width": 60, "foreground_ratio": 0.1, **values})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def make_artefacts(
    folder: Path, *, noise: float = 1.0, at_256: dict[str, float] = ERRORS, at_full_size: dict[str, float] = AT_FULL_SIZE
) -> artefacts.Artefacts:
    """Artefacts of the smoke profile without benchmarks on disk."""
    profile = load_profile("smoke")
    plan, results = profile.paper("harmonizer"), Results(folder, "smoke")
    for run in plan.runs:
        write_manifest(results.run(run.name), started=time.time(), iterations=run.iterations, batch_size=4, options=dict(run.options))
    scores = pd.concat([score_rows(artefacts.AT_256, at_256, noise=noise), score_rows(artefacts.AT_FULL_SIZE, at_full_size, noise=noise)])
    named = named_scores(scores, plan.benchmarks, artefacts.LABELS)
    return artefacts.Artefacts(Workspace(profile, results, None), artefacts.LABELS, plan, "cpu", {}, named)


@pytest.fixture(scope="module")
def good_artefacts(tmp_path_factory) -> artefacts.Artefacts:
    """Artefacts in which every order of the paper holds."""
    return make_artefacts(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def full_artefacts(tmp_path_factory) -> artefacts.Artefacts:
    """The same with the baselines."""
    return make_artefacts(tmp_path_factory.mktemp("full"), at_256={**ERRORS, **RIVALS}, at_full_size={**AT_FULL_SIZE, **RIVALS_FULL})


@pytest.fixture(scope="module")
def good_orders(good_artefacts) -> pd.DataFrame:
    return numbers.all_orders(good_artefacts)


def test_three_runs_are_one_method_whose_score_is_their_mean(good_artefacts):
    scores = numbers.under(good_artefacts, artefacts.AT_256)

    assert len(scores[scores["method"] == "harmonizer_2f"]) == IMAGES
    assert scores.loc[scores["method"] == "harmonizer_2f", "mse"].mean() == pytest.approx(100, abs=1)
    assert not scores["method"].str.startswith("harmonizer_2f_").any()


def test_full_size_scores_have_no_runs_to_average(good_artefacts):
    assert set(numbers.under(good_artefacts, artefacts.AT_FULL_SIZE)["method"]) == set(AT_FULL_SIZE)


@pytest.mark.parametrize(
    ("table", "missing"), [(1, {"dih", "s2am", "bargainnet", "iih", "ht"}), (2, {"bargainnet", "bargainnet_pcm", "ht", "ht_pcm", *LATER})]
)
def test_methods_that_are_not_trained_keep_the_papers_number_and_say_so(good_artefacts, table, missing):
    filled = numbers.comparison_table(good_artefacts, table)

    rows = filled[(filled["subset_or_bucket"] == "All") & (filled["note"] == NOT_SCORED)]
    assert set(rows["method"]) == missing
    assert (rows["paper"] != "").all()


def test_a_method_has_the_same_name_in_the_papers_sub_datasets_and_in_ours(good_artefacts):
    filled = numbers.comparison_table(good_artefacts, 1)

    assert filled.loc[filled["method"] == "dovenet", "row"].unique().tolist() == ["DOVE"]
    assert {"a", "b", "HCOCO", "All"} <= set(filled["subset_or_bucket"])


def test_baselines_complete_both_tables(full_artefacts):
    for table in (1, 2):
        filled = numbers.comparison_table(full_artefacts, table)
        rows = filled[(filled["subset_or_bucket"] == "All") & (filled["paper"] != "") & ~filled["method"].isin(LATER)]
        assert rows["ours"].notna().all()


def test_a_method_later_than_the_paper_stands_in_table_2_with_its_authors_numbers(tmp_path):
    tested = make_artefacts(tmp_path, at_256=ERRORS, at_full_size={**AT_FULL_SIZE, "pctnet": 45.0})

    rows = numbers.comparison_table(tested, 2).query("method == 'pctnet' and subset_or_bucket == 'All' and metric == 'MSE'")

    assert rows[["row", "paper"]].to_numpy().tolist() == [["PCT-Net CNN, later", "24.02"]]
    assert rows["ours"].tolist() == pytest.approx([45], abs=2)
    assert not numbers.comparison_table(tested, 1)["row"].str.contains("later").any()


def test_ablations_stay_out_of_the_comparison(full_artefacts):
    assert not numbers.comparison_table(full_artefacts, 1)["method"].str.startswith("harmonizer_").any()


def test_both_ways_to_full_size_share_a_budget(good_artefacts):
    table = numbers.comparison_table(good_artefacts, 2).query("subset_or_bucket == 'All' and metric == 'MSE'").set_index("method")["budget"]

    assert table["dovenet"] == table["dovenet_pcm"] != ""
    assert table["reinhard_lab"] == ""


def test_clear_winner_is_marked_best_at_both_sizes(good_artefacts):
    for table in (1, 2):
        filled = numbers.comparison_table(good_artefacts, table)
        best = filled[(filled["rank"] == "best") & (filled["subset_or_bucket"] == "All")]
        assert set(best["method"]) == {"harmonizer"}


def test_full_method_stands_in_both_halves_of_table_4(good_artefacts):
    rows = numbers.ablation_table(good_artefacts).query("method == 'harmonizer' and metric == 'MSE'")

    assert rows["row"].tolist() == ["cascade regressor + dynamic loss", "6 filters"]
    assert rows["ours"].iloc[0] == rows["ours"].iloc[1]


def test_selections_are_those_of_the_profile(good_artefacts):
    table = numbers.selections(good_artefacts)

    assert table["row"].tolist() == 3 * ["2 filters"] + 3 * ["4 filters"]
    assert (table["filters"].str.count(",") + 1).tolist() == [2, 2, 2, 4, 4, 4]


def test_paper_s_difference_comes_from_the_table_that_prints_both(good_artefacts, good_orders):
    ablations = numbers.orders(good_artefacts, numbers.ABLATIONS, artefacts.AT_256, ("mse",)).set_index("comparison")["paper"]
    others = good_orders.set_index(["protocol", "comparison", "metric"])["paper"]

    assert ablations["cascade only - no cascade, no dynamic loss"] == pytest.approx(26.85 - 28.47)
    assert ablations["8 filters - Harmonizer"] == pytest.approx(23.51 - 24.26)
    assert others[artefacts.AT_256, "Harmonizer - DoveNet", "fmse"] == pytest.approx(280.51 - 541.53)
    assert others[artefacts.AT_FULL_SIZE, "DoveNet+PCM - DoveNet", "mse"] == pytest.approx(67.35 - 72.98)
    assert np.isnan(others[artefacts.AT_256, "Harmonizer - composite", "mse"])


@pytest.mark.parametrize(("plain", "noise", "expected"), [(80.0, 1.0, AGREES), (40.0, 1.0, DIFFERS), (60.0, 0.0, CANNOT_SAY)])
def test_an_order_holds_when_the_interval_lies_on_the_papers_side(tmp_path, plain, noise, expected):
    tested = make_artefacts(tmp_path, noise=noise, at_256={**ERRORS, "harmonizer_plain": plain})

    orders = numbers.orders(tested, numbers.ABLATIONS[:1], artefacts.AT_256, ("mse",))

    assert orders["verdict"].tolist() == [expected]


def test_size_effect_is_a_ratio_of_means_beside_the_papers(good_artefacts):
    table = numbers.size_effect(good_artefacts).query("metric == 'mse'").set_index("method")

    assert table["ratio"].to_dict() == pytest.approx({"composite": 1, "DoveNet": 2, "DoveNet+PCM": 1.5, "Harmonizer": 1.1}, abs=0.03)
    assert table.loc["DoveNet", "ratio in the paper"] == pytest.approx(72.98 / 52.36, abs=1e-3)
    assert np.isnan(table.loc["composite", "ratio in the paper"])
    assert (table["low"] <= table["ratio"]).all()
    assert (table["ratio"] <= table["high"]).all()


def test_size_effect_covers_every_method_that_goes_up_in_two_ways(full_artefacts):
    table = numbers.size_effect(full_artefacts).query("metric == 'mse'").set_index("method")["ratio"]

    expected = {"composite": 1, "DoveNet": 2, "DoveNet+PCM": 1.5, "BargainNet": 2, "BargainNet+PCM": 215 / 110, "HT": 1.8, "HT+PCM": 1.5}
    assert table.drop("Harmonizer").to_dict() == pytest.approx(expected, abs=0.05)


def test_reduction_is_a_share_of_the_other_methods_error(good_artefacts):
    interval = numbers.reduction(good_artefacts, artefacts.AT_256, "composite")

    assert interval.mean == pytest.approx(0.75, abs=0.01)
    assert interval.low < interval.mean < interval.high


def test_small_files_are_not_called_high_resolution(good_artefacts):
    assert "not high resolution" in numbers.size_sentence(good_artefacts)


@pytest.mark.slow
def test_order_sentence_names_every_rival(full_artefacts):
    sentence = numbers.order_sentences(numbers.all_orders(full_artefacts))[1]

    for name in ("composite", "Reinhard in Lab", "DoveNet", "BargainNet", "HT", "DoveNet+PCM", "BargainNet+PCM", "HT+PCM"):
        assert f"better than {name}" in sentence


def test_without_measurements_every_speed_says_what_to_run(good_artefacts):
    nothing = measurements.read_measurements(good_artefacts)

    table = speed.speed_table(nothing)

    assert table["note"].unique().tolist() == [measurements.NOT_MEASURED]
    assert table["ours"].isna().all()
    assert speed.ratio_table(nothing).empty
    assert speed.filter_table(nothing).empty


def test_measurements_are_read_beside_the_profiles_results(tmp_path, measured):
    found = make_artefacts(tmp_path / "results")
    measured.to_csv(found.workspace.results.root.parent / "inference.csv", index=False)

    assert measurements.device_of(measurements.read_measurements(found)) == "a CPU"


@pytest.mark.slow
def test_settings_are_the_papers_but_where_the_code_departs_from_the_text():
    settings = {claim_id: claim for claim_id, claim in claims.CLAIMS.items() if isinstance(claim, Setting)}

    verdicts = {result.claim_id: result.verdict for result in judge(settings)}

    assert len(verdicts) == 14
    # The training size is what the paper tells of others; the loss's weight and the average follow the released code.
    assert {claim_id for claim_id, verdict in verdicts.items() if verdict != AGREES} == {f"harmonizer-C{number}" for number in (14, 19, 27)}


def test_arguments_end_at_one():
    assert claims.largest_argument() == 1


def test_not_every_autoencoder_is_large():
    (result,) = judge({"harmonizer-C02": claims.CLAIMS["harmonizer-C02"]})

    assert (result.verdict, result.ours) == (DIFFERS, pytest.approx(25.8, abs=0.05))


@pytest.mark.slow
@pytest.mark.parametrize(("harmonizer", "expected"), [(50.0, AGREES), (190.0, DIFFERS)])
def test_claims_against_the_strongest_rival_are_signs_on_other_data(tmp_path, measured, harmonizer, expected):
    at_256, full = {**ERRORS, **RIVALS, "harmonizer": harmonizer}, {**AT_FULL_SIZE, **RIVALS_FULL, "harmonizer": harmonizer}
    tested = make_artefacts(tmp_path, at_256=at_256, at_full_size=full)

    results = {result.claim_id: result for result in claims.judge_claims(tested, measured)}

    assert results["harmonizer-C20"].verdict == results["harmonizer-C21"].verdict == expected
    assert results["harmonizer-C20"].ours == pytest.approx(100 * (1 - harmonizer / 100), abs=2)
    assert "only the sign" in results["harmonizer-C20"].note


@pytest.mark.slow
def test_order_of_two_methods_that_both_harm_is_no_verdict(tmp_path, measured):
    harmless = {"composite": 40.0}
    tested = make_artefacts(tmp_path, at_256={**ERRORS, **RIVALS, **harmless}, at_full_size={**AT_FULL_SIZE, **RIVALS_FULL, **harmless})

    results = {result.claim_id: result.verdict for result in claims.judge_claims(tested, measured)}

    assert results["harmonizer-C20"] == results["harmonizer-C21"] == ALL_WORSE


@pytest.mark.slow
def test_rise_of_the_strongest_rival_is_a_sign_and_its_numbers_are_iharmony4s(full_artefacts, measured):
    results = {result.claim_id: result for result in claims.judge_claims(full_artefacts, measured)}

    assert (results["harmonizer-C24"].verdict, results["harmonizer-C24"].ours) == (AGREES, pytest.approx(500, abs=20))
    assert results["harmonizer-C22"].verdict == results["harmonizer-C23"].verdict == NOT_COMPARABLE
    assert (results["harmonizer-C22"].ours, results["harmonizer-C23"].ours) == pytest.approx((100, 150), abs=2)


@pytest.mark.slow
def test_claims_about_other_data_cannot_be_judged_here(good_artefacts, measured):
    results = {result.claim_id: result for result in claims.judge_claims(good_artefacts, measured)}

    for number in (20, 21, 22, 23, 24, 25, 26):
        assert results[f"harmonizer-C{number}"].verdict == NOT_TESTABLE
    assert results["harmonizer-C29"].verdict == NOT_COMPARABLE
    assert results["harmonizer-C20"].note == claims.NEEDS_RIVAL


@pytest.mark.slow
def test_summary_gives_a_reason_for_every_verdict_but_agreement(good_artefacts, good_orders, measured):
    ablations = numbers.orders(good_artefacts, numbers.ABLATIONS, artefacts.AT_256)
    judged = claims.judge_claims(good_artefacts, measured)

    table = summary.summary_table(good_artefacts, good_orders, ablations, numbers.size_effect(good_artefacts), judged)

    assert (table.loc[table["verdict"] != AGREES, "likely reason"] != "").all()
    orders = table[table["quantity"].str.contains(" - ")]
    assert orders["verdict"].unique().tolist() == [AGREES]
    assert len(orders) == 10


def test_the_papers_budget_does_not_depend_on_a_profiles_schedule():
    run = RunPlan("harmonizer", "a", iterations=500, batch_size=16, milestones=(350, 450), options={"width": 0.5, "size": 128})

    assert paper_budget(run) == "the paper 493,020 of 16, width 1"
