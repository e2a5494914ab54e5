"""Figures 1 to 10 of the no-reference paper, and its charts, on small inputs whose answers are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from miniature_perceptual import ERRORS, make_artefacts, score_rows, scores_of, texts, titles

from harmlib import models
from harmlib.data.benchmarks import build_benchmark
from harmlib.data.pairs import Pair
from harmlib.io.images import read_image, to_tensor, write_png
from harmlib.models.base import HarmonizationModel, Prediction
from reproduction.perceptual import distributions, failures, figures, pictures, pipeline
from reproduction.perceptual.artefacts import COCO_EXP, NO_MASK, TRUE_MASK, TWO_STAGE, Artefacts
from reproduction.profiles import load_profile
from reproduction.stages import Results
from reproduction.workspace import Workspace

COCO = "coco-exp-style"
Models = dict[str, HarmonizationModel]


@pytest.fixture(scope="module")
def trained() -> Models:
    """Every method with fresh weights, as narrow as it gets."""
    torch.manual_seed(0)
    detecting = {"detector_width": 1 / 16, "detector_size": 64}
    options = {TRUE_MASK: {}, "dih_nm": {}, "ptc_att_dih": detecting, "ptc_dih": detecting, TWO_STAGE: detecting}
    return {method: models.create(method, width=1 / 16, **extra).eval() for method, extra in options.items()}


def example_of(name: str = "p_1_1", rule: str = "") -> pictures.Example:
    """A smooth photograph of 2:1 whose middle is 40 levels too dark."""
    target = np.kron(np.random.default_rng(0).uniform(60, 200, (8, 8, 3)), np.ones((32, 32, 1))).astype(np.uint8)
    mask = np.zeros((256, 256), bool)
    mask[64:192, 64:128] = True
    composite = np.where(mask[..., None], target - 40, target).astype(np.uint8)
    return pictures.Example(name, "mini", composite, target, mask, rule, (100, 200))


def prediction_of(image: np.ndarray) -> Prediction:
    return Prediction(to_tensor(image)[None])


def pair_of(example: pictures.Example, folder: Path) -> Pair:
    """An example on disk."""
    paths = {name: folder / f"{name}.png" for name in ("composite", "mask", "real")}
    for name, array in (("composite", example.composite), ("mask", 255 * example.mask.astype(np.uint8)), ("real", example.real)):
        write_png(paths[name], array)
    return Pair(example.id, example.subset, **paths)


def test_error_and_change_of_a_known_picture():
    example = example_of()
    darker = prediction_of(example.real - 10)

    assert pictures.error(darker, example) == pytest.approx(100, rel=1e-4)
    np.testing.assert_allclose(pictures.change(darker, example.real), -10, atol=1e-3)


def test_no_mask_reaches_a_method_without_mask(trained):
    example = example_of()
    inverted = replace(example, mask=~example.mask)

    first, second = (pictures.predict_all(trained, entry) for entry in (example, inverted))

    same = [method for method in trained if torch.equal(first[method].image, second[method].image)]
    assert same == [*NO_MASK, TWO_STAGE]


def test_detection_is_red_where_negative_and_green_where_positive():
    shown = pictures.colored_detection(np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]))

    assert shown.tolist() == [[[255, 0, 0], [0, 255, 0], [0, 0, 0]]]


def test_weak_masks_stay_weak():
    assert pictures.gray(np.array([[0.0, 0.2]])).tolist() == [[[0, 0, 0], [51, 51, 51]]]


def test_figure_1_compares_both_masks_with_the_truth(trained):
    example = example_of()
    figure = pipeline.methodology_figure(trained, example)
    found = pictures.predict_all(trained, example)

    assert titles(figure) == ["composite", "true mask $M_s$", "detected mask $M_p$", "$C_s$", "$C_p$", "truth $C_{gt}$"]
    for method, sign in ((TRUE_MASK, "s"), (TWO_STAGE, "p")):
        assert f"MSE$_{sign}$ = {pictures.error(found[method], example):.1f}" in texts(figure)


def test_figure_2_shows_both_channels_at_the_detectors_size(trained):
    figure = pipeline.system_figure(trained, example_of())

    shown = {axis.get_title(): axis.images[0].get_array() for axis in figure.axes if axis.images}
    assert shown["$p_0$ negative"].shape == (64, 64, 3)
    assert not shown["$p_0$ negative"][..., 1:].any()
    assert not shown["$p_1$ positive"][..., ::2].any()
    assert texts(figure).count("1×64×64") == 2


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Artefacts:
    """The smoke profile's COCO-Exp benchmark with one composite per photograph, and artefacts that holds no more."""
    profile = load_profile("smoke")
    folder = tmp_path_factory.mktemp("built")
    artefacts = make_artefacts(folder, score_rows(ERRORS))
    workspace = Workspace(profile, Results(folder, "built"), None)
    plan = next(plan for plan in profile.paper("perceptual").benchmarks if plan.dataset == COCO_EXP)
    sources = {name: profile.open_source(name, None) for name in plan.sources}
    build_benchmark(replace(plan, draws={"test": 1}), sources, workspace.results.benchmark(COCO), seed=profile.seed)
    return replace(artefacts, workspace=workspace)


