"""The claims of the no-reference paper that code, settings or a measurement can test."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import torch

from harmlib import models
from harmlib.data.composers.base import PUBLISHED
from harmlib.evaluation.intervals import rank_correlation
from harmlib.evaluation.statistics import SIZE_BUCKETS, mean_score, paired_difference, paired_scores, photographs
from harmlib.metrics.protocols import get_protocol
from harmlib.models.base import TrainingRecipe
from harmlib.models.dih import EPOCH, VARIANTS
from harmlib.models.ptc import CLASSES
from harmlib.training.plan import RunPlan
from reproduction.kit.artefacts import planned_recipe
from reproduction.kit.comparisons import data_of
from reproduction.kit.findings import (
    AGREES,
    DIFFERS,
    NOT_TESTABLE,
    NOTHING,
    Finding,
    judge_exact,
    judge_sign,
    judge_together,
    not_testable,
)
from reproduction.kit.genuine import count_images
from reproduction.kit.orders import all_worse
from reproduction.kit.selection import evenly
from reproduction.kit.verdicts import CODE, SETTINGS, ClaimResult, Construction, Evidence, Judge, Setting, full_network, judge
from reproduction.papers import published_value
from reproduction.perceptual.artefacts import BASELINE, COCO_EXP, LABELS, NO_MASK, PAPER, TRUE_MASK, TWO_STAGE, Artefacts, benchmark_of
from reproduction.perceptual.detection import DIRECTIONS
from reproduction.perceptual.numbers import sized
from reproduction.profiles import load_profile

OWN = "ptc_dih"
# Sizes at which PTC-DIH is said to beat DIH-M.
MIDDLE = ("20-30%", "30-40%")
NEEDS_IHARMONY4 = "needs iHarmony4 itself; this profile's photographs are others"
# A bootstrap of more images would take gigabytes.
MOST_RANKED = 1000


def judge_claims(artefacts: Artefacts, errors: pd.DataFrame) -> list[ClaimResult]:
    """Return what becomes of every claim in a profile; errors: ``detector.shift_errors``."""
    return judge(CLAIMS, Evidence(artefacts, {"errors": errors}))


def coco_exp_images(seen: Evidence, paper: float) -> Finding:
    """C01: how many composites COCO-Exp has."""
    name = benchmark_of(seen.artefacts, COCO_EXP)
    plan = next(plan for plan in seen.artefacts.plan.benchmarks if plan.name == name)
    count = judge_exact(len(seen.artefacts.composites(name)), paper=paper, data=plan.title)
    if {seen.artefacts.source(subset).kind for subset in plan.sources} == {"coco"}:
        return count
    return Finding(NOT_TESTABLE, count.ours, plan.title, "needs COCO; the paper does not say which split it took either")


def training_images(seen: Evidence, paper: float) -> Finding:
    """C11: how many images iHarmony4 trains on."""
    genuine = next((plan for plan in seen.artefacts.plan.benchmarks if plan.composer == PUBLISHED), None)
    if genuine is None:
        return not_testable(NEEDS_IHARMONY4)
    return judge_exact(len(seen.artefacts.pairs(genuine.name, "train")), paper=paper, data=genuine.title)


def fusion(_: Evidence, __: float) -> Finding:
    """C03: the two-stage system's mask is the larger of the detector's channels, here with fresh weights as narrow as they get."""
    with torch.random.fork_rng(), torch.inference_mode():
        system = models.create(TWO_STAGE, width=1 / 16, detector_width=1 / 16, detector_size=256).eval()
        found = system(torch.linspace(0, 1, 3 * 256 * 256).view(1, 3, 256, 256))
    largest = torch.equal(found["detected_mask"], found["probabilities"][:, :2].amax(1, keepdim=True))
    return Finding(AGREES if largest else DIFFERS, NOTHING, CODE, "pixel by pixel, kept soft")


def intensity_range(_: Evidence, __: float) -> Finding:
    """C15: between which values a network sees black and white."""
    scale = full_network(TRUE_MASK).scale
    black, white = (float(scale.encode(torch.full((1, 3, 1, 1), level)).mean()) for level in (0.0, 1.0))
    return Finding(AGREES if (black, white) == (-1, 1) else DIFFERS, NOTHING, CODE, f"black {black:g}, white {white:g}")


def for_every_run(setting: Callable[[RunPlan, TrainingRecipe], float]) -> Judge:
    """Return the test of a setting with which the paper profile trains the four end-to-end models; shown is the farthest from print."""

    def test(_: Evidence, paper: float) -> Finding:
        runs = [run for run in load_profile("paper").paper(PAPER).runs if run.method in (TRUE_MASK, *NO_MASK)]
        found = {setting(run, planned_recipe(run)) for run in runs}
        note = f"all {len(runs)} models alike" if len(found) == 1 else f"{sorted(found)}"
        return judge_exact(max(found, key=lambda value: abs(value - paper)), paper=paper, data=SETTINGS, note=note)

    return Construction(test)


def middle_sizes(seen: Evidence, _: float) -> Finding:
    """C16: PTC-DIH, without mask, beats DIH-M, with the true one, at 20 to 40 % on COCO-Exp."""
    exposed = sized(seen.artefacts.scores[seen.artefacts.scores["dataset"] == COCO_EXP])
    parts = {size: (exposed[exposed["subset_or_bucket"] == size], OWN, TRUE_MASK) for size in MIDDLE}
    return lower_errors(parts, data_of(exposed))


def best_without_mask(seen: Evidence, _: float) -> Finding:
    """C17: PTC-DIH is best of the three without mask at every size on both data sets."""
    parts = {}
    for dataset, found in sized(seen.artefacts.scores).groupby("dataset", sort=False):
        for size in SIZE_BUCKETS:
            for rival in (name for name in NO_MASK if name != OWN):
                parts[f"{dataset} {size} against {LABELS[rival]}"] = (found[found["subset_or_bucket"] == size], OWN, rival)
    return lower_errors(parts, data_of(seen.artefacts.scores))


def informed_models(seen: Evidence, _: float) -> Finding:
    """C18: both detector-informed models beat DIH-NM on both data sets."""
    parts = {}
    for dataset, found in seen.artefacts.scores.groupby("dataset", sort=False):
        for method in (name for name in NO_MASK if name != "dih_nm"):
            parts[f"{dataset}, {LABELS[method]}"] = (found, method, "dih_nm")
    note = "the paper's own table 3 has three sizes of iHarmony4 at which PTC-att-DIH is worse"
    return lower_errors(parts, data_of(seen.artefacts.scores), note)


def lower_errors(parts: dict[str, tuple[pd.DataFrame, str, str]], data: str, note: str = "") -> Finding:
    """Judge that the first of two methods has the lower MSE in every part; parts: what -> scores, first, second."""
    differences, lost = {}, []
    for name, (scores, first, second) in parts.items():
        if scores.empty:
            differences[name] = NOTHING
            continue
        differences[name] = paired_difference(scores, first, second, "mse")
        if all_worse(scores.groupby("method")["mse"].mean(), (first, second), "mse"):
            lost.append(name)
    return judge_together(differences, expected="below", data=data, note=note, lost=lost)


def trend(seen: Evidence, _: float) -> Finding:
    """C19: the larger the object, the larger the share of its error that PTC-DIH removes.

    By the rank correlation of the two over images, of which at most MOST_RANKED, evenly spaced, are looked at on each data set.
    """
    parts = {}
    for dataset, found in seen.artefacts.scores.groupby("dataset", sort=False):
        pairs = paired_scores(found, OWN, BASELINE, "mse")
        shares = found.loc[found["method"] == BASELINE, ["subset", "id", "foreground_ratio"]]
        table = pairs.query("b > 0").merge(shares, on=["subset", "id"], validate="one_to_one")
        chosen = table.assign(removed=1 - table["a"] / table["b"]).iloc[evenly(range(len(table)), MOST_RANKED)]
        parts[str(dataset)] = rank_correlation(chosen[["removed", "foreground_ratio"]].to_numpy(), photographs(chosen))
    note = "rank correlation over images of the removed share with the object's; an interval needs ten photographs"
    return judge_together(parts, expected="above", data=data_of(seen.artefacts.scores), note=note)


def size_of_shift(seen: Evidence, _: float) -> Finding:
    """C20: 0.5 stops more exposure is a smaller MSE on a smaller object."""
    # One object of each photograph.
    correlation = rank_correlation(seen.tables["errors"][["mse", "foreground_ratio"]].to_numpy(), None)
    note = "rank correlation of MSE and the object's share at the paper's example of 0.5 stops; an interval needs ten photographs"
    return judge_sign(correlation, expected="above", data="test photographs of the detector", note=note)


def released_weights(seen: Evidence, _: float) -> Finding:
    """C21: the MSE of the released weights, of which ours are no copy."""
    scores = seen.artefacts.scores
    scores = scores[(scores["dataset"] == COCO_EXP) & (scores["method"] == TRUE_MASK)]
    factor = published_value(PAPER, 2, "DIH-M", COCO_EXP, "all", "MSE") / published_value(PAPER, 1, "DIH", COCO_EXP, "all", "MSE")
    note = f"needs COCO and the released weights, ours is DIH-M; the paper's own table 2 prints {factor:.0f} times as much for that"
    return Finding(NOT_TESTABLE, mean_score(scores, "mse"), data_of(scores), note)


CLAIMS: dict[str, Judge] = {
    "perceptual-C01": coco_exp_images,
    "perceptual-C02": Setting(len(DIRECTIONS), note=f"{' and '.join(DIRECTIONS)}; none is left out"),
    "perceptual-C03": Construction(fusion),
    "perceptual-C04": Setting(lambda: float(get_protocol(PAPER).peak)),
    "perceptual-C05": Setting(lambda: full_network("ptc").working_size),
    "perceptual-C06": Setting(lambda: full_network(TRUE_MASK).working_size),
    "perceptual-C07": Setting(
        lambda: len(VARIANTS["caffe512"].layers["channels"]) - len(full_network(TRUE_MASK).harmonizer.channels),
        note="the innermost one, as in iHarmony4's code; the outermost with variant: outer",
    ),
    "perceptual-C08": Setting(len(CLASSES), note=", ".join(CLASSES)),
    "perceptual-C09": Setting(lambda: full_network("ptc_att_dih").attention.fc3.out_features),
    "perceptual-C10": for_every_run(lambda run, _: run.iterations / EPOCH),
    "perceptual-C11": training_images,
    "perceptual-C12": lambda seen, paper: count_images(
        seen.artefacts, paper=paper, note="called validation set in the paper; it is the test split"
    ),
    "perceptual-C13": for_every_run(lambda _, recipe: recipe.learning_rate),
    "perceptual-C14": for_every_run(lambda run, _: run.batch_size),
    "perceptual-C15": Construction(intensity_range),
    "perceptual-C16": middle_sizes,
    "perceptual-C17": best_without_mask,
    "perceptual-C18": informed_models,
    "perceptual-C19": trend,
    "perceptual-C20": size_of_shift,
    "perceptual-C21": released_weights,
}
