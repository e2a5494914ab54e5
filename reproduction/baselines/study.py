"""What the exhibits of the baselines are made from, also seen as FRIH's and Harmonizer's tables see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from harmlib.metrics.protocols import DEFAULT
from reproduction.baselines.names import NAMES
from reproduction.frih.study import LABELS as FRIH_LABELS
from reproduction.harmonizer.study import AT_256, AT_FULL_SIZE
from reproduction.harmonizer.study import LABELS as HARMONIZER_LABELS
from reproduction.kit import artefacts as study
from reproduction.kit.artefacts import BASELINE, Study, named_scores

if TYPE_CHECKING:
    from reproduction.workspace import Workspace

__all__ = ["BASELINE", "LABELS", "PAPER", "Study", "as_frih", "as_harmonizer", "open_study", "ranked"]

PAPER = "baselines"
LABELS = {BASELINE: "composite", **NAMES}


def open_study(workspace: Workspace) -> Study:
    """Return the artefacts of a workspace under all protocols; raises DataError for one that is not finished."""
    return study.open_study(workspace, PAPER, LABELS)


def ranked(opened: Study) -> Study:
    """Return a study with the scores by which systems are ranked: those of the default protocol."""
    return _seen(opened, LABELS, (DEFAULT,))


def as_frih(opened: Study) -> Study:
    """Return a study as the tables of FRIH read it: its names and its protocol. The runs of FRIH itself are among the baselines."""
    return _seen(opened, FRIH_LABELS, (DEFAULT,))


def as_harmonizer(opened: Study) -> Study:
    """Return a study as the tables of Harmonizer read it: its names and its protocols."""
    return _seen(opened, HARMONIZER_LABELS, (AT_256, AT_FULL_SIZE))


def _seen(opened: Study, labels: Mapping[str, str], protocols: tuple[str, ...]) -> Study:
    """Return a study under other names, with the scores of some protocols only."""
    scores = opened.scores[opened.scores["protocol"].isin(protocols)]
    return replace(opened, labels=labels, scores=named_scores(scores, opened.plan.benchmarks, labels))
