"""The exhibits of FRIH on small inputs whose answers are known."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from harmlib import models
from harmlib.config import BenchmarkPlan, PaperPlan, Profile, RunPlan
from harmlib.evaluation import COLUMNS
from harmlib.files import write_manifest
from harmlib.metrics.protocols import METRICS
from harmlib.reporting import comparisons
from harmlib.reporting.baselines.names import NOT_SCORED, budget_sentences
from harmlib.reporting.frih import claims, curves, figures, gains, numbers, pictures, pipeline, study, submasks, summary
from harmlib.reporting.grids import proportioned
from harmlib.reporting.study import named_scores
from harmlib.reporting.verdicts import AGREES, CANNOT_SAY, DIFFERS
from harmlib.stages import Results
from harmlib.statistics import rank_correlation
from harmlib.workflow import Workspace

IMAGES = 12
BENCHMARK = BenchmarkPlan("iharmony4-style", "iharmony4", "iHarmony4-style, mini", "iHarmony4", ("mini",))
FMSE = {"composite": 900.0, "frih_baseline": 400.0, "frih_globalmask": 380.0, "frih_submask": 250.0, "frih": 200.0}


def score_rows(errors: dict[str, float], subsets: tuple[str, ...] = ("mini",)) -> pd.DataFrame:
    """Scores of IMAGES composites per sub-dataset, each method about ``errors`` away from its target in fMSE."""
    generator = np.random.default_rng(0)
    rows = []
    for method in sorted(errors):
        for subset in subsets:
            for image in range(IMAGES):
                ratio = (image + 1) / 40
                values = dict.fromkeys(METRICS, float("nan"))
                values["fmse"] = errors[method] + generator.normal()
                values["mse"] = ratio * values["fmse"]
                values["psnr"] = 48 - 10 * np.log10(values["mse"])
                row = {"benchmark": BENCHMARK.name, "subset": subset, "split": "test", "method": method, "id": f"p{image}_1_1"}
                rows.append({**row, "protocol": "harmlib", "height": 40, "width": 56, "foreground_ratio": ratio, **values})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def make_study(folder: Path, scores: pd.DataFrame) -> study.Study:
    """A study without a benchmark on disk, with the budgets of the four networks."""
    runs = tuple(RunPlan("frih", BENCHMARK.name, 4, 2, label=label) for label in ("", "baseline", "globalmask", "submask"))
    plan = PaperPlan("frih", (BENCHMARK,), runs, {"harmlib": ()}, ("50_frih",))
    results = Results(folder, "mini")
    for run in runs:
        write_manifest(results.run(run.name), started=time.time(), iterations=4, batch_size=2, options={"width": 0.125})
    workspace = Workspace(Profile("mini", 0, {}, {}, needs_data=False), results, None)
    return study.Study(workspace, study.LABELS, plan, "cpu", {}, named_scores(scores, plan.benchmarks, study.LABELS))


@pytest.fixture
def good_study(tmp_path: Path) -> study.Study:
    """A study in which every network beats the one before it in the paper's table."""
    return make_study(tmp_path, score_rows(FMSE))


def example_of(foreground: np.ndarray, name: str) -> pictures.Example:
    """An example on a gray picture whose foreground (h, w, 3) lies at its upper left corner."""
    composite = np.full((256, 256, 3), 128, np.uint8)
    mask = np.zeros((256, 256), dtype=bool)
    height, width = foreground.shape[:2]
    composite[:height, :width] = foreground
    mask[:height, :width] = True
    return pictures.Example(name, "mini", composite, np.full_like(composite, 90), mask, "first", (256, 256))


def two_colors(scrap: int = 0) -> pictures.Example:
    """A foreground of 20x40 red and 30x40 blue pixels, of which ``scrap`` are dark red."""
    foreground = np.full((50, 40, 3), (200, 20, 20), np.uint8)
    foreground[20:] = (20, 20, 200)
    foreground[0, :scrap] = (140, 10, 10)
    return example_of(foreground, f"colors{scrap}_1_1")


@pytest.fixture(scope="module")
def narrow_frih() -> torch.nn.Module:
    """FRIH with fresh weights, as narrow as it gets."""
    torch.manual_seed(0)
    return models.create("frih", width=1 / 64, min_area=100).eval()


def test_table_1_has_every_printed_cell_and_ours_only_under_all(good_study):
    table = numbers.quality_table(good_study, 1)

    assert len(table) == 150
    assert set(table.loc[table["ours"].notna(), "subset_or_bucket"]) == {"All"}
    assert set(table.loc[table["ours"].notna(), "method"]) == {"composite", "frih"}
    assert set(table.loc[~table["method"].isin(["composite", "frih"]), "note"]) == {NOT_SCORED}


