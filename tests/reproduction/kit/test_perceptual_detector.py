"""The detector's tables on sweeps and pictures whose answers are known, and its scores on real composites."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from miniature import write_folder_source
from miniature_perceptual import BENCHMARKS, METHODS
from torch import Tensor

from harmlib import models
from harmlib.data.benchmarks import build_benchmark
from harmlib.data.sources import open_source
from harmlib.evaluation.intervals import auc_interval
from harmlib.io.images import write_png
from harmlib.models.base import Prediction
from harmlib.models.ptc import ThresholdClassifier
from harmlib.training.plan import RunPlan
from reproduction.kit import labelme
from reproduction.kit.comparisons import BETTER, OPEN
from reproduction.perceptual import detector, realism, shifts
from reproduction.perceptual.artefacts import LABELS, PAPER, Artefacts
from reproduction.perceptual.detection import STOPS
from reproduction.profiles import PaperPlan, Profile, SourcePlan
from reproduction.stages import Results
from reproduction.workspace import Workspace

OBJECTS = 12


def sweeps(*, negative_at: float = 0.3, positive_at: float = 0.3, objects: int = OBJECTS) -> pd.DataFrame:
    """Sweeps of objects whose direction is found for sure from some shift on, and not at all before."""
    stops = np.array(STOPS)
    negative, positive = (stops <= -negative_at).astype(float), (stops >= positive_at).astype(float)
    f1 = np.where(stops < 0, negative, positive)
    f1[stops == 0] = np.nan
    one = pd.DataFrame({"stops": stops, "negative": negative, "positive": positive, "f1": f1})
    labels = {"label_negative": 0.215, "label_positive": 0.205, "foreground_ratio": 0.05}
    return pd.concat([one.assign(subset="mini", photo=f"p{k}", id=f"p{k}_1_1", **labels) for k in range(objects)], ignore_index=True)


class Fixed(ThresholdClassifier):
    """Says of every pixel by its level what it is: black negative, white positive, gray none."""

    def predict(self, composite: Tensor, mask: Tensor | None) -> Prediction:
        level = composite.mean(1)
        shifted = torch.stack([level < 0.25, level > 0.75], 1).float()
        return Prediction(composite, {"probabilities": torch.cat([shifted, 1 - shifted.sum(1, keepdim=True)], 1)})


@pytest.fixture
def levels_detector() -> Fixed:
    """A detector of black and white, for pictures of 16x16."""
    return Fixed(**{**models.describe("ptc").options, "width": 1 / 64, "size": 16}).eval()


@pytest.fixture(scope="module")
def built_artefacts(tmp_path_factory) -> Artefacts:
    """Artefacts with a detector's benchmark on disk, made from miniature photographs."""
    folder = tmp_path_factory.mktemp("detector")
    source = open_source("folder", write_folder_source(folder / "mini", photos=9), no_object=0)
    source.name = "mini"
    results = Results(folder / "results", "mini")
    plan = BENCHMARKS[0]
    build_benchmark(plan, {source.name: source}, results.benchmark(plan.name), seed=3)
    papers = PaperPlan(PAPER, BENCHMARKS, (RunPlan("ptc", plan.name, 4, 2),), {PAPER: METHODS}, ())
    profile = Profile("mini", 0, {"mini": SourcePlan("mini", "folder")}, {})
    return Artefacts(Workspace(profile, results, None), LABELS, papers, "cpu", {}, pd.DataFrame())


@pytest.fixture(scope="module")
def narrow_detector() -> torch.nn.Module:
    """The detector with fresh weights, as narrow as it gets."""
    torch.manual_seed(0)
    return models.create("ptc", width=1 / 16, size=32).eval()


def test_evaluation_has_a_row_per_composite_with_its_class(built_artefacts, narrow_detector):
    found = detector.evaluate(built_artefacts, narrow_detector, 100)

    assert found.probabilities.shape == (6, 3, 32, 32)
    assert found.labels.shape == (6, 32, 32)
    classes = [detector.describe(recipe)["shifted"] for recipe in built_artefacts.composites("exposure")["recipe"]]
    assert found.pictures["shifted"].tolist() == classes


def test_evaluation_takes_no_more_pictures_than_asked(built_artefacts, narrow_detector):
    assert len(detector.evaluate(built_artefacts, narrow_detector, 2).pictures) == 2


def test_sweep_takes_one_object_of_every_photograph(built_artefacts, narrow_detector):
    table = detector.sweep_objects(built_artefacts, narrow_detector, 60)

    assert len(table) == 3 * len(STOPS)
    assert table.groupby("photo").ngroups == 3
    assert set(table["label_negative"]) == {0.215}


def test_half_a_stop_is_an_error_of_every_object(built_artefacts):
    table = detector.shift_errors(built_artefacts, 60)

    assert len(table) == 3
    assert (table["mse"] > 0).all()


