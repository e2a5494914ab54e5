"""The claims of Sg-MMH that code or a measurement can test."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from harmlib.data.sources.lip import PARTS
from harmlib.evaluation.intervals import Interval, mean_interval
from harmlib.models.base import TrainingRecipe
from harmlib.models.sgmmh import ADVERSARIAL_WEIGHT, OPERATORS
from harmlib.perturbations import list_perturbations
from harmlib.perturbations.instagram import FILTERS
from harmlib.perturbations.sgmmh import choose_regions, draw_recipe
from harmlib.training.plan import RunPlan
from reproduction.kit.artefacts import planned_recipe
from reproduction.kit.comparisons import BETTER, WORSE
from reproduction.kit.findings import AGREES, CANNOT_SAY, DIFFERS, Finding, exactly, judge_exact, judge_value, not_testable
from reproduction.kit.verdicts import CODE, SETTINGS, ClaimResult, Construction, Evidence, Judge, Setting, full_network, judge
from reproduction.profiles import load_profile
from reproduction.sgmmh.artefacts import BASELINE, PAPER, Artefacts

DEGRADATIONS = ("gaussian_noise", "laplace_noise", "poisson_noise", "motion_blur", "jpeg")
DRAWS = 200
MOST_REGIONS = 20
FRESH = 2000  # freshly drawn regions


def judge_claims(artefacts: Artefacts, differences: pd.DataFrame) -> list[ClaimResult]:
    """Return what becomes of every claim in a profile; differences: ``numbers.differences``."""
    return judge(CLAIMS, Evidence(artefacts, {"differences": differences}))


def of_source(data: str, measure: Callable[[Artefacts, str, float], Finding]) -> Judge:
    """Return the test of a claim about a public data set's own photographs; measure: its sub-dataset's name comes before the number."""

    def test(seen: Evidence, paper: float) -> Finding:
        names = (name for plan in seen.artefacts.plan.benchmarks for name in plan.sources)
        name = next((name for name in names if seen.artefacts.source(name).kind == data.lower()), "")
        return measure(seen.artefacts, name, paper) if name else not_testable(f"needs {data}; this profile's photographs are others")

    return test


def scene_classes(artefacts: Artefacts, name: str, paper: float) -> Finding:
    """C01: how many classes ADE20K's scene parsing has."""
    return judge_exact(len(artefacts.region_names(name)), paper=paper, data="ADE20K")


def lip_photographs(split: str) -> Judge:
    """Return the test of how many photographs a split of LIP has."""
    return of_source("LIP", lambda artefacts, name, paper: judge_exact(photographs_of(artefacts, name)[split], paper=paper, data="LIP"))


def scene_splits(artefacts: Artefacts, name: str, _: float) -> Finding:
    """C03: "20k/2k/30k" photographs; the release of ADE20K's scene parsing has labels for the first two splits only."""
    found = photographs_of(artefacts, name)
    holds = [round(found[split] / 1000) for split in ("train", "test")] == [20, 2]
    note = f"training photographs; validation {found['test']:,}; the test split has no public labels, and nobody uses it here"
    return exactly(CANNOT_SAY if holds else DIFFERS, found["train"], data="ADE20K", note=note)


def people(artefacts: Artefacts, name: str, paper: float) -> Finding:
    """C04: all photographs of LIP with part labels, of which those of its test split were never published."""
    labeled = sum(photographs_of(artefacts, name).values())
    note = f"with public labels; the test split, which has none, would have to hold {paper - labeled:,.0f}"
    return exactly(AGREES if labeled == paper else CANNOT_SAY if labeled < paper else DIFFERS, labeled, data="LIP", note=note)


def photographs_of(artefacts: Artefacts, source: str) -> dict[str, int]:
    """Return split -> how many photographs one of the sources has there."""
    counts = {name: splits for manifest in artefacts.manifests.values() for name, splits in manifest["counts"].items()}
    return {split: found["photographs"] for split, found in counts[source].items()}


def drawn_regions(_: Evidence, __: float) -> Finding:
    """C07: how many regions of a picture are perturbed at most."""
    drawn = {regions: most_drawn(regions) for regions in range(1, MOST_REGIONS + 1)}
    holds = all(most == math.floor(0.2 * regions) + 1 for regions, most in drawn.items())
    outcome = "holds" if holds else "fails"
    note = f"at most {drawn[10]} of 10 regions; the rule {outcome} for 1 to {MOST_REGIONS}; draws repeat, so often fewer"
    return exactly(AGREES if holds else DIFFERS, drawn[10], data=CODE, note=note)


def most_drawn(regions: int) -> int:
    """Return the most regions that ``choose_regions`` took in DRAWS draws from a picture with that many."""
    labels = np.arange(1, regions + 1)[None]
    return max(len(choose_regions(labels, np.random.default_rng((regions, draw)))) for draw in range(DRAWS))


def second_filters(seen: Evidence, paper: float) -> Finding:
    """C09: how often a freshly drawn region gets a second filter."""
    labels = np.ones((1, 1), dtype=np.uint8)
    fresh = [draw_recipe(labels, np.random.default_rng(draw))["regions"][0] for draw in range(FRESH)]
    recipes = pd.concat([seen.artefacts.composites(name)["recipe"] for name in seen.artefacts.manifests])
    on_disk = np.mean([len(entry["steps"]) == 2 for recipe in recipes for entry in recipe["regions"]])
    note = f"regions with a second filter, freshly drawn; on the test composites {on_disk:.2f}; three of its six kinds change nothing"
    return judge_value(mean_interval([float(len(region["steps"]) == 2) for region in fresh], None), paper=paper, data=CODE, note=note)


