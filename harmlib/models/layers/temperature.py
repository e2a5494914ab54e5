"""Correlated color temperature of chromaticities, by the isotherms of Robertson 1968.

Temperatures are reciprocal, in mired (1e6 / kelvin), on which equal steps look alike. Tint is the distance to the black body's line along
the isotherm, in units of 1/3000 of CIE 1960 (u, v), above zero towards green. Source: the table of Robertson, as in the code of Xue et al.
"""

from __future__ import annotations

import numpy as np

# Mired; u and v of the black body; slope of the isotherm there.
ISOTHERMS = np.array(
    [
        [0, 0.18006, 0.26352, -0.24341],
        [10, 0.18066, 0.26589, -0.25479],
        [20, 0.18133, 0.26846, -0.26876],
        [30, 0.18208, 0.27119, -0.28539],
        [40, 0.18293, 0.27407, -0.30470],
        [50, 0.18388, 0.27709, -0.32675],
        [60, 0.18494, 0.28021, -0.35156],
        [70, 0.18611, 0.28342, -0.37915],
        [80, 0.18740, 0.28668, -0.40955],
        [90, 0.18880, 0.28997, -0.44278],
        [100, 0.19032, 0.29326, -0.47888],
        [125, 0.19462, 0.30141, -0.58204],
        [150, 0.19962, 0.30921, -0.70471],
        [175, 0.20525, 0.31647, -0.84901],
        [200, 0.21142, 0.32312, -1.0182],
        [225, 0.21807, 0.32909, -1.2168],
        [250, 0.22511, 0.33439, -1.4512],
        [275, 0.23247, 0.33904, -1.7298],
        [300, 0.24010, 0.34308, -2.0637],
        [325, 0.24792, 0.34655, -2.4681],
        [350, 0.25591, 0.34951, -2.9641],
        [375, 0.26400, 0.35200, -3.5814],
        [400, 0.27218, 0.35407, -4.3633],
        [425, 0.28039, 0.35577, -5.3762],
        [450, 0.28863, 0.35714, -6.7262],
        [475, 0.29685, 0.35823, -8.5955],
        [500, 0.30505, 0.35907, -11.324],
        [525, 0.31320, 0.35968, -15.628],
        [550, 0.32129, 0.36011, -23.325],
        [575, 0.32931, 0.36038, -40.770],
        [600, 0.33724, 0.36051, -116.45],
    ]
)
MIRED, SLOPES = ISOTHERMS[:, 0], ISOTHERMS[:, 3]
LINE = ISOTHERMS[:, 1:3]
# The code that changes temperatures has a misprint in its table, the code that only measures them has not.
MISPRINTED_LINE = LINE.copy()
MISPRINTED_LINE[19, 0] = 0.24702
DIRECTIONS = np.stack([np.ones_like(SLOPES), SLOPES], 1) / np.hypot(1, SLOPES)[:, None]
TINT_SCALE = -3000.0
WARMEST = 1e6 / 1500
COLDEST = 1e6 / 20_000


def measure_mired(xy: np.ndarray) -> np.ndarray:
    """Return the temperature in mired, (N,), clipped to 50..667 (20,000 to 1,500 K), of chromaticities (N, 2).

    As in Xue's code, one that lies beyond the table at either end, a deep blue too, counts as 667.
    """
    distances = _distances(_to_uv(xy), LINE)  # (N, 31), falling from isotherm to isotherm
    behind, before, after = _bracket(distances)
    mired = MIRED[behind - 1] + (MIRED[behind] - MIRED[behind - 1]) * before / (before - after)
    return np.where((before >= 0) & (after <= 0), mired.clip(COLDEST, WARMEST), WARMEST)


def to_mired_and_tint(xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return temperature in mired, 10 to 600, and tint of chromaticities (N, 2), (N,) each; ``to_xy`` undoes it within the table."""
    uv = _to_uv(xy)
    behind, before, after = _bracket(_distances(uv, MISPRINTED_LINE))
    passed = np.maximum(-after, 0)
    share = np.where(behind == 1, 0, passed / (before + passed))  # of the isotherm before
    mired = share * MIRED[behind - 1] + (1 - share) * MIRED[behind]
    point, direction = _between(behind - 1, share)
    return mired, TINT_SCALE * np.sum((uv - point) * direction, 1)


def to_xy(mired: np.ndarray, tint: np.ndarray) -> np.ndarray:
    """Return the chromaticities (N, 2) of temperatures in mired and tints, (N,) each; beyond the table its ends are continued."""
    first = (np.searchsorted(MIRED, mired, side="right") - 1).clip(0, len(MIRED) - 2)
    share = (MIRED[first + 1] - mired) / (MIRED[first + 1] - MIRED[first])
    point, direction = _between(first, share)
    u, v = (point + direction * (tint / TINT_SCALE)[:, None]).T
    return np.stack([1.5 * u, v], 1) / (u - 4 * v + 2)[:, None]


def _to_uv(xy: np.ndarray) -> np.ndarray:
    """Return CIE 1960 u and v, (N, 2), of x and y."""
    x, y = xy.T
    return np.stack([2 * x, 3 * y], 1) / (1.5 - x + 6 * y)[:, None]


def _distances(uv: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Return how far each color (N, 2) lies on the warm side of each isotherm, (N, 31)."""
    cross = line[:, 1] * DIRECTIONS[:, 0] - line[:, 0] * DIRECTIONS[:, 1]
    return uv[:, 1:] * DIRECTIONS[:, 0] - uv[:, :1] * DIRECTIONS[:, 1] - cross


def _bracket(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the first isotherm from 1 on that a color is not on the warm side of, else the last; and the distances before and at it."""
    beyond = distances[:, 1:] <= 0
    behind = np.where(beyond.any(1), beyond.argmax(1), beyond.shape[1] - 1) + 1
    rows = np.arange(len(distances))
    return behind, distances[rows, behind - 1], distances[rows, behind]


def _between(first: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return point (N, 2) on the black body's line and unit direction (N, 2) of the isotherm between ``first`` and the next one."""
    share = share[:, None]
    point = share * MISPRINTED_LINE[first] + (1 - share) * MISPRINTED_LINE[first + 1]
    direction = share * DIRECTIONS[first] + (1 - share) * DIRECTIONS[first + 1]
    return point, direction / np.linalg.norm(direction, axis=1, keepdims=True)
