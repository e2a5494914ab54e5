"""Fixtures for the models: a batch like the training loop's, and the authors' parameter lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from authors import PARAMETERS
from golden_fill import training_batch


@pytest.fixture
def batch() -> dict[str, Any]:
    """Two composites with their targets, 256x256."""
    return training_batch()


@pytest.fixture(scope="session")
def public_lists() -> Path:
    """The folder with the names and shapes in the authors' files."""
    return PARAMETERS
