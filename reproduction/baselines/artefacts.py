"""What the exhibits of the baselines are made from."""

from __future__ import annotations

from harmlib.metrics.protocols import DEFAULT
from reproduction.kit import artefacts
from reproduction.kit.artefacts import BASELINE, Artefacts
from reproduction.kit.names import NAMES
from reproduction.workspace import Workspace

PAPER = "baselines"
LABELS = {BASELINE: "composite", **NAMES}


def open_artefacts(workspace: Workspace) -> Artefacts:
    """Return the artefacts of a workspace under all protocols; raises DataError for one that is not finished."""
    return artefacts.open_artefacts(workspace, PAPER, LABELS)


def ranked(opened: Artefacts) -> Artefacts:
    """Return artefacts with the scores by which systems are ranked: those of the default protocol."""
    return opened.seen_as(LABELS, (DEFAULT,))