@pytest.mark.slow
def test_replayed_composite_is_the_benchmarks(built):
    transfer = figures.read_transfer(built, COCO)

    pair = next(pair for pair in built.pairs(COCO).values() if pair.id == transfer.id)
    np.testing.assert_array_equal(transfer.result, read_image(pair.composite))


def test_figure_3_shows_where_the_luminance_comes_from(built):
    transfer = figures.read_transfer(built, COCO)

    figure = figures.transfer_figure(transfer)

    assert titles(figure) == ["source", "source mask", "target", "target mask", "result"]
    assert f"{transfer.source_mask.mean():.1%} of the picture" in texts(figure)
    assert transfer.category in figures.transfer_sentence(transfer)


def test_without_photographs_there_is_nothing_to_replay(built):
    missing = replace(built.workspace.profile, sources={"embedded-pairs": load_profile("small").sources["ccp"]})

    assert figures.read_transfer(replace(built, workspace=replace(built.workspace, profile=missing)), COCO) is None


def composites_of(*rows: tuple[str, float, float]) -> pd.DataFrame:
    """Rows of composites.csv: id, share of the object, change of its mean L."""
    recipes = [{"luminance": {"before": [50, 9], "after": [50 + change, 9]}} for _, _, change in rows]
    table = pd.DataFrame({"id": [row[0] for row in rows], "foreground_ratio": [row[1] for row in rows], "recipe": recipes})
    parts = table["id"].str.rsplit("_", n=2)
    return table.assign(subset="mini", photo=parts.str[0], mask=parts.str[0] + "_" + parts.str[1])


@pytest.mark.parametrize(("changes", "chosen"), [((20, 20, -30), "b_1_1"), ((20, 3, -30), "c_1_1"), ((1, 2, 3), "b_1_1")])
def test_sample_is_the_first_visible_object_that_changed_clearly(changes, chosen):
    rows = zip(("a_1_1", "b_1_1", "c_1_1"), (0.01, 0.2, 0.3), changes, strict=True)

    assert figures.first_clear(composites_of(*rows)) == ("mini", chosen)


def test_over_compensated_composites_gain_by_the_detected_mask_and_differ_in_photograph():
    true = {"a_1_1": 50, "a_2_1": 90, "b_1_1": 40, "c_1_1": 10}
    table = distributions.paired(scores_of(true, dict.fromkeys(true, 20)))

    assert figures.over_compensated(table, 5) == [("mini", "a_2_1"), ("mini", "b_1_1")]


def test_comparable_composites_are_the_closest_with_a_detection():
    true = {"a_1_1": 21, "b_1_1": 17, "c_1_1": 30, "d_1_1": 60}
    table = distributions.paired(scores_of(true, dict.fromkeys(true, 20)))
    asked = []

    def detects(key: figures.Key) -> bool:
        asked.append(key[1])
        return key[1] != "a_1_1"

    assert figures.comparable(table, detects, 1, limit=10) == [("mini", "b_1_1")]
    assert asked == ["a_1_1", "b_1_1"]


