"""The claims of FRIH that code or a measurement can test, with their verdicts."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import torch
from torch import nn

from harmlib import models
from harmlib.data.composers.base import PUBLISHED
from harmlib.evaluation.intervals import Interval
from harmlib.evaluation.statistics import mean_score
from harmlib.models.frih import EPOCH, SMALLEST_AREA
from harmlib.models.registry import parameters
from harmlib.submasks import extract_submasks
from reproduction.frih.artefacts import BASELINE, LABELS, METHOD, PAPER, Artefacts
from reproduction.frih.numbers import MILLION
from reproduction.kit.comparisons import BETTER, WORSE
from reproduction.kit.genuine import count_claim
from reproduction.kit.names import NAMES
from reproduction.kit.verdicts import (
    AGREES,
    CANNOT_SAY,
    DIFFERS,
    NARROW_PSNR,
    ClaimResult,
    cannot_say,
    judge_exact,
    judge_sign,
    judge_value,
)
from reproduction.papers import published

CODE, PRINTED = "the code", "the paper's own tables"
# Claim -> what it compares in PSNR, and the gain it prints: the ablation's (1) and (2).
GAINS = {
    "frih-C29": ("frih_submask", "frih_baseline", 1.08),
    "frih-C30": (METHOD, "frih_submask", 0.29),
    "frih-C31": (METHOD, "frih_baseline", 1.37),
    "frih-C33": ("frih_globalmask", "frih_baseline", 0.16),
}
# Claim, method, metric, printed mean over iHarmony4's test images.
VALUES = (("frih-C01", METHOD, "psnr", 38.19), ("frih-C02", METHOD, "mse", 23.98), ("frih-C26", "idih", "psnr", 37.08))
NEEDS_IHARMONY4 = "needs iHarmony4 itself; this profile's photographs are others"
PUBLIC_SPLIT = "the public split has 7404"
SUBSETS = ("HCOCO", "HAdobe5k", "HFlickr", "Hday2night")


def judge_claims(artefacts: Artefacts, orders: pd.DataFrame, others: pd.DataFrame) -> list[ClaimResult]:
    """Return the verdict on every claim that the artefacts of a profile can test.

    artefacts: with the systems that the paper compares with, as far as they are finished. orders: ``numbers.orders``; others:
    ``numbers.against_others``.
    """
    measured = (*_result_claims(artefacts), *gain_claims(orders), margin_claim(others))
    return [*measured, *network_claims(), *submask_claims(), *training_claims(), *ranking_claims()]


def _result_claims(artefacts: Artefacts) -> Iterator[ClaimResult]:
    """Judge C01, C02, C17, C18, C26 and C35: they are about iHarmony4 and nothing else."""
    plan = next((plan for plan in artefacts.plan.benchmarks if plan.composer == PUBLISHED), None)
    if plan is None:
        for claim in ("frih-C01", "frih-C02", "frih-C17", "frih-C26", "frih-C35"):
            yield cannot_say(claim, NEEDS_IHARMONY4)
        yield count_claim("frih-C18", artefacts.workspace.data, paper=7407, note=PUBLIC_SPLIT)
        return
    for claim, method, metric, value in VALUES:
        ours, narrow = mean_score(artefacts.scores[artefacts.scores["method"] == method], metric), NARROW_PSNR if metric == "psnr" else None
        yield judge_value(claim, ours, paper=value, narrow=narrow, data=plan.title)
    yield judge_exact("frih-C17", len(artefacts.pairs(plan.name, "train")), paper=65742, data=plan.title)
    yield judge_exact("frih-C18", len(artefacts.pairs(plan.name)), paper=7407, data=plan.title, note=PUBLIC_SPLIT)
    yield _smallest_psnr(artefacts, plan.title)


def _smallest_psnr(artefacts: Artefacts, data: str) -> ClaimResult:
    """Judge C35, "PSNR exceeds 38 in all these experiments": the smallest mean of table 5."""
    wanted = set(published(PAPER, 5)["method"])
    means = artefacts.scores[artefacts.scores["method"].isin(wanted)].groupby("method")["psnr"].mean()
    if len(means) < len(wanted):
        return cannot_say("frih-C35", f"{len(means)} of the {len(wanted)} cut-off distances were trained")
    smallest = float(means.min())
    verdict = AGREES if smallest > 38 else DIFFERS
    return ClaimResult(
        "frih-C35", verdict, smallest, math.nan, math.nan, len(artefacts.scores) // artefacts.scores["method"].nunique(), data
    )


def network_claims() -> Iterator[ClaimResult]:
    """Judge C03 to C08 and C12 to C16 on the network at full width, built without memory."""
    with torch.device("meta"):
        model: Any = models.create(METHOD)
    base, cascade = model.base, model.cascade
    whole, second = parameters(METHOD) / MILLION, sum(weights.numel() for weights in cascade.parameters()) / MILLION
    yield judge_exact("frih-C03", whole, paper=11.98, tolerance=0.005, data=CODE, note="widths are ours, chosen so that the sums come out")
    yield judge_exact("frih-C04", second, paper=2.68, tolerance=0.005, data=CODE)
    yield judge_exact("frih-C05", 100 * second / whole, paper=22.4, tolerance=0.05, data=CODE)
    yield judge_exact("frih-C06", whole - second, paper=9.30, tolerance=0.01, data=CODE)
    yield judge_exact("frih-C07", _count(base.encoder, nn.Conv2d, 4), paper=7, data=CODE)
    yield judge_exact("frih-C08", _count(base.decoder, nn.ConvTranspose2d, 4), paper=7, data=CODE)
    yield judge_exact("frih-C12", _count(cascade.encoder, nn.Conv2d, 4), paper=7, data=CODE)
    yield judge_exact("frih-C13", _count(cascade.transfer[0], nn.Conv2d, 3), paper=2, data=CODE, note="per level")
    yield judge_exact("frih-C14", model.working_size or 0, paper=256, data=CODE, note="fusion works at the size of the input")
    kernels = [layer.kernel_size[0] for layer in cascade.head.modules() if isinstance(layer, nn.Conv2d)]
    yield judge_exact("frih-C15", len(kernels), paper=3, data=CODE, note=f"kernels {', '.join(f'{side}×{side}' for side in kernels)}")
    yield judge_exact("frih-C16", SMALLEST_AREA, paper=100, data=CODE)


def _count(part: nn.Module, kind: type[nn.Conv2d | nn.ConvTranspose2d], kernel: int) -> int:
    """Return how many layers of one kind and kernel size a part has."""
    return sum(layer.kernel_size[0] == kernel for layer in part.modules() if isinstance(layer, kind))


def submask_claims() -> Iterator[ClaimResult]:
    """Judge C09, C10 and C25: how a foreground is split unless a run says otherwise."""
    defaults = {name: parameter.default for name, parameter in inspect.signature(extract_submasks).parameters.items()}
    yield judge_exact("frih-C09", defaults["k_max"], paper=10, data=CODE)
    yield judge_exact("frih-C10", defaults["min_density"], paper=10, data=CODE)
    yield judge_exact("frih-C25", models.describe(METHOD).options["d_c"], paper=0.1, data=CODE)


def training_claims() -> Iterator[ClaimResult]:
    """Judge C19 and C21 to C24: the recipe that a run follows unless its profile says otherwise."""
    with torch.device("meta"):
        recipe = models.create(METHOD).training_recipe
    assert recipe is not None
    drops = [step // EPOCH for step in recipe.milestones]
    yield judge_exact("frih-C19", recipe.iterations / EPOCH, paper=180, data=CODE, note=f"epochs of {EPOCH} updates")
    yield judge_exact("frih-C21", recipe.learning_rate, paper=0.008, data=CODE)
    verdict = AGREES if drops == [160, 175] else DIFFERS
    yield ClaimResult("frih-C22", verdict, drops[-1], drops[-1], drops[-1], 1, CODE, f"times {recipe.gamma:g} at epochs {drops}")
    yield judge_exact("frih-C23", recipe.batch_size, paper=128, data=CODE)
    yield judge_exact("frih-C24", recipe.betas[1], paper=0.999, data=CODE, note=f"betas {recipe.betas}")


def gain_claims(orders: pd.DataFrame) -> Iterator[ClaimResult]:
    """Judge the sign of the ablation's gains in PSNR; their size is another data set's matter."""
    rows = {(row["first"], row["second"]): row for row in orders[orders["metric"] == "psnr"].to_dict("records")}
    for claim, (first, second, gain) in GAINS.items():
        if (first, second) not in rows:
            yield cannot_say(claim, f"{LABELS[first]} and {LABELS[second]} are not both trained in this profile")
            continue
        row = rows[first, second]
        difference = Interval(row["ours"], row["low"], row["high"], row["n"])
        yield judge_sign(claim, difference, expected="above", data=row["data"], note=f"only the sign is judged; the paper gains {gain} dB")


def margin_claim(others: pd.DataFrame) -> ClaimResult:
    """Judge C28, "beats all other methods by a large margin": only whether FRIH beats them all, in PSNR; the margin is iHarmony4's."""
    printed = {*published(PAPER, 1)["method"]} - {METHOD, BASELINE}
    rows = others[(others["metric"] == "psnr") & others["second"].isin(printed)]
    missing = [LABELS[method] for method in LABELS if method in printed - set(rows["second"])]
    if missing:
        return cannot_say("frih-C28", f"{len(missing)} of the {len(printed)} other methods of table 1 are not scored: {', '.join(missing)}")
    found = {words: rows.loc[rows["reading"] == words, "second"].map(LABELS).tolist() for words in rows["reading"].unique()}
    verdict = AGREES if set(found) == {BETTER} else DIFFERS if WORSE in found else CANNOT_SAY
    strongest = rows.sort_values("ours").to_dict("records")[0]
    words = "; ".join(f"{reading}: {', '.join(methods)}" for reading, methods in found.items())
    note = f"number: PSNR over {LABELS[strongest['second']]}, the strongest here; only the signs are judged; {words}"
    ours, low, high, n = (strongest[name] for name in ("ours", "low", "high", "n"))
    return ClaimResult("frih-C28", verdict, ours, low, high, n, strongest["data"], note)


