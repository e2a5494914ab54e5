"""Numbers as they are stored: no digit that the interval does not support, so that another machine writes the same bytes.

Processors sum in another order and round products differently; a network's picture then differs in a level here and there, and a mean in
its last digits, which say nothing anyway.
"""

from __future__ import annotations

import math

import pandas as pd

# Of an interval's half-width, and of a number without one.
DIGITS_OF_INTERVAL, DIGITS = 2, 4
# Below this is what cancellation leaves of 0.
ZERO = 1e-12
# Numbers that others printed stay as they are.
PRINTED = ("paper", "printed", "published")


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with every float rounded: with its interval to DIGITS_OF_INTERVAL of the half-width, else to DIGITS significant ones.

    An interval is a pair of columns "low" and "high", or "<name>_low" and "<name>_high"; it belongs to the column <name>, a pair without a
    name to the column before it. Whole numbers, which count something, and printed ones stay.
    """
    found = table.copy()
    floats = [name for name in table if pd.api.types.is_float_dtype(table[name]) and not any(word in str(name) for word in PRINTED)]
    done = set()
    for low in (str(name) for name in floats if str(name).endswith("low")):
        high, before = f"{low[:-3]}high", list(table).index(low) - 1
        center = low[:-4] if low != "low" else str(table.columns[before])
        if high in floats:
            columns = [column for column in (center, low, high) if column in floats]
            halves = [(up - down) / 2 for down, up in zip(table[low], table[high], strict=True)]
            decimals = [DIGITS_OF_INTERVAL - 1 - math.floor(math.log10(half)) if half > ZERO else None for half in halves]
            for column in columns:
                found[column] = [_round(value, digits) for value, digits in zip(table[column], decimals, strict=True)]
            done |= set(columns)
    for name in (name for name in floats if name not in done):
        found[name] = [_round(value, None) for value in table[name]]
    return found


def _round(value: float, decimals: int | None) -> float:
    """Return a number with that many decimals; None: with DIGITS significant digits."""
    if not math.isfinite(value) or value == round(value):
        return value
    if abs(value) < ZERO:
        return 0.0
    return round(value, DIGITS - 1 - math.floor(math.log10(abs(value))) if decimals is None else decimals) + 0.0
