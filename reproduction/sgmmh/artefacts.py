"""What the exhibits of Sg-MMH are made from."""

from __future__ import annotations

from reproduction.kit import artefacts
from reproduction.kit.artefacts import BASELINE, Artefacts
from reproduction.workspace import Workspace

PAPER = "sgmmh"
# The rows of table 2 by method, in the paper's order.
LABELS = {BASELINE: "composite", "sgmmh_rgb": "RGB", "sgmmh_om": "OM", "sgmmh_omgan": "OMGAN"}


def open_artefacts(workspace: Workspace) -> Artefacts:
    """Return the artefacts of a workspace; raises DataError for one that is not finished, with the step that makes it."""
    return artefacts.open_artefacts(workspace, PAPER, LABELS)
