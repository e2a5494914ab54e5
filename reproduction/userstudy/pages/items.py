"""The folder that a study is made from: composites, their masks and, if wanted, their scenarios.

FOLDER/composites/<item>.jpg        or composite_images/, as in iHarmony4
FOLDER/masks/<item>.png             all of the same stems, or all by iHarmony4's rule: a_b_c has the mask a_b
FOLDER/scenarios.csv                optional columns item, scenario: groups of items whose choices are reported apart
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harmlib.errors import DataError, EmptyMaskError
from harmlib.io import images, masks
from harmlib.io.files import sha256
from harmlib.io.folders import find_partners, list_pictures
from harmlib.io.tables import TEXT, read_rows

COMPOSITES = ("composites", "composite_images")
SCENARIOS = "scenarios.csv"


@dataclass(frozen=True)
class Item:
    """One composite.

    name: its file's stem. scenario: the group it is reported in, or empty. share: of foreground pixels.
    """

    name: str
    composite: Path
    mask: Path
    scenario: str
    share: float

    def fingerprint(self) -> str:
        """Return what tells this content from any other."""
        return f"{sha256(self.composite)} {sha256(self.mask)}"


def read_items(folder: str | os.PathLike[str]) -> list[Item]:
    """Return the items of a folder by name.

    Raises DataError for a folder of another layout or a scenario of an unknown item, ImageError for a picture that is unreadable, missing
    or transparent, MaskError for a mask of another size or without foreground.
    """
    root = Path(folder)
    composites = next((root / name for name in COMPOSITES if (root / name).is_dir()), None)
    if composites is None or not (root / "masks").is_dir():
        raise DataError(f'"{root}" is no folder of composites: put the pictures into its folder "composites" and the masks into "masks"')
    pictures = list_pictures(composites)
    scenarios = _read_scenarios(root / SCENARIOS, {path.stem for path in pictures})
    partners = find_partners(pictures, root / "masks", 1)
    return [_read_item(path, mask, scenarios.get(path.stem, "")) for path, mask in zip(pictures, partners, strict=True)]


def _read_item(composite: Path, mask: Path, scenario: str) -> Item:
    """Return one item after a look at its files."""
    foreground, picture = masks.read_mask(mask), images.open_image(composite)
    images.check_same_size(str(composite), foreground, np.asarray(picture))
    images.check_opaque(images.alpha_of(picture), f'"{composite}"', "a page")
    if not foreground.any():
        raise EmptyMaskError(f'"{mask}" has no foreground, so there is nothing to harmonize: mend the mask or take the composite out')
    return Item(composite.stem, composite, mask, scenario, float(foreground.mean()))


def _read_scenarios(path: Path, items: set[str]) -> dict[str, str]:
    """Return item -> scenario, empty where no file says so."""
    if not path.exists():
        return {}
    rows = read_rows(path, {"item": TEXT, "scenario": TEXT}, keys=("item",), advice="give every composite at most one scenario")
    for line, row in rows:
        if row["item"] not in items or not row["scenario"]:
            raise DataError(f'"{path}" line {line} must name one of the composites (without suffix) as item, and its scenario')
    return {row.cells["item"]: row.cells["scenario"] for row in rows}
