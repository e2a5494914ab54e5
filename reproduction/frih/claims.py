"""The claims of FRIH that code or a measurement can test."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable

import pandas as pd
from torch import nn

from harmlib import models
from harmlib.data.composers.base import PUBLISHED
from harmlib.evaluation.intervals import Interval
from harmlib.evaluation.statistics import mean_score, paired_difference
from harmlib.models.base import TrainingRecipe
from harmlib.models.frih import EPOCH, SMALLEST_AREA
from harmlib.models.registry import parameters
from harmlib.submasks import extract_submasks
from reproduction.frih.artefacts import BASELINE, LABELS, METHOD, PAPER, STAGE_ONE, Artefacts
from reproduction.frih.numbers import MILLION
from reproduction.kit.findings import AGREES, DIFFERS, NARROW_PSNR, Finding, exactly, judge_exact, judge_value, not_testable, whole_verdict
from reproduction.kit.genuine import count_images
from reproduction.kit.names import NAMES
from reproduction.kit.summary import interval_of
from reproduction.kit.verdicts import CODE, SETTINGS, ClaimResult, Construction, Evidence, Judge, Setting, full_network, judge
from reproduction.papers import published
from reproduction.profiles import load_profile

PRINTED = "the paper's own tables"
NEEDS_IHARMONY4 = "needs iHarmony4 itself; this profile's photographs are others"
# The baseline's own sub-dataset columns of table 3 average to 34.18 and FRIH's to 24.07.
BY_COLUMNS = "; by the sub-dataset columns of table 3 it is 10.1"
SUBSETS = ("HCOCO", "HAdobe5k", "HFlickr", "Hday2night")


def judge_claims(artefacts: Artefacts, orders: pd.DataFrame, others: pd.DataFrame) -> list[ClaimResult]:
    """Return what becomes of every claim in a profile; orders, others: ``numbers.orders`` and ``against_others``."""
    return judge(CLAIMS, Evidence(artefacts, {"orders": orders, "others": others}))


def of_iharmony4(measure: Callable[[Evidence, str, float], Finding]) -> Judge:
    """Return the test of a claim that is about iHarmony4 and nothing else; measure: evidence, the benchmark's name, printed number."""

    def test(seen: Evidence, paper: float) -> Finding:
        name = next((plan.name for plan in seen.artefacts.plan.benchmarks if plan.composer == PUBLISHED), "")
        return measure(seen, name, paper) if name else not_testable(NEEDS_IHARMONY4)

    return test


def mean_of(method: str, metric: str) -> Judge:
    """Return the test of a mean over the test images of iHarmony4."""

    def measure(seen: Evidence, name: str, paper: float) -> Finding:
        ours = mean_score(seen.artefacts.scores[seen.artefacts.scores["method"] == method], metric)
        return judge_value(ours, paper=paper, narrow=NARROW_PSNR if metric == "psnr" else None, data=seen.artefacts.title(name))

    return of_iharmony4(measure)


def training_images(seen: Evidence, name: str, paper: float) -> Finding:
    """C17: how many images iHarmony4 trains on."""
    return judge_exact(len(seen.artefacts.pairs(name, "train")), paper=paper, data=seen.artefacts.title(name))


