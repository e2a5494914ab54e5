"""How the systems were trained: where each network starts, how its error fell, and what a start near the composite was worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from harmlib import models
from harmlib.evaluation.intervals import Interval, rank_correlation
from harmlib.inference.pictures import harmonize
from harmlib.models.base import HarmonizationModel
from harmlib.training.plan import read_history
from reproduction.baselines.artefacts import BASELINE, LABELS, Artefacts
from reproduction.baselines.ranking import EQUAL_BUDGET, WITHOUT_DRAWING
from reproduction.kit import comparisons
from reproduction.kit.artefacts import paper_budget
from reproduction.kit.examples import Example

# How much of the composite an untrained network's picture keeps (the least correlation), in words.
STARTS = {"begins at the composite": 0.9, "keeps part of it": 0.25, "has to draw it first": -1.0}
TOTALS = ("model_total", "generator_total")


def drawing_runs(artefacts: Artefacts) -> dict[str, str]:
    """Return system -> its run, of those whose networks draw the result, and of both Harmonizers the one with the common budget."""
    names = {run.scored_as: run.name for run in artefacts.plan.runs if run.scored_as not in WITHOUT_DRAWING}
    spare = {printed for printed, equal in EQUAL_BUDGET.items() if equal in names}
    return {method: names[method] for method in LABELS if method in names and method not in spare}


def starts(artefacts: Artefacts, examples: Sequence[Example], trained: Mapping[str, HarmonizationModel]) -> pd.DataFrame:
    """Return how much of the composite every network's picture keeps before its first update and after its last, and its error then.

    artefacts: those of ``ranked``. trained: system -> model. kept_before, kept_after: how the picture correlates with the composite in the
    foreground, mean over channels and examples; 1: the same up to brightness and contrast. begins: a key of STARTS. mse: after training,
    test images; difference, low, high, n, reading: against the composite. Untrained weights are drawn by the profile's seed, as those of
    the runs were.
    """
    own = comparisons.differences(artefacts.scores, [(method, BASELINE) for method in drawing_runs(artefacts)], ("mse",)).set_index("first")
    errors = artefacts.scores.groupby("method")["mse"].mean()
    rows = []
    for run in (run for run in artefacts.plan.runs if run.scored_as in own.index and run.scored_as in trained):
        torch.manual_seed(artefacts.workspace.profile.seed)
        model = models.create(run.method, **run.options)
        model.initialize()
        before, after = (np.mean([_kept(either, example) for example in examples]) for either in (model.eval(), trained[run.scored_as]))
        begins = next(words for words, least in STARTS.items() if before >= least)
        row = {"method": run.scored_as, "system": LABELS[run.scored_as], "kept_before": before, "kept_after": after, "begins": begins}
        rows.append({**row, "mse": errors[run.scored_as], **own.loc[run.scored_as, ["ours", "low", "high", "n", "reading"]]})
    table = pd.DataFrame(rows).rename(columns={"ours": "difference"}).sort_values("kept_before", ascending=False, ignore_index=True)
    return artefacts.stamped(table.assign(data=comparisons.data_of(artefacts.scores)))


def _kept(model: HarmonizationModel, example: Example) -> float:
    """Return the correlation of a model's picture with the composite inside the foreground, mean over channels; 0 for a flat picture."""
    picture = np.asarray(harmonize(model, example.composite, example.mask))
    values = [(picture[example.mask][:, k], example.composite[example.mask][:, k]) for k in range(3)]
    return float(np.mean([np.corrcoef(*pair)[0, 1] if min(map(np.std, pair)) > 0 else 0.0 for pair in values]))


def start_correlation(table: pd.DataFrame) -> Interval:
    """Return the rank correlation, over systems, of what is kept before training with the MSE after it; table: ``starts``."""
    return rank_correlation(table[["kept_before", "mse"]].to_numpy(dtype=float), None)


def start_sentences(table: pd.DataFrame) -> list[str]:
    """Return one sentence per kind of start, and one on how start and end go together; table: ``starts``."""
    sentences = []
    for begins, part in table.groupby("begins", sort=False):
        better, worse = (int((part["reading"] == words).sum()) for words in (comparisons.BETTER, comparisons.WORSE))
        against = f"{better} of {len(part)} clearly better and {worse} clearly worse than doing nothing"
        sentences.append(f"{begins}: {', '.join(part['system'])}; MSE {part['mse'].median():.4g} in the median, {against}.")
    found = start_correlation(table)
    interval = comparisons.bounds(found.low, found.high, "+.2f")
    sentences.append(
        f"Rank correlation of what is kept at the start with the MSE at the end: {found.mean:+.2f}{interval} over {found.n} systems."
    )
    return sentences


def curves(artefacts: Artefacts) -> pd.DataFrame:
    """Return the error of every drawing run over its updates: method, system, step, value, what.

    what: "validation MSE" where a validation split chose the checkpoint, and then the composite's own in rows of the method
    "composite"; elsewhere "loss, share of the first", because losses of different systems do not compare.
    """
    results, parts, untouched = artefacts.workspace.results, [], []
    for method, name in drawing_runs(artefacts).items():
        history = read_history(results.run(name))
        if history.get("val_error", pd.Series(dtype=float)).notna().any():
            rows = history.dropna(subset="val_error")
            found = {"step": rows["step"], "value": rows["val_error"], "what": "validation MSE"}
            nothing = pd.DataFrame({**found, "step": 0, "value": rows["val_composite"]}).head(1)
            untouched = [nothing.assign(method=BASELINE, system=LABELS[BASELINE])]
        else:
            loss = history[next(name for name in TOTALS if name in history)]
            found = {"step": history["step"], "value": loss / loss.iloc[0], "what": "loss, share of the first"}
        parts.append(pd.DataFrame(found).assign(method=method, system=LABELS[method]))
    return pd.concat([*parts, *untouched], ignore_index=True)[["method", "system", "step", "value", "what"]]


def budget_table(artefacts: Artefacts) -> pd.DataFrame:
    """Return one row per trained system: system, budget, pictures seen, the paper's budget."""
    rows = []
    for run in sorted(artefacts.plan.runs, key=lambda run: list(LABELS).index(run.scored_as)):
        rows.append((LABELS[run.scored_as], artefacts.budgets[run.name], run.iterations * run.batch_size, paper_budget(run)))
    return pd.DataFrame(rows, columns=["system", "budget", "pictures seen", "trained by its authors"])
