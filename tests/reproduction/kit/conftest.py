"""A study of FRIH, for its numbers and its figures."""

from __future__ import annotations

from pathlib import Path

import pytest
from miniature_frih import FMSE, make_study, score_rows

from reproduction.frih import study


@pytest.fixture
def frih_study(tmp_path: Path) -> study.Study:
    """A study in which every network beats the one before it in the paper's table."""
    return make_study(tmp_path, score_rows(FMSE))