def test_comparable_composites_are_looked_for_within_the_limit():
    true = {f"{name}_1_1": 20 for name in "abc"}
    table = distributions.paired(scores_of(true, dict.fromkeys(true, 20)))

    assert figures.comparable(table, lambda key: key[1] == "c_1_1", 1, limit=2) == []


@pytest.mark.parametrize(("bias", "expected"), [((9.0, 0.0, 0.0), True), ((0.0, 0.0, 9.0), False)])
def test_detection_is_told_from_the_detected_mask(tmp_path, bias, expected):
    model = models.create(TWO_STAGE, width=1 / 16, detector_width=1 / 16, detector_size=64).eval()
    head = model.detector.head[-1]
    torch.nn.init.zeros_(head.weight)
    head.bias.data = torch.tensor(bias)

    assert figures.has_detection(model, pair_of(example_of(), tmp_path)) is expected


@pytest.mark.parametrize("draw", [figures.over_compensation_figure, figures.comparable_figure])
def test_figures_6_and_7_have_the_papers_columns(trained, draw):
    figure = draw([example_of()], trained)

    assert titles(figure) == ["truth", "input", "$C_p$: PTC+DIH", "$C_s$: DIH-M", "$M_p$", "$M_s$"]
    assert "MSE 200.0" in texts(figure)  # 40 levels on an eighth of the picture


def test_only_figure_7_shows_directions(trained):
    for draw, colored in ((figures.over_compensation_figure, False), (figures.comparable_figure, True)):
        shown = draw([example_of()], trained).axes[4].images[0].get_array()

        assert bool((shown[..., 0] != shown[..., 2]).any()) is colored


@pytest.mark.parametrize(
    ("draw", "words"), [(figures.over_compensation_figure, "larger MSE"), (figures.comparable_figure, "has a detection")]
)
def test_figures_without_a_composite_say_so(trained, draw, words):
    assert words in texts(draw([], trained))


def test_figure_8_shows_every_photograph_once():
    composites = composites_of(*((f"{name}_{index}_1", 0.1, 0) for name in "abcd" for index in (1, 2)))
    scores = composites.assign(method=NO_MASK[-1], mse=[1, 99, 2, 98, 3, 50, 70, 4])

    assert figures.first_and_worst_photos(composites, scores, 1) == [("mini", "a_1_1", "first"), ("mini", "b_2_1", "worst")]


def test_figure_8_shows_how_far_every_method_moves_the_input(trained):
    example = example_of()

    axes = figures.no_mask_figure([example], trained).axes

    assert [axis.get_title() for axis in axes[:4]] == ["input", "truth", "DIH-NM", "DIH-NM\n− input"]
    moved = pictures.change(pictures.predict_all(trained, example)["ptc_dih"], example.composite)
    np.testing.assert_allclose(axes[7].images[0].get_array(), example.proportioned(moved))


def test_figure_9_shows_how_far_the_results_are_from_the_truth(trained):
    example = example_of()

    axes = figures.variants_figure([example, example], trained).axes

    assert [axis.get_title() for axis in axes[2:6]] == ["DIH-M", "DIH-M\n− truth", "PTC-DIH", "PTC-DIH\n− truth"]
    off = pictures.change(pictures.predict_all(trained, example)[TRUE_MASK], example.real)
    np.testing.assert_allclose(axes[3].images[0].get_array(), example.proportioned(off))


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["a_1_1", "b_1_1", "b_2_1", "b_3_1", "c_1_1", "c_1_2", "c_1_3", "c_1_4"], ["c_1_1", "c_1_2", "c_1_3"]),
        (["a_1_1", "b_1_1", "b_2_1", "b_3_1", "c_1_1", "c_1_2"], ["b_1_1", "b_2_1", "b_3_1"]),
        (["a_1_1", "b_1_1", "b_2_1"], ["b_1_1", "b_2_1"]),
    ],
)
def test_variants_share_a_photograph_and_an_object_where_they_can(names, chosen):
    assert [name for _, name in figures.three_variants(composites_of(*((name, 0.1, 0) for name in names)))] == chosen