def least_psnr(seen: Evidence, name: str, _: float) -> Finding:
    """C35, "PSNR exceeds 38 in all these experiments": the smallest mean of table 5."""
    wanted, scores = set(published(PAPER, 5)["method"]), seen.artefacts.scores
    means = scores[scores["method"].isin(wanted)].groupby("method")["psnr"].mean()
    if len(means) < len(wanted):
        return not_testable(f"{len(means)} of the {len(wanted)} cut-off distances were trained")
    smallest = Interval(float(means.min()), math.nan, math.nan, len(scores) // scores["method"].nunique())
    return Finding(AGREES if smallest.mean > 38 else DIFFERS, smallest, seen.artefacts.title(name))


def recipe() -> TrainingRecipe:
    """Return what a run follows unless its profile says otherwise."""
    return full_network(METHOD).training_recipe


def whole() -> float:
    """Return the millions of parameters of the whole model."""
    return parameters(METHOD) / MILLION


def second_stage() -> float:
    """Return those of the cascaded module with fusion."""
    return sum(weights.numel() for weights in full_network(METHOD).cascade.parameters()) / MILLION


def layers(part: nn.Module, kind: type[nn.Conv2d | nn.ConvTranspose2d], kernel: int) -> int:
    """Return how many layers of one kind and kernel size a part has."""
    return sum(layer.kernel_size[0] == kernel for layer in part.modules() if isinstance(layer, kind))


def head_kernels() -> list[int]:
    """Return the kernel sizes of the fusion head's convolutions."""
    return [layer.kernel_size[0] for layer in full_network(METHOD).cascade.head.modules() if isinstance(layer, nn.Conv2d)]


def milestones(_: Evidence, __: float) -> Finding:
    """C22: at which epochs the learning rate falls."""
    drops = [step // EPOCH for step in recipe().milestones]
    note = f"times {recipe().gamma:g} at epochs {drops}"
    return exactly(AGREES if drops == [160, 175] else DIFFERS, drops[-1], data=CODE, note=note)


def gain(first: str, second: str, metric: str = "psnr", note: str = "") -> Judge:
    """Return the test of a gain of the ablation: only its sign, because its size is another data set's matter."""

    def measure(seen: Evidence, paper: float) -> Finding:
        table = seen.tables["orders"]
        rows = table[(table["first"] == first) & (table["second"] == second) & (table["metric"] == metric)]
        if rows.empty:
            return not_testable(f"{LABELS[first]} and {LABELS[second]} are not both trained in this profile")
        row = rows.to_dict("records")[0]
        size = f"the paper gains {paper:g} dB" if metric == "psnr" else f"the paper takes {paper:g} away"
        return Finding(row["verdict"], interval_of(row), row["data"], f"only the sign is judged; {size}{note}")

    return measure


def gain_on_adobe(seen: Evidence, name: str, paper: float) -> Finding:
    """C34: the gain of the cascade with submasks on HAdobe5k, and whether it is the largest of the four sub-datasets."""
    first, second, scores = "frih_submask", STAGE_ONE, seen.artefacts.scores
    if not {first, second} <= set(scores["method"]):
        return not_testable(f"{LABELS[first]} and {LABELS[second]} are not both trained in this profile")
    gains = {str(subset): paired_difference(part, first, second, "psnr") for subset, part in scores.groupby("subset")}
    largest = max(gains, key=lambda subset: gains[subset].mean)
    return judge_value(gains["HAdobe5k"], paper=paper, narrow=NARROW_PSNR, data=seen.artefacts.title(name), note=f"largest on {largest}")


def margin(seen: Evidence, _: float) -> Finding:
    """C28, "beats all other methods by a large margin": only whether FRIH beats them all, in PSNR; the margin is iHarmony4's."""
    printed = {*published(PAPER, 1)["method"]} - {METHOD, BASELINE}
    rows = seen.tables["others"][(seen.tables["others"]["metric"] == "psnr") & seen.tables["others"]["second"].isin(printed)]
    missing = [LABELS[method] for method in LABELS if method in printed - set(rows["second"])]
    if missing:
        return not_testable(f"{len(missing)} of the {len(printed)} other methods of table 1 are not scored: {', '.join(missing)}")
    strongest = rows.sort_values("ours").to_dict("records")[0]
    groups = [f"{verdict}: {', '.join(part['second'].map(LABELS))}" for verdict, part in rows.groupby("verdict", sort=False)]
    note = f"number: PSNR over {LABELS[strongest['second']]}, the strongest here; only the signs are judged; {'; '.join(groups)}"
    return Finding(whole_verdict(rows["verdict"].tolist()), interval_of(strongest), strongest["data"], note)


def ranking(_: Evidence, __: float) -> Finding:
    """C27: best on all four sub-datasets, which the paper's own table contradicts."""
    printed = published(PAPER, 1)
    best = {}
    for key, part in printed[printed["subset_or_bucket"].isin(SUBSETS)].groupby(["metric", "subset_or_bucket"]):
        best[key] = part.sort_values("number", ascending=part["direction"].iloc[0] == "down")["method"].iloc[0]
    won = [subset for subset in SUBSETS if best["MSE", subset] == best["PSNR", subset] == METHOD]
    note = f"best in MSE and PSNR on {', '.join(won) or 'none'}; Harmonizer's row of table 1 is better elsewhere"
    return exactly(AGREES if len(won) == len(SUBSETS) else DIFFERS, len(won), data=PRINTED, note=note)


def smallest_model(_: Evidence, __: float) -> Finding:
    """C36: the smallest model, which our parameter counts contradict."""
    counts = {name: parameters(name) / MILLION for name in published(PAPER, 1)["method"].unique() if name != METHOD}
    smaller = sorted((count, name) for name, count in counts.items() if 0 < count < whole())
    words = ", ".join(f"{NAMES[name]} {count:.2f} M" for count, name in smaller) or "none"
    note = f"FRIH {whole():.2f} M; smaller in table 1: {words}; in table 6 FRIH is the smallest of four"
    return Finding(DIFFERS if smaller else AGREES, Interval(whole(), math.nan, math.nan, 1), CODE, note)


CLAIMS: dict[str, Judge] = {
    "frih-C01": mean_of(METHOD, "psnr"),
    "frih-C02": mean_of(METHOD, "mse"),
    "frih-C03": Setting(whole, tolerance=0.005, note="widths are ours, chosen so that the sums come out"),
    "frih-C04": Setting(second_stage, tolerance=0.005),
    "frih-C05": Setting(lambda: 100 * second_stage() / whole(), tolerance=0.05),
    "frih-C06": Setting(lambda: whole() - second_stage(), tolerance=0.01),
    "frih-C07": Setting(lambda: layers(full_network(METHOD).base.encoder, nn.Conv2d, 4)),
    "frih-C08": Setting(lambda: layers(full_network(METHOD).base.decoder, nn.ConvTranspose2d, 4)),
    "frih-C09": Setting(inspect.signature(extract_submasks).parameters["k_max"].default),
    "frih-C10": Setting(inspect.signature(extract_submasks).parameters["min_density"].default),
    "frih-C11": lambda *_: not_testable("the paper does not say which photograph figure 3 shows, and this one was not published apart"),
    "frih-C12": Setting(lambda: layers(full_network(METHOD).cascade.encoder, nn.Conv2d, 4)),
    "frih-C13": Setting(lambda: layers(full_network(METHOD).cascade.transfer[0], nn.Conv2d, 3), note="per level"),
    "frih-C14": Setting(lambda: full_network(METHOD).working_size, note="fusion works at the size of the input"),
    "frih-C15": Setting(
        lambda: len(head_kernels()), paper=3, note=lambda: f"kernels {', '.join(f'{side}×{side}' for side in head_kernels())}"
    ),
    "frih-C16": Setting(SMALLEST_AREA),
    "frih-C17": of_iharmony4(training_images),
    "frih-C18": lambda seen, paper: count_images(seen.artefacts, paper=paper, note="the public split has 7404"),
    "frih-C19": Setting(lambda: recipe().iterations / EPOCH, note=f"epochs of {EPOCH} updates"),
    "frih-C20": Setting(
        lambda: next(run.accumulate for run in load_profile("paper").paper(PAPER).runs if run.scored_as == METHOD),
        data=SETTINGS,
        note="parts of an update, one a GPU with --devices 8; one GPU takes all in turn",
    ),
    "frih-C21": Setting(lambda: recipe().learning_rate),
    "frih-C22": Construction(milestones),
    "frih-C23": Setting(lambda: recipe().batch_size),
    "frih-C24": Setting(lambda: recipe().betas[1], paper=0.999, note=lambda: f"betas {recipe().betas}"),
    "frih-C25": Setting(lambda: models.describe(METHOD).options["d_c"]),
    "frih-C26": mean_of("idih", "psnr"),
    "frih-C27": ranking,
    "frih-C28": margin,
    "frih-C29": gain("frih_submask", "frih_baseline"),
    "frih-C30": gain(METHOD, "frih_submask"),
    "frih-C31": gain(METHOD, "frih_baseline"),
    "frih-C32": gain(METHOD, "frih_baseline", "mse", BY_COLUMNS),
    "frih-C33": gain("frih_globalmask", "frih_baseline"),
    "frih-C34": of_iharmony4(gain_on_adobe),
    "frih-C35": of_iharmony4(least_psnr),
    "frih-C36": smallest_model,
}
