"""Every harmonization method, behind one door: ``create``, ``list_models``, ``describe``, ``load``.

One method, one file; layers that two methods share live in ``layers``. A new file whose class is decorated with
``@register`` is all it takes to be listed, tested, trained and scored. torch loads with the first model, not here.
"""

from __future__ import annotations

from harmlib.models.registry import ModelInfo, create, describe, list_models, load, load_public_checkpoint, register, save_checkpoint
from harmlib.models.released import list_released, load_released, resolve

__all__ = [
    "ModelInfo",
    "create",
    "describe",
    "list_models",
    "list_released",
    "load",
    "load_public_checkpoint",
    "load_released",
    "register",
    "resolve",
    "save_checkpoint",
]
