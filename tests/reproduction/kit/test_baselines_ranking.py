"""The measured order beside the printed one, on scores whose order is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from miniature_baselines import ranked_artefacts
from scipy.stats import kendalltau, spearmanr

from harmlib.evaluation.statistics import paired_difference
from reproduction.baselines import ranking, summary, training
from reproduction.baselines.artefacts import LABELS
from reproduction.kit.comparisons import BETTER, OPEN
from reproduction.kit.findings import AGREES, CANNOT_SAY, DIFFERS

# All systems in the printed order, ten levels apart, so that a noise of one level turns nothing around.
AS_PRINTED = {
    name: 20.0 + 10 * rank
    for rank, name in enumerate(
        sorted(
            (name for name in LABELS if not np.isnan(ranking.printed_value(name, "mse"))),
            key=lambda name: ranking.printed_value(name, "mse"),
        )
    )
}


@pytest.fixture(scope="module")
def as_printed(tmp_path_factory):
    """Artefacts in which every printed order holds."""
    return ranked_artefacts(tmp_path_factory.mktemp("as printed"), AS_PRINTED)


@pytest.fixture(scope="module")
def table(as_printed):
    """Their ranks."""
    return ranking.ranking_table(as_printed)


@pytest.fixture(scope="module")
def pairs(as_printed):
    """Their printed pairs."""
    return ranking.printed_pairs(as_printed)


@pytest.fixture(scope="module")
def agreement(as_printed):
    """How far both orders agree."""
    return ranking.order_agreement(as_printed)


def test_printed_values_come_from_the_tables_that_have_them():
    assert ranking.printed_value("frih", "mse") == 23.98
    assert ranking.printed_value("rainnet", "mse") == 40.29
    assert ranking.printed_value("ht", "psnr") == 36.71
    assert np.isnan(ranking.printed_value("adfm", "mse"))
    assert np.isnan(ranking.printed_value("frih", "fmse"))
    assert np.isnan(ranking.printed_value("issam", "mse"))


@pytest.mark.slow
def test_ranks_of_equal_orders_are_equal(table):
    table = table.query("metric == 'mse'").dropna(subset="paper")

    assert table["rank_of_printed"].tolist() == table["paper_rank"].tolist() == list(range(1, 17))
    assert table["method"].iloc[0] == "frih"


def test_every_system_is_ranked_with_what_it_is(table):
    table = table.query("metric == 'mse'").set_index("method")

    assert sorted(table["rank"]) == list(range(1, 26))
    assert table.loc["lalonde", ["kind", "reference", "budget"]].tolist() == ["classical", "Lalonde and Efros 2007", ""]
    assert table.loc["s2crnet_vgg16", ["kind", "reference"]].tolist() == ["learned", "Liang et al. 2022"]
    assert table.loc["zhu", "kind"] == "classical"
    assert table.loc["frih", "reading"] == BETTER
    assert table.loc["composite", "reading"] == ""


def test_view_has_one_row_per_system_in_the_order_of_its_mse(table):
    view = ranking.ranking_view(table)

    assert len(view) == 25
    assert view["rank"].tolist() == [str(index) for index in range(1, 26)]
    assert view.loc[view["system"] == "ADFM", ["rank of printed", "paper rank", "paper's MSE", "paper's PSNR"]].to_numpy().tolist() == [
        ["", "", "", "35.86"]
    ]


def test_equal_orders_agree_completely(agreement):
    table = agreement.query("metric == 'mse'")

    assert table[["ours", "low", "high"]].to_numpy() == pytest.approx(1)
    assert set(table["systems"]) == {16}


@pytest.mark.slow
def test_few_images_have_no_interval(tmp_path):
    table = ranking.order_agreement(ranked_artefacts(tmp_path, AS_PRINTED, images=4))

    assert table["ours"].notna().all()
    assert table["low"].isna().all()


def test_statistics_are_those_of_scipy(generator):
    means, paper = generator.normal(size=(3, 9)), generator.normal(size=9)

    np.testing.assert_allclose(ranking.kendall(means, paper), [kendalltau(row, paper).statistic for row in means])
    np.testing.assert_allclose(ranking.spearman(means, paper), [spearmanr(row, paper).statistic for row in means])


@pytest.mark.slow
def test_pairs_are_counted_by_their_intervals(pairs):
    counts = ranking.pair_counts(pairs).set_index("metric")
    assert counts.loc["mse", ["pairs", ranking.AGREE, ranking.CONTRADICT, OPEN]].tolist() == [120, 120, 0, 0]
    assert counts.loc["psnr", "pairs"] == 136


def test_intervals_of_pairs_are_those_of_tables_of_differences(as_printed, pairs):
    row = pairs.query("metric == 'psnr' and better == 'dht' and worse == 'idih'").iloc[0]

    expected = paired_difference(as_printed.scores, "dht", "idih", "psnr")
    assert row[["ours", "low", "high"]].tolist() == pytest.approx([expected.mean, expected.low, expected.high])


@pytest.mark.slow
def test_pairs_of_systems_that_all_harm_are_no_disagreement(tmp_path):
    names = list(AS_PRINTED)
    upside_down = dict(zip(names, reversed(AS_PRINTED.values()), strict=True))
    harmful = ranked_artefacts(tmp_path, {**upside_down, "composite": 1.0}, images=10)

    counts = ranking.pair_counts(ranking.printed_pairs(harmful)).set_index("metric")

    # Left are the pairs with the composite itself.
    assert counts.loc["mse", ranking.LOST] == 105
    assert counts.loc["mse", [ranking.AGREE, ranking.CONTRADICT]].sum() == 15


@pytest.mark.slow
def test_a_turned_pair_is_a_disagreement_with_both_budgets(tmp_path):
    turned = ranked_artefacts(tmp_path, {**AS_PRINTED, "frih": AS_PRINTED["harmonizer"] + 5})

    table = ranking.disagreements(turned, ranking.printed_pairs(turned)).query("metric == 'mse'")

    assert table[["better_system", "worse_system"]].to_numpy().tolist() == [["FRIH", "Harmonizer"]]
    assert table["paper"].iloc[0] == pytest.approx(-0.28)
    assert table["ours"].iloc[0] == pytest.approx(5, abs=1)
    assert table["budget_of_better"].iloc[0].startswith("6 updates of 2")


def test_the_run_at_the_common_budget_stands_for_harmonizer(as_printed):
    scores = as_printed.scores
    equal = scores[scores["method"] == "harmonizer"].assign(method="harmonizer_equal")
    both = replace(as_printed, scores=pd.concat([scores, equal], ignore_index=True))

    runs = ranking.stand_ins(both, "mse")

    assert runs["harmonizer_equal"] == 24.26
    assert "harmonizer" not in runs


def test_sentences_tell_counts_and_the_correction(agreement, pairs):
    sentence = ranking.agreement_sentences(agreement, ranking.pair_counts(pairs))[0]

    assert sentence.startswith("MSE (n = 12): Kendall's τ +1.00 [+1.00, +1.00], Spearman's ρ +1.00")
    assert "of 120 printed pairs 120 hold, 0 are turned around, 0 stay open after Holm's correction." in sentence


def test_sentence_tells_who_beats_doing_nothing(table):
    better, undecided, worse = ranking.against_nothing(table)

    assert "FRIH" in better
    assert "Zhu" in worse
    assert undecided.startswith("no clear difference")


def starts_table(kept: list[float], mse: list[float]) -> pd.DataFrame:
    """What networks keep before training, and their errors after it."""
    begins = [next(words for words, least in training.STARTS.items() if value >= least) for value in kept]
    names = [f"s{index}" for index in range(len(kept))]
    return pd.DataFrame({"system": names, "kept_before": kept, "mse": mse, "begins": begins, "reading": OPEN})


STARTS = starts_table([1.0, 0.5, 0.0], [1.0, 2.0, 3.0])


def summarized(artefacts) -> pd.DataFrame:
    ranks, agreement, pairs = ranking.ranking_table(artefacts), ranking.order_agreement(artefacts), ranking.printed_pairs(artefacts)
    return summary.summary_table(artefacts, ranks, agreement, pairs, STARTS).set_index("quantity")


def test_summary_agrees_where_the_order_is_the_printed_one(as_printed, table, agreement, pairs):
    table = summary.summary_table(as_printed, table, agreement, pairs, STARTS).set_index("quantity")

    assert table.loc["Kendall's τ of both orders, MSE, 16 systems", "verdict"] == AGREES
    assert table.loc["systems that FRIH clearly beats, MSE", ["paper", "ours", "verdict"]].tolist() == ["15", 15, AGREES]
    assert table.loc["printed victories of learned over classical systems that hold, MSE", "verdict"] == AGREES
    assert table.loc["printed systems clearly worse than doing nothing, MSE", ["paper", "ours", "verdict"]].tolist() == [
        "1 (Zhu)",
        1,
        AGREES,
    ]


@pytest.mark.slow
def test_summary_differs_where_the_order_is_turned_around(tmp_path):
    upside_down = dict(zip(AS_PRINTED, reversed(AS_PRINTED.values()), strict=True))

    table = summarized(ranked_artefacts(tmp_path, upside_down))

    assert table.loc["Kendall's τ of both orders, MSE, 16 systems", "verdict"] == DIFFERS
    assert table.loc["systems that FRIH clearly beats, MSE", "verdict"] == DIFFERS
    assert table.loc["printed victories of learned over classical systems that hold, MSE", "verdict"] == DIFFERS


@pytest.mark.slow
def test_an_order_that_is_printed_for_little_more_than_half_of_the_pairs_differs(tmp_path):
    names = list(AS_PRINTED)
    mixed = dict(zip([*names[:4], *reversed(names[4:14]), *names[14:]], AS_PRINTED.values(), strict=True))

    table = summarized(ranked_artefacts(tmp_path, mixed))

    row = table.loc["Kendall's τ of both orders, MSE, 16 systems"]
    assert 0 < row["low"] <= row["high"] < 0.5
    assert row["verdict"] == DIFFERS


@pytest.mark.slow
def test_summary_gives_a_reason_for_every_verdict_but_agreement(tmp_path):
    table = summarized(ranked_artefacts(tmp_path))

    assert (table.loc[table["verdict"] != AGREES, "likely reason"] != "").all()
    assert table["verdict"].iloc[-1] == CANNOT_SAY


def test_common_budget_is_that_of_most_systems(as_printed):
    assert summary.common_budget(as_printed) == "4 updates of 2 pictures, width 0.125 for 12 of 17 systems"


def test_start_and_end_are_correlated_over_systems():
    kept = list(np.linspace(1, 0, 12))
    table = starts_table(kept, [100.0 + index for index in range(12)])

    assert training.start_correlation(table).mean == pytest.approx(-1)
    sentences = training.start_sentences(table)
    assert [sentence.split(":")[0] for sentence in sentences[:3]] == list(training.STARTS)
    assert "over 12 systems" in sentences[-1]