def shape_of(weights: str) -> Sequence[int]:
    """Return the shape of some weights of the generator at full width."""
    return full_network("sgmmh_om").state_dict()[f"generator.{weights}.weight"].shape


@lru_cache(maxsize=1)
def planned() -> dict[str, tuple[RunPlan, TrainingRecipe]]:
    """Return run of the paper profile -> its plan and recipe."""
    return {run.name: (run, planned_recipe(run)) for run in load_profile("paper").paper(PAPER).runs}


def milestones(run: str, *printed: int) -> Judge:
    """Return the test of a list of milestones; the last one is the number shown."""

    def test(_: Evidence, __: float) -> Finding:
        ours = planned()[run][1].milestones
        note = f"halved after {' and '.join(f'{step:,}' for step in ours)}; the paper prints no factor"
        return exactly(AGREES if tuple(ours) == printed else DIFFERS, ours[-1], data=SETTINGS, note=note)

    return Construction(test)


def improvement(seen: Evidence, _: float) -> Finding:
    """C27, "an improvement in terms of all evaluation metrics on two benchmarks": OM and OMGAN against composite and RGB.

    It agrees when every difference is clearly better, differs when one is clearly worse, and cannot say otherwise.
    """
    differences = seen.tables["differences"]
    tested = differences[differences["first"].isin(["sgmmh_om", "sgmmh_omgan"]) & differences["second"].isin([BASELINE, "sgmmh_rgb"])]
    better, worse = (int((tested["reading"] == outcome).sum()) for outcome in (BETTER, WORSE))
    verdict = AGREES if better == len(tested) else DIFFERS if worse else CANNOT_SAY
    note = (
        f"comparisons of OM and OMGAN with composite and RGB that are clearly better; {better} of {len(tested)} better, {worse} worse; "
        f"metrics {', '.join(tested['metric'].str.upper().unique())}"
    )
    counted = Interval(better, math.nan, math.nan, int(tested["n"].max()))
    return Finding(verdict, counted, ", ".join(tested["data"].unique()), note)


CLAIMS: dict[str, Judge] = {
    "sgmmh-C01": of_source("ADE20K", scene_classes),
    "sgmmh-C02": Setting(len(PARTS), note="part names of the LIP loader, background left out"),
    "sgmmh-C03": of_source("ADE20K", scene_splits),
    "sgmmh-C04": of_source("LIP", people),
    "sgmmh-C05": lip_photographs("train"),
    "sgmmh-C06": lip_photographs("test"),
    "sgmmh-C07": Construction(drawn_regions),
    "sgmmh-C08": Setting(len(FILTERS), note="names pinned; the library has three more"),
    "sgmmh-C09": Construction(second_filters),
    "sgmmh-C10": Setting(
        lambda: len(set(list_perturbations()) & set(DEGRADATIONS)),
        paper=len(DEGRADATIONS),
        note="all five, and the Gaussian blur of the released code",
    ),
    "sgmmh-C11": Setting(len(OPERATORS)),
    "sgmmh-C12": Setting(
        ADVERSARIAL_WEIGHT,
        paper=0.005,
        note="adversarial weight; Charbonnier has weight 1; LPIPS is an option, off by default as in the released code",
    ),
    "sgmmh-C13": Setting(lambda: shape_of("downs.0")[1], note="LAB, no mask"),
    "sgmmh-C14": Setting(lambda: shape_of("ups.0.conv2d")[0]),
    "sgmmh-C15": Setting(lambda: shape_of("downs.0")[0], note="base width; smoke and small profiles may narrow it"),
    "sgmmh-C16": Setting(lambda: len(full_network("sgmmh_om").generator.downs)),
    "sgmmh-C17": Setting(lambda: planned()["sgmmh_om-hscene"][1].learning_rate, data=SETTINGS),
    "sgmmh-C18": milestones("sgmmh_om-hscene", 20_000, 30_000),
    "sgmmh-C19": Setting(lambda: planned()["sgmmh_om-hscene"][0].iterations, data=SETTINGS),
    "sgmmh-C20": milestones("sgmmh_om-hlip", 55_000, 75_000),
    "sgmmh-C21": Setting(lambda: planned()["sgmmh_om-hlip"][0].iterations, data=SETTINGS),
    "sgmmh-C22": Setting(
        lambda: planned()["sgmmh_omgan-hscene"][0].iterations, data=SETTINGS, note="its milestones are the released code's"
    ),
    # An update is cut into as many parts as the authors have GPUs, so that a batch norm sees what theirs see.
    "sgmmh-C23": Setting(
        lambda: planned()["sgmmh_om-hscene"][0].batch_size / planned()["sgmmh_om-hscene"][0].accumulate,
        data=SETTINGS,
        note="per GPU, of four in the authors' command",
    ),
    "sgmmh-C24": Setting(lambda: full_network("sgmmh_om").working_size),
    "sgmmh-C27": improvement,
}
