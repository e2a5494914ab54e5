"""What the tests of the reproduction share."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from miniature_workspace import finish_workspace

from harmlib.io.locks import alone
from reproduction.workspace import Workspace


@pytest.fixture(scope="session")
def finished_workspace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Workspace]:
    """The file of a small finished profile and its workspace, made once for all workers of pytest-xdist; only to be read."""
    folder = tmp_path_factory.getbasetemp()
    whole_session = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    with alone(whole_session / "finished workspace", "another worker makes the workspace", patience=math.inf):
        return finish_workspace(whole_session / "finished workspace")