def test_unprinted_systems_stand_below_where_they_are_scored(tmp_path):
    scored = make_study(tmp_path, score_rows({**FMSE, "issam": 300.0, "dovenet": 350.0}))

    table = numbers.quality_table(scored, 1)

    assert table["row"].iloc[150:].unique().tolist() == ["iSSAM"]
    assert table.loc[table["method"] == "dovenet", "ours"].notna().any()


def test_every_row_of_ours_tells_its_budget(good_study):
    table = numbers.quality_table(good_study, 1)

    scored = table[table["ours"].notna()].drop_duplicates("method").set_index("method")["budget"]
    assert scored.to_dict() == {"composite": "", "frih": "4 updates of 2 pictures, width 0.125"}
    assert (table.loc[table["ours"].isna(), "budget"] == "").all()
    assert budget_sentences(table, study.LABELS) == ["nothing trained: Input composite", "4 updates of 2 pictures, width 0.125: FRIH"]


def test_sub_datasets_with_equal_ids_are_ranked_together(tmp_path):
    several = make_study(tmp_path, score_rows(FMSE, subsets=("HCOCO", "HFlickr")))

    table = numbers.quality_table(several, 3).set_index(["method", "subset_or_bucket", "metric"])

    assert table.loc[("frih", "HCOCO", "MSE"), "n"] == IMAGES
    assert table.loc[("frih", "All", "MSE"), ["n", "rank"]].tolist() == [2 * IMAGES, "best"]
    assert table.loc[("frih", "HAdobe5k", "MSE"), "note"] == numbers.OTHER_DATA[False]


def test_ablation_by_size_fills_the_buckets_that_have_images(good_study):
    table = numbers.quality_table(good_study, 4)

    assert table.loc[table["method"] == "frih", ["subset_or_bucket", "n"]].drop_duplicates().to_numpy().tolist() == [
        ["0%-5%", 1], ["5%-15%", 4], ["15%-100%", 7], ["All", 12],
    ]  # fmt: skip


def test_cut_off_distances_keep_the_papers_numbers_beside_the_one_that_was_trained(good_study):
    table = numbers.quality_table(good_study, 5)

    assert table["paper"].ne("").all()
    assert set(table.loc[table["ours"].notna(), "row"]) == {"FRIH d_c=0.1"}


def test_sizes_are_the_papers_and_leave_out_the_discriminator(good_study):
    table = numbers.size_table(good_study).query("metric == 'Params'").set_index("method")

    assert table.loc["frih", "ours"] == pytest.approx(11.98, abs=0.005)
    assert table.loc["dovenet", "ours"] == pytest.approx(54.76, abs=0.005)
    assert table.loc["iih", "ours"] == pytest.approx(40.86, abs=0.005)
    assert set(table["direction"]) == {"down"}


def test_sizes_of_unprinted_systems_stand_below_where_they_are_scored(tmp_path):
    scored = make_study(tmp_path, score_rows({**FMSE, "s2crnet": 300.0, "s2crnet_vgg16": 310.0, "lalonde": 500.0}))

    table = numbers.size_table(scored).query("metric == 'Params'").set_index("method")["ours"]

    assert set(table.index) == {"dovenet", "iih", "rainnet", "frih", "s2crnet", "s2crnet_vgg16"}
    assert table["s2crnet"] < 2 < table["s2crnet_vgg16"]


def test_differences_from_others_stand_beside_the_papers(tmp_path):
    scored = make_study(tmp_path, score_rows({**FMSE, "rainnet": 300.0, "idt": 500.0}))

    table = numbers.against_others(scored).set_index(["second", "metric"])

    assert table.loc[("rainnet", "fmse"), "ours"] == pytest.approx(-100, abs=2)
    assert table.loc[("rainnet", "mse"), "paper"] == pytest.approx(23.98 - 40.29)
    assert np.isnan(table.loc[("idt", "mse"), "paper"])
    assert set(table.index.get_level_values(0)) == {"composite", "rainnet", "idt"}


def test_orders_stand_beside_the_papers(good_study):
    row = numbers.orders(good_study).query("comparison == 'Cascade Submask - Baseline' and metric == 'fmse'").iloc[0]

    assert row["ours"] == pytest.approx(-150, abs=2)
    assert row["paper"] == pytest.approx(268.52 - 380.12)
    assert row["reading"] == comparisons.BETTER


