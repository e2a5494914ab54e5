"""Artefacts of FRIH, for its numbers and its figures."""

from __future__ import annotations

import pytest
from miniature_frih import FMSE, make_artefacts, score_rows

from reproduction.frih import artefacts


@pytest.fixture(scope="session")
def frih_artefacts(tmp_path_factory: pytest.TempPathFactory) -> artefacts.Artefacts:
    """Artefacts in which every network beats the one before it in the paper's table."""
    return make_artefacts(tmp_path_factory.mktemp("frih"), score_rows(FMSE))
