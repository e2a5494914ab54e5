"""The claims of Sg-MMH that code or a measurement can test, with their verdicts."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch

from harmlib import models
from harmlib.data.sources.lip import PARTS
from harmlib.evaluation.intervals import mean_interval
from harmlib.models.sgmmh import ADVERSARIAL_WEIGHT, OPERATORS
from harmlib.perturbations import list_perturbations
from harmlib.perturbations.instagram import FILTERS
from harmlib.perturbations.regions import choose_regions
from harmlib.perturbations.sgmmh import draw_recipe
from reproduction.kit.artefacts import planned_recipe
from reproduction.kit.comparisons import BETTER, WORSE
from reproduction.kit.verdicts import AGREES, CANNOT_SAY, DIFFERS, ClaimResult, cannot_say, judge_exact, judge_value
from reproduction.profiles import load_profile
from reproduction.sgmmh.artefacts import BASELINE, LABELS, PAPER, Artefacts

DEGRADATIONS = ("gaussian_noise", "laplace_noise", "poisson_noise", "motion_blur", "jpeg")
DRAWS = 200
MOST_REGIONS = 20
SETTINGS, CODE = "the paper profile", "the code"


def judge_claims(artefacts: Artefacts, differences: pd.DataFrame) -> list[ClaimResult]:
    """Return the verdict on every claim that the artefacts of a profile can test; differences: as ``numbers.differences`` returns."""
    return [
        *_source_claims(artefacts),
        *_perturbation_claims(artefacts),
        *network_claims(),
        *training_claims(),
        improvement_claim(differences),
    ]


def _source_claims(artefacts: Artefacts) -> Iterator[ClaimResult]:
    """Judge C01 to C06: what the photographs are; they need the public data sets themselves."""
    found = {artefacts.source(name).kind: name for plan in artefacts.plan.benchmarks for name in plan.sources}
    counts = {name: splits for manifest in artefacts.manifests.values() for name, splits in manifest["counts"].items()}
    if "ade20k" in found:
        classes = len(artefacts.region_names(found["ade20k"]))
        yield judge_exact("sgmmh-C01", classes, paper=150, data="ADE20K")
    else:
        yield cannot_say("sgmmh-C01", "needs ADE20K; this profile's photographs are others")
    yield judge_exact("sgmmh-C02", len(PARTS), paper=19, data=CODE, note="part names of the LIP loader, background left out")
    if "lip" in found:
        train, test = (counts[found["lip"]][split]["photographs"] for split in ("train", "test"))
        yield judge_exact("sgmmh-C05", train, paper=30462, data="LIP")
        yield judge_exact("sgmmh-C06", test, paper=10000, data="LIP")
    else:
        yield cannot_say("sgmmh-C05", "needs LIP; this profile's photographs are others")
        yield cannot_say("sgmmh-C06", "needs LIP; this profile's photographs are others")


def _perturbation_claims(artefacts: Artefacts) -> Iterator[ClaimResult]:
    """Judge C07 to C10: how composites are made."""
    drawn = {regions: most_drawn(regions) for regions in range(1, MOST_REGIONS + 1)}
    holds = all(most == math.floor(0.2 * regions) + 1 for regions, most in drawn.items())
    outcome = "holds" if holds else "fails"
    note = f"at most {drawn[10]} of 10 regions; the rule {outcome} for 1 to {MOST_REGIONS}; draws repeat, so often fewer"
    yield ClaimResult("sgmmh-C07", AGREES if holds else DIFFERS, drawn[10], drawn[10], drawn[10], 1, CODE, note)
    yield judge_exact("sgmmh-C08", len(FILTERS), paper=23, data=CODE, note="names pinned; the library has three more")
    recipes = pd.concat([artefacts.composites(name)["recipe"] for name in artefacts.manifests])
    on_disk = np.mean([len(entry["steps"]) == 2 for recipe in recipes for entry in recipe["regions"]])
    note = f"regions with a second filter, freshly drawn; on the test composites {on_disk:.2f}; three of its six kinds change nothing"
    yield judge_value("sgmmh-C09", mean_interval(second_filters(), None), paper=0.5, data=CODE, note=note)
    known = set(list_perturbations())
    note = "all five, and the Gaussian blur of the released code"
    yield judge_exact("sgmmh-C10", len(known & set(DEGRADATIONS)), paper=len(DEGRADATIONS), data=CODE, note=note)


def most_drawn(regions: int) -> int:
    """Return the largest number of regions that ``choose_regions`` took from a picture with so many, over DRAWS draws."""
    labels = np.arange(1, regions + 1)[None]
    return max(len(choose_regions(labels, np.random.default_rng((regions, draw)))) for draw in range(DRAWS))


def second_filters(regions: int = 2000) -> np.ndarray:
    """Return for freshly drawn regions whether they got a second filter, 0 or 1, (regions,)."""
    labels = np.ones((1, 1), dtype=np.uint8)
    recipes = [draw_recipe(labels, np.random.default_rng(draw)) for draw in range(regions)]
    return np.array([len(recipe["regions"][0]["steps"]) == 2 for recipe in recipes], dtype=float)


def network_claims() -> Iterator[ClaimResult]:
    """Judge C11 and C13 to C16 on the generator at full width, built without memory."""
    with torch.device("meta"):
        model = models.create("sgmmh_om")
    shapes = {name: weights.shape for name, weights in model.state_dict().items()}
    levels = sum(name.startswith("generator.downs.") and name.endswith(".weight") for name in shapes)
    base, inputs = shapes["generator.downs.0.weight"][:2]
    yield judge_exact("sgmmh-C11", len(OPERATORS), paper=6, data=CODE)
    yield judge_exact("sgmmh-C13", inputs, paper=3, data=CODE, note="LAB, no mask")
    yield judge_exact("sgmmh-C14", shapes["generator.ups.0.conv2d.weight"][0], paper=6, data=CODE)
    yield judge_exact("sgmmh-C15", base, paper=64, data=CODE, note="base width; smoke and small profiles may narrow it")
    yield judge_exact("sgmmh-C16", levels, paper=8, data=CODE)
    yield judge_exact("sgmmh-C24", model.working_size or 0, paper=256, data=CODE)


def training_claims() -> Iterator[ClaimResult]:
    """Judge C12 and C17 to C23: the settings with which the paper profile trains."""
    runs = {run.name: run for run in load_profile("paper").paper(PAPER).runs}
    scene, lip, gan = runs["sgmmh_om-hscene"], runs["sgmmh_om-hlip"], runs["sgmmh_omgan-hscene"]
    note = "adversarial weight; Charbonnier has weight 1; LPIPS is an option, off by default as in the released code"
    yield judge_exact("sgmmh-C12", ADVERSARIAL_WEIGHT, paper=0.005, data=CODE, note=note)
    recipe = planned_recipe(scene)
    yield judge_exact("sgmmh-C17", recipe.learning_rate, paper=2e-4, data=SETTINGS)
    yield _milestones("sgmmh-C18", recipe.milestones, (20_000, 30_000))
    yield judge_exact("sgmmh-C19", scene.iterations, paper=40_000, data=SETTINGS)
    yield _milestones("sgmmh-C20", planned_recipe(lip).milestones, (55_000, 75_000))
    yield judge_exact("sgmmh-C21", lip.iterations, paper=85_000, data=SETTINGS)
    yield judge_exact("sgmmh-C22", gan.iterations, paper=10_000, data=SETTINGS, note="its milestones are the released code's")
    yield judge_exact("sgmmh-C23", scene.batch_size, paper=64, data=SETTINGS, note="per GPU")


def _milestones(claim_id: str, ours: tuple[int, ...], paper: tuple[int, ...]) -> ClaimResult:
    """Judge a list of milestones; the last one is the number shown."""
    note = f"halved after {' and '.join(f'{step:,}' for step in ours)}; the paper prints no factor"
    verdict = AGREES if tuple(ours) == paper else DIFFERS
    return ClaimResult(claim_id, verdict, ours[-1], ours[-1], ours[-1], 1, SETTINGS, note)


def improvement_claim(differences: pd.DataFrame) -> ClaimResult:
    """Judge C27, "an improvement in terms of all evaluation metrics on two benchmarks": OM and OMGAN against composite and RGB.

    It agrees when every difference is clearly better, differs when one is clearly worse, and cannot say otherwise.
    """
    own = [LABELS["sgmmh_om"], LABELS["sgmmh_omgan"]]
    others = [LABELS[BASELINE], LABELS["sgmmh_rgb"]]
    tested = differences[differences["comparison"].isin([f"{a} - {b}" for a in own for b in others])]
    better, worse = (int((tested["reading"] == outcome).sum()) for outcome in (BETTER, WORSE))
    verdict = AGREES if better == len(tested) else DIFFERS if worse else CANNOT_SAY
    note = (
        f"comparisons of OM and OMGAN with composite and RGB that are clearly better; {better} of {len(tested)} better, {worse} worse; "
        f"metrics {', '.join(tested['metric'].unique())}"
    )
    data = ", ".join(tested["data"].unique())
    return ClaimResult("sgmmh-C27", verdict, better, math.nan, math.nan, int(tested["n"].max()), data, note)
