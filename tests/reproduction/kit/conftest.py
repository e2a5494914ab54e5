"""Artefacts of FRIH, for its numbers and its figures; measurements of Harmonizer; what a test has drawn is closed behind it."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
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


@pytest.fixture
def measured() -> pd.DataFrame:
    """Measurements of whole frames and of the filters alone."""
    frames = [
        ("s2am", "frame", 800.0, 6144.0, 268.0),
        ("dovenet", "frame", 400.0, 2048.0, 219.0),
        ("bargainnet", "frame", 500.0, 2048.0, 235.0),
        ("iih", "frame", 4000.0, 8192.0, 163.0),
        ("ht", "frame", 1000.0, 8192.0, 25.8),
        ("harmonizer", "frame", 100.0, 1024.0, 19.2),
        ("sgmmh_om", "frame", 9.0, 9.0, 9.0),
    ]
    filters = [(f"{count} filters", "8-bit", 10.0 * count, np.nan, np.nan) for count in (2, 4, 6, 8)]
    table = pd.DataFrame([*frames, *filters], columns=["method", "part", "milliseconds", "memory_mib", "checkpoint_mb"])
    return table.assign(size="1080p", device="a CPU")
