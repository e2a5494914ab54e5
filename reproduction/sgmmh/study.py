"""What the exhibits of Sg-MMH are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reproduction.kit import artefacts as study
from reproduction.kit.artefacts import BASELINE, Study

if TYPE_CHECKING:
    from reproduction.workspace import Workspace

__all__ = ["BASELINE", "LABELS", "PAPER", "Study", "open_study"]

PAPER = "sgmmh"
# The rows of table 2 by method, in the paper's order.
LABELS = {BASELINE: "composite", "sgmmh_rgb": "RGB", "sgmmh_om": "OM", "sgmmh_omgan": "OMGAN"}


def open_study(workspace: Workspace) -> Study:
    """Return the artefacts of a workspace; raises DataError for one that is not finished, with the step that makes it."""
    return study.open_study(workspace, PAPER, LABELS)
