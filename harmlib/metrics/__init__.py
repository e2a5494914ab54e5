"""Scores of one picture against another: pure functions, LPIPS, and the protocols of the field.

The parts load when they are named: ``functional`` (torch), ``lpips``, ``scoring`` (torch, OpenCV), ``protocols`` (nothing heavy).
"""

from __future__ import annotations

from harmlib.lazy import on_demand

__getattr__, __dir__ = on_demand(__name__, ("functional", "lpips", "protocols", "scoring"))
