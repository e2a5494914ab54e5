"""Public releases of small data sets, brought into the folder layout."""

from reproduction.prepare.prepare import prepare

__all__ = ["prepare"]
