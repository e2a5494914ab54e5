"""harmlib: image harmonization, the library.

    import harmlib
    harmonized = harmlib.harmonize("harmonizer", picture, mask)

Every method is behind one call; README.md shows the commands. Heavy packages load where they are used, so this import is quick.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# name -> module that defines it, loaded at first use
_FUNCTIONS = {
    "harmonize": "harmlib.inference.pictures",
    "detect": "harmlib.inference.detection",
    "score_folder": "harmlib.evaluation.methods",
}
_PACKAGES = ("editor", "filters", "inference", "metrics", "models", "perturbations")

__all__ = ["__version__", *_FUNCTIONS, *_PACKAGES]


def __getattr__(name: str) -> Any:
    """Load a public function or package at first use."""
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(_FUNCTIONS[name]), name)
    if name in _PACKAGES:
        return importlib.import_module(f"harmlib.{name}")
    raise AttributeError(f"module 'harmlib' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List what loads at first use too."""
    return sorted({*globals(), *__all__})
