"""The claims of Harmonizer that code, settings or a measurement can test, with their verdicts; notebook 61 shows those about video too."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch

from harmlib import models
from harmlib.evaluation.intervals import Interval, mean_interval
from harmlib.evaluation.statistics import mean_score, photographs
from harmlib.filters import SIX, restore
from harmlib.models.harmonizer import COARSE_WEIGHT, EPOCH
from harmlib.models.registry import parameters
from harmlib.video.averaging import SMOOTHING
from reproduction.harmonizer import numbers, speed
from reproduction.harmonizer.artefacts import AT_256, AT_FULL_SIZE, AVERAGED, LABELS, PAPER, Artefacts
from reproduction.harmonizer.figures import POINTS, transfer_curve
from reproduction.kit import comparisons
from reproduction.kit.artefacts import planned_recipe
from reproduction.kit.genuine import read_pack, size_claims
from reproduction.kit.measurements import NOT_MEASURED, device_of, frames
from reproduction.kit.names import budget_of
from reproduction.kit.verdicts import AGREES, CANNOT_SAY, DIFFERS, ClaimResult, cannot_say, judge_exact, judge_sign, judge_value
from reproduction.papers import published
from reproduction.profiles import load_profile

SETTINGS, CODE = "the paper profile", "the code"
IHARMONY4 = "iHarmony4"
# The previous best of the paper, the transformer of Guo et al. (IHT), and how it goes to full size in the text.
RIVAL, RIVAL_FULL = "ht", "ht_pcm"
NEEDS_RIVAL = "the previous best of the paper, the transformer of Guo et al. (IHT), is not scored in this profile"
MEGABYTE, FLOAT_BYTES = 1e6, 4


def judge_claims(artefacts: Artefacts, measured: pd.DataFrame) -> list[ClaimResult]:
    """Return the verdict on every claim about pictures.

    artefacts: with the systems of the paper's comparison, where finished. measured: as ``measurements.read_measurements`` returns it.
    """
    of_code = (*network_claims(), *filter_claims(), *training_claims(), size_claim())
    return [*of_code, *_rival_claims(artefacts), _plain_claim(artefacts), *size_claims(_files(artefacts)), *speed_claims(measured)]


def network_claims() -> Iterator[ClaimResult]:
    """Judge C08, C09, C11 and C27 on the networks at full width, built without memory."""
    with torch.device("meta"):
        model, dovenet = models.create("harmonizer"), models.create("dovenet")
    features = model.state_dict()["regressor.f.weight"]
    note = f"features of the regressor; the encoder's own output has {features.shape[1]} channels, pooled before"
    yield judge_exact("harmonizer-C08", len(features), paper=160, data=CODE, note=note)
    yield judge_exact("harmonizer-C09", model.working_size or 0, paper=256, data=CODE)
    yield judge_exact("harmonizer-C11", len(model.filters), paper=len(SIX), data=CODE, note=", ".join(model.filters))
    note = "DoveNet's own; the other compared methods train at 256x256 too"
    yield judge_exact("harmonizer-C27", dovenet.working_size or 0, paper=512, data=CODE, note=note)


def filter_claims() -> Iterator[ClaimResult]:
    """Judge C10, C12 and C13 by running the filters."""
    yield judge_exact("harmonizer-C10", largest_argument(), paper=1, data=CODE, note="arguments beyond it act like it")
    for claim_id, (level, argument, after) in zip(("harmonizer-C12", "harmonizer-C13"), POINTS, strict=True):
        ours = float(transfer_curve("shadow", argument, np.array([level]))[0])
        yield judge_exact(claim_id, ours, paper=after, tolerance=1, data=CODE, note="within one level")


def largest_argument() -> float:
    """Return the largest argument of the shadow filter that still makes a difference, in steps of 0.1."""
    gray, whole = torch.full((1, 3, 1, 1), 0.2), torch.ones(1, 1, 1, 1)
    values = np.arange(-2, 2.05, 0.1).round(1)
    pictures = [restore(gray, whole, torch.tensor([[value]], dtype=torch.float32), ("shadow",))[0].mean().item() for value in values]
    changing = [value for value, here, before in zip(values[1:], pictures[1:], pictures, strict=False) if here != before]
    return float(max(changing))


def training_claims() -> Iterator[ClaimResult]:
    """Judge C14 to C18 and C30 on the settings with which the paper profile trains, and C19 on the code."""
    runs = load_profile("paper").paper(PAPER).runs
    run = next(run for run in runs if run.scored_as == PAPER)
    recipe = planned_recipe(run)
    note = f"the released code, followed here, multiplies the loss of the data set's composites by {COARSE_WEIGHT:g}, that of its own by 1"
    yield judge_exact("harmonizer-C14", 1, paper=10, data=CODE, note=note)
    yield judge_exact("harmonizer-C15", run.iterations / EPOCH, paper=60, data=SETTINGS)
    yield judge_exact("harmonizer-C16", run.batch_size, paper=16, data=SETTINGS, note="half of them composites by the filters themselves")
    yield judge_exact("harmonizer-C17", recipe.learning_rate, paper=3e-4, data=SETTINGS)
    steps = [milestone / EPOCH for milestone in recipe.milestones]
    note = f"times {recipe.gamma:g} after epochs {' and '.join(f'{step:g}' for step in steps)}"
    yield judge_exact("harmonizer-C18", steps[0], paper=25, data=SETTINGS, note=note)
    note = f"weight of the new argument; the released code keeps {SMOOTHING:g} of the past; with 0.9 hardly anything is smoothed"
    yield judge_exact("harmonizer-C19", round(1 - SMOOTHING, 6), paper=0.9, data=CODE, note=note)
    planned = {run.scored_as for run in runs}
    counts = {len(planned & set(members)) for members in AVERAGED.values()}
    yield judge_exact("harmonizer-C30", min(counts), paper=3, data=SETTINGS, note="selections of filters drawn once")


def size_claim() -> ClaimResult:
    """Judge C02, "recent autoencoder models exceed 100 MB", on the networks of table 3 at full width."""
    sizes = {method: FLOAT_BYTES * parameters(method) / MEGABYTE for method in published(PAPER, 3)["method"].unique() if method != PAPER}
    smallest = min(sizes, key=lambda method: sizes[method])
    words = ", ".join(f"{LABELS[method]} {size:.0f}" for method, size in sizes.items())
    verdict = AGREES if sizes[smallest] > 100 else DIFFERS
    note = f"megabytes of float32 weights, the smallest of: {words}; table 3 prints 25.8 for it"
    return ClaimResult("harmonizer-C02", verdict, sizes[smallest], float("nan"), float("nan"), 1, CODE, note)


def _rival_claims(artefacts: Artefacts) -> Iterator[ClaimResult]:
    """Judge C20 to C24: Harmonizer against the strongest rival, and what the rival loses at full size; on other data only the signs."""
    if not {RIVAL, RIVAL_FULL} <= set(artefacts.scores["method"]):
        for number in range(20, 25):
            yield cannot_say(f"harmonizer-C{number}", NEEDS_RIVAL)
        return
    data = comparisons.data_of(artefacts.scores)
    for claim_id, protocol, method, paper in (("harmonizer-C20", AT_256, RIVAL, 35.0), ("harmonizer-C21", AT_FULL_SIZE, RIVAL_FULL, 50.0)):
        share = numbers.reduction(artefacts, protocol, method)
        percent = Interval(100 * share.mean, 100 * share.low, 100 * share.high, share.n)
        if data == IHARMONY4:
            yield judge_value(claim_id, percent, paper=paper, tolerance=2, data=data, note=f"percent, against {LABELS[method]}")
        else:
            budgets = f"{budget_of(artefacts, PAPER)} against {budget_of(artefacts, method)}"
            note = f"percent, against {LABELS[method]}; only the sign is judged, the size is iHarmony4's; budgets: {budgets}"
            yield judge_sign(claim_id, percent, expected="above", data=data, note=note)
    for claim_id, protocol, method, paper in (
        ("harmonizer-C22", AT_256, RIVAL, 37.07),
        ("harmonizer-C23", AT_FULL_SIZE, RIVAL_FULL, 57.22),
    ):
        scores = numbers.under(artefacts, protocol)
        ours = mean_score(scores[scores["method"] == method], "mse")
        yield judge_value(claim_id, ours, paper=paper, data=data, note=LABELS[method])
    both = numbers.at_both_sizes(artefacts, RIVAL, RIVAL_FULL, "fmse")
    rise = mean_interval(both["b"] - both["a"], photographs(both))
    note = f"rise of fMSE from 256x256 to full size, {LABELS[RIVAL_FULL]}; only the sign is judged, the paper's rise is 346.32"
    yield judge_sign("harmonizer-C24", rise, expected="above", data=data, note=note)


def _plain_claim(artefacts: Artefacts) -> ClaimResult:
    """Judge C29, the MSE without either technique."""
    plain = numbers.under(artefacts, AT_256).query("method == 'harmonizer_plain'")
    note = "table 4 prints 28.47 for the same variant; the text's argument, below the previous best of 37.07, holds with both"
    data = comparisons.data_of(artefacts.scores)
    return judge_value("harmonizer-C29", mean_score(plain, "mse"), paper=33.28, data=data, note=note)


def _files(artefacts: Artefacts) -> pd.DataFrame | None:
    """The test files of iHarmony4 that the scores are about, else those of the genuine results; None without either."""
    own = artefacts.scores[artefacts.scores["data"] == IHARMONY4]
    return read_pack(artefacts.workspace.data) if own.empty else own


def speed_claims(measured: pd.DataFrame) -> Iterator[ClaimResult]:
    """Judge C01, C03 and C28 on the measurements of whole 1080p frames; on another device than the paper's only their numbers."""
    times, device = {str(method): value for method, value in frames(measured)["milliseconds"].items()}, device_of(measured)
    rivals = [method for method in published(PAPER, 3)["method"].unique() if method != PAPER]
    if PAPER in times:
        yield _of_device(judge_exact("harmonizer-C01", 1000 / times[PAPER], paper=56, tolerance=5, data=device))
    else:
        yield cannot_say("harmonizer-C01", NOT_MEASURED)
    if not {PAPER, *rivals} <= set(times):
        for claim_id in ("harmonizer-C03", "harmonizer-C28"):
            yield cannot_say(claim_id, f"not every method of table 3 is measured: {NOT_MEASURED}")
        return
    fastest = min(rivals, key=lambda method: times[method])
    median = float(np.median([1000 / times[method] for method in rivals]))
    sizes = "methods here look at 256x256 and are resized; the paper does not say at which size it ran the methods it timed"
    note = f"the median one; {sizes}"
    yield _of_device(judge_exact("harmonizer-C03", median, paper=10, tolerance=5, data=device, note=note))
    note = f"against {LABELS[fastest]}; {sizes}"
    yield _of_device(judge_exact("harmonizer-C28", times[fastest] / times[PAPER], paper=4, tolerance=0.5, data=device, note=note))


def _of_device(result: ClaimResult) -> ClaimResult:
    """Return a claim about a speed; on another device than the paper's without its verdict."""
    if speed.PAPER_DEVICE in result.data.replace(" ", ""):
        return result
    return _unjudged(result, f"the paper's is for one {speed.PAPER_DEVICE}; {result.note}".rstrip("; "))


def _unjudged(result: ClaimResult, note: str) -> ClaimResult:
    """Return a claim with our number but without a verdict, and why."""
    return ClaimResult(result.claim_id, CANNOT_SAY, result.ours, result.low, result.high, result.n, result.data, note)
