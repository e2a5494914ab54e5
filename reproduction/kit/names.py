"""What tables call the systems that more than one paper compares with, and how each was trained."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from harmlib import models
from harmlib.models.registry import parameters
from reproduction.kit.artefacts import Artefacts
from reproduction.kit.style import ZERO_LINE
from reproduction.profiles import PCM


def _systems(*, trainable: bool) -> dict[str, str]:
    """Return method -> its name in tables, the oldest first, for the methods that more than one paper compares with."""
    found = [models.describe(name) for name in models.list_models()]
    shared = [info for info in found if info.paper == "baselines" and info.trainable == trainable]
    return {info.name: info.system for info in sorted(shared, key=lambda info: info.reference[-4:])}


# Methods without learned weights, and those with some; the two whose own papers these are, apart.
CLASSICAL = _systems(trainable=False)
LEARNED = {**_systems(trainable=True), "s2crnet_vgg16": "S2CRNet-VGG16"}
HARMONIZER = {"harmonizer": "Harmonizer", "harmonizer_equal": "Harmonizer, equal budget"}
FRIH = {"frih": "FRIH"}
NAMES = {**CLASSICAL, **LEARNED, **HARMONIZER, **FRIH}
# Names of runs -> the registered method and its options.
VARIANTS: dict[str, tuple[str, dict[str, str]]] = {
    "s2crnet_vgg16": ("s2crnet", {"encoder": "vgg16"}),
    "harmonizer_equal": ("harmonizer", {}),
}
NOT_SCORED = "not scored in this profile"


def label_of(method: str) -> str:
    """Return a method's name in figures and sentences; "composite" for no method, and the word itself for what is no method of ours."""
    if method in VARIANTS:
        return NAMES[method]
    return models.describe(method).system if method in models.list_models() and method != ZERO_LINE else method


def parameters_of(method: str) -> int:
    """Return how many parameters the method behind a name has at full width."""
    name, options = VARIANTS.get(method, (method, {}))
    return parameters(name, **options)


def budget_of(artefacts: Artefacts, method: str) -> str:
    """Return how a method was trained, in words; empty for one without training. Both ways to full size belong to one training."""
    runs = {run.scored_as: run.name for run in artefacts.plan.runs}
    return artefacts.budgets.get(runs.get(method.removesuffix(PCM), ""), "")


def with_budgets(table: pd.DataFrame, artefacts: Artefacts) -> pd.DataFrame:
    """Return a table of methods with the column "budget"; empty for rows without a number of ours."""
    budgets = {method: budget_of(artefacts, method) for method in table["method"].unique()}
    return table.assign(budget=table["method"].map(budgets).where(table["ours"].notna(), ""))


def budget_sentences(table: pd.DataFrame, names: Mapping[str, str]) -> list[str]:
    """Return one line per budget of ``with_budgets``: the methods that were trained so; names: method -> its name."""
    scored = table[table["ours"].notna()].drop_duplicates("method")
    sentences = []
    for budget in scored["budget"].unique():
        methods = scored.loc[scored["budget"] == budget, "method"]
        sentences.append(f"{budget or 'nothing trained'}: {', '.join(names[method] for method in methods)}")
    return sentences
