"""What every test of the editor edits: masks and arguments strong enough to be seen, without any network."""

from __future__ import annotations

import numpy as np
import pytest

from harmlib.editor.state import EditorState
from harmlib.editor.whitebox import FilterArguments, OperatorMasks
from harmlib.filters import SIX

SIZE = (72, 90)
ARGUMENTS = (0.1, -0.3, 0.2, 0.4, -0.2, 0.3)
# An additive mask of a quarter of the range is 32 codes; multiplying ones stay near 1.
ADDED, MULTIPLIED = 0.25, 0.1


@pytest.fixture
def composite(generator: np.random.Generator) -> np.ndarray:
    """A picture of smooth random colors, neither dark nor bright enough to be clipped at once."""
    coarse = generator.uniform(40, 215, (SIZE[0] // 18, SIZE[1] // 18, 3))
    return np.kron(coarse, np.ones((18, 18, 1))).astype(np.uint8)


@pytest.fixture
def mask() -> np.ndarray:
    """Two rectangles of foreground, the larger one on the left, with a soft column beside it."""
    values = np.zeros(SIZE, np.float32)
    values[10:60, 5:40] = 1
    values[10:60, 40] = 0.25
    values[20:40, 60:80] = 1
    return values


@pytest.fixture
def operator_masks(generator: np.random.Generator) -> np.ndarray:
    """Operator masks (6, 24, 24) that do something else everywhere."""
    masks = generator.uniform(-1, 1, (6, 24, 24)) * np.tile([ADDED, MULTIPLIED], 3)[:, None, None]
    masks[1::2] += 1
    return masks.astype(np.float32)


@pytest.fixture(params=["operator masks", "filter arguments"])
def state(request: pytest.FixtureRequest, composite: np.ndarray, mask: np.ndarray, operator_masks: np.ndarray) -> EditorState:
    """The state of either kind, with two regions from the mask."""
    if request.param == "operator masks":
        return EditorState(composite, OperatorMasks("sgmmh_om", operator_masks), mask)
    return EditorState(composite, FilterArguments("harmonizer", ARGUMENTS, SIX), mask)
