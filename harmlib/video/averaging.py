"""The moving average that keeps filter arguments from jumping between frames."""

from __future__ import annotations

import numpy as np

from harmlib.errors import ParameterError

# At 25 frames per second the average then forgets over about a second.
SMOOTHING = 0.96


class ArgumentAverage:
    """Exponential moving average: s_1 = θ_1, s_t = w s_(t-1) + (1 - w) θ_t.

    weight: w in [0, 1), that of the past; 0 smooths nothing. Raises ParameterError outside.
    Source: equation 14. Paper: w = 1 - 0.9 = 0.1, which hardly smooths. Here: 0.96, as in the code.

    >>> average = ArgumentAverage(0.5)
    >>> [average.update(np.array([value])).item() for value in (0.0, 1.0, 1.0)]
    [0.0, 0.5, 0.75]
    """

    def __init__(self, weight: float = SMOOTHING) -> None:
        if not 0 <= weight < 1:
            raise ParameterError(f"smoothing is {weight}, expected the weight of the past, from 0 (none) to below 1")
        self._weight = weight
        self._past: np.ndarray | None = None

    def update(self, arguments: np.ndarray) -> np.ndarray:
        """Take the raw arguments of the next frame, any shape, and return the average so far, float64."""
        present = np.asarray(arguments, dtype=np.float64)
        self._past = present if self._past is None else self._weight * self._past + (1 - self._weight) * present
        return self._past.copy()
