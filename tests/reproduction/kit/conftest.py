"""Artefacts of FRIH, for its numbers and its figures; what a test has drawn is closed behind it."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest
from miniature_frih import FMSE, make_artefacts, score_rows

from reproduction.frih import artefacts


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    """Close what a test has drawn."""
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def frih_artefacts(tmp_path_factory: pytest.TempPathFactory) -> artefacts.Artefacts:
    """Artefacts in which every network beats the one before it in the paper's table."""
    return make_artefacts(tmp_path_factory.mktemp("frih"), score_rows(FMSE))
