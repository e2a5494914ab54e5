"""harmlib: image harmonization, the library.

    import harmlib
    harmonized = harmlib.harmonize("harmonizer", picture, mask)

Every method is behind one call; README.md shows the commands. Heavy packages load where they are used, so this import is quick.
"""

from __future__ import annotations

from harmlib.lazy import on_demand

__version__ = "0.1.0"

_FUNCTIONS = {
    "harmonize": "harmlib.inference.pictures",
    "detect": "harmlib.inference.detection",
    "score_folder": "harmlib.evaluation.methods",
}
_PACKAGES = ("editor", "filters", "inference", "metrics", "models", "perturbations")

__all__ = ["__version__", *_FUNCTIONS, *_PACKAGES]
__getattr__, __dir__ = on_demand(__name__, _PACKAGES, _FUNCTIONS)
