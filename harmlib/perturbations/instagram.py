"""Photo filters of the pilgram library: 23 Instagram looks and the css filters that Sg-MMH puts on top of them.

15 of the 23 looks are pointwise, so pilgram runs on a region's pixels packed into one row. The other eight have a gradient centered
on the picture; for packed pixels they are composed from the same pilgram functions in ``looks.radial``. Results are equal to the bit.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from harmlib.errors import check_choice
from harmlib.extras import needs
from harmlib.perturbations import Positions, perturbation

# The 23 of the paper; the library has aden, perpetua and toaster too.
FILTERS = (
    "_1977",
    "brannan",
    "brooklyn",
    "clarendon",
    "earlybird",
    "gingham",
    "hudson",
    "inkwell",
    "kelvin",
    "lark",
    "lofi",
    "maven",
    "mayfair",
    "moon",
    "nashville",
    "reyes",
    "rise",
    "slumber",
    "stinson",
    "valencia",
    "walden",
    "willow",
    "xpro2",
)
# With their default arguments contrast, hue_rotate and saturate return the picture unchanged.
CSS_FILTERS = ("contrast", "grayscale", "hue_rotate", "saturate", "sepia")


@perturbation("instagram", reads="position")
def instagram(image: np.ndarray, *, filter: str, positions: Positions | None = None) -> np.ndarray:
    """Return the picture in one of pilgram's 23 looks.

    image: uint8 RGB (H, W, 3), or (1, N, 3) with ``positions``, the packed pixels of a region.
    filter: one of FILTERS. Raises ParameterError for any other.
    """
    check_choice("filter", filter, FILTERS)
    with needs("data"):
        import pilgram

        from harmlib.perturbations.looks.radial import RADIAL_FILTERS, Gradients
    pixels = Image.fromarray(image)
    if positions is not None and filter in RADIAL_FILTERS:
        return np.asarray(RADIAL_FILTERS[filter](pixels, Gradients(positions)))
    return np.asarray(getattr(pilgram, filter)(pixels))


@perturbation("css", reads="pixel")
def css(image: np.ndarray, *, filter: str) -> np.ndarray:
    """Return the picture after a css filter with its default argument.

    image: uint8 RGB (H, W, 3). filter: one of CSS_FILTERS. Raises ParameterError for any other.
    """
    check_choice("css filter", filter, CSS_FILTERS)
    with needs("data"):
        from pilgram import css as filters
    return np.asarray(getattr(filters, filter)(Image.fromarray(image)))