def test_an_object_drawn_three_times_is_one_object():
    names = ["a_1_1", "a_2_1", "a_3_1", "b_1_1", "b_2_1", "b_3_1"]
    regions = [{"label": label, "component": None} for label in (1, 2, 3, 4, 4, 4)]
    composites = composites_of(*((name, 0.1, 0) for name in names)).assign(recipe=[{"foreground": region} for region in regions])

    assert [name for _, name in figures.three_variants(composites)] == ["b_1_1", "b_2_1", "b_3_1"]


def test_missing_variants_are_told():
    other = replace(example_of("p_2_1"), mask=~example_of().mask)

    assert figures.variants_sentence([example_of(), other]) == (
        "mini, p: 2 variants, each with its own object; no photograph of the test list has 3."
    )


# A composite that meets no rule.
HARMLESS = {"subset": "mini", "id": "p_1_1", "size": 0.1, "inside": 0.9, "outside": 0.1, "remaining": 0.2, "elsewhere": 0.0, "mse": 10.0}


def facts_of(*changes: dict[str, float]) -> pd.DataFrame:
    return pd.DataFrame([HARMLESS | change for change in changes])


@pytest.mark.parametrize(
    ("change", "letters"),
    [
        ({}, ""),
        ({"size": 0.21, "inside": 0.09, "outside": 0.3}, "a"),
        ({"size": 0.20, "inside": 0.09, "outside": 0.3}, ""),
        ({"size": 0.21, "inside": 0.10, "outside": 0.3}, ""),
        ({"size": 0.029, "inside": 0.09, "outside": 0.3}, "b"),
        ({"size": 0.03, "inside": 0.09, "outside": 0.3}, ""),
        ({"remaining": 0.61, "elsewhere": 0.01}, "c"),
        ({"remaining": 0.60, "elsewhere": 0.01}, ""),
        ({"remaining": 0.61, "elsewhere": 0.009}, ""),
        ({"remaining": 0.61, "elsewhere": 0.01, "outside": 0.5}, ""),
    ],
)
def test_every_rule_finds_its_failure_and_nothing_else(change, letters):
    found = failures.find_failures(facts_of(change))

    assert "".join(failure.rule.letter for failure in found if failure.failing) == letters


def test_largest_error_is_shown_and_nothing_twice():
    both = {"size": 0.3, "inside": 0.05, "outside": 0.01, "remaining": 2.0, "elsewhere": 0.5}

    found = failures.find_failures(facts_of(both | {"mse": 5}, both | {"mse": 7}, {}))

    assert [failure.row for failure in found] == [1, None, 0]


def test_failures_are_counted_among_those_that_can_fail():
    facts = facts_of({"size": 0.5}, {"size": 0.5, "inside": 0.0}, {"outside": 0.8})

    lines = failures.failure_sentence(failures.find_failures(facts), facts).splitlines()

    assert lines[0].startswith("3 composites")
    assert [line.rsplit(": ", 1)[1] for line in lines[1:]] == ["1 of 2 objects.", "there is no such object.", "none of 1 objects."]


def test_facts_come_from_the_results_of_ptc_dih(trained, tmp_path):
    example = example_of()

    row = failures.measure(trained["ptc_dih"], [pair_of(example, tmp_path)]).iloc[0]

    assert row["size"] == 1 / 8
    assert row["input_mse"] == pytest.approx(200)
    assert row["mse"] == pytest.approx(pictures.error(pictures.predict_all(trained, example)["ptc_dih"], example))
    assert row["remaining"] == row["mse"] / row["input_mse"]
    assert 0 < row["outside"] < 1


def test_figure_10_has_a_row_per_failure_and_names_the_rules(trained, tmp_path):
    pairs = [pair_of(example_of(), tmp_path)]
    facts = failures.measure(trained["ptc_dih"], pairs).assign(size=0.3, inside=0.05)

    figure = failures.failure_figure(failures.find_failures(facts), facts, pairs, trained)

    assert titles(figure) == titles(figures.no_mask_figure([example_of()], trained))
    assert "mask in 0.05" in texts(figure)
    assert "(a) object above 20%" in texts(figure)


def test_figure_10_without_failures_shows_none(trained):
    facts = facts_of({})

    figure = failures.failure_figure(failures.find_failures(facts), facts, [], trained)

    assert not any(axis.images for axis in figure.axes)
    assert "(c)" in texts(figure)
