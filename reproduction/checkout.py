"""The repository around this package: notebooks, profiles and results stand beside it, and only this module knows where."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
