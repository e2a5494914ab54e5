"""White-box image filters with one scalar argument each: Harmonizer's perturbation and its output layer in one place.

    apply_filter("shadow", image, argument)                 one filter on whole pictures
    synthesize(image, mask, arguments, filters)             a real picture becomes a composite, last filter first (equation 8)
    restore(composite, mask, arguments, filters)            a composite becomes harmonized, first filter first (equations 4 and 5)

``filters`` is any selection of FILTERS in their order. All of it is differentiable; ``filters.fused`` has the fast way to the last picture.
"""

from __future__ import annotations

from harmlib.filters.chain import check_filters, parse_filters, restore, synthesize
from harmlib.filters.definitions import CONTRAST_GRADIENTS, FILTERS, RANGES, SIX, apply_filter

__all__ = [
    "CONTRAST_GRADIENTS",
    "FILTERS",
    "RANGES",
    "SIX",
    "apply_filter",
    "check_filters",
    "parse_filters",
    "restore",
    "synthesize",
]
