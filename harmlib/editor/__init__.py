"""The editor of white-box results: the numbers a method predicted, turned up and down by hand (Sg-MMH, figure 6).

whitebox     operator masks and filter arguments, and how they become a picture of any size
regions      the areas that can be edited on their own
state        the edits themselves: set, undo, redo, reset, before and after; no widget in it
opening      a state from a composite and the name of a method
recipe       a picture and its recipe on disk, and the recipe played back
cutting      a mask from a box
app          uploads, the editor and a download, for ``make app``
widgets      sliders and pictures over the state, for a notebook: ``edit(composite, mask)``
"""

from __future__ import annotations

from harmlib.lazy import on_demand

__getattr__, __dir__ = on_demand(__name__, ("app", "cutting", "opening", "recipe", "regions", "state", "whitebox", "widgets"))