def ranking_claims() -> Iterator[ClaimResult]:
    """Judge C27 and C36, which the paper's own tables or our parameter counts contradict."""
    printed = published(PAPER, 1)
    best = _best_methods(printed[printed["subset_or_bucket"].isin(SUBSETS)])
    won = [subset for subset in SUBSETS if best["MSE", subset] == METHOD and best["PSNR", subset] == METHOD]
    note = f"best in MSE and PSNR on {', '.join(won) or 'none'}; Harmonizer's row of table 1 is better elsewhere"
    verdict = AGREES if len(won) == len(SUBSETS) else DIFFERS
    yield ClaimResult("frih-C27", verdict, len(won), len(won), len(won), 1, PRINTED, note)
    own = parameters(METHOD)
    others = {name: parameters(name) for name in printed["method"].unique() if name != METHOD}
    smaller = sorted((count, name) for name, count in others.items() if 0 < count < own)
    words = ", ".join(f"{NAMES[name]} {count / MILLION:.2f} M" for count, name in smaller) or "none"
    note = f"FRIH {own / MILLION:.2f} M; smaller in table 1: {words}; in table 6 FRIH is the smallest of four"
    yield ClaimResult("frih-C36", DIFFERS if smaller else AGREES, own / MILLION, math.nan, math.nan, 1, CODE, note)


def _best_methods(rows: pd.DataFrame) -> Mapping[tuple[str, str], str]:
    """Return (metric, sub-dataset) -> the method with the best printed number."""
    best = {}
    for (metric, subset), part in rows.groupby(["metric", "subset_or_bucket"]):
        ordered = part.sort_values("number", ascending=part["direction"].iloc[0] == "down")
        best[str(metric), str(subset)] = str(ordered["method"].iloc[0])
    return best
