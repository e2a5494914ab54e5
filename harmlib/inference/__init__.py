"""One picture in, one harmonized picture or one map of visible shifts out, at any size."""

from __future__ import annotations

from harmlib.lazy import on_demand

__getattr__, __dir__ = on_demand(__name__, ("detection", "pictures", "render", "thumbnails", "upsampling"))