def test_shifts_on_both_sides_of_the_thresholds_are_shown_with_the_answer(built_artefacts, narrow_detector):
    figure = shifts.shift_figure(built_artefacts, narrow_detector)

    captions = [axis.get_xlabel() for axis in figure.axes[: len(shifts.SHOWN)]]
    assert captions == 2 * ["seen: darker"] + 3 * ["not seen"] + 2 * ["seen: brighter"]
    assert len(figure.axes) == 2 * len(shifts.SHOWN)


def test_measure_of_a_perfect_answer():
    region = np.zeros((4, 4), bool)
    region[:2] = True
    probabilities = np.stack([region, 0 * region, ~region]).astype(float)

    found = detector.measure(probabilities, np.where(region, 0, 2), region)

    assert found == {"f1": 1, "iou": 1, "inside": 1, "opposite": 0, "detected": 0.5}


def test_measure_takes_the_likeliest_class():
    probabilities = np.array([[[0.6, 0.4, 0.1]], [[0.1, 0.5, 0.2]], [[0.3, 0.1, 0.7]]])  # likeliest: 0, 1, 2

    found = detector.measure(probabilities, np.array([[0, 0, 2]]), np.array([[True, True, False]]))

    assert [found["f1"], found["iou"]] == pytest.approx([2 * 1.0 / (1.1 + 2), 0.5])
    assert [found["inside"], found["opposite"]] == pytest.approx([0.5, 0.3])


def test_measure_of_a_picture_without_a_visible_shift_counts_false_alarms_only():
    probabilities = np.stack([np.eye(4), np.zeros((4, 4)), 1 - np.eye(4)])

    found = detector.measure(probabilities, np.full((4, 4), 2), np.eye(4, dtype=bool))

    assert np.isnan(found["f1"])
    assert found["detected"] == 0.25


@pytest.mark.parametrize(("stops", "shifted"), [(-0.3, "negative"), (0.3, "positive"), (-0.2, "none"), (0.1, "none")])
def test_class_of_a_recipe_follows_from_its_thresholds(stops, shifted):
    assert detector.describe({"stops": stops, "thresholds": [-0.215, 0.205]})["shifted"] == shifted


def evaluation(shifted: list[str]) -> detector.Evaluation:
    """Perfect answers to pictures whose left half was shifted."""
    labels = np.full((len(shifted), 4, 4), 2)
    for number, name in enumerate(shifted):
        labels[number, :, :2] = detector.CLASSES.index(name)
    probabilities = np.stack([labels == number for number in range(3)], 1).astype(np.float32)
    numbers = {"f1": 1.0, "iou": 1.0, "inside": 1.0, "opposite": 0.0, "detected": 0.5}
    return detector.Evaluation(
        pd.DataFrame([{"id": f"{number}_1_1", "shifted": name, **numbers} for number, name in enumerate(shifted)]), probabilities, labels
    )


def test_perfect_detector_has_area_one_in_both_directions():
    table = detector.direction_table(evaluation(["negative", "positive", "positive"])).set_index(["direction", "measure"])

    assert table.loc[("negative", "pixel AUC"), ["ours", "n"]].tolist() == [1, 1]
    assert table.loc[("positive", "pixel F1"), ["ours", "n"]].tolist() == [1, 2]


def test_direction_without_a_picture_has_no_numbers():
    table = detector.direction_table(evaluation(["positive"])).query("direction == 'negative'")

    assert table["ours"].isna().all()
    assert set(table["n"]) == {0}


def test_false_alarms_are_counted_where_nothing_is_visible():
    assert "(n = 1): 50.0% of the picture" in detector.quiet_sentence(evaluation(["positive", "none"]))
    assert "no such picture" in detector.quiet_sentence(evaluation(["positive"]))


def test_thresholds_are_compared_with_the_labels():
    table = detector.threshold_table(sweeps(negative_at=0.3, positive_at=0.8)).set_index("direction")

    # From 0 to 1 between two steps of 0.1: one half is reached in their middle.
    assert table.loc["negative", "predicted"] == pytest.approx(0.25)
    assert table.loc["negative", "distance"] == pytest.approx(0.25 - 0.215)
    assert table.loc["positive", "distance"] == pytest.approx(0.75 - 0.205)
    assert table["n"].tolist() == 2 * [OBJECTS]


def test_objects_that_are_never_detected_are_counted():
    table = detector.threshold_table(pd.concat([sweeps(), sweeps(negative_at=2, objects=4).assign(subset="other")]))

    assert table["never"].tolist() == [0.25, 0]
    assert "no success" in detector.threshold_sentence(table)
    assert "no success" not in detector.threshold_sentence(table.iloc[1:])


def test_equal_directions_have_no_difference():
    table = detector.balance_table(sweeps())

    assert set(table["reading"]) == {OPEN}
    assert table["ours"].abs().max() == 0


def test_direction_that_is_found_from_smaller_shifts_on_is_found_better():
    table = detector.balance_table(sweeps(negative_at=0.6, positive_at=0.3)).set_index("shift")

    assert table.loc["0.4", ["ours", "reading"]].tolist() == [-1, "brightening is found better"]
    assert table.loc["0.9", "reading"] == OPEN
    assert table.loc["0.3 and more", "ours"] == pytest.approx(-3 / 8)