def test_ladder_goes_from_the_composite_to_the_whole_method(good_study):
    sentence = numbers.ladder_sentences(numbers.orders(good_study))[-1]

    assert sentence.startswith("fMSE: Baseline - Input composite")
    assert sentence.count(";") == 7  # three between four steps, and one inside each


def test_cut_off_distances_are_those_of_table_5():
    assert submasks.cutoffs() == (0.01, 0.05, 0.1, 0.2, 0.3, 0.4)


def test_two_distinct_colors_are_two_submasks_by_either_rule():
    table = submasks.measure([two_colors()], [0.1])

    assert table.groupby("min_area")["pixels"].apply(list).to_dict() == {1: [1200, 800], 100: [1200, 800]}
    assert table["center"].tolist()[:2] == ["1414c8", "c81414"]


def test_a_scrap_is_a_submask_as_printed_and_none_when_merged():
    table = submasks.per_image(submasks.measure([two_colors(scrap=12)], [0.1])).set_index("min_area")

    assert table["K"].to_dict() == {1: 3, 100: 2}
    assert table.loc[1, "largest"] == 0.6


def test_sweep_counts_scraps():
    row = submasks.sweep(submasks.measure([two_colors(scrap=12), two_colors()], [0.1])).iloc[0]

    assert row[["K", "n", "pixels"]].tolist() == [2.5, 2, 800]
    assert (row["below_10"], row["below_100"]) == (0, 0.2)


def test_regions_have_both_counts_and_the_spread_of_colors():
    example = two_colors(scrap=12)

    row = submasks.regions([example], submasks.measure([example], [0.05, 0.1])).iloc[0]

    assert row[["K_printed", "K_merged"]].tolist() == [3, 2]
    assert row["spread"] == pytest.approx(np.sqrt(2 * 0.24) * 180 / 255, rel=0.02)


def test_flattest_foregrounds_are_a_quarter_of_all():
    table = pd.DataFrame({"id": list("abcdefgh"), "spread": [8, 7, 1, 6, 5, 2, 4, 3]})

    assert submasks.flattest(table)["id"].tolist() == ["c", "f"]


def test_extremes_are_chosen_by_the_spread_of_colors():
    flat = example_of(np.full((30, 40, 3), 60, np.uint8), "flat_1_1")

    chosen = pictures.flattest_and_most_varied([two_colors(), flat], 1)

    assert [(example.id, example.rule) for example in chosen] == [("flat_1_1", "flattest"), ("colors0_1_1", "most varied")]


def test_single_example_is_not_shown_as_both_extremes():
    assert [example.rule for example in pictures.flattest_and_most_varied([two_colors()], 1)] == ["flattest"]


def test_sample_of_figure_3_is_the_nearest_to_four_submasks():
    flat = example_of(np.full((30, 40, 3), 60, np.uint8), "flat_1_1")

    assert pictures.nearest_to_four([flat, two_colors()], d_c=0.1, min_area=1).id == "colors0_1_1"


@pytest.mark.parametrize(("shape", "expected"), [((100, 200), (256, 512)), ((300, 200), (384, 256)), ((64, 64), (256, 256))])
def test_pictures_get_the_proportions_of_their_file_and_no_new_values(shape, expected):
    shown = proportioned(np.arange(256)[None].repeat(256, 0), shape)

    assert shown.shape == expected
    assert set(np.unique(shown)) == set(range(256))


def gains_table(gain: np.ndarray, count: np.ndarray, ratio: np.ndarray) -> pd.DataFrame:
    """Gains of one step."""
    return pd.DataFrame({"step": "a → b", "gain": gain, "K_merged": count, "K_printed": count, "spread": ratio, "foreground_ratio": ratio})


def test_gains_are_joined_by_image(good_study):
    names = [f"p{image}_1_1" for image in range(IMAGES)][::-1]
    regions = pd.DataFrame({"subset": "mini", "id": names, "K_printed": 10, "K_merged": range(IMAGES), "spread": 0.1})

    table = gains.image_gains(good_study.scores, regions)

    assert table["step"].unique().tolist() == ["Baseline → Cascade Submask", "Cascade Globalmask → Cascade Submask", "Baseline → FRIH"]
    assert table.query("id == 'p0_1_1'")["K_merged"].tolist() == 3 * [IMAGES - 1]
    assert table.query("step == 'Baseline → FRIH'")["gain"].mean() == pytest.approx(200, abs=2)


