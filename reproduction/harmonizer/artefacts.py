"""What the exhibits of Harmonizer are made from."""

from __future__ import annotations

import pandas as pd

from harmlib.evaluation.table import KEYS
from reproduction.kit import artefacts
from reproduction.kit.artefacts import BASELINE, Artefacts
from reproduction.kit.names import CLASSICAL, HARMONIZER, LEARNED
from reproduction.profiles import PCM
from reproduction.workspace import Workspace

PAPER = "harmonizer"
AT_256, AT_FULL_SIZE = "harmonizer_256", "harmonizer_full"
# Systems of tables 1 to 3, and those whose small results also go up by polynomial color mapping; the tables abbreviate their names.
PRINTED = ("dih", "s2am", "dovenet", "bargainnet", "iih", "ht")
MAPPED = ("dovenet", "bargainnet", "ht")
# Methods by the names of tables 1, 2 and 4, ours in the paper's order.
LABELS = {
    BASELINE: "composite",
    **CLASSICAL,
    **LEARNED,
    **{method + PCM: f"{LEARNED[method]}+PCM" for method in MAPPED},
    **HARMONIZER,
    "harmonizer_plain": "no cascade, no dynamic loss",
    "harmonizer_cascade": "cascade only",
    "harmonizer_2f": "2 filters",
    "harmonizer_4f": "4 filters",
    "harmonizer_8f": "8 filters",
}
# What tables 1 and 2 compare: all systems but Harmonizer's own variants.
COMPARED = (BASELINE, *CLASSICAL, *LEARNED, *(method + PCM for method in MAPPED), PAPER)
# The paper draws 2 and 4 filters at random and averages three runs (section 4.3).
AVERAGED = {name: tuple(f"{name}_{run}" for run in "abc") for name in ("harmonizer_2f", "harmonizer_4f")}


def open_artefacts(workspace: Workspace) -> Artefacts:
    """Return the artefacts of a workspace; raises DataError for one that is not finished, with the step that makes it."""
    return artefacts.open_artefacts(workspace, PAPER, LABELS, shown=[PAPER])


def view(opened: Artefacts) -> Artefacts:
    """Return any artefacts as the tables of Harmonizer read them: its names and its protocols."""
    return opened.seen_as(LABELS, (AT_256, AT_FULL_SIZE))


def with_averaged_runs(scores: pd.DataFrame) -> pd.DataFrame:
    """Return scores in which the three runs of 2 and of 4 filters are one method each: their mean on every image.

    The intervals are over images; they do not tell how much another three selections would move the mean.
    """
    members = {run: name for name, runs in AVERAGED.items() for run in runs}
    runs = scores[scores["method"].isin(members)].assign(method=lambda rows: rows["method"].map(members))
    others = scores[~scores["method"].isin(members)]
    if runs.empty:
        return others
    same = [name for name in scores if name in KEYS or not pd.api.types.is_float_dtype(scores[name])]
    averaged = runs.groupby(same, sort=False, as_index=False).mean()
    return pd.concat([others, averaged[list(scores)]], ignore_index=True)
