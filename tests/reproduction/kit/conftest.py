"""Artefacts of FRIH, for its numbers and its figures."""

from __future__ import annotations

from pathlib import Path

import pytest
from miniature_frih import FMSE, make_artefacts, score_rows

from reproduction.frih import artefacts


@pytest.fixture
def frih_artefacts(tmp_path: Path) -> artefacts.Artefacts:
    """Artefacts in which every network beats the one before it in the paper's table."""
    return make_artefacts(tmp_path, score_rows(FMSE))
