"""What the exhibits of the baselines are made from, also seen as FRIH's and Harmonizer's tables see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from harmlib.metrics.protocols import DEFAULT
from reproduction.baselines.names import NAMES
from reproduction.frih.artefacts import LABELS as FRIH_LABELS
from reproduction.harmonizer.artefacts import AT_256, AT_FULL_SIZE
from reproduction.harmonizer.artefacts import LABELS as HARMONIZER_LABELS
from reproduction.kit import artefacts
from reproduction.kit.artefacts import BASELINE, Artefacts, named_scores

if TYPE_CHECKING:
    from reproduction.workspace import Workspace

__all__ = ["BASELINE", "LABELS", "PAPER", "Artefacts", "as_frih", "as_harmonizer", "open_artefacts", "ranked"]

PAPER = "baselines"
LABELS = {BASELINE: "composite", **NAMES}


def open_artefacts(workspace: Workspace) -> Artefacts:
    """Return the artefacts of a workspace under all protocols; raises DataError for one that is not finished."""
    return artefacts.open_artefacts(workspace, PAPER, LABELS)


def ranked(opened: Artefacts) -> Artefacts:
    """Return artefacts with the scores by which systems are ranked: those of the default protocol."""
    return _seen(opened, LABELS, (DEFAULT,))


def as_frih(opened: Artefacts) -> Artefacts:
    """Return artefacts as the tables of FRIH read it: its names and its protocol. The runs of FRIH itself are among the baselines."""
    return _seen(opened, FRIH_LABELS, (DEFAULT,))


def as_harmonizer(opened: Artefacts) -> Artefacts:
    """Return artefacts as the tables of Harmonizer read it: its names and its protocols."""
    return _seen(opened, HARMONIZER_LABELS, (AT_256, AT_FULL_SIZE))


def _seen(opened: Artefacts, labels: Mapping[str, str], protocols: tuple[str, ...]) -> Artefacts:
    """Return artefacts under other names, with the scores of some protocols only."""
    scores = opened.scores[opened.scores["protocol"].isin(protocols)]
    return replace(opened, labels=labels, scores=named_scores(scores, opened.plan.benchmarks, labels))
