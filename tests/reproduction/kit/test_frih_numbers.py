"""FRIH's tables, gains, claims and summary."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from miniature_frih import FMSE, IMAGES, gains_table, make_artefacts, score_rows, two_colors

from harmlib.data.composers.base import PUBLISHED
from harmlib.metrics.protocols import METRICS
from reproduction.frih import artefacts, claims, gains, numbers, submasks, summary
from reproduction.kit import comparisons
from reproduction.kit.findings import AGREES, ALL_WORSE, CANNOT_SAY, DIFFERS, NOT_TESTABLE, Finding
from reproduction.kit.names import NOT_SCORED, budget_sentences
from reproduction.kit.verdicts import Construction, Evidence, Setting, judge


def test_table_1_has_every_printed_cell_and_ours_only_under_all(frih_artefacts):
    table = numbers.quality_table(frih_artefacts, 1)

    assert len(table) == 150
    assert set(table.loc[table["ours"].notna(), "subset_or_bucket"]) == {"All"}
    assert set(table.loc[table["ours"].notna(), "method"]) == {"composite", "frih"}
    assert set(table.loc[~table["method"].isin(["composite", "frih"]), "note"]) == {NOT_SCORED}


def test_unprinted_systems_stand_below_where_they_are_scored(tmp_path):
    scored = make_artefacts(tmp_path, score_rows({**FMSE, "issam": 300.0, "dovenet": 350.0}))

    table = numbers.quality_table(scored, 1)

    assert table["row"].iloc[150:].unique().tolist() == ["iSSAM"]
    assert table.loc[table["method"] == "dovenet", "ours"].notna().any()


def test_every_row_of_ours_tells_its_budget(frih_artefacts):
    table = numbers.quality_table(frih_artefacts, 1)

    scored = table[table["ours"].notna()].drop_duplicates("method").set_index("method")["budget"]
    assert scored.to_dict() == {"composite": "", "frih": "4 updates of 2 pictures, width 0.125"}
    assert (table.loc[table["ours"].isna(), "budget"] == "").all()
    assert budget_sentences(table, artefacts.LABELS) == ["nothing trained: Input composite", "4 updates of 2 pictures, width 0.125: FRIH"]


def test_sub_datasets_with_equal_ids_are_ranked_together(tmp_path):
    several = make_artefacts(tmp_path, score_rows(FMSE, subsets=("HCOCO", "HFlickr")))

    table = numbers.quality_table(several, 3).set_index(["method", "subset_or_bucket", "metric"])

    assert table.loc[("frih", "HCOCO", "MSE"), "n"] == IMAGES
    assert table.loc[("frih", "All", "MSE"), ["n", "rank"]].tolist() == [2 * IMAGES, "best"]
    assert table.loc[("frih", "HAdobe5k", "MSE"), "note"] == numbers.OTHER_DATA[False]


def test_ablation_by_size_fills_the_buckets_that_have_images(frih_artefacts):
    table = numbers.quality_table(frih_artefacts, 4)

    assert table.loc[table["method"] == "frih", ["subset_or_bucket", "n"]].drop_duplicates().to_numpy().tolist() == [
        ["0%-5%", 1], ["5%-15%", 4], ["15%-100%", 7], ["All", 12],
    ]  # fmt: skip


def test_cut_off_distances_keep_the_papers_numbers_beside_the_one_that_was_trained(frih_artefacts):
    table = numbers.quality_table(frih_artefacts, 5)

    assert table["paper"].ne("").all()
    assert set(table.loc[table["ours"].notna(), "row"]) == {"FRIH d_c=0.1"}


def test_sizes_are_the_papers_and_leave_out_the_discriminator(frih_artefacts):
    table = numbers.size_table(frih_artefacts).query("metric == 'Params'").set_index("method")

    assert table.loc["frih", "ours"] == pytest.approx(11.98, abs=0.005)
    assert table.loc["dovenet", "ours"] == pytest.approx(54.76, abs=0.005)
    assert table.loc["iih", "ours"] == pytest.approx(40.86, abs=0.005)
    assert set(table["direction"]) == {"down"}


def test_sizes_of_unprinted_systems_stand_below_where_they_are_scored(tmp_path):
    scored = make_artefacts(tmp_path, score_rows({**FMSE, "s2crnet": 300.0, "s2crnet_vgg16": 310.0, "lalonde": 500.0}))

    table = numbers.size_table(scored).query("metric == 'Params'").set_index("method")["ours"]

    assert set(table.index) == {"dovenet", "iih", "rainnet", "frih", "s2crnet", "s2crnet_vgg16"}
    assert table["s2crnet"] < 2 < table["s2crnet_vgg16"]


def test_differences_from_others_stand_beside_the_papers(tmp_path):
    scored = make_artefacts(tmp_path, score_rows({**FMSE, "rainnet": 300.0, "idt": 500.0}))

    table = numbers.against_others(scored).set_index(["second", "metric"])

    assert table.loc[("rainnet", "fmse"), "ours"] == pytest.approx(-100, abs=2)
    assert table.loc[("rainnet", "mse"), "paper"] == pytest.approx(23.98 - 40.29)
    assert np.isnan(table.loc[("idt", "mse"), "paper"])
    assert set(table.index.get_level_values(0)) == {"composite", "rainnet", "idt"}


def test_orders_stand_beside_the_papers(frih_artefacts):
    row = numbers.orders(frih_artefacts).query("comparison == 'Cascade Submask - Baseline' and metric == 'fmse'").iloc[0]

    assert row["ours"] == pytest.approx(-150, abs=2)
    assert row["paper"] == pytest.approx(268.52 - 380.12)
    assert row["reading"] == comparisons.BETTER


def test_ladder_goes_from_the_composite_to_the_whole_method(frih_artefacts):
    sentence = numbers.ladder_sentences(numbers.orders(frih_artefacts))[-1]

    assert sentence.startswith("fMSE: Baseline - Input composite")
    assert sentence.count(";") == 7  # three between four steps, and one inside each


def test_cut_off_distances_are_those_of_table_5():
    assert submasks.cutoffs() == (0.01, 0.05, 0.1, 0.2, 0.3, 0.4)


def test_gains_are_joined_by_image(frih_artefacts):
    names = [f"p{image}_1_1" for image in range(IMAGES)][::-1]
    regions = pd.DataFrame({"subset": "mini", "id": names, "K_printed": 10, "K_merged": range(IMAGES), "spread": 0.1})

    table = gains.image_gains(frih_artefacts.scores, regions)

    assert table["step"].unique().tolist() == ["Baseline → Cascade Submask", "Cascade Globalmask → Cascade Submask", "Baseline → FRIH"]
    assert table.query("id == 'p0_1_1'")["K_merged"].tolist() == 3 * [IMAGES - 1]
    assert table.query("step == 'Baseline → FRIH'")["gain"].mean() == pytest.approx(200, abs=2)


def test_many_regions_are_one_group():
    table = gains.by_regions(gains_table(np.arange(6.0), np.array([1, 2, 2, 4, 7, 9]), np.full(6, 0.1)))

    assert table[["K", "gain", "n"]].to_numpy().tolist() == [[1, 0, 1], [2, 1.5, 2], [4, 4, 3]]


def test_what_only_size_explains_vanishes_when_size_is_held(generator):
    ratio = generator.uniform(size=300)
    count, gain = ratio + 0.3 * generator.normal(size=300), ratio + 0.3 * generator.normal(size=300)

    table = gains.correlations(gains_table(gain, count, ratio)).set_index("explanation")

    assert table.loc[gains.EXPLANATIONS["K_merged"], "reading"] == comparisons.BETTER
    assert table.loc[gains.HELD, "reading"] == comparisons.OPEN


def test_network_submasks_and_recipe_are_the_papers():
    settings = {claim_id: claim for claim_id, claim in claims.CLAIMS.items() if isinstance(claim, (Setting, Construction))}

    assert len(settings) == 20
    assert {result.claim_id: result.verdict for result in judge(settings)} == dict.fromkeys(settings, AGREES)


@pytest.mark.slow
def test_text_is_contradicted_by_the_papers_own_table_and_by_a_smaller_model():
    ranking, size = judge({claim_id: claims.CLAIMS[claim_id] for claim_id in ("frih-C27", "frih-C36")})

    assert (ranking.verdict, ranking.ours) == (DIFFERS, 1)
    assert size.verdict == DIFFERS
    assert "smaller in table 1: S2CRNet 1.15 M, Harmonizer 4.73 M" in size.note


RIVALS = ("lalonde", "xue", "zhu", "dih", "s2am", "dovenet", "adfm", "bargainnet", "iih", "rainnet", "idih", "dht", "s2crnet", "harmonizer")


def margin_of(tested: artefacts.Artefacts) -> Finding:
    """What becomes of the claim that FRIH beats all others."""
    return claims.margin(Evidence(tested, {"others": numbers.against_others(tested)}), 0.35)


@pytest.mark.parametrize(("strongest", "expected"), [(300.0, AGREES), (100.0, DIFFERS), (200.0, CANNOT_SAY)])
def test_margin_is_judged_by_the_sign_against_every_rival(tmp_path, strongest, expected):
    errors = {**FMSE, **dict.fromkeys(RIVALS, 600.0), "idih": strongest}
    scores = score_rows(errors)
    if expected == CANNOT_SAY:  # the same errors on every image
        own = scores.loc[scores["method"] == "frih", list(METRICS)].to_numpy()
        scores.loc[scores["method"] == "idih", list(METRICS)] = own

    result = margin_of(make_artefacts(tmp_path, scores))

    assert result.verdict == expected
    assert "iDIH, the strongest here" in result.note


def test_margin_needs_every_rival(frih_artefacts):
    result = margin_of(frih_artefacts)

    assert result.verdict == NOT_TESTABLE
    assert result.note.startswith("14 of the 14 other methods of table 1 are not scored: Lalonde, Xue, Zhu")


@pytest.fixture(scope="module")
def orders(frih_artefacts):
    return numbers.orders(frih_artefacts)


@pytest.fixture(scope="module")
def judged(frih_artefacts, orders):
    return claims.judge_claims(frih_artefacts, orders, numbers.against_others(frih_artefacts))


@pytest.mark.slow
def test_claims_about_iharmony4_need_iharmony4(judged):
    results = {result.claim_id: result.verdict for result in judged}

    assert {results[claim] for claim in ABOUT_IHARMONY4} == {NOT_TESTABLE}
    assert {results[claim] for claim in GAINS} == {AGREES}


ABOUT_IHARMONY4 = ("frih-C01", "frih-C02", "frih-C17", "frih-C18", "frih-C26", "frih-C34", "frih-C35")
GAINS = ("frih-C29", "frih-C30", "frih-C31", "frih-C32", "frih-C33")


@pytest.mark.parametrize(("gain", "verdict"), [(1.63, AGREES), (0.5, DIFFERS)])
def test_gain_on_adobe_is_judged_on_iharmony4_alone_and_says_where_it_is_largest(tmp_path, gain, verdict):
    gains_here = {"HCOCO": 0.6, "HAdobe5k": gain}
    scores = pd.concat([score_rows({"frih_baseline": 400.0, "frih_submask": 400.0}, (subset,)) for subset in gains_here])
    added = scores["subset"].map(gains_here).where(scores["method"] == "frih_submask", 0)
    baseline = scores.loc[scores["method"] == "frih_baseline"].set_index(["subset", "id"])["psnr"]
    scores["psnr"] = baseline.loc[list(zip(scores["subset"], scores["id"], strict=True))].to_numpy() + added
    found = make_artefacts(tmp_path, scores)
    published = replace(found.plan.benchmarks[0], composer=PUBLISHED, title="iHarmony4")

    result = claims.CLAIMS["frih-C34"](Evidence(replace(found, plan=replace(found.plan, benchmarks=(published,))), {}), 1.63)

    assert (result.verdict, result.ours.n) == (verdict, IMAGES)
    assert result.note == ("largest on HAdobe5k" if verdict == AGREES else "largest on HCOCO")


def gains_of(tested: artefacts.Artefacts) -> dict[str, str]:
    """What becomes of the claims about the ablation."""
    evidence = Evidence(tested, {"orders": numbers.orders(tested)})
    return {result.claim_id: result.verdict for result in judge({claim: claims.CLAIMS[claim] for claim in GAINS}, evidence)}


def test_gain_without_its_runs_cannot_be_judged(tmp_path):
    partial = make_artefacts(tmp_path, score_rows({name: FMSE[name] for name in ("composite", "frih_baseline", "frih")}))

    assert gains_of(partial) == {**dict.fromkeys(GAINS, NOT_TESTABLE), "frih-C31": AGREES, "frih-C32": AGREES}


def test_gain_among_networks_that_all_harm_is_no_agreement(tmp_path):
    harmful = make_artefacts(tmp_path, score_rows({**FMSE, "composite": 100.0}))

    assert gains_of(harmful) == dict.fromkeys(GAINS, ALL_WORSE)


@pytest.mark.slow
def test_summary_gives_a_reason_for_every_verdict_but_agreement(frih_artefacts, orders, judged):
    examples = [two_colors(), two_colors(scrap=12)]
    parts = submasks.measure(examples, submasks.cutoffs())
    regions = submasks.regions(examples, parts)
    relations = gains.correlations(gains_table(np.arange(12.0), np.arange(12), np.linspace(0.1, 0.4, 12)))

    table = summary.summary_table(frih_artefacts, orders, parts, regions, relations, judged)

    assert (table.loc[table["verdict"] != AGREES, "likely reason"] != "").all()
    assert set(table.loc[table["quantity"].str.startswith("fMSE"), "verdict"]) == {AGREES}