def test_learned_direction_shows_all_signs_and_an_unlearned_one_none():
    swept = sweeps(negative_at=0.3, positive_at=2)

    table = detector.learned_table(swept)

    assert table.query("direction == 'negative'")["reading"].tolist() == 3 * [BETTER]
    assert table.query("direction == 'positive'")["reading"].tolist() == 3 * [OPEN]
    sentence = detector.learned_sentence(table, detector.balance_table(swept))
    assert sentence.startswith("negative: 3 of 3 signs of learning are clear; positive: 0 of 3")
    assert sentence.endswith("darkening is found better.")


def test_shy_detector_still_chooses_right():
    shy = sweeps(negative_at=0.3, positive_at=2)
    shy["negative"] *= 0.1

    table = detector.forced_choices(shy).set_index("stops")

    assert table.loc[-0.3, ["direction", "ours", "n"]].tolist() == ["negative", 1, OBJECTS]
    assert table.loc[-0.2, "ours"] == 0.5
    assert table.loc[1.0, "ours"] == 0.5
    sentence = detector.choice_sentence(detector.forced_choices(shy))
    assert sentence.endswith("negative from 0.3 stops on, positive at no shift up to one stop.")


def write_pack(root: Path, labels: dict[str, str]) -> None:
    """Write a pack of gray composites whose object is black if unrealistic and gray if not."""
    mask = np.zeros((16, 16), np.uint8)
    mask[4:12, 4:12] = 255
    rows = ["id,composite,mask,human_label"]
    for name, label in labels.items():
        image = np.full((16, 16, 3), 128, np.uint8)
        image[mask > 0] = 0 if label == "unrealistic" else 128
        write_png(root / labelme.PACK / "composites" / f"{name}.png", image)
        write_png(root / labelme.PACK / "masks" / f"{name}.png", mask)
        rows.append(f"{name},composites/{name}.png,masks/{name}.png,{label}")
    (root / labelme.PACK / "index.csv").write_text("\n".join(rows) + "\n")


def test_absent_pack_is_none(tmp_path):
    assert labelme.read_pack(tmp_path) is None
    assert labelme.read_pack(None) is None


def test_detector_that_sees_what_people_see_tells_labels_apart(tmp_path, levels_detector):
    write_pack(tmp_path, {f"{index:03d}": ("realistic", "unrealistic")[index % 2] for index in range(7, 31)})

    scores = realism.score_pack(levels_detector, labelme.read_pack(tmp_path))
    table = realism.auc_table(scores).set_index("score")

    assert scores["id"].tolist()[:4] == ["007", "008", "009", "010"]
    assert scores[["inside", "whole", "contrast", "area"]].iloc[0].tolist() == [1, 0.25, 1, 0.25]
    assert table.loc["inside", ["ours", "low", "high", "n", "reading"]].tolist() == [1, 1, 1, 24, "above chance"]
    assert table.loc["share", ["ours", "reading"]].tolist() == [0.5, labelme.READINGS[OPEN]]


def test_extremes_of_both_labels_are_shown(tmp_path, levels_detector):
    write_pack(tmp_path, {"007": "unrealistic", "008": "realistic", "009": "unrealistic"})
    rows = labelme.read_pack(tmp_path)

    figure = realism.example_figure(levels_detector, rows, realism.score_pack(levels_detector, rows))

    labels = [axis.get_ylabel() for axis in figure.axes[::3]]
    assert [label.splitlines()[0] for label in labels] == 2 * ["unrealistic,"] + 2 * ["realistic,"]
    assert figure.axes[2].images[0].get_array()[8, 8].tolist() == [255, 0, 0]


def test_score_that_only_repeats_the_darkness_of_the_picture_is_held_to_nothing(generator):
    darkness, noise = generator.normal(size=(2, 200))
    table = pd.DataFrame({"label": np.where(darkness > 0, "unrealistic", "realistic"), **dict.fromkeys(realism.SCORES, noise)})
    table["whole"], table["darkness"] = darkness + 0.3 * generator.normal(size=200), darkness

    held = realism.held_table(table).set_index(["score", "held"])["reading"]

    assert held[realism.SCORES["whole"], "mean chroma of the whole picture"] == "above chance"
    assert held[realism.SCORES["whole"], "100 less mean lightness of the whole picture"] == labelme.READINGS[OPEN]


def test_chance_is_inside_the_interval_of_noise(generator):
    found = auc_interval(generator.normal(size=200), np.arange(200) % 2 == 0, None)

    assert found.low < 0.5 < found.high
    assert found.high - found.low == pytest.approx(4 * np.sqrt(201 / (12 * 100 * 100)), rel=0.15)


def test_human_labels_of_the_pack(shared):
    rows = labelme.read_pack(shared / "data")

    assert rows["human_label"].value_counts().to_dict() == {"unrealistic": 151, "realistic": 110}
    assert all(path.exists() for path in rows["composite"])
