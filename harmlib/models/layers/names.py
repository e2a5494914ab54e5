"""From our names of tensors to the authors', where a few patterns tell them all."""

from __future__ import annotations

import re
from collections.abc import Sequence

from torch import nn

Table = Sequence[tuple[str, str]]


def public_names(module: nn.Module, table: Table, prefix: str = "") -> dict[str, str]:
    """Return the authors' name of each tensor of ``module`` -> ours, ``prefix`` in front of ours.

    table: (pattern, replacement), applied to our names one after the other.
    """
    names = {}
    for name in module.state_dict():
        theirs = name
        for pattern, replacement in table:
            theirs = re.sub(pattern, replacement, theirs)
        names[theirs] = prefix + name
    return names
