"""Random streams that depend on what is drawn, never on when or by whom.

Every item derives its own generator from (seed, item id, visit number), so order, workers and resume cannot matter.
"""

from __future__ import annotations

import hashlib

import numpy as np


def item_seed(seed: int, item: str, visit: int = 0) -> int:
    """Return a 63-bit seed for one visit of one item."""
    digest = hashlib.sha256(f"{seed}\0{item}\0{visit}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def item_generator(seed: int, item: str, visit: int = 0) -> np.random.Generator:
    """Return the NumPy generator of one visit of one item.

    >>> item_generator(1, "c12_7_1").integers(100, size=3).tolist()
    [87, 42, 27]
    >>> item_generator(1, "c12_7_1", visit=1).integers(100, size=3).tolist()
    [26, 29, 28]
    """
    return np.random.default_rng(item_seed(seed, item, visit))