def test_many_regions_are_one_group():
    table = gains.by_regions(gains_table(np.arange(6.0), np.array([1, 2, 2, 4, 7, 9]), np.full(6, 0.1)))

    assert table[["K", "gain", "n"]].to_numpy().tolist() == [[1, 0, 1], [2, 1.5, 2], [4, 4, 3]]


def test_rank_correlation_is_spearmans(generator):
    x = generator.normal(size=40)
    y = x**3 + generator.normal(size=40)

    interval = rank_correlation(np.stack([x, y], 1))

    assert interval.mean == pytest.approx(pd.Series(x).corr(pd.Series(y), method="spearman"))
    assert interval.low < interval.mean < interval.high


def test_what_only_size_explains_vanishes_when_size_is_held(generator):
    ratio = generator.uniform(size=300)
    count, gain = ratio + 0.3 * generator.normal(size=300), ratio + 0.3 * generator.normal(size=300)

    table = gains.correlations(gains_table(gain, count, ratio)).set_index("explanation")

    assert table.loc[gains.EXPLANATIONS["K_merged"], "reading"] == comparisons.BETTER
    assert table.loc[gains.HELD, "reading"] == comparisons.OPEN


def test_few_images_have_a_correlation_without_an_interval():
    interval = rank_correlation(np.array([[1.0, 1], [2, 2], [3, 3]]))

    assert interval.mean == pytest.approx(1)
    assert np.isnan(interval.low)


def test_equal_counts_have_no_correlation():
    assert np.isnan(rank_correlation(np.stack([np.arange(20.0), np.ones(20)], 1)).mean)


def test_submasks_get_distinct_colors():
    labels = np.arange(121, dtype=np.uint8).reshape(11, 11) % 11

    shown = figures.colored_submasks(np.full((11, 11, 3), 200, np.uint8), labels)

    assert len({tuple(shown[labels == number][0]) for number in range(11)}) == 11


def test_figure_3_shows_every_submask_and_its_center():
    figure = figures.extraction_figure(two_colors(scrap=12), min_area=1, d_c=0.1)

    titles = [axis.get_title() for axis in figure.axes]
    assert [title for title in titles if title.endswith("px")] == ["1: 1,200 px", "2: 788 px", "3: 12 px"]
    assert [text.get_text() for text in figure.axes[3].texts] == ["1", "2", "3"]


def test_rules_figure_tells_sizes_and_circles_scraps():
    figure = figures.rules_figure([two_colors(scrap=12)])

    assert [axis.get_xlabel() for axis in figure.axes[1:]] == ["K = 3\n1200, 788, 12 px", "K = 2\n1200, 800 px"]
    assert [len(axis.collections) for axis in figure.axes] == [0, 1, 0]


def test_ten_sizes_are_broken_into_lines():
    stripes = np.zeros((60, 60, 3), np.uint8)
    for place in range(10):
        stripes[6 * place : 6 * place + 6] = (25 * place, 250 - 25 * place, 60 * (place % 5))

    words = figures.sizes_in_words(example_of(stripes, "stripes_1_1").split(d_c=0.05))

    assert words.startswith("K = 10\n360, 360")
    assert max(map(len, words.splitlines())) <= figures.SIZES_LENGTH


def test_motivation_figure_enlarges_every_row(good_study):
    example = two_colors()
    rows = good_study.scores[good_study.scores["id"] == "p0_1_1"]
    results = dict.fromkeys(("frih_baseline", "frih"), example.composite)

    figure = figures.motivation_figure([figures.Compared(example, results, rows)])

    assert [axis.get_title() for axis in figure.axes[:5]] == ["composite", "mask", "Baseline", "FRIH", "real"]
    assert len(figure.axes) == 10
    assert figure.axes[2].get_xlabel().startswith("fMSE 4")


def test_pipeline_shows_a_row_per_submask(narrow_frih):
    figure = pipeline.pipeline_figure(narrow_frih, two_colors())

    titles = [axis.get_title() for axis in figure.axes]
    assert [title for title in titles if title.startswith(("submask", "refined"))] == ["submask 1", "refined 1", "submask 2", "refined 2"]


def test_fusion_figure_shows_seven_steps_that_double(narrow_frih):
    figure = pipeline.fusion_figure(narrow_frih, two_colors())

    assert [axis.get_xlabel().split("×")[1] for axis in figure.axes[1:8]] == ["4", "8", "16", "32", "64", "128", "256"]


def test_features_are_read_without_leaving_hooks(narrow_frih):
    _, steps = pipeline.decoder_steps(narrow_frih, two_colors())

    assert [len(features) for features in steps] == 7 * [2]
    assert not any(block._forward_hooks for block in narrow_frih.cascade.decoder)


