"""harmlib: image harmonization, reproduced from four papers.

    import harmlib
    harmonized = harmlib.harmonize("sgmmh_om", picture)

Photographs become benchmarks, benchmarks train runs, runs get scores, scores become tables and figures; README.md
shows the five stages. Heavy packages load where they are used, so this import is quick.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# name -> module that defines it, loaded at first use
_PUBLIC = {"harmonize": "harmlib.inference", "score_folder": "harmlib.evaluation", "load_profile": "harmlib.config"}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    """Load a public function at first use."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'harmlib' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)
