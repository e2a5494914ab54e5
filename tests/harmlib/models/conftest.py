"""Fixtures for the models: a batch like the training loop's, and the authors' parameter lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from authors import PARAMETERS
from golden_fill import ellipse, noise8, standard_mask


@pytest.fixture
def batch() -> dict[str, Any]:
    """Two composites with their targets, 256x256; the small mask in a corner leaves windows without foreground at every level."""
    mask = torch.cat([standard_mask(), ellipse(256, 256, (40, 40), (20, 20))])
    return {
        "id": ["a_1_0", "b_1_0"],
        "composite": torch.cat([noise8(1), noise8(2)]),
        "target": torch.cat([noise8(3), noise8(4)]),
        "mask": mask,
        # What a detector learns from: a region that became darker and one that became brighter.
        "regions": mask * torch.tensor([1.0, 2.0]).view(2, 1, 1, 1),
        "stops": torch.tensor([-1.5, 0.8]),
    }


@pytest.fixture(scope="session")
def public_lists() -> Path:
    """The folder with the names and shapes in the authors' files."""
    return PARAMETERS