def test_full_width_fuses_352_channels():
    assert pipeline.full_channels() == models.create("frih").cascade.head[0][0].in_channels == 352


def test_sweep_figure_has_no_curve_of_ours_for_a_single_training(good_study):
    table = submasks.sweep(submasks.measure([two_colors(), two_colors(scrap=12)], submasks.cutoffs()))

    figure = curves.sweep_figure(table, numbers.quality_table(good_study, 5))

    assert [line.get_label() for line in figure.axes[0].get_lines()] == ["paper"]


def test_gains_figure_counts_the_images_of_every_group():
    table = gains_table(np.arange(6.0), np.array([1, 2, 2, 4, 7, 9]), np.full(6, 0.1))

    figure = curves.gains_figure(gains.by_regions(table), table)

    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1\nn = 1", "2\nn = 2", "4+\nn = 3"]


def test_network_submasks_and_recipe_are_the_papers():
    results = [*claims.network_claims(), *claims.submask_claims(), *claims.training_claims()]

    assert {result.claim_id: result.verdict for result in results} == dict.fromkeys((result.claim_id for result in results), AGREES)


def test_text_is_contradicted_by_the_papers_own_table_and_by_a_smaller_model():
    ranking, size = claims.ranking_claims()

    assert (ranking.verdict, ranking.ours) == (DIFFERS, 1)
    assert size.verdict == DIFFERS
    assert "smaller in table 1: S2CRNet 1.15 M, Harmonizer 4.73 M" in size.note


RIVALS = ("lalonde", "xue", "zhu", "dih", "s2am", "dovenet", "adfm", "bargainnet", "iih", "rainnet", "idih", "dht", "s2crnet", "harmonizer")


@pytest.mark.parametrize(("strongest", "expected"), [(300.0, AGREES), (100.0, DIFFERS), (200.0, CANNOT_SAY)])
def test_margin_is_judged_by_the_sign_against_every_rival(tmp_path, strongest, expected):
    errors = {**FMSE, **dict.fromkeys(RIVALS, 600.0), "idih": strongest}
    scores = score_rows(errors)
    if expected == CANNOT_SAY:  # the same errors on every image
        own = scores.loc[scores["method"] == "frih", list(METRICS)].to_numpy()
        scores.loc[scores["method"] == "idih", list(METRICS)] = own

    result = claims.margin_claim(numbers.against_others(make_study(tmp_path, scores)))

    assert result.verdict == expected
    assert "iDIH, the strongest here" in result.note


def test_margin_needs_every_rival(good_study):
    result = claims.margin_claim(numbers.against_others(good_study))

    assert result.verdict == CANNOT_SAY
    assert result.note.startswith("14 of the 14 other methods of table 1 are not scored: Lalonde, Xue, Zhu")


def test_claims_about_iharmony4_need_iharmony4(good_study):
    others = numbers.against_others(good_study)

    results = {result.claim_id: result.verdict for result in claims.judge_claims(good_study, numbers.orders(good_study), others)}

    assert {results[claim] for claim in ("frih-C01", "frih-C02", "frih-C17", "frih-C18", "frih-C26", "frih-C35")} == {CANNOT_SAY}
    assert {results[claim] for claim in claims.GAINS} == {AGREES}


def test_gain_without_its_runs_cannot_be_judged(tmp_path):
    partial = make_study(tmp_path, score_rows({name: FMSE[name] for name in ("composite", "frih_baseline", "frih")}))

    results = {result.claim_id: result.verdict for result in claims.gain_claims(numbers.orders(partial))}

    assert results == {"frih-C29": CANNOT_SAY, "frih-C30": CANNOT_SAY, "frih-C31": AGREES, "frih-C33": CANNOT_SAY}


def test_summary_gives_a_reason_for_every_verdict_but_agreement(good_study):
    examples = [two_colors(), two_colors(scrap=12)]
    parts = submasks.measure(examples, submasks.cutoffs())
    regions = submasks.regions(examples, parts)
    orders = numbers.orders(good_study)
    relations = gains.correlations(gains_table(np.arange(12.0), np.arange(12), np.linspace(0.1, 0.4, 12)))

    results = claims.judge_claims(good_study, orders, numbers.against_others(good_study))

    table = summary.summary_table(good_study, orders, parts, regions, relations, results)

    assert (table.loc[table["verdict"] != AGREES, "likely reason"] != "").all()
    assert set(table.loc[table["quantity"].str.startswith("fMSE"), "verdict"]) == {AGREES}
